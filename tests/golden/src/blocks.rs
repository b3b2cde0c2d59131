//! What orderers and hosts sign: headers, proposals, votes, certificates, statuses, cosignatures, questions.

use hutong_ledger::{
    block::{Cursor, Header, Proposal, SegmentRef},
    epoch::Purpose,
    hash::Hash,
    id::Domain,
    note::cosignature_message,
    segment_request::{SegmentRequest, Wanted},
    vote::{Ballot, Certificate, Status, Vote},
};
use hutong_peer::agency::{Cosignature, Cosigned};

use crate::{
    Form,
    city::{agency, genesis, host_signature, key, key_id, property},
    proofs::checkpoint,
    transactions::transaction,
};

pub fn header() -> Header {
    let genesis = genesis();
    let root = hutong_ledger::block::segment_root([&transaction(1).id, &transaction(2).id]);
    Header {
        chain: genesis.chain(),
        rules: 1,
        epoch: 0,
        height: 1,
        prev: genesis.header().hash(),
        time_ms: 1_700_000_000_250,
        cursors: vec![
            Cursor { domain: Domain::MEMBERSHIP, incarnation: 7, sequence: 0 },
            Cursor { domain: property(), incarnation: 7, sequence: 42 },
        ],
        segments: vec![SegmentRef { domain: property(), root }],
    }
}

fn ballot() -> Ballot {
    Ballot { chain: genesis().chain(), height: 1, view: 0, block: header().hash() }
}

pub fn certificate() -> Certificate {
    let message = ballot().message();
    let votes = ["data-bureau", "land-registry"].map(|name| host_signature(name, &message));
    Certificate { height: 1, view: 0, block: header().hash(), votes: votes.to_vec() }
}

fn status(name: &str, certificate: Option<Certificate>) -> Status {
    let chain = genesis().chain();
    let message = Status::message(chain, 1, 1, certificate.as_ref());
    Status { chain, height: 1, view: 1, certificate, signature: host_signature(name, &message) }
}

fn proposal(view: u32, statuses: Vec<Status>) -> Proposal {
    let (header, orderer) = (header(), agency("data-bureau"));
    let message = Proposal::message(&header, view, orderer, &statuses);
    let signature = key("data-bureau", Purpose::Orderer).sign(&message);
    Proposal { header, view, orderer, key: key_id("data-bureau", Purpose::Orderer), statuses, signature }
}

fn cosigned() -> Cosigned {
    let (checkpoint, time_s) = (checkpoint(), 1_700_000_001);
    let text = checkpoint.to_string();
    let log = key("land-registry", Purpose::Log).sign(text.as_bytes());
    let note = Cosignature {
        domain: property(),
        size: checkpoint.size,
        root: checkpoint.root,
        state: checkpoint.state,
        time_s,
        signature: key("land-registry", Purpose::Host).sign(&cosignature_message(&text, time_s)),
        log_signature: Some((key_id("land-registry", Purpose::Log), log)),
    };
    Cosigned {
        chain: genesis().chain(),
        agency: agency("land-registry"),
        key: key_id("land-registry", Purpose::Host),
        height: 1,
        block: header().hash(),
        view: checkpoint.view,
        notes: vec![note],
    }
}

fn question() -> SegmentRequest {
    let wanted = Wanted {
        chain: genesis().chain(),
        domain: property(),
        height: 1,
        block: header().hash(),
        not_after_ms: 1_700_000_030_000,
    };
    SegmentRequest { wanted, signature: host_signature("land-registry", &wanted.message()) }
}

pub(crate) fn forms() -> Vec<Form> {
    let (header, ballot, certificate) = (header(), ballot(), certificate());
    let vote = Vote { ballot, signature: host_signature("land-registry", &ballot.message()) };
    let statuses = vec![status("data-bureau", Some(certificate.clone())), status("land-registry", None)];
    let plain = proposal(0, Vec::new());
    let repeat = proposal(1, statuses.clone());
    let message = |p: &Proposal| Proposal::message(&p.header, p.view, p.orderer, &p.statuses);
    let promised = |s: &Status| Status::message(s.chain, s.height, s.view, s.certificate.as_ref());
    vec![
        Form::new("header").bytes("bytes", header.encode()).text("hash", header.hash()),
        Form::new("proposal")
            .bytes("signed_message", message(&plain))
            .bytes("bytes", plain.encode())
            .bytes("repeat_signed_message", message(&repeat))
            .bytes("repeat", repeat.encode()),
        Form::new("vote").bytes("signed_message", ballot.message()).bytes("bytes", vote.encode()),
        Form::new("certificate").bytes("bytes", certificate.encode()),
        Form::new("status")
            .bytes("signed_message", promised(&statuses[0]))
            .bytes("bytes", statuses[0].encode())
            .bytes("without_certificate_signed_message", promised(&statuses[1]))
            .bytes("without_certificate", statuses[1].encode()),
        Form::new("segment_request")
            .bytes("signed_message", question().wanted.message())
            .bytes("bytes", question().encode()),
        Form::new("cosigned")
            .bytes("bytes", cosigned().encode())
            .text("hash_of_block", Hash(header.hash().0)),
    ]
}
