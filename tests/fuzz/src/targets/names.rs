//! Names, ids, subjects and cursors: short texts that must mean one thing.

use std::{fmt::Display, str::FromStr};

use hutong_disclosure::ResidentId;
use hutong_ledger::{
    hash::Hash,
    id::{AgencyId, ChainId, Domain, KeyId, RecordId, RecordKey, TxId},
    log::TilePath,
};
use hutong_licensing::code::CreditCode;

use crate::{Form, Target};

pub(super) fn targets() -> Vec<Target> {
    let text = |name, check| Target { name, check, form: Form::Text };
    vec![
        text("names", |bytes| {
            let Ok(text) = std::str::from_utf8(bytes) else { return };
            for line in text.lines() {
                one_text::<AgencyId>(line);
                one_text::<ChainId>(line);
                one_text::<Domain>(line);
                one_text::<RecordId>(line);
                one_text::<RecordKey>(line);
                one_text::<TxId>(line);
                one_text::<KeyId>(line);
                one_text::<Hash>(line);
                one_text::<TilePath>(line);
                let _ = line.parse::<ResidentId>();
                let _ = line.parse::<CreditCode>();
                let _ = hutong_disclosure::find_resident_id(line.as_bytes());
                let _ = hutong_epidemic::day::parse(line);
                let _ = hutong_parking::realtime::parse_time_ms(line);
                let _ = hutong_requests::import::service_code(line);
            }
        }),
        text("subjects", |bytes| {
            let Ok(text) = std::str::from_utf8(bytes) else { return };
            let lines: Vec<&str> = text.lines().collect();
            for pattern in &lines {
                let filter = hutong_bus::Filter::one(*pattern);
                for subject in &lines {
                    filter.matches(subject);
                    for stream in [
                        hutong_bus::Stream::Transactions,
                        hutong_bus::Stream::Blocks,
                        hutong_bus::Stream::Events,
                    ] {
                        stream.holds(subject);
                    }
                }
            }
        }),
    ]
}

/// A name is written in one way alone: two texts are never the same thing.
fn one_text<T: FromStr + Display>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        assert_eq!(read.to_string(), text, "{}", std::any::type_name::<T>());
    }
}
