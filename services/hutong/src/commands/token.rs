//! `hutong token`: prints a bearer token of an agency, as the last word of its output.

use hutong_keys::{KeyFile, mint_token};
use hutong_ledger::epoch::Purpose;
use hutong_runtime::{Clock, SystemClock};
use serde_json::json;

use super::{CommandError, Context};
use crate::{
    city::{
        CityError, found,
        layout::{City, Layout},
    },
    cli::Token,
};

pub(super) fn run(context: &Context, args: &Token) -> Result<(), CommandError> {
    let layout = Layout::new(&context.global.data);
    let city: City = found::read_json(&layout.city())?;
    let key = KeyFile::load(&layout.key(&args.agency, Purpose::Signing)).map_err(CityError::from)?;
    let key = key.signing_key().map_err(CityError::from)?;
    let now_s = SystemClock::new().unix_ms() / 1000;
    let token = mint_token(&key, args.agency.as_str(), city.chain.as_str(), now_s, args.ttl);
    let token = token.map_err(CityError::from)?;
    let result = json!({ "agency": args.agency, "expires_in_s": args.ttl, "token": token });
    context.output.result(&result, |_| token.clone());
    Ok(())
}
