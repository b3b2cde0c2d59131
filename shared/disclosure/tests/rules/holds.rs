//! Legal holds: placed by the owner, lifted by who placed them, lapsed by time.

use hutong_wire::v1::disclosure::Hold;

use crate::{build::*, support::*};

#[test]
fn a_hold_stands_until_it_is_lifted() {
    let mut city = City::with_a_note();
    city.submit(OWNER, place(NOTE, "lawsuit 9", 0)).unwrap();
    let hold: Hold = city.get("hold/note/1").unwrap();
    let expected = Hold {
        record: NOTE.into(),
        reason: "lawsuit 9".into(),
        agency: OWNER.into(),
        since_ms: time_ms(2),
        until_ms: 0,
    };
    assert_eq!(hold, expected);
    assert_eq!(city.refused(OWNER, place(NOTE, "another", 0)), "hold_exists");
    assert_eq!(city.refused(CLINIC, lift(NOTE)), "not_the_holder");
    city.submit(OWNER, lift(NOTE)).unwrap();
    assert_eq!(city.value("hold/note/1"), None);
    assert_eq!(city.refused(OWNER, lift(NOTE)), "hold_unknown");
    city.submit(OWNER, place(NOTE, "another", 0)).unwrap();
}

#[test]
fn a_hold_lapses_at_its_time() {
    let mut city = City::with_a_note();
    city.submit(OWNER, place(NOTE, "lawsuit 9", time_ms(4))).unwrap();
    assert_eq!(city.refused(OWNER, place(NOTE, "another", 0)), "hold_exists");
    city.submit(OWNER, place(NOTE, "another", time_ms(6))).unwrap();
    city.submit(OWNER, lift(NOTE)).unwrap();
}

#[test]
fn its_form_is_checked() {
    let mut city = City::with_a_note();
    assert_eq!(city.refused(COURT, place(NOTE, "lawsuit", 0)), "owner_required");
    assert_eq!(city.refused(OWNER, place("note/2", "lawsuit", 0)), "record_unknown");
    assert_eq!(city.refused(OWNER, place("", "lawsuit", 0)), "record_id_invalid");
    for reason in ["", "a\tb", &"r".repeat(257)] {
        assert_eq!(city.refused(OWNER, place(NOTE, reason, 0)), "hold_invalid");
    }
    assert_eq!(city.refused(OWNER, place(NOTE, "late", time_ms(2))), "hold_invalid");
    city.submit(OWNER, "put public/1 text".into()).unwrap();
    assert_eq!(city.refused(OWNER, place("public/1", "lawsuit", 0)), "nothing_sealed");
}

/// The domain passes to another owner: who placed the hold still lifts it alone, until they leave the city.
#[test]
fn the_placer_lifts_while_there_is_one() {
    let mut city = City::with_a_note();
    city.submit(OWNER, place(NOTE, "lawsuit 9", 0)).unwrap();
    let pass_on = |city: &mut City| city.epoch.domains.iter_mut().for_each(|rules| rules.owner = id(CLINIC));
    pass_on(&mut city);
    assert_eq!(city.refused(CLINIC, lift(NOTE)), "not_the_holder");
    let mut left = city.clone();
    left.epoch = epoch(&[CLINIC, COURT, OWNER]);
    pass_on(&mut left);
    left.epoch.agencies.retain(|agency| agency.id != id(OWNER));
    assert_eq!(left.refused(COURT, lift(NOTE)), "owner_required");
    left.submit(CLINIC, lift(NOTE)).unwrap();
    city.submit(OWNER, lift(NOTE)).unwrap();
}
