//! The commands of whoever operates a vault.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hutong_ledger::id::AgencyId;

#[derive(Debug, Subcommand)]
pub enum Vault {
    /// Write a backup, of a vault that runs or of one that is stopped; the keys that open it are not in it
    Backup(VaultBackup),
    /// Make a vault's stores from a backup, beside the keys that open it
    Restore(VaultRestore),
}

#[derive(Debug, Args)]
pub struct VaultBackup {
    /// The folder to write; it must not exist yet
    pub to: PathBuf,
    /// Whose vault; needed where the data folder has several
    #[arg(long)]
    pub agency: Option<AgencyId>,
}

#[derive(Debug, Args)]
pub struct VaultRestore {
    /// A folder that `hutong vault backup` wrote
    pub backup: PathBuf,
    /// Whose vault; needed where the data folder has several
    #[arg(long)]
    pub agency: Option<AgencyId>,
}
