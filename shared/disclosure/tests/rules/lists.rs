//! Lists of accesses: a whole one verifies; drop, swap or alter anything and the check says what.

use hutong_disclosure::accesses::{AccessList, EntryFault, Fault, PersonFault, verify};
use hutong_ledger::{
    hash::Hash,
    receipt::document::{Base64, Hex},
};
use hutong_wire::{prost::Message, v1::disclosure::Access};
use proptest::{prelude::*, sample::Index};

use crate::{build::*, ledger::*, support::*};

/// Four accesses to person 1, the third sealed by a court; one to person 2, none to person 3, and a refused one.
fn city() -> City {
    let mut city = City::with_a_note();
    city.note("note/2", &[2, 1], &[("text", "both")]);
    city.submit(OWNER, register(3, &[("name", "Li")])).unwrap();
    let mut submit = |agency, action| city.submit(agency, action);
    submit(CLINIC, ask(request(NOTE, &["text"], by_agreement()))).unwrap();
    submit(CLINIC, ask(request("note/2", &["text"], emergency()))).unwrap();
    submit(CLINIC, ask(request(NOTE, &["text"], duty()))).unwrap_err();
    let mut sealed = request(NOTE, &["name"], emergency());
    sealed.sealed_until_ms = time_ms(600);
    sealed.basis.as_mut().unwrap().court_order = "order 5".into();
    submit(COURT, ask(sealed)).unwrap();
    submit(OWNER, ask(request(NOTE, &["name"], duty()))).unwrap();
    city
}

fn handles() -> [[u8; 16]; 3] {
    [1, 2, 3].map(handle)
}

fn check(list: &AccessList) -> Result<hutong_disclosure::accesses::Verified, Fault> {
    verify(&serde_json::to_vec(list).unwrap(), &trust())
}

/// Why the list of person 1 fails after a change.
fn broken(change: impl FnOnce(&mut AccessList)) -> PersonFault {
    let mut list = city().list(&handles());
    change(&mut list);
    match check(&list).unwrap_err() {
        Fault::Person { fault, .. } => *fault,
        other => panic!("{other}"),
    }
}

fn entry(fault: PersonFault) -> (u64, EntryFault) {
    match fault {
        PersonFault::Entry { number, fault } => (number, fault),
        other => panic!("{other}"),
    }
}

#[test]
fn a_whole_list_says_who_looked() {
    let city = city();
    let verified = check(&city.list(&handles())).unwrap();
    let counts: Vec<_> = verified.persons.iter().map(|person| person.entries.len()).collect();
    assert_eq!(counts, [4, 1, 0]);
    let first = &verified.persons[0];
    assert_eq!((first.handle, first.height, first.standing.quorum), (handle(1), city.height, 3));
    let shown = first.entries.iter().map(|entry| {
        let opened = entry.opened.as_ref();
        opened.map(|opened| (opened.access.requester.as_str(), opened.access.record.as_str()))
    });
    let shown: Vec<_> = shown.collect();
    assert_eq!(shown, [Some((CLINIC, NOTE)), Some((CLINIC, "note/2")), None, Some((OWNER, NOTE))]);
    assert_eq!(first.entries[2].sealed_until_ms, time_ms(600));
    let raw: Access = decoded(city.listed(&handle(1)).entries[0].access.as_ref().unwrap());
    assert_eq!(first.entries[0].opened.as_ref().unwrap().access, raw);
}

#[test]
fn a_person_nobody_knows_has_no_accesses() {
    let verified = check(&city().list(&[handle(9)])).unwrap();
    assert!(verified.persons[0].entries.is_empty());
    check(&AccessList { persons: Vec::new(), ..city().list(&[]) }).unwrap();
}

#[test]
fn a_dropped_entry_is_missed() {
    for number in 1..=4_usize {
        let fault = broken(|list| drop(list.persons[0].entries.remove(number - 1)));
        let told = format!("incomplete: the index counts 4, the list has 3; entry {number} is missing");
        assert_eq!(fault.to_string(), told);
    }
    let fault = broken(|list| list.persons[0].entries.clear());
    assert!(matches!(fault, PersonFault::Incomplete { counted: 4, listed: 0, missing: 1 }), "{fault}");
}

/// Dropped and numbered again, dropped and another twice, or the index of another time: nothing helps.
#[test]
fn nor_can_it_be_hidden() {
    let fault = broken(|list| {
        let entries = &mut list.persons[0].entries;
        entries.remove(2);
        entries.push(entries[2].clone());
    });
    assert!(matches!(fault, PersonFault::Order { found: 4, wanted: 3 }), "{fault}");
    let fault = broken(|list| {
        let entries = &mut list.persons[0].entries;
        entries[1] = entries[0].clone();
        entries[1].number = 2;
    });
    assert!(matches!(entry(fault), (2, EntryFault::Unmade)));
    let old = city().state(&"accesses/01010101010101010101010101010101".parse().unwrap(), 5);
    let fault = broken(|list| list.persons[0].index = old);
    assert!(matches!(fault, PersonFault::TooMany { counted: 2, listed: 4 }), "{fault}");
}

#[test]
fn an_older_list_is_whole_as_of_its_height() {
    let mut list = city().list(&handles());
    list.persons[0].index = city().state(&"accesses/01010101010101010101010101010101".parse().unwrap(), 5);
    list.persons[0].entries.truncate(2);
    assert_eq!(check(&list).unwrap().persons[0].height, 5);
}

#[test]
fn entries_stay_in_order() {
    let fault = broken(|list| list.persons[0].entries.swap(0, 3));
    assert_eq!(fault.to_string(), "out of order: entry 4 stands where entry 1 has to");
    let fault = broken(|list| {
        let entries = &mut list.persons[0].entries;
        entries.swap(0, 1);
        (entries[0].number, entries[1].number) = (1, 2);
    });
    assert!(matches!(entry(fault), (1, EntryFault::Unmade)));
    let fault = broken(|list| {
        let entry = list.persons[0].entries[3].clone();
        list.persons[0].entries.push(entry);
    });
    assert!(matches!(fault, PersonFault::TooMany { counted: 4, listed: 5 }));
}

#[test]
fn an_altered_entry_is_named() {
    let of = |at: usize, change: &dyn Fn(&mut hutong_disclosure::accesses::ListedEntry)| {
        entry(broken(|list| change(&mut list.persons[0].entries[at])))
    };
    let altered = |entry: &mut hutong_disclosure::accesses::ListedEntry| {
        let mut access: Access = decoded(entry.access.as_ref().unwrap());
        access.purpose = "charity".into();
        entry.access = Some(Base64(access.encode_to_vec()));
    };
    assert!(matches!(of(1, &altered), (2, EntryFault::Altered)));
    assert!(matches!(of(0, &|e| e.details = Hash::ZERO), (1, EntryFault::Altered)));
    assert!(matches!(of(3, &|e| e.sealed_until_ms = time_ms(700)), (4, EntryFault::SealedUntil)));
    assert!(matches!(of(0, &|e| e.access = None), (1, EntryFault::Half)));
    assert!(matches!(of(0, &|e| e.receipt = None), (1, EntryFault::Half)));
    assert!(matches!(
        of(0, &|e| e.receipt.as_mut().unwrap().opening.changes.truncate(1)),
        (1, EntryFault::Receipt(_))
    ));
    // A receipt of a refusal opens nothing.
    let city = city();
    let refused = city.executed.iter().find(|executed| executed.refusal.is_some()).unwrap();
    let receipt = city.receipt(&refused.entry.id);
    assert!(matches!(of(0, &|e| e.receipt = Some(receipt.clone())), (1, EntryFault::Refused)));
    let registered = city.receipt(&city.executed[2].entry.id);
    assert!(matches!(of(0, &|e| e.receipt = Some(registered.clone())), (1, EntryFault::Unmade)));
}

#[test]
fn what_is_open_cannot_be_withheld() {
    let withhold = |list: &mut AccessList, at: usize, until_ms| {
        let entry = &mut list.persons[0].entries[at];
        (entry.access, entry.receipt, entry.sealed_until_ms) = (None, None, until_ms);
    };
    let (number, fault) = entry(broken(|list| withhold(list, 1, 0)));
    assert!(matches!((number, fault), (2, EntryFault::Withheld { until_ms: 0 })));
    // The time of the index is a second after its block.
    let (_, fault) = entry(broken(|list| withhold(list, 1, time_ms(city().height) + 1000)));
    assert!(matches!(fault, EntryFault::Withheld { .. }));
    // Said to be sealed for longer than it was, it does not fit the chain.
    let fault = broken(|list| withhold(list, 1, time_ms(600)));
    assert_eq!(
        fault.to_string(),
        "the entries do not lead to the head of the index: one that is sealed was altered (2, 3)"
    );
    let fault = broken(|list| list.persons[0].entries[2].details = Hash::ZERO);
    assert!(matches!(fault, PersonFault::Head { sealed } if sealed == [3]));
}

/// A court's seal opened at its time: the same entry, now with its receipt.
#[test]
fn a_sealed_entry_opens() {
    let mut city = city();
    city.height = 600;
    city.submit(OWNER, ask(request(NOTE, &["name"], duty()))).unwrap();
    let verified = check(&city.list(&handles())).unwrap();
    let opened = verified.persons[0].entries[2].opened.as_ref().unwrap();
    assert_eq!((opened.access.requester.as_str(), opened.access.fields[0].name.as_str()), (COURT, "name"));
}

#[test]
fn a_list_is_of_one_chain_and_each_person_once() {
    let mut list = city().list(&handles());
    list.chain = "other-0000000000000000".parse().unwrap();
    assert!(matches!(check(&list), Err(Fault::Chain { .. })));
    let list = city().list(&[handle(1), handle(1)]);
    assert!(matches!(check(&list), Err(Fault::Twice { .. })));
    let fault = broken(|list| list.persons[0].handle = Hex(handle(8)));
    assert!(matches!(fault, PersonFault::Record { .. }), "{fault}");
    let fault = broken(|list| list.persons[0].domain = "property".parse().unwrap());
    assert!(matches!(fault, PersonFault::Record { .. }), "{fault}");
    // The index of another person, whole in itself.
    let fault = broken(|list| {
        list.persons[0].index = list.persons[1].index.clone();
        list.persons[0].entries = list.persons[1].entries.clone();
    });
    assert!(matches!(fault, PersonFault::Record { .. }), "{fault}");
    // Another person's access, moved into the list under the same number.
    let fault = broken(|list| list.persons[1].entries[0] = list.persons[0].entries[0].clone());
    assert!(matches!(entry(fault), (1, EntryFault::Unmade)));
    let fault = broken(|list| list.persons[0].index.current = None);
    assert!(matches!(fault, PersonFault::Index(_)), "{fault}");
}

#[test]
fn unknown_fields_are_refused() {
    let json = serde_json::to_string(&city().list(&handles())).unwrap();
    for place in ["{\"chain\"", "{\"domain\"", "{\"number\"", "{\"version\""] {
        let more = json.replacen(place, &place.replacen('{', "{\"more\":1,", 1), 1);
        assert_ne!(more, json);
        assert!(matches!(verify(more.as_bytes(), &trust()), Err(Fault::Form(_))), "{place}");
    }
    assert!(matches!(verify(b"{}", &trust()), Err(Fault::Form(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_flipped_bit_fails(at: Index, bit in 0..8_u32) {
        let mut json = serde_json::to_vec(&city().list(&[handle(1)])).unwrap();
        let place = at.index(json.len());
        json[place] ^= 1 << bit;
        prop_assert!(verify(&json, &trust()).is_err(), "at {place}");
    }
}
