//! `hutong subscriptions …`: what can be typed.

use clap::{Args, Subcommand};
use hutong_client::Change;
use hutong_ledger::id::{AgencyId, Domain, RecordId};

#[derive(Debug, Subcommand)]
pub enum Subscriptions {
    /// Have final changes delivered to an https address; prints the secret that signs them, once
    Create(CreateSubscription),
    /// List your agency's subscriptions
    List(AsAgency),
    /// Show one: where it stands and what is in its way
    Show(OneSubscription),
    /// Deliver nothing until it is resumed; nothing is lost
    Pause(OneSubscription),
    /// Go on, also after it stopped by itself
    Resume(OneSubscription),
    /// Deliver again: everything from a height, or the dead letters
    Replay(ReplaySubscription),
    /// List the events that could not be delivered
    DeadLetters(OneSubscription),
    /// Change the secret; the old one signs too for a while
    Rotate(RotateSecret),
    /// End one, with its dead letters
    Delete(OneSubscription),
}

/// Whose subscriptions.
#[derive(Debug, Args)]
pub struct AsAgency {
    /// The agency to act for [default: the first one whose key is in the data folder]
    #[arg(long = "as", value_name = "AGENCY")]
    pub agency: Option<AgencyId>,
}

#[derive(Debug, Args)]
pub struct OneSubscription {
    /// The subscription, as `list` shows it
    pub id: String,
    #[command(flatten)]
    pub agency: AsAgency,
}

#[derive(Debug, Args)]
pub struct CreateSubscription {
    /// Where events go
    pub endpoint: String,
    /// Only these domains
    #[arg(long, value_delimiter = ',')]
    pub domain: Vec<Domain>,
    /// Only this record; may be repeated
    #[arg(long)]
    pub record: Vec<RecordId>,
    /// Only these types of change: created, changed, deleted
    #[arg(long, value_delimiter = ',')]
    pub change: Vec<Change>,
    /// Only changes by these agencies
    #[arg(long, value_delimiter = ',')]
    pub by: Vec<AgencyId>,
    /// Start with this height instead of now; 0 is the beginning
    #[arg(long)]
    pub from_height: Option<u64>,
    /// Attributes as headers, data as body, instead of the whole event as body
    #[arg(long)]
    pub binary: bool,
    /// For people
    #[arg(long, default_value = "")]
    pub description: String,
    #[command(flatten)]
    pub agency: AsAgency,
}

#[derive(Debug, Args)]
pub struct ReplaySubscription {
    #[command(flatten)]
    pub one: OneSubscription,
    /// Everything from this height on
    #[arg(long, required_unless_present = "dead_letters", conflicts_with = "dead_letters")]
    pub from_height: Option<u64>,
    /// The dead letters
    #[arg(long)]
    pub dead_letters: bool,
}

#[derive(Debug, Args)]
pub struct RotateSecret {
    #[command(flatten)]
    pub one: OneSubscription,
    /// How long the old secret signs too, in seconds
    #[arg(long, default_value_t = 86_400)]
    pub overlap_s: u64,
}
