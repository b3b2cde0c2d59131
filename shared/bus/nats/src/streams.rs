//! The streams at the broker: made if they are missing, and refused if they are not what they must be.
//!
//! It never changes a stream that exists: what another setting would lose, only its operator can judge.

use std::time::Duration;

use async_nats::jetstream::{
    Context,
    context::GetStreamErrorKind,
    stream::{Config, DiscardPolicy, Info, PersistenceMode, RetentionPolicy, StorageType},
};
use hutong_bus::{Error, Stream};

use crate::{Options, names::Names, server::unfit};

/// Entries are kept this long; older ones come from the agencies' archives.
const MAX_AGE: Duration = Duration::from_secs(35 * 24 * 3600);

/// Message ids are remembered this long.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// The stream's code for "there is no such stream".
const NOT_FOUND: u64 = 10059;

pub(crate) fn config(stream: Stream, names: &Names, options: &Options) -> Config {
    Config {
        name: names.stream(stream),
        subjects: vec![names.subject(&format!("{}.>", stream.prefix()))],
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        max_bytes: options.stream_bytes_max.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        max_messages: -1,
        max_messages_per_subject: -1,
        max_message_size: -1,
        max_consumers: -1,
        max_age: MAX_AGE,
        duplicate_window: DUPLICATE_WINDOW,
        num_replicas: options.replicas,
        deny_delete: true,
        deny_purge: true,
        allow_atomic_publish: true,
        allow_direct: true,
        ..Config::default()
    }
}

/// The stream as the broker has it, made if need be and checked.
pub(crate) async fn ensure(
    jetstream: &Context,
    stream: Stream,
    names: &Names,
    options: &Options,
) -> Result<Info, Error> {
    let wanted = config(stream, names, options);
    let name = wanted.name.clone();
    let found = match jetstream.get_stream(&name).await {
        Ok(found) => found.cached_info().clone(),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(error) if error.error_code().0 == NOT_FOUND => {
                if !options.make_streams {
                    return Err(unfit(format!(
                        "there is no stream {name}, and this user does not make it; `hutong deploy streams` does"
                    )));
                }
                tracing::info!(stream = name, "making the stream");
                let made = jetstream.create_stream(wanted.clone()).await;
                let made =
                    made.map_err(|error| Error::transport(format!("cannot make the stream {name}"), error))?;
                made.cached_info().clone()
            }
            _ => return Err(Error::transport(format!("cannot look at the stream {name}"), error)),
        },
    };
    let mut differences = differences(&wanted, &found.config);
    if options.by_subject && !found.config.allow_direct {
        differences.push("allow_direct is false, must be true".into());
    }
    if differences.is_empty() {
        return Ok(found);
    }
    Err(unfit(format!(
        "the stream {name} is kept in another way: {}; change it with `nats stream edit {name}`, or remove it if \
         nothing in it is needed and start again",
        differences.join(", ")
    )))
}

/// What must be the same and isn't, as "setting is this, must be that".
fn differences(wanted: &Config, found: &Config) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |setting: &str, found: String, wanted: String| {
        if found != wanted {
            differences.push(format!("{setting} is {found}, must be {wanted}"));
        }
    };
    macro_rules! same {
        ($($setting:ident as $name:literal),* $(,)?) => {
            $(compare($name, format!("{:?}", found.$setting), format!("{:?}", wanted.$setting));)*
        };
    }
    same!(
        subjects as "subjects",
        storage as "storage",
        retention as "retention",
        discard as "discard",
        max_age as "max_age",
        duplicate_window as "duplicate_window",
        num_replicas as "num_replicas",
        deny_delete as "deny_delete",
        deny_purge as "deny_purge",
        allow_atomic_publish as "allow_atomic",
        no_ack as "no_ack",
        sealed as "sealed",
        allow_rollup as "allow_rollup_hdrs",
        subject_transform as "subject_transform",
        mirror as "mirror",
        sources as "sources",
    );
    // The broker may give 0 for "no limit" where -1 was sent.
    let limit = |value: i64| if value <= 0 { "none".to_owned() } else { value.to_string() };
    for (setting, found, wanted) in [
        ("max_bytes", found.max_bytes, wanted.max_bytes),
        ("max_msgs", found.max_messages, wanted.max_messages),
        ("max_msgs_per_subject", found.max_messages_per_subject, wanted.max_messages_per_subject),
        ("max_msg_size", found.max_message_size.into(), wanted.max_message_size.into()),
    ] {
        compare(setting, limit(found), limit(wanted));
    }
    let writes =
        |config: &Config| format!("{:?}", config.persist_mode.as_ref().unwrap_or(&PersistenceMode::Default));
    compare("persist_mode", writes(found), writes(wanted));
    differences
}

/// Identifies the stream's life by when it was made.
pub(crate) fn incarnation(info: &Info) -> u64 {
    info.created.unix_timestamp_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_is_named() {
        let options = Options::new("nats://localhost");
        let names = Names::new(None).unwrap();
        let wanted = config(Stream::Blocks, &names, &options);
        assert!(differences(&wanted, &wanted).is_empty());
        let found = Config {
            discard: DiscardPolicy::Old,
            allow_atomic_publish: false,
            max_messages: 10,
            persist_mode: Some(PersistenceMode::Async),
            ..wanted.clone()
        };
        assert_eq!(
            differences(&wanted, &found),
            [
                "discard is Old, must be New",
                "allow_atomic is false, must be true",
                "max_msgs is 10, must be none",
                "persist_mode is Async, must be Default"
            ]
        );
    }
}
