//! A service line: a small city's epoch, the records so far, and blocks of one transaction at a time that a test sets.

use bytes::Bytes;
use hutong_disclosure::Disclosing;
use hutong_ledger::{
    block::Header,
    contract::{Refusal, VALUE_BYTES_MAX},
    entry::Outcome,
    epoch::{Agency, DomainRules, Epoch, Host},
    execute::{Executed, ExecutedSegment, Execution, Records, Step},
    hash::{Hash, sha256},
    id::{AgencyId, Domain, RecordKey},
    transaction::{Body, Transaction},
};
use hutong_requests::{Requests, build, domain};
use hutong_wire::{
    prost::Message,
    v1::requests::{self as wire, Datatype, DeadlineClass, ServiceType, Status, action::Kind},
};

/// The domain's owner.
pub(crate) const LINE: &str = "data-bureau";
/// Agencies that act.
pub(crate) const WATER: &str = "water-works";
pub(crate) const ROADS: &str = "road-works";
/// A district's office.
pub(crate) const NORTH: &str = "north-district";
pub(crate) const ALL: [&str; 4] = [LINE, NORTH, ROADS, WATER];

pub(crate) const HOUR_MS: u64 = 3_600_000;
/// When a test begins.
pub(crate) const BEGAN_MS: u64 = 1_700_000_000_000;

fn id(name: &str) -> AgencyId {
    name.parse().unwrap()
}

pub(crate) fn epoch() -> Epoch {
    let agencies =
        ALL.map(|name| Agency { id: id(name), name: name.into(), validating: true, keys: Vec::new() });
    let hosts = ALL.map(|name| Host { agency: id(name), ready: true }).to_vec();
    let rules = |domain, hosts| DomainRules { domain, owner: id(LINE), contract: 1, hosts };
    Epoch {
        number: 0,
        from_height: 1,
        agencies: agencies.to_vec(),
        domains: vec![rules(Domain::MEMBERSHIP, Vec::new()), rules(domain(), hosts)],
        orderers: vec![id(LINE)],
    }
}

pub(crate) fn transaction(agency: &str, nonce: [u8; 16], action: Bytes) -> Transaction {
    let body = Body {
        chain: "riverton-0011223344556677".parse().unwrap(),
        domain: domain(),
        agency: id(agency),
        signers: vec![id(agency)],
        actor: "official-7".into(),
        nonce,
        not_after_ms: BEGAN_MS + 10_000 * HOUR_MS,
        action,
    };
    // What the signatures cover is no matter here: the bytes only have to name the transaction.
    let names = sha256(&[&nonce, agency.as_bytes(), &body.action]).0;
    Transaction::new(Bytes::copy_from_slice(&names), body, Vec::new())
}

/// Runs a segment; what is not loaded is loaded when it is asked for, as a record that does not exist.
pub(crate) fn execute(time_ms: u64, transactions: &[Transaction], records: &mut Records) -> ExecutedSegment {
    let (epoch, header) = (epoch(), header(time_ms));
    let faults = vec![None; transactions.len()];
    let contract = Disclosing(Requests);
    let mut execution = Execution::new(&contract, &epoch, &header, transactions, &faults);
    loop {
        match execution.run(records) {
            Step::Done(done) => return done,
            Step::Need(keys) => records.extend(keys.into_iter().map(|key| (key, None))),
        }
    }
}

fn header(time_ms: u64) -> Header {
    Header {
        chain: "riverton-0011223344556677".parse().unwrap(),
        rules: 1,
        epoch: 0,
        height: 1,
        prev: Hash::ZERO,
        time_ms,
        cursors: Vec::new(),
        segments: Vec::new(),
    }
}

/// The line, one transaction per block.
pub(crate) struct Office {
    pub(crate) records: Records,
    /// The time of the next block.
    pub(crate) now_ms: u64,
    nonce: u128,
}

impl Office {
    pub(crate) fn new() -> Self {
        Self { records: Records::new(), now_ms: BEGAN_MS, nonce: 0 }
    }

    /// An office with two districts and two services: leaks go to the water works, holes are nobody's.
    pub(crate) fn equipped() -> Self {
        let mut office = Self::new();
        office.done(LINE, Kind::SetAreas(areas()));
        office.done(LINE, Kind::DefineService(leak()));
        office.done(LINE, Kind::DefineService(hole()));
        office
    }

    /// An office in which a leak was just reported in the north: it is with the water works.
    pub(crate) fn with_leak(request: &str) -> Self {
        let mut office = Self::equipped();
        office.done(LINE, Kind::Open(open(request)));
        office
    }

    pub(crate) fn submit(&mut self, agency: &str, action: Bytes) -> Result<(), Refusal> {
        self.nonce += 1;
        let transaction = transaction(agency, self.nonce.to_be_bytes(), action);
        let mut done = execute(self.now_ms, &[transaction], &mut self.records);
        assert!(done.voids.is_empty());
        let executed = done.executed.pop().unwrap();
        check(&executed);
        executed.refusal.map_or(Ok(()), Err)
    }

    /// Submits what must be applied.
    #[track_caller]
    pub(crate) fn done(&mut self, agency: &str, kind: Kind) {
        self.submit(agency, build::action(kind)).unwrap();
    }

    #[track_caller]
    pub(crate) fn apply(&mut self, agency: &str, action: Bytes) {
        self.submit(agency, action).unwrap();
    }

    /// The code under which an action is refused; nothing has changed then.
    #[track_caller]
    pub(crate) fn refused(&mut self, agency: &str, action: Bytes) -> String {
        let live = |records: &Records| {
            let mut live: Vec<_> =
                records.iter().filter_map(|(k, r)| Some((k.clone(), r.clone()?.version))).collect();
            live.sort();
            live
        };
        let before = live(&self.records);
        let refusal = self.submit(agency, action).unwrap_err();
        assert_eq!(before, live(&self.records), "a refusal changed something");
        assert!(!refusal.message.is_empty());
        refusal.code.into_owned()
    }

    #[track_caller]
    pub(crate) fn kind_refused(&mut self, agency: &str, kind: Kind) -> String {
        self.refused(agency, build::action(kind))
    }

    pub(crate) fn later(&mut self, ms: u64) {
        self.now_ms += ms;
    }

    pub(crate) fn request(&self, request: &str) -> wire::Request {
        self.get(&format!("request/{request}")).unwrap_or_else(|| panic!("no request {request}"))
    }

    pub(crate) fn get<M: Message + Default>(&self, record: &str) -> Option<M> {
        let key = RecordKey { domain: domain(), record: record.parse().unwrap() };
        let record = self.records.get(&key)?.as_ref()?;
        Some(M::decode(record.value.clone()?).unwrap())
    }
}

/// What holds of every executed transaction, whatever it asked for.
pub(crate) fn check(executed: &Executed) {
    assert_ne!(executed.opening.outcome.code(), Some("contract_fault"), "{:?}", executed.refusal);
    if executed.opening.outcome != Outcome::Applied {
        assert!(executed.changes.is_empty());
        return;
    }
    for change in &executed.changes {
        let value = change.value.clone().unwrap();
        assert!(value.len() <= VALUE_BYTES_MAX);
        if change.record.as_str().starts_with("request/") {
            check_request(&wire::Request::decode(value).unwrap());
        }
    }
}

/// A request is in one piece at any time.
fn check_request(request: &wire::Request) {
    let status = request.status();
    assert_ne!(status, Status::Unspecified);
    assert_eq!(status == Status::Closed, request.closed_ms > 0, "{request:?}");
    assert!(request.requested_ms <= request.updated_ms, "{request:?}");
    if matches!(status, Status::Dispatched | Status::Answered) {
        assert!(!request.agencies.is_empty(), "{request:?}");
    }
    if status == Status::Answered {
        assert!(request.answered_ms > 0, "{request:?}");
    }
    if status == Status::Dispatched {
        assert!(request.answered_ms == 0 && request.call_back.is_none(), "{request:?}");
    }
    assert!(request.duplicate_of.is_empty() || request.duplicates == 0, "{request:?}");
    assert!(request.duplicate_of.is_empty() || status == Status::Closed, "{request:?}");
}

pub(crate) fn point(lat: i32, long: i32) -> wire::Point {
    wire::Point { lat_e7: lat * 10_000_000, long_e7: long * 10_000_000 }
}

/// The north is between 10 and 20 degrees, the south has no boundary.
pub(crate) fn areas() -> wire::Areas {
    let area = |code: &str, agency: &str, boundary| wire::Area {
        code: code.into(),
        name: code.into(),
        agency: agency.into(),
        boundary,
    };
    let square = vec![point(10, 10), point(10, 20), point(20, 20), point(20, 10)];
    wire::Areas { areas: vec![area("north", NORTH, square), area("south", "south-district", Vec::new())] }
}

pub(crate) fn attribute(code: &str, datatype: Datatype, required: bool, keys: &[&str]) -> wire::Attribute {
    let choice = |key: &&str| wire::Choice { key: (*key).into(), name: format!("Name of {key}") };
    wire::Attribute {
        code: code.into(),
        variable: true,
        datatype: datatype.into(),
        required,
        values: keys.iter().map(choice).collect(),
        ..wire::Attribute::default()
    }
}

pub(crate) fn leak() -> wire::Service {
    wire::Service {
        code: "leak".into(),
        name: "Leak".into(),
        description: "Water where none should be".into(),
        group: "utilities".into(),
        keywords: vec!["water".into(), "pipe".into()],
        r#type: ServiceType::Realtime.into(),
        attributes: vec![
            attribute("amount", Datatype::Number, false, &[]),
            attribute("kind", Datatype::Singlevaluelist, false, &["pipe", "hydrant"]),
            attribute("seen", Datatype::Datetime, false, &[]),
            attribute("signs", Datatype::Multivaluelist, false, &["wet", "loud"]),
        ],
        deadline: DeadlineClass::Utilities.into(),
        rules: vec![wire::DispatchRule { district: String::new(), agency: WATER.into() }],
        notice: "Close the tap.".into(),
        retired: false,
    }
}

pub(crate) fn hole() -> wire::Service {
    wire::Service {
        code: "hole".into(),
        name: "Hole in the road".into(),
        r#type: ServiceType::Batch.into(),
        deadline: DeadlineClass::General.into(),
        ..wire::Service::default()
    }
}

/// A leak in the north.
pub(crate) fn open(request: &str) -> wire::Open {
    wire::Open {
        request: request.into(),
        service_code: "leak".into(),
        description: "A fountain in the lane".into(),
        place: Some(wire::Place { point: Some(point(15, 15)), ..wire::Place::default() }),
        ..wire::Open::default()
    }
}

/// A hole that nobody has a rule for, in a district or in none.
pub(crate) fn open_hole(request: &str, district: &str) -> wire::Open {
    let place = wire::Place { address: "8 Lane".into(), district: district.into(), ..wire::Place::default() };
    wire::Open { service_code: "hole".into(), place: Some(place), ..open(request) }
}

pub(crate) fn import(request: &str) -> wire::Import {
    wire::Import {
        request: request.into(),
        service_code: "noise".into(),
        service_name: "Noise".into(),
        status: Status::Closed.into(),
        agencies: vec!["NYPD".into()],
        requested_ms: BEGAN_MS - 9 * HOUR_MS,
        updated_ms: BEGAN_MS - HOUR_MS,
        closed_ms: BEGAN_MS - 2 * HOUR_MS,
        ..wire::Import::default()
    }
}
