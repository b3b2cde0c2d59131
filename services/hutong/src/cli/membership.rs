//! What can be typed to change who is in the city: proposals of agencies, and the file that members sign.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hutong_ledger::{
    epoch::Purpose,
    id::{AgencyId, Domain, KeyId},
};

use super::purpose;

/// Agencies come, go, and change their keys.
#[derive(Debug, Subcommand)]
pub enum AgencyCommand {
    /// Write what an agency needs to know that is invited to join
    Invite(Invite),
    /// Join: make keys, settings, credentials and overlays, and the transaction that the members sign
    Add(AddAgency),
    /// Wait until an agency counts in the city and for all that it hosts
    Wait(WaitAgency),
    /// Make the transaction by which an agency leaves
    #[command(visible_alias = "leave")]
    Remove(RemoveAgency),
    /// Replace a key of one's own: the new one holds and the old one is void from the next block
    RotateKey(RotateKey),
    /// Make the transaction by which a key of an agency is void, whatever that agency says
    RevokeKey(RevokeKey),
}

#[derive(Debug, Args)]
pub struct Invite {
    /// Where the city's broker answers the newcomer: nats:// or tls:// addresses, comma-separated
    #[arg(long)]
    pub bus: String,
    /// The authorities of the broker's certificates (PEM), if not the system's
    #[arg(long)]
    pub authorities: Option<PathBuf>,
    /// Copies that the broker keeps of each stream
    #[arg(long, default_value_t = 1)]
    pub replicas: usize,
    #[arg(short, long, default_value = "invitation.json")]
    pub output: PathBuf,
}

#[derive(Debug, Args)]
pub struct AddAgency {
    /// What a member wrote with `hutong agency invite`
    #[arg(long)]
    pub invitation: PathBuf,
    #[arg(long)]
    pub id: AgencyId,
    /// Its name as people know it
    #[arg(long)]
    pub name: String,
    /// Run a node: host the platform domains and count in quorums, once caught up
    #[arg(long)]
    pub validating: bool,
    /// City domains to host
    #[arg(long, value_delimiter = ',', requires = "validating")]
    pub domains: Vec<Domain>,
    #[command(flatten)]
    pub asking: Asking,
    /// The folder that is made for it; join.json in it is what the members sign
    #[arg(long)]
    pub out: PathBuf,
    /// Have its services run on this machine, on consecutive ports of loopback from this one on; 0 takes free ones
    #[arg(long, value_name = "PORT")]
    pub here: Option<u16>,
}

/// Who is asked to sign.
#[derive(Debug, Args)]
pub struct Asking {
    /// The member that submits the transaction
    #[arg(long)]
    pub sponsor: AgencyId,
    /// Who signs beside it; all of them must [default: as many validating agencies as make a quorum]
    #[arg(long, value_delimiter = ',')]
    pub signers: Vec<AgencyId>,
    /// Days until the transaction ends if it is not submitted
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=29))]
    pub days: u64,
}

#[derive(Debug, Args)]
pub struct WaitAgency {
    #[arg(long)]
    pub id: AgencyId,
    /// The longest wait
    #[arg(long, default_value_t = 300)]
    pub seconds: u64,
}

#[derive(Debug, Args)]
pub struct RemoveAgency {
    #[arg(long)]
    pub id: AgencyId,
    #[command(flatten)]
    pub asking: Asking,
    #[arg(short, long, default_value = "leave.json")]
    pub output: PathBuf,
}

#[derive(Debug, Args)]
pub struct RotateKey {
    #[arg(long)]
    pub agency: AgencyId,
    /// signing, host, orderer, sealing, ingest or log
    #[arg(long, default_value = "signing", value_parser = purpose)]
    pub purpose: Purpose,
    /// Let the old key hold beside the new one, until it is revoked
    #[arg(long)]
    pub keep_old: bool,
}

#[derive(Debug, Args)]
pub struct RevokeKey {
    #[arg(long)]
    pub agency: AgencyId,
    /// The key's id
    #[arg(long)]
    pub key: KeyId,
    #[command(flatten)]
    pub asking: Asking,
    #[arg(short, long, default_value = "revoke.json")]
    pub output: PathBuf,
}

/// The file of a change of membership, on its way from desk to desk.
#[derive(Debug, Subcommand)]
pub enum MembershipCommand {
    /// Show what a change would do, who has signed and who still has to
    Show(MembershipFile),
    /// Add an agency's signature to the file
    Sign(SignMembership),
    /// Submit a change that all have signed who were asked to
    Submit(MembershipFile),
    /// Make the transaction by which a later version of a domain's contract decides, once all nodes have it
    Activate(Activate),
}

#[derive(Debug, Args)]
pub struct Activate {
    #[arg(long)]
    pub domain: Domain,
    /// The version of its contract that is to decide
    #[arg(long)]
    pub version: u32,
    #[command(flatten)]
    pub asking: Asking,
    #[arg(short, long, default_value = "activate.json")]
    pub output: PathBuf,
}

#[derive(Debug, Args)]
pub struct MembershipFile {
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct SignMembership {
    pub file: PathBuf,
    /// In whose name
    #[arg(long)]
    pub agency: AgencyId,
}
