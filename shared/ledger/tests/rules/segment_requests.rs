//! Who may ask for a segment's bytes: hosts of the domain, in their own name, for a short while.

use hutong_ledger::{
    epoch::{Host, Purpose},
    hash::Hash,
    segment_request::{AHEAD_MS_MAX, Denied, SegmentRequest, Wanted},
    vote::HostSignature,
};

use crate::support::{FOUR, agency, domain, key_id, sign};

const NOW_MS: u64 = 1_700_000_000_000;

fn wanted() -> Wanted {
    let chain = FOUR.chain();
    Wanted {
        chain,
        domain: domain("property"),
        height: 7,
        block: Hash([4; 32]),
        not_after_ms: NOW_MS + 30_000,
    }
}

fn asked(wanted: Wanted, by: usize, purpose: Purpose) -> SegmentRequest {
    let (id, message) = (agency(by), wanted.message());
    let signature =
        HostSignature { agency: id, key: key_id(&id, purpose), bytes: sign(&id, purpose, &message) };
    SegmentRequest { wanted, signature }
}

fn entitled(request: SegmentRequest) -> Result<(), Denied> {
    request.entitled(FOUR.chain(), &FOUR.epoch, NOW_MS)
}

#[test]
fn hosts_are_entitled_until_the_question_ends() {
    for host in 0..4 {
        assert_eq!(entitled(asked(wanted(), host, Purpose::Host)), Ok(()));
    }
    let until = |not_after_ms| asked(Wanted { not_after_ms, ..wanted() }, 0, Purpose::Host);
    assert_eq!(entitled(until(NOW_MS)), Ok(()));
    assert_eq!(entitled(until(NOW_MS - 1)), Err(Denied::Expired));
    assert_eq!(entitled(until(NOW_MS + AHEAD_MS_MAX)), Ok(()));
    assert_eq!(entitled(until(NOW_MS + AHEAD_MS_MAX + 1)), Err(Denied::TooFarAhead));
    assert_eq!(entitled(until(u64::MAX)), Err(Denied::TooFarAhead));
}

#[test]
fn nobody_else_is_entitled() {
    let request = asked(wanted(), 3, Purpose::Host);
    let mut epoch = FOUR.epoch.clone();
    let rules = epoch.domains.iter_mut().find(|rules| rules.domain == domain("property")).unwrap();
    rules.hosts.retain(|host| host.agency != agency(3));
    let denied = Denied::NotAHost { asker: agency(3), domain: domain("property") };
    assert_eq!(request.entitled(FOUR.chain(), &epoch, NOW_MS), Err(denied));
    // A host that is not counted yet stores the domain too, and has most to fetch.
    let rules = epoch.domains.iter_mut().find(|rules| rules.domain == domain("property")).unwrap();
    rules.hosts.push(Host { agency: agency(3), ready: false });
    assert_eq!(request.entitled(FOUR.chain(), &epoch, NOW_MS), Ok(()));

    let other = "other-0123456789abcdef".parse().unwrap();
    assert_eq!(request.entitled(other, &epoch, NOW_MS), Err(Denied::Chain(FOUR.chain())));
    let stranger = asked(wanted(), 9, Purpose::Host);
    assert!(matches!(entitled(stranger), Err(Denied::NotAHost { .. })));
    let unknown = asked(Wanted { domain: domain("health"), ..wanted() }, 0, Purpose::Host);
    assert!(matches!(entitled(unknown), Err(Denied::NotAHost { .. })));
}

#[test]
fn a_question_is_signed_as_it_stands_with_a_host_key() {
    let good = asked(wanted(), 1, Purpose::Host);
    let forged = |change: &dyn Fn(&mut SegmentRequest)| {
        let mut request = good;
        change(&mut request);
        assert!(matches!(entitled(request), Err(Denied::Signature(_))), "{request:?}");
    };
    forged(&|r| r.wanted.height += 1);
    forged(&|r| r.wanted.block = Hash::ZERO);
    forged(&|r| r.wanted.domain = hutong_ledger::id::Domain::MEMBERSHIP);
    forged(&|r| r.wanted.not_after_ms += 1);
    forged(&|r| r.signature.agency = agency(2));
    forged(&|r| r.signature.bytes[0] ^= 1);
    forged(&|r| *r = asked(wanted(), 1, Purpose::Signing));
}

#[test]
fn it_decodes_to_what_was_encoded_and_nothing_else() {
    let request = asked(wanted(), 1, Purpose::Host);
    let bytes = request.encode();
    assert_eq!(SegmentRequest::decode(&bytes), Ok(request));
    for length in 0..bytes.len() {
        assert!(SegmentRequest::decode(&bytes[..length]).is_err());
    }
    assert!(SegmentRequest::decode(&[&bytes[..], &[0]].concat()).is_err());
}
