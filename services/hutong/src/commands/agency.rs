//! `hutong agency`: what makes a change of membership, each as a file for the members to sign or, where an agency decides
//! alone, as the change itself.

use std::{fs, path::Path, time::Duration};

use hutong_client::{Client, TransactionBuilder};
use hutong_keys::KeyFile;
use hutong_ledger::{
    epoch::{Epoch, Key},
    id::{AgencyId, ChainId, Domain, KeyId},
    transaction::Transaction,
};
use hutong_membership::{
    differences,
    joint::File,
    proposal::{self, Newcomer},
    readiness,
};
use hutong_runtime::{Clock, SystemClock};
use serde_json::{Value, json};

use super::{
    CommandError, Context,
    membership::{in_force, settle},
};
use crate::{
    city::{CityError, found, layout::Layout},
    cli::{AddAgency, AgencyCommand, Asking, Invite, RemoveAgency, RevokeKey, RotateKey, WaitAgency},
    deploy::{
        Place, admission,
        newcomer::{self, Invitation},
    },
};

const DAY_MS: u64 = 24 * 3_600_000;
/// What a change that an agency makes alone may take.
const ALONE_MS: u64 = 3_600_000;
/// The pause between two looks at membership.
const POLL: Duration = Duration::from_millis(200);

pub(super) async fn run(context: Context, command: AgencyCommand) -> Result<(), CommandError> {
    match command {
        AgencyCommand::Invite(args) => invite(&context, &args).await,
        AgencyCommand::Add(args) => add(&context, args),
        AgencyCommand::Wait(args) => wait(&context, &args).await,
        AgencyCommand::Remove(args) => remove(&context, &args).await,
        AgencyCommand::RotateKey(args) => rotate_key(&context, &args).await,
        AgencyCommand::RevokeKey(args) => revoke_key(&context, &args).await,
    }
}

async fn invite(context: &Context, args: &Invite) -> Result<(), CommandError> {
    let city = context.city()?;
    let epoch = in_force(&context.client()?).await?;
    let read = |path: &std::path::PathBuf| {
        fs::read_to_string(path).map_err(|source| CommandError::Io { path: path.clone(), source })
    };
    let invitation = Invitation {
        genesis: city.genesis()?,
        epoch,
        url: city.url.clone(),
        bus: args.bus.clone(),
        replicas: args.replicas,
        authorities: args.authorities.as_ref().map(read).transpose()?,
    };
    found::write_json(&args.output, &invitation)?;
    let result = json!({ "chain": city.chain, "epoch": invitation.epoch.number, "file": args.output });
    context.output.result(&result, |_| {
        format!("{} tells whom you give it how to join {}", args.output.display(), city.chain)
    });
    Ok(())
}

/// Everything is checked before a key is written; needs no city, only what a member of it wrote.
fn add(context: &Context, args: AddAgency) -> Result<(), CommandError> {
    let invitation: Invitation = found::read_json(&args.invitation)?;
    let wrong = |fault: String| CommandError::Usage(format!("{}: {fault}", args.invitation.display()));
    invitation.genesis.check().map_err(wrong)?;
    invitation.epoch.check().map_err(wrong)?;
    let chain = invitation.genesis.chain();
    if args.out.join("keys").exists() || args.out.join("join.json").exists() {
        let folder = args.out.display();
        return Err(CommandError::Usage(format!("{folder} has keys already; choose a folder that is empty")));
    }
    let (id, validating, domains) = (args.id, args.validating, args.domains);
    let signers = signers(&invitation.epoch, &args.asking)?;
    let place = args.here.map_or(Place::Containers, |first_port| Place::Here { first_port });
    let plan = newcomer::Plan { id, validating, domains: domains.clone(), place };
    let made = newcomer::generate(&plan)?;
    let keys = made.iter().map(|key| Key { purpose: key.purpose, public: key.public().0 }).collect();
    let newcomer = Newcomer { id, name: args.name, validating, keys, domains };
    let next = proposal::joined(&invitation.epoch, &newcomer)?;
    let transaction = build(chain, &args.asking, &signers, proposal::replace(&next))?;
    let user = newcomer::write_keys(&args.out, &plan, &made)?;
    let services = newcomer::write(&args.out, &plan, &invitation, &next)?;
    let signing = Layout::new(&args.out).key(&id, hutong_ledger::epoch::Purpose::Signing);
    let signing = KeyFile::load(&signing).and_then(|key| key.signing_key()).map_err(CityError::from)?;
    let statement = admission::state(&chain, &id, &user, &signing);
    let file = args.out.join("join.json");
    found::write_json(&file, &File::new(&transaction, Some(statement)))?;
    let result = asked(&transaction, &invitation.epoch, &next, &file);
    context.output.result(&result, |_| {
        format!(
            "{}\nservices    {}\nfolder      {}",
            told(&transaction, &invitation.epoch, &next, &file),
            services.join(" "),
            args.out.display()
        )
    });
    Ok(())
}

async fn remove(context: &Context, args: &RemoveAgency) -> Result<(), CommandError> {
    let client = context.client()?;
    let epoch = in_force(&client).await?;
    let next = proposal::left(&epoch, &args.id)?;
    propose(context, &client, &args.asking, &epoch, &next, &args.output)
}

async fn revoke_key(context: &Context, args: &RevokeKey) -> Result<(), CommandError> {
    let client = context.client()?;
    let epoch = in_force(&client).await?;
    let next = proposal::revoked(&epoch, &args.agency, args.key)?;
    propose(context, &client, &args.asking, &epoch, &next, &args.output)
}

pub(super) fn propose(
    context: &Context,
    client: &Client,
    asking: &Asking,
    epoch: &Epoch,
    next: &Epoch,
    output: &Path,
) -> Result<(), CommandError> {
    let signers = signers(epoch, asking)?;
    let transaction = build(client.chain(), asking, &signers, proposal::replace(next))?;
    found::write_json(output, &File::new(&transaction, None))?;
    let result = asked(&transaction, epoch, next, output);
    context.output.result(&result, |_| told(&transaction, epoch, next, output));
    Ok(())
}

/// The new key lies beside the old one until it holds; begun again after a break, it is not made anew.
async fn rotate_key(context: &Context, args: &RotateKey) -> Result<(), CommandError> {
    let RotateKey { agency, purpose, keep_old } = args;
    let city = context.city()?;
    let signer = context.signer(*agency)?;
    let client = Client::new(&city.url, city.chain, Some(signer.clone()))?;
    let epoch = in_force(&client).await?;
    let path = Layout::new(&context.global.data).key(agency, *purpose);
    let next_path = path.with_extension("key.next");
    if !next_path.exists() {
        let key = KeyFile::generate(agency.to_string(), *purpose).map_err(CityError::from)?;
        key.write(&next_path).map_err(CityError::from)?;
    }
    let (old, new) = (KeyFile::load(&path), KeyFile::load(&next_path));
    let (old, new) = (old.map_err(CityError::from)?, new.map_err(CityError::from)?);
    let [old_id, new_id] = [&old, &new].map(|key| KeyId::of(key.public().as_bytes()));
    if epoch.key(agency, *purpose, &new_id).is_none() {
        let add = Key { purpose: *purpose, public: new.public().0 };
        let revoke = if *keep_old { vec![] } else { vec![old_id] };
        let builder = client.build(Domain::MEMBERSHIP)?;
        let until = SystemClock::new().unix_ms().saturating_add(ALONE_MS);
        let builder = builder.not_after_ms(until).action(proposal::rotate(&[add], &revoke));
        let transaction = builder.sign(&[&signer])?;
        let joint = File::new(&transaction, None).open(city.chain, &epoch, SystemClock::new().unix_ms())?;
        settle(&client, &joint).await?;
    }
    let kept = path.with_extension(format!("key.{old_id}"));
    let failed = |source| CommandError::Io { path: path.clone(), source };
    fs::rename(&path, &kept).map_err(failed)?;
    fs::rename(&next_path, &path).map_err(failed)?;
    let result = json!({
        "agency": agency, "purpose": purpose, "key": new_id, "file": path,
        "old_key": old_id, "old_file": kept, "old_key_holds": keep_old,
    });
    context.output.result(&result, |_| {
        format!(
            "{purpose} key {new_id} of {agency} holds and is in {}\nthe old key {old_id} {} and is in {}\n\
             start the services that use it again",
            path.display(),
            if *keep_old { "holds as well" } else { "is void" },
            kept.display()
        )
    });
    Ok(())
}

async fn wait(context: &Context, args: &WaitAgency) -> Result<(), CommandError> {
    let client = context.client()?;
    let clock = SystemClock::new();
    let until = clock.monotonic() + Duration::from_secs(args.seconds);
    loop {
        let epoch = in_force(&client).await?;
        let member = epoch.agency(&args.id);
        let member = member.ok_or_else(|| CommandError::Negative(format!("{} is no member", args.id)))?;
        match readiness::next(&epoch, &args.id) {
            None => {
                let hosted = epoch.domains.iter().map(|rules| rules.domain);
                let hosted: Vec<Domain> = hosted.filter(|domain| epoch.stores(&args.id, *domain)).collect();
                let result = json!({
                    "agency": args.id, "epoch": epoch.number, "counts": member.validating,
                    "hosts": hosted, "quorum": epoch.quorum(), "validating": epoch.validating().count(),
                });
                context.output.result(&result, |_| match member.validating {
                    true => format!(
                        "{} counts: a quorum of the city is {} of {}",
                        args.id,
                        epoch.quorum(),
                        epoch.validating().count()
                    ),
                    false => format!("{} is a member that does not validate", args.id),
                });
                return Ok(());
            }
            Some(domain) if clock.monotonic() >= until => {
                let told = format!("{} has not said yet that it has caught up with {domain}", args.id);
                return Err(CommandError::Negative(told));
            }
            Some(_) => tokio::time::sleep(POLL).await,
        }
    }
}

/// Who signs: the sponsor, and who was named or else as many as make a quorum.
fn signers(epoch: &Epoch, asking: &Asking) -> Result<Vec<AgencyId>, CommandError> {
    let stranger = asking.signers.iter().chain([&asking.sponsor]).find(|id| epoch.agency(id).is_none());
    if let Some(stranger) = stranger {
        return Err(CommandError::Usage(format!("{stranger} is no member and cannot sign")));
    }
    let counts = |id: &AgencyId| epoch.validating().any(|agency| agency.id == *id);
    let mut signers = vec![asking.sponsor];
    if asking.signers.is_empty() {
        let others = epoch.validating().map(|agency| agency.id).filter(|id| *id != asking.sponsor);
        let lacking = epoch.quorum() - usize::from(counts(&asking.sponsor));
        signers.extend(others.take(lacking));
    } else {
        signers.extend(&asking.signers);
    }
    signers.sort();
    signers.dedup();
    let counted = signers.iter().filter(|id| counts(id)).count();
    if counted < epoch.quorum() {
        return Err(CommandError::Usage(format!(
            "{counted} validating agencies would sign, {} are needed",
            epoch.quorum()
        )));
    }
    Ok(signers)
}

fn build(
    chain: ChainId,
    asking: &Asking,
    signers: &[AgencyId],
    action: bytes::Bytes,
) -> Result<Transaction, CommandError> {
    let until = SystemClock::new().unix_ms().saturating_add(asking.days * DAY_MS);
    let builder = TransactionBuilder::new(chain, Domain::MEMBERSHIP, asking.sponsor, until)?;
    let builder = signers.iter().fold(builder, |builder, agency| builder.signer(*agency));
    Ok(builder.action(action).sign(&[])?)
}

fn asked(transaction: &Transaction, epoch: &Epoch, next: &Epoch, file: &Path) -> Value {
    json!({
        "id": transaction.id,
        "epoch": next.number,
        "changes": differences(epoch, next),
        "signers": transaction.body.signers,
        "file": file,
    })
}

fn told(transaction: &Transaction, epoch: &Epoch, next: &Epoch, file: &Path) -> String {
    let mut lines = vec![format!("epoch {} would follow {}:", next.number, epoch.number)];
    lines.extend(differences(epoch, next).iter().map(|difference| format!("  - {difference}")));
    let signers: Vec<String> = transaction.body.signers.iter().map(ToString::to_string).collect();
    lines.push(format!("to sign     {}", signers.join(", ")));
    lines.push(format!("file        {}", file.display()));
    lines.join("\n")
}
