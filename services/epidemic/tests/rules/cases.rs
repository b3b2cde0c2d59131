//! Cases: what may be reported and by whom, what a revision may change, what an import passes over.

use hutong_disclosure::SealedDomain;
use hutong_epidemic::{Epidemic, build};
use hutong_wire::v1::epidemic::{self as wire, Origin, Status};

use crate::support::*;

#[test]
fn a_case_is_reported_once_and_revised_often() {
    let mut office = Office::default();
    office.submit(HEALTH, report("a-1", |facts| facts.status = Status::Suspected.into())).unwrap();
    let first = office.case("a-1");
    assert_eq!((first.agency.as_str(), first.revision), (HEALTH, 1));
    assert_eq!(office.refused(HEALTH, report("a-1", |_| {})), two("case_exists", "id"));
    office.submit(HEALTH, revise("a-1", "", |_| {})).unwrap();
    assert_eq!(office.case("a-1").facts.unwrap(), facts());
    office
        .submit(HEALTH, revise("a-1", "laboratory error", |f| f.status = Status::Discarded.into()))
        .unwrap();
    let last = office.case("a-1");
    assert_eq!((last.revision, last.reason.as_str()), (3, "laboratory error"));
    office.submit(HEALTH, revise("a-1", "found again", |_| {})).unwrap();
}

#[test]
fn facts_that_cannot_be_are_refused() {
    type Change = fn(&mut wire::Facts);
    let broken: [(&str, &str, Change); 21] = [
        ("case_invalid", "disease", |f| f.disease.clear()),
        ("case_invalid", "disease", |f| f.disease = "Dengue".into()),
        ("case_invalid", "disease", |f| f.disease = "x".repeat(33)),
        ("case_invalid", "status", |f| f.status = 0),
        ("case_invalid", "status", |f| f.status = 9),
        ("case_invalid", "origin", |f| f.origin = 0),
        ("case_invalid", "origin", |f| f.origin = -1),
        ("case_invalid", "sex", |f| f.sex = 3),
        ("case_invalid", "district", |f| f.district = "Fengshan Dist.".into()),
        ("case_invalid", "district", |f| f.district = "x".repeat(49)),
        ("case_invalid", "age_band", |f| f.age_band = "40".into()),
        ("case_invalid", "facility", |f| f.facility = "name of a person".into()),
        ("case_invalid", "facility", |f| f.facility = "x".repeat(65)),
        ("dates_invalid", "report", |f| f.report = None),
        ("dates_invalid", "report", |f| f.report = Some(TODAY + 400)),
        ("dates_invalid", "onset", |f| f.onset = Some(-70_000)),
        ("dates_invalid", "onset", |f| f.onset = Some(i32::MIN)),
        ("dates_invalid", "onset", |f| f.onset = Some(TODAY - 1)),
        ("dates_invalid", "diagnosis", |f| f.diagnosis = Some(TODAY - 6)),
        ("dates_invalid", "diagnosis", |f| (f.onset, f.specimen) = (None, Some(TODAY - 2))),
        ("dates_invalid", "specimen", |f| f.specimen = Some(i32::MAX)),
    ];
    let mut office = Office::default();
    for (code, field, change) in broken {
        assert_eq!(office.refused(HEALTH, report("a", change)), two(code, field));
    }
    office.submit(HEALTH, report("a", |_| {})).unwrap();
    for (code, field, change) in broken {
        assert_eq!(office.refused(HEALTH, revise("a", "", change)), two(code, field));
    }
    // Little is known of some, and a confirmation may come years after the report.
    let little = |f: &mut wire::Facts| {
        *f = wire::Facts {
            disease: f.disease.clone(),
            status: f.status,
            origin: Origin::Imported.into(),
            report: Some(-60_000),
            diagnosis: Some(TODAY),
            ..wire::Facts::default()
        };
    };
    office.submit(HEALTH, report("b", little)).unwrap();
}

#[test]
fn ids_are_of_one_form() {
    let mut office = Office::default();
    for id in ["", "A", "a/b", "a b", &"x".repeat(65)] {
        assert_eq!(office.refused(HEALTH, report(id, |_| {})), two("case_invalid", "id"));
        assert_eq!(office.refused(HEALTH, revise(id, "", |_| {})), two("case_invalid", "id"));
    }
    office.submit(HEALTH, report(&"x".repeat(64), |_| {})).unwrap();
}

#[test]
fn the_owner_and_reporters_report_and_each_revises_its_own() {
    let mut office = Office::default();
    assert_eq!(office.refused(CLINIC, report("a", |_| {})), two("reporter_required", "agency"));
    office.submit(HEALTH, build::set_reporters([CLINIC.to_owned()])).unwrap();
    office.submit(CLINIC, report("a", |_| {})).unwrap();
    assert_eq!(office.case("a").agency, CLINIC);
    assert_eq!(office.refused(OTHER, report("b", |_| {})), two("reporter_required", "agency"));
    office.submit(HEALTH, report("h", |_| {})).unwrap();
    let other_sex = |f: &mut wire::Facts| f.sex = 2;
    assert_eq!(office.refused(CLINIC, revise("h", "", other_sex)), two("not_the_reporter", "agency"));
    assert_eq!(office.refused(OTHER, revise("a", "", other_sex)), two("not_the_reporter", "agency"));
    office.submit(CLINIC, revise("a", "", other_sex)).unwrap();
    // Who is no reporter any more still corrects what it reported; the owner corrects everything.
    office.submit(HEALTH, build::set_reporters([])).unwrap();
    assert_eq!(office.refused(CLINIC, report("c", |_| {})), two("reporter_required", "agency"));
    office.submit(CLINIC, revise("a", "", |f| f.sex = 1)).unwrap();
    office.submit(HEALTH, revise("a", "", other_sex)).unwrap();
}

#[test]
fn a_revision_says_why_and_of_what() {
    let mut office = Office::default();
    assert_eq!(office.refused(HEALTH, revise("a", "", |_| {})), two("case_unknown", "id"));
    office.submit(HEALTH, report("a", |_| {})).unwrap();
    assert_eq!(office.refused(HEALTH, revise("a", "", |_| {})), two("revision_empty", "facts"));
    assert_eq!(
        office.refused(HEALTH, revise("a", "", |f| f.disease = "measles".into())),
        two("disease_fixed", "disease")
    );
    let discard = |f: &mut wire::Facts| f.status = Status::Discarded.into();
    for reason in ["", " ", "two\nlines", &"x".repeat(257)] {
        assert_eq!(office.refused(HEALTH, revise("a", reason, discard)), two("reason_missing", "reason"));
    }
    assert_eq!(office.refused(HEALTH, revise("a", "\u{7}", |f| f.sex = 0)), two("reason_missing", "reason"));
    let stale = wire::ReviseCase { expected_version: 2, ..revision("a", "", |f| f.sex = 0) };
    assert_eq!(office.refused(HEALTH, build::revise(stale)), two("stale_version", "expected_version"));
    let fresh = wire::ReviseCase { expected_version: 1, ..revision("a", "none of ours", discard) };
    office.submit(HEALTH, build::revise(fresh)).unwrap();
    // Back from discarded needs a reason too; a change that leaves it discarded does not.
    assert_eq!(office.refused(HEALTH, revise("a", "", |_| {})), two("reason_missing", "reason"));
    office.submit(HEALTH, revise("a", "", |f| (f.status, f.sex) = (Status::Discarded.into(), 0))).unwrap();
    office.submit(HEALTH, revise("a", "second laboratory", |_| {})).unwrap();
}

#[test]
fn sealed_fields_are_commitments_and_nothing_else() {
    let mut office = Office::default();
    let with = |subject: usize, fields: Vec<_>| {
        let report =
            wire::ReportCase { subject: vec![7; subject].into(), sealed: fields, ..case("a", |_| {}) };
        build::report(report)
    };
    assert_eq!(office.refused(HEALTH, with(15, vec![])), two("handle_invalid", "subject"));
    let short =
        hutong_wire::v1::disclosure::SealedField { name: "name".into(), commitment: vec![1; 31].into() };
    let many = (0..33).map(|n| sealed(&format!("field-{n:02}"), 1)).collect();
    for fields in [
        vec![sealed("name", 1), sealed("contact", 2)],
        vec![sealed("name", 1), sealed("name", 2)],
        vec![sealed("Name", 1)],
        vec![short],
        many,
    ] {
        assert_eq!(office.refused(HEALTH, with(16, fields)), two("sealed_field_invalid", "sealed"));
    }
    office.submit(HEALTH, with(16, vec![sealed("contact", 2), sealed("name", 1)])).unwrap();
    let new = wire::ReviseCase {
        sealed: vec![sealed("address", 3), sealed("name", 4)],
        ..revision("a", "", |_| {})
    };
    office.submit(HEALTH, build::revise(new.clone())).unwrap();
    assert_eq!(office.case("a").sealed, [sealed("address", 3), sealed("contact", 2), sealed("name", 4)]);
    assert_eq!(office.refused(HEALTH, build::revise(new)), two("revision_empty", "facts"));
    let value = office.value("case/a").unwrap();
    let found = Epidemic.sealed(&"case/a".parse().unwrap(), &value).unwrap();
    assert_eq!((found.record_type, found.subjects, found.fields.len()), ("case", vec![[7; 16]], 3));
    assert_eq!(Epidemic.sealed(&"config/districts".parse().unwrap(), &value), None);
    office.submit(HEALTH, report("open", |_| {})).unwrap();
    let open = office.value("case/open").unwrap();
    assert_eq!(Epidemic.sealed(&"case/open".parse().unwrap(), &open), None, "nothing of it is sealed");
}

#[test]
fn an_import_adds_what_is_new() {
    let mut office = Office::default();
    let cases = |ids: &[&str]| ids.iter().map(|id| case(id, |_| {})).collect::<Vec<_>>();
    let import = |ids: &[&str]| build::import(cases(ids));
    assert_eq!(office.refused(CLINIC, import(&["a"])), two("owner_required", "agency"));
    office.submit(HEALTH, import(&["b", "a"])).unwrap();
    assert_eq!(office.refused(HEALTH, import(&["a", "b"])), two("case_exists", "cases"));
    office.submit(HEALTH, import(&["a", "c"])).unwrap();
    assert_eq!((office.version("case/a"), office.version("case/c")), (1, 1));
    // One that is there with other facts is not overwritten, and then nothing of the batch is taken.
    let other = vec![case("a", |f| f.sex = 2), case("d", |_| {})];
    assert_eq!(office.refused(HEALTH, build::import(other.clone())), two("case_exists", "id"));
    // But one that was revised since stays as it was revised.
    office.submit(HEALTH, revise("a", "", |f| f.sex = 0)).unwrap();
    office.submit(HEALTH, build::import(other)).unwrap();
    assert_eq!((office.case("a").facts.unwrap().sex, office.version("case/d")), (0, 1));
    let broken = vec![case("e", |_| {}), case("f", |f| f.report = None)];
    assert_eq!(office.refused(HEALTH, build::import(broken)), two("dates_invalid", "report"));
    assert!(office.value("case/e").is_none(), "all of a batch or nothing");
}

#[test]
fn an_import_is_bounded_and_in_order() {
    let mut office = Office::default();
    let raw = |cases| build::action(wire::action::Kind::Import(wire::ImportCases { cases }));
    let numbered = |count: usize| (0..count).map(|n| case(&format!("c-{n:03}"), |_| {})).collect::<Vec<_>>();
    for cases in
        [vec![], numbered(101), vec![case("b", |_| {}), case("a", |_| {})], vec![case("a", |_| {}); 2]]
    {
        assert_eq!(office.refused(HEALTH, raw(cases)), two("batch_invalid", "cases"));
    }
    office.submit(HEALTH, raw(numbered(100))).unwrap();
    assert_eq!(office.version("case/c-099"), 1);
}
