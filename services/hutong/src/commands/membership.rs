//! `hutong membership`: a change of who is in the city, looked at, signed and submitted. What it would do is worked out here
//! from the epoch in force, as the signer's own city tells it: nothing that the file says of itself is shown.

use std::path::Path;

use hutong_client::{Client, Signer, Submitted, cosign};
use hutong_ledger::{
    epoch::{Epoch, Purpose},
    id::AgencyId,
};
use hutong_membership::{
    differences,
    joint::{File, Joint},
    proposal,
};
use hutong_runtime::{Clock, SystemClock};
use serde_json::{Value, json};

use super::{CommandError, Context, agency::propose};
use crate::{
    city::{
        domains::{RECORD_TYPES, contracts},
        found,
        layout::Layout,
    },
    cli::{Activate, MembershipCommand, MembershipFile, SignMembership},
};

pub(super) async fn run(context: Context, command: MembershipCommand) -> Result<(), CommandError> {
    match command {
        MembershipCommand::Show(args) => show(&context, &args).await,
        MembershipCommand::Sign(args) => sign(&context, &args).await,
        MembershipCommand::Submit(args) => submit(&context, &args).await,
        MembershipCommand::Activate(args) => activate(&context, &args).await,
    }
}

/// The epoch in force, as the city tells a member.
pub(super) async fn in_force(client: &Client) -> Result<Epoch, CommandError> {
    let document = client.get("/v1/membership").await?;
    let epoch: Epoch = serde_json::from_value(document)
        .map_err(|error| CommandError::Negative(format!("the city's answer is no epoch: {error}")))?;
    let wrong = |fault| CommandError::Negative(format!("the city's answer is no epoch: {fault}"));
    epoch.check().map_err(wrong)?;
    Ok(epoch)
}

impl Context {
    /// The signing key of an agency in the data folder, also of one that joined after the folder was made.
    pub(super) fn signer(&self, agency: AgencyId) -> Result<Signer, CommandError> {
        let path = Layout::new(&self.global.data).key(&agency, Purpose::Signing);
        Ok(Signer::load(agency, &path)?)
    }
}

/// A file, looked at under the epoch in force.
struct Opened {
    client: Client,
    file: File,
    epoch: Epoch,
    joint: Joint,
}

async fn open(path: &Path, client: Client) -> Result<Opened, CommandError> {
    let file: File = found::read_json(path)?;
    let epoch = in_force(&client).await?;
    let joint = file.open(client.chain(), &epoch, SystemClock::new().unix_ms())?;
    Ok(Opened { client, file, epoch, joint })
}

impl Opened {
    fn document(&self) -> Value {
        let Self { epoch, joint, .. } = self;
        let body = &joint.transaction.body;
        json!({
            "id": joint.transaction.id,
            "chain": body.chain,
            "submitter": body.agency,
            "not_after_ms": body.not_after_ms,
            "epoch": joint.next.number,
            "changes": differences(epoch, &joint.next),
            "signed": joint.signed,
            "missing": joint.missing,
        })
    }

    fn text(&self) -> String {
        let Self { epoch, joint, .. } = self;
        let mut lines = vec![
            format!("transaction {}", joint.transaction.id),
            format!("chain       {}", joint.transaction.body.chain),
            format!("epoch {} would follow {}:", joint.next.number, epoch.number),
        ];
        lines.extend(differences(epoch, &joint.next).iter().map(|difference| format!("  - {difference}")));
        lines.push(format!("signed by   {}", names(&joint.signed)));
        lines.push(match joint.missing.len() {
            0 => "all have signed: submit it".to_owned(),
            lacking => format!("{lacking} still to sign: {}", names(&joint.missing)),
        });
        lines.join("\n")
    }
}

fn names(agencies: &[AgencyId]) -> String {
    match agencies {
        [] => "nobody".into(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// What this software does not have, it does not propose: its own node would stop.
async fn activate(context: &Context, args: &Activate) -> Result<(), CommandError> {
    let (domain, version) = (args.domain, args.version);
    let all = contracts(RECORD_TYPES);
    let here = all.iter().filter(|contract| contract.domain() == domain);
    let here: Vec<String> = here.map(|contract| contract.version().to_string()).collect();
    if !here.contains(&version.to_string()) {
        let have = if here.is_empty() { "none".to_owned() } else { here.join(", ") };
        return Err(CommandError::Usage(format!(
            "this software has no version {version} of the contract of {domain}; it has {have}. Upgrade it first, here and at \
             every node"
        )));
    }
    let client = context.client()?;
    let epoch = in_force(&client).await?;
    let next = proposal::activated(&epoch, domain, version)?;
    propose(context, &client, &args.asking, &epoch, &next, &args.output)
}

async fn show(context: &Context, args: &MembershipFile) -> Result<(), CommandError> {
    let opened = open(&args.file, context.client()?).await?;
    context.output.result(&opened.document(), |_| opened.text());
    Ok(())
}

async fn sign(context: &Context, args: &SignMembership) -> Result<(), CommandError> {
    let signer = context.signer(args.agency)?;
    let city = context.city()?;
    let client = Client::new(&city.url, city.chain, Some(signer.clone()))?;
    let mut opened = open(&args.file, client).await?;
    opened.joint.may_sign(&opened.epoch, &args.agency, &signer.key().public().0)?;
    cosign(&mut opened.joint.transaction, &signer)?;
    let signed = opened.file.with(&opened.joint.transaction);
    let joint = signed.open(city.chain, &opened.epoch, SystemClock::new().unix_ms())?;
    found::write_json(&args.file, &signed)?;
    let opened = Opened { file: signed, joint, ..opened };
    context.output.result(&opened.document(), |_| opened.text());
    Ok(())
}

async fn submit(context: &Context, args: &MembershipFile) -> Result<(), CommandError> {
    let opened = open(&args.file, context.client()?).await?;
    opened.joint.complete()?;
    let done = settle(&opened.client, &opened.joint).await?;
    context.output.result(&done, |_| {
        format!(
            "transaction {}\nepoch {} holds from the next block",
            opened.joint.transaction.id, opened.joint.next.number
        )
    });
    Ok(())
}

/// Submits a change and waits until it is final; an error if the city refused it.
pub(super) async fn settle(client: &Client, joint: &Joint) -> Result<Value, CommandError> {
    let transaction = &joint.transaction;
    let outcome = match client.submit_final(transaction).await? {
        Submitted::Final { outcome, .. } => outcome,
        Submitted::Accepted(_) => client.wait_final(transaction).await?.0,
    };
    match outcome.code() {
        None => Ok(json!({ "id": transaction.id, "state": "applied", "epoch": joint.next.number })),
        Some(code) => Err(CommandError::Negative(format!("{} was refused: {code}", transaction.id))),
    }
}
