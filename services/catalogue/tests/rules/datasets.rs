//! Publishing and withdrawing.

use hutong_catalogue::{build, default_datasets};
use hutong_wire::v1::catalogue::{self as wire, SharingClass, action::Kind};

use crate::support::*;

#[test]
fn a_dataset_has_the_times_of_its_blocks() {
    let mut office = Office::default();
    office.submit(&[LAND], publish(|_| ())).unwrap();
    let first = office.dataset("parcels");
    let times = [first.issued_ms, first.modified_ms, first.withdrawn_ms];
    assert_eq!(times, [time_ms(1), time_ms(1), 0]);
    let stated = wire::Dataset { issued_ms: 0, modified_ms: 0, ..first };
    assert_eq!(stated, dataset());

    office.submit(&[LAND], publish(|dataset| dataset.title = "Titles".into())).unwrap();
    let second = office.dataset("parcels");
    assert_eq!(second.title, "Titles");
    assert_eq!([second.issued_ms, second.modified_ms], [time_ms(1), time_ms(2)]);

    office.submit(&[LAND], build::withdraw("parcels")).unwrap();
    let third = office.dataset("parcels");
    assert_eq!(
        [third.issued_ms, third.modified_ms, third.withdrawn_ms],
        [time_ms(1), time_ms(3), time_ms(3)]
    );
    let again = office.refused(&[LAND], build::withdraw("parcels"));
    assert_eq!(again, ("dataset_withdrawn".into(), "id".into()));

    office.submit(&[LAND], publish(|_| ())).unwrap();
    let back = office.dataset("parcels");
    assert_eq!([back.issued_ms, back.modified_ms, back.withdrawn_ms], [time_ms(1), time_ms(5), 0]);
}

#[test]
fn the_owner_of_the_domain_signs() {
    let mut office = Office::default();
    for others in [&[JUSTICE][..], &[BUREAU, HEALTH, JUSTICE]] {
        let refused = office.refused(others, publish(|_| ()));
        assert_eq!(refused, ("owner_required".into(), "signers".into()));
    }
    let unknown = office.refused(&ALL, publish(|dataset| dataset.domain = "weather".into()));
    assert_eq!(unknown, ("unknown_domain".into(), "domain".into()));
    let odd = office.refused(&ALL, publish(|dataset| dataset.domain = "No Domain".into()));
    assert_eq!(odd, ("unknown_domain".into(), "domain".into()));
    // Who else signs is no matter.
    office.submit(&[JUSTICE, LAND], publish(|_| ())).unwrap();
    let refused = office.refused(&[JUSTICE], build::withdraw("parcels"));
    assert_eq!(refused, ("owner_required".into(), "signers".into()));
}

#[test]
fn nobody_takes_over_anothers_dataset() {
    let mut office = Office::default();
    office.submit(&[LAND], publish(|_| ())).unwrap();
    let theirs = || publish(|dataset| dataset.domain = "health".into());
    assert_eq!(office.refused(&[HEALTH], theirs()), ("dataset_taken".into(), "id".into()));
    assert_eq!(office.refused(&ALL, theirs()), ("dataset_taken".into(), "id".into()));
    office.submit(&[LAND], build::withdraw("parcels")).unwrap();
    assert_eq!(office.refused(&[HEALTH], theirs()).0, "dataset_taken", "withdrawn ids stay its own");
}

#[test]
fn a_domain_that_changes_hands_takes_its_datasets_along() {
    let mut office = Office::default();
    office.submit(&[LAND], publish(|_| ())).unwrap();
    office.epoch.domains[2].owner = id(JUSTICE);
    assert_eq!(office.refused(&[LAND], publish(|_| ())).0, "owner_required");
    office.submit(&[JUSTICE], build::withdraw("parcels")).unwrap();
}

#[test]
fn what_was_never_published_is_unknown() {
    let mut office = Office::default();
    assert_eq!(office.refused(&[LAND], build::withdraw("parcels")), ("dataset_unknown".into(), "id".into()));
    assert_eq!(office.refused(&[LAND], build::withdraw("a/b")), ("dataset_invalid".into(), "id".into()));
}

#[test]
fn a_dataset_is_well_formed() {
    let mut office = Office::default();
    let long = |bytes: usize| "x".repeat(bytes);
    type Change = Box<dyn FnOnce(&mut wire::Dataset)>;
    let mut broken: Vec<(&str, Change)> = Vec::new();
    for bad in [String::new(), "A".into(), "a_b".into(), "a/b".into(), "..".into(), "é".into(), long(65)] {
        broken.push(("id", Box::new(|d| d.id = bad)));
    }
    for bad in [String::new(), "a b".into(), "a/b".into(), "案".into(), long(65)] {
        broken.push(("record_type", Box::new(|d| d.record_type = bad)));
    }
    for bad in [String::new(), " ".into(), "a ".into(), "a\nb".into(), "a\0".into(), long(257)] {
        broken.push(("title", Box::new(|d| d.title = bad)));
    }
    for bad in [String::new(), " \n ".into(), "a\rb".into(), "\u{1b}[31m".into(), long(4097)] {
        broken.push(("description", Box::new(|d| d.description = bad)));
    }
    let fields = [
        vec![],
        vec![field("", false)],
        vec![field("a b", false)],
        vec![field("area", false), field("area", true)],
        // The name of a sealed field enters commitments: it has one form.
        vec![field("birthDate", true)],
        vec![wire::Field { description: "a\nb".into(), ..field("area", false) }],
        vec![wire::Field { description: long(257), ..field("area", false) }],
        (0..65).map(|n| field(&format!("f{n}"), false)).collect(),
    ];
    for bad in fields {
        broken.push(("fields", Box::new(|d| d.fields = bad)));
    }
    for bad in [0, 4, -1] {
        broken.push(("sharing", Box::new(move |d| d.sharing = bad)));
    }
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let many = (0..33).map(|n| n.to_string()).collect();
    for bad in [words(&[""]), words(&["a", "b", "a"]), words(&["a\tb"]), vec![long(65)], many] {
        broken.push(("keywords", Box::new(|d| d.keywords = bad)));
    }
    let iris = [
        "x",
        "ftp://x",
        "http://",
        "javascript:alert(1)",
        "http://a b",
        "https://a\">",
        "https://a/\\",
        "https://é",
    ];
    for bad in iris {
        broken.push(("theme", Box::new(|d| d.theme = bad.into())));
    }
    let paths =
        ["", "x", "//evil.example", "/a b", "/a/../b", "/.", "/a?b", "/a#b", "/%2e", "http://evil.example/"];
    for bad in paths {
        broken.push(("endpoint", Box::new(|d| d.endpoint = bad.into())));
    }
    broken.push(("endpoint", Box::new(move |d| d.endpoint = format!("/{}", long(256)))));
    for bad in ["json", "/", "a/", "/a", "a/b/c", "a/b; charset=utf-8", "a/\u{e9}"] {
        broken.push(("media_type", Box::new(|d| d.media_type = bad.into())));
    }
    broken.push(("modified_ms", Box::new(|d| d.issued_ms = 1)));
    broken.push(("modified_ms", Box::new(|d| d.modified_ms = 1)));
    broken.push(("modified_ms", Box::new(|d| d.withdrawn_ms = 1)));
    for (at, change) in broken {
        let mut bad = dataset();
        change(&mut bad);
        let refused = office.refused(&[LAND], build::publish(bad.clone()));
        assert_eq!(refused, ("dataset_invalid".into(), at.to_owned()), "{bad:?}");
    }
    let missing = build::action(Kind::PublishDataset(wire::PublishDataset { dataset: None }));
    assert_eq!(office.refused(&[LAND], missing), ("dataset_invalid".into(), "dataset".into()));
}

#[test]
fn the_largest_dataset_fits() {
    let mut office = Office::default();
    let text = |bytes: usize| "x".repeat(bytes);
    let largest = publish(|dataset| {
        dataset.id = text(64);
        dataset.record_type = text(64);
        dataset.title = text(256);
        dataset.description = text(4096);
        dataset.fields = (10..74)
            .map(|n| wire::Field { name: format!("{n}{}", text(62)), sealed: true, description: text(256) })
            .collect();
        dataset.keywords = (10..42).map(|n| format!("{n}{}", text(62))).collect();
        dataset.theme = format!("https://{}", text(248));
        dataset.endpoint = format!("/{}", text(255));
        dataset.media_type = format!("{}/{}", text(63), text(63));
        dataset.sharing = SharingClass::NotShared.into();
    });
    office.submit(&[LAND], largest).unwrap();
    let least = publish(|dataset| {
        dataset.keywords.clear();
        dataset.theme.clear();
        dataset.media_type.clear();
        dataset.endpoint = "/".into();
    });
    office.submit(&[LAND], least).unwrap();
}

#[test]
fn the_defaults_are_published_by_the_owners_of_their_domains() {
    let mut office = Office::default();
    for (domain, dataset) in default_datasets() {
        let Some(rules) = office.epoch.rules(domain) else { continue };
        let owner = rules.owner;
        office.submit(&[owner.as_str()], build::publish(dataset)).unwrap();
    }
    assert_eq!(office.dataset("property-parcels").domain, "property");
}
