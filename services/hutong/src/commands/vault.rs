//! `hutong vault`: backup and restore of an agency's vault, on the machine where its files are.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use hutong_ledger::id::AgencyId;
use hutong_vault::{
    control,
    kek::{FileKeys, SharedKeys},
};
use serde_json::json;

use super::{CommandError, Context};
use crate::{
    city::{CityError, layout::Layout},
    cli::{Vault, VaultBackup, VaultRestore},
};

pub(super) fn run(context: &Context, command: &Vault) -> Result<(), CommandError> {
    match command {
        Vault::Backup(args) => backup(context, args),
        Vault::Restore(args) => restore(context, args),
    }
}

fn backup(context: &Context, args: &VaultBackup) -> Result<(), CommandError> {
    let (agency, vault) = vault(&Layout::new(&context.global.data), args.agency)?;
    let runs = control::backup(&vault, &args.to).map_err(failed)?;
    if !runs {
        hutong_vault::backup_stopped(&vault, &args.to).map_err(failed)?;
    }
    let result =
        json!({ "agency": agency, "backup": args.to, "vault": if runs { "running" } else { "stopped" } });
    context.output.result(&result, |_| {
        let (to, kek) = (args.to.display(), vault.join("kek"));
        format!("the vault of {agency} is backed up in {to}; what opens it is in {} alone", kek.display())
    });
    Ok(())
}

fn restore(context: &Context, args: &VaultRestore) -> Result<(), CommandError> {
    let (agency, vault) = vault(&Layout::new(&context.global.data), args.agency)?;
    let kek = vault.join("kek");
    // To open a folder that is not there would make a new key, which opens nothing.
    if !kek.is_dir() {
        let told = format!("{}: the keys that open the backup must be there first", kek.display());
        return Err(CommandError::Usage(told));
    }
    let keys: SharedKeys = Arc::new(FileKeys::open(&kek).map_err(|error| failed(error.into()))?);
    hutong_vault::restore(&args.backup, &vault, &keys).map_err(failed)?;
    let result = json!({ "agency": agency, "vault": vault });
    context.output.result(&result, |_| {
        format!(
            "the vault of {agency} is restored in {}; when it starts it applies everything that is final, erasures with \
             it, before it serves",
            vault.display()
        )
    });
    Ok(())
}

/// The vault's folder of an agency, or of the only one that has a vault here.
fn vault(layout: &Layout, agency: Option<AgencyId>) -> Result<(AgencyId, PathBuf), CommandError> {
    let of = |agency: AgencyId| (agency, layout.agency(&agency).join("vault"));
    if let Some(agency) = agency {
        let (agency, folder) = of(agency);
        if folder.is_dir() {
            return Ok((agency, folder));
        }
        let told = format!("{}: {agency} has no vault here", folder.display());
        return Err(CommandError::Usage(told));
    }
    let here = agencies(&layout.agencies())?;
    let mut here = here.into_iter().map(of).filter(|(_, folder)| folder.is_dir());
    match (here.next(), here.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => {
            let told =
                format!("{} holds no vault; --data names the folder that does", layout.root().display());
            Err(CommandError::Usage(told))
        }
        (Some((one, _)), Some((other, _))) => {
            let told = format!(
                "{} holds the vaults of {one}, {other} and maybe more: say --agency",
                layout.root().display()
            );
            Err(CommandError::Usage(told))
        }
    }
}

/// The agencies that have a folder here, in the order of their names.
fn agencies(folder: &Path) -> Result<Vec<AgencyId>, CommandError> {
    let failed = |source| CommandError::Io { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        found.extend(name.to_str().and_then(|name| name.parse::<AgencyId>().ok()));
    }
    found.sort_unstable();
    Ok(found)
}

fn failed(error: hutong_vault::Error) -> CommandError {
    CityError::service("the vault", error).into()
}
