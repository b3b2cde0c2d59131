//! The commands of disclosure: asking for sealed fields, seeing who looked, consenting, erasing.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use hutong_ledger::id::{AgencyId, Domain, RecordKey};

/// Whose call it is.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Person {
    /// A development persona, as in <data>/personas.json
    #[arg(long)]
    pub persona: Option<String>,
    /// A file with the person's token from the identity provider; `-` reads standard input
    #[arg(long)]
    pub token: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("basis").required(true))]
pub struct Disclose {
    /// The record whose sealed fields are asked for: domain/id
    pub record: RecordKey,
    /// The fields, separated by commas
    #[arg(long, required = true, value_delimiter = ',')]
    pub fields: Vec<String>,
    #[arg(long)]
    pub purpose: String,
    /// The agency that asks; its signing and sealing keys are in the data folder
    #[arg(long = "as", value_name = "AGENCY")]
    pub agency: AgencyId,
    /// The pseudonym of the official who asks
    #[arg(long)]
    pub official: String,
    /// It rests on a sharing agreement, by id
    #[arg(long, group = "basis")]
    pub agreement: Option<String>,
    /// It rests on the person's consent: <handle>/<id>
    #[arg(long, group = "basis")]
    pub consent: Option<String>,
    /// Danger to life or limb, in words; flagged and told at once
    #[arg(long, group = "basis")]
    pub emergency: Option<String>,
    /// The owner's own task, by reference
    #[arg(long, group = "basis")]
    pub duty: Option<String>,
    /// Under a court's order: what it was is shown to the person from this time on (RFC 3339)
    #[arg(long, requires = "court_order")]
    pub sealed_until: Option<jiff::Timestamp>,
    /// Reference of the court's order
    #[arg(long, requires = "sealed_until")]
    pub court_order: Option<String>,
}

#[derive(Debug, Args)]
pub struct Accesses {
    #[command(flatten)]
    pub person: Person,
    /// Write the document that `hutong verify --accesses` checks here
    #[arg(short, long)]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Consent {
    /// Consent to an agency's reading
    Give(GiveConsent),
    /// Withdraw a consent; it holds from the next block
    Withdraw {
        /// The consent: domain/id
        consent: RecordKey,
        #[command(flatten)]
        person: Person,
    },
    /// Consents given, with their state
    List {
        #[command(flatten)]
        person: Person,
    },
}

#[derive(Debug, Args)]
pub struct GiveConsent {
    #[command(flatten)]
    pub person: Person,
    #[arg(long)]
    pub domain: Domain,
    /// The agency that may read
    #[arg(long)]
    pub consumer: AgencyId,
    #[arg(long)]
    pub record_type: String,
    /// The fields, separated by commas
    #[arg(long, required = true, value_delimiter = ',')]
    pub fields: Vec<String>,
    /// The purposes, separated by commas
    #[arg(long, required = true, value_delimiter = ',')]
    pub purposes: Vec<String>,
    /// From when on (RFC 3339) [default: now]
    #[arg(long)]
    pub from: Option<jiff::Timestamp>,
    /// Until when (RFC 3339)
    #[arg(long)]
    pub until: jiff::Timestamp,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("caller").required(true))]
pub struct Erase {
    /// The record whose sealed fields are erased: domain/id
    pub record: RecordKey,
    /// On what it rests, in words
    #[arg(long)]
    pub basis: String,
    /// The domain's owner erases; its signing key is in the data folder
    #[arg(long = "as", value_name = "AGENCY", group = "caller")]
    pub agency: Option<AgencyId>,
    /// The person asks for it: a development persona
    #[arg(long, group = "caller")]
    pub persona: Option<String>,
    /// The person asks for it: a file with their token; `-` reads standard input
    #[arg(long, group = "caller")]
    pub token: Option<PathBuf>,
    /// For a person's record: the vault forgets the handle too
    #[arg(long)]
    pub forget_person: bool,
}
