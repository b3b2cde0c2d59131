//! Alerts: each raised once, by the owner, of a day that has come.

use hutong_epidemic::build;
use hutong_wire::{
    prost::Message,
    v1::epidemic::{self as wire, Method, action::Kind},
};

use crate::support::*;

fn alert() -> wire::Alert {
    wire::Alert {
        disease: "dengue".into(),
        district: "110105".into(),
        day: TODAY,
        method: Method::C2.into(),
        statistic_micro: 6_480_741,
        count: 25,
        raised_ms: 0,
    }
}

fn raw(alerts: Vec<wire::Alert>) -> bytes::Bytes {
    build::action(Kind::Raise(wire::RaiseAlerts { alerts }))
}

#[test]
fn an_alert_is_raised_once() {
    let mut office = Office::default();
    office.submit(HEALTH, build::raise(vec![alert()])).unwrap();
    let stored = wire::Alert::decode(office.value("alert/dengue/110105/2023-11-14/c2").unwrap()).unwrap();
    assert_eq!(stored, wire::Alert { raised_ms: time_ms(1), ..alert() });
    assert_eq!(office.refused(HEALTH, build::raise(vec![alert()])), two("alert_exists", "alerts"));
    // With another statistic it is the same alert; the new ones beside it are raised.
    let again = wire::Alert { statistic_micro: 1, ..alert() };
    let city = wire::Alert { district: String::new(), ..alert() };
    office.submit(HEALTH, build::raise(vec![again, city])).unwrap();
    assert_eq!(office.version("alert/dengue/110105/2023-11-14/c2"), 1);
    assert_eq!(office.version("alert/dengue/city/2023-11-14/c2"), 1);
}

#[test]
fn alerts_that_are_none_are_refused() {
    let mut office = Office::default();
    assert_eq!(office.refused(CLINIC, build::raise(vec![alert()])), two("owner_required", "agency"));
    type Change = fn(&mut wire::Alert);
    let broken: [(&str, Change); 12] = [
        ("disease", |a| a.disease = "a/b".into()),
        ("disease", |a| a.disease.clear()),
        ("district", |a| a.district = "a/b".into()),
        ("district", |a| a.district = "city".into()),
        ("day", |a| a.day = i32::MAX),
        ("day", |a| a.day = i32::MIN),
        ("day", |a| a.day = TODAY + 400),
        ("method", |a| a.method = 0),
        ("method", |a| a.method = 4),
        ("raised_ms", |a| a.raised_ms = 1),
        ("statistic_micro", |a| a.count = 0),
        ("statistic_micro", |a| a.statistic_micro = -1),
    ];
    for (field, change) in broken {
        let mut alert = alert();
        change(&mut alert);
        assert_eq!(office.refused(HEALTH, raw(vec![alert])), two("alert_invalid", field));
    }
    let numbered =
        |count: i32| (0..count).map(|n| wire::Alert { day: TODAY - 200 + n, ..alert() }).collect::<Vec<_>>();
    let turned: Vec<_> = numbered(2).into_iter().rev().collect();
    for alerts in [vec![], numbered(101), turned, vec![alert(), alert()]] {
        assert_eq!(office.refused(HEALTH, raw(alerts)), two("batch_invalid", "alerts"));
    }
    office.submit(HEALTH, raw(numbered(100))).unwrap();
}
