//! `hutong keys new`: makes a key file.

use hutong_keys::KeyFile;
use serde_json::json;

use super::{CommandError, Context};
use crate::{
    city::{CityError, layout::Layout},
    cli::Keys,
};

pub(super) fn run(context: &Context, args: Keys) -> Result<(), CommandError> {
    let Keys::New { agency, purpose } = args;
    let path = Layout::new(&context.global.data).key(&agency, purpose);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| CityError::io(folder, source))?;
    }
    let key = KeyFile::generate(agency.to_string(), purpose).map_err(CityError::from)?;
    key.write(&path).map_err(CityError::from)?;
    let result = json!({
        "agency": agency,
        "purpose": purpose,
        "key_id": key.key_id(),
        "public": hex::encode(key.public().0),
        "file": path,
    });
    context.output.result(&result, |_| {
        format!(
            "{purpose} key {} of {agency} written to {}\npublic key {}",
            key.key_id(),
            path.display(),
            hex::encode(key.public().0)
        )
    });
    Ok(())
}
