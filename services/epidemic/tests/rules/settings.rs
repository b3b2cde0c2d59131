//! Districts and reporters.

use hutong_epidemic::build;
use hutong_wire::{
    prost::Message,
    v1::epidemic::{self as wire, action::Kind},
};

use crate::support::*;

fn add(codes: &[&str]) -> bytes::Bytes {
    build::add_districts(codes.iter().map(|code| ((*code).to_owned(), format!("District {code}"))))
}

fn raw(districts: Vec<(&str, &str)>) -> bytes::Bytes {
    let district = |(code, name): (&str, &str)| wire::District { code: code.into(), name: name.into() };
    let districts = districts.into_iter().map(district).collect();
    build::action(Kind::AddDistricts(wire::AddDistricts { districts }))
}

#[test]
fn districts_are_added_and_never_taken_away() {
    let mut office = Office::default();
    office.submit(HEALTH, report("before", |f| f.district = "anywhere".into())).unwrap();
    assert_eq!(office.refused(CLINIC, add(&["110105"])), two("owner_required", "agency"));
    office.submit(HEALTH, add(&["110105", "110101"])).unwrap();
    assert_eq!(office.refused(HEALTH, add(&["110101"])), two("districts_known", "districts"));
    office.submit(HEALTH, raw(vec![("110101", "Dongcheng"), ("110102", "Xicheng")])).unwrap();
    let listed = wire::Districts::decode(office.value("config/districts").unwrap()).unwrap().districts;
    let listed: Vec<_> = listed.iter().map(|d| (d.code.as_str(), d.name.as_str())).collect();
    assert_eq!(listed, [("110101", "Dongcheng"), ("110102", "Xicheng"), ("110105", "District 110105")]);
}

#[test]
fn a_case_is_in_a_known_district_or_in_none() {
    let mut office = Office::default();
    office.submit(HEALTH, add(&["110105"])).unwrap();
    office.submit(HEALTH, report("a", |_| {})).unwrap();
    office.submit(HEALTH, report("b", |f| f.district.clear())).unwrap();
    let elsewhere = |f: &mut wire::Facts| f.district = "110199".into();
    assert_eq!(office.refused(HEALTH, report("c", elsewhere)), two("district_unknown", "district"));
    assert_eq!(office.refused(HEALTH, revise("a", "", elsewhere)), two("district_unknown", "district"));
    let import = build::import(vec![case("d", elsewhere)]);
    assert_eq!(office.refused(HEALTH, import), two("district_unknown", "district"));
}

#[test]
fn lists_that_are_none_are_refused() {
    let mut office = Office::default();
    let long = "x".repeat(97);
    for districts in [
        vec![],
        vec![("b", "B"), ("a", "A")],
        vec![("a", "A"), ("a", "B")],
        vec![("A", "A")],
        vec![("", "A")],
        vec![("a", "")],
        vec![("a", "A\n")],
        vec![("a", long.as_str())],
        // The word for all districts together.
        vec![("city", "City")],
    ] {
        assert_eq!(office.refused(HEALTH, raw(districts)), two("districts_invalid", "districts"));
    }
    let codes: Vec<String> = (0..401).map(|n| format!("d{n:03}")).collect();
    let many = |count: usize| raw(codes[..count].iter().map(|code| (code.as_str(), "D")).collect());
    assert_eq!(office.refused(HEALTH, many(401)), two("districts_invalid", "districts"));
    office.submit(HEALTH, many(400)).unwrap();
    assert_eq!(office.refused(HEALTH, add(&["one-more"])), two("districts_invalid", "districts"));
}

#[test]
fn reporters_are_members_and_the_owner_names_them() {
    let mut office = Office::default();
    let set = |names: &[&str]| {
        let agencies = names.iter().map(|name| (*name).to_owned()).collect();
        build::action(Kind::SetReporters(wire::SetReporters { agencies }))
    };
    assert_eq!(office.refused(CLINIC, set(&[CLINIC])), two("owner_required", "agency"));
    for names in [&["stranger"][..], &["No Name"], &[OTHER, CLINIC], &[CLINIC, CLINIC], &[""]] {
        assert_eq!(office.refused(HEALTH, set(names)), two("reporters_invalid", "agencies"));
    }
    office.submit(HEALTH, set(&[CLINIC, OTHER])).unwrap();
    office.submit(HEALTH, set(&[])).unwrap();
}
