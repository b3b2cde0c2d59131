//! The index against brute force.

use hutong_ledger::{contract::Change, id::RecordId};
use proptest::{collection::vec, prelude::*};

use super::*;

/// One registration: which site, where, of what type, and what becomes of it.
#[derive(Clone, Debug)]
struct Registered {
    id: u8,
    lat_e7: i64,
    lon_e7: i64,
    kind: i32,
    free: Option<u32>,
    /// 0 deleted, 1 retired, else standing.
    fate: u8,
}

fn registered() -> impl Strategy<Value = Registered> {
    let near_zero = -20_000_i64..20_000;
    // Around a city, at the date line, and at a pole.
    let place = prop_oneof![
        (near_zero.clone(), near_zero.clone()).prop_map(|(a, b)| (480_000_000 + a * 10, 90_000_000 + b * 10)),
        (near_zero.clone(), near_zero.clone()).prop_map(|(a, b)| (
            a * 10,
            if b < 0 { -1_800_000_000 - b * 10 } else { 1_800_000_000 - b * 10 }
        )),
        (0_i64..20_000, -1_800_000_000_i64..=1_800_000_000).prop_map(|(a, b)| (900_000_000 - a * 10, b)),
    ];
    (0_u8..12, place, 1..6_i32, proptest::option::of(0_u32..3), 0_u8..9).prop_map(
        |(id, (lat_e7, lon_e7), kind, free, fate)| Registered { id, lat_e7, lon_e7, kind, free, fate },
    )
}

impl Registered {
    fn name(&self) -> String {
        if self.id.is_multiple_of(2) { format!("a:{}", self.id) } else { format!("b{}", self.id) }
    }

    fn change(&self, version: u64) -> Versioned {
        let record: RecordId = format!("site/{}", self.name()).parse().unwrap();
        let (source, source_uid) =
            if self.id.is_multiple_of(2) { ("a".into(), self.id.to_string()) } else { Default::default() };
        let site = wire::Site {
            source,
            source_uid,
            lat_e7: self.lat_e7,
            lon_e7: self.lon_e7,
            r#type: self.kind,
            capacity: 9,
            retired_ms: u64::from(self.fate == 1),
            ..wire::Site::default()
        };
        let change =
            if self.fate == 0 { Change::delete(record) } else { Change::put(record, site.encode_to_vec()) };
        Versioned::new(crate::domain(), &[0; 16], change, version)
    }
}

/// By the haversine, apart from what the view does.
fn haversine_m(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (lat, lon) = ((b.0 - a.0).to_radians(), (b.1 - a.1).to_radians());
    let h = (lat / 2.0).sin().powi(2)
        + a.0.to_radians().cos() * b.0.to_radians().cos() * (lon / 2.0).sin().powi(2);
    2.0 * geo::EARTH_RADIUS_M * h.sqrt().min(1.0).asin()
}

proptest! {
    #[test]
    fn near_finds_what_brute_force_finds(
        all in vec(registered(), 0..40),
        from in registered(),
        radius_m in 1.0..50_000.0_f64,
        free in proptest::option::of(0_u32..3),
        kind in proptest::option::of(1..6_i32),
        limit in 1_usize..20,
    ) {
        let mut view = View::default();
        let mut model: BTreeMap<String, Registered> = BTreeMap::new();
        let mut version = 0;
        for each in &all {
            version += 1;
            view.apply(&each.change(version));
            if each.fate > 1 {
                model.insert(each.name(), each.clone());
            } else {
                model.remove(&each.name());
            }
        }
        let mut lives: BTreeMap<String, u32> = BTreeMap::new();
        for each in &all {
            if let Some(free) = each.free {
                lives.insert(each.name(), free);
                view.set_live(Arc::new(Update {
                    site: each.name(),
                    updated_at_ms: 1,
                    status: OpeningStatus::Open,
                    capacity: Some(9),
                    free: Some(free),
                    spots: Vec::new(),
                }));
            }
        }
        prop_assert_eq!(view.len(), model.len());
        prop_assert_eq!(view.places.size(), model.len());
        let here = (geo::degrees(from.lat_e7), geo::degrees(from.lon_e7));
        let kind = kind.map(|kind| SiteType::try_from(kind).unwrap());
        let near = Near { lat: here.0, lon: here.1, radius_m, free, open: false, kind, purpose: None, limit };
        let found = view.near(&near);
        let mut expected: Vec<(f64, String)> = model
            .values()
            .map(|each| (haversine_m(here, (geo::degrees(each.lat_e7), geo::degrees(each.lon_e7))), each))
            .filter(|(distance, each)| {
                let enough = free.is_none_or(|free| lives.get(&each.name()).is_some_and(|known| *known >= free));
                // Rounding decides at the very edge.
                *distance <= radius_m - 1e-3 && enough && kind.is_none_or(|kind| each.kind == kind as i32)
            })
            .map(|(distance, each)| (distance, each.name()))
            .collect();
        expected.sort_by(|a, b| a.0.total_cmp(&b.0));
        prop_assert!(found.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        prop_assert!(found.iter().all(|(distance, _)| *distance <= radius_m));
        // The same distances in the same order; among equals any.
        let wanted = expected.len().min(limit);
        prop_assert!(found.len() >= wanted);
        for ((distance, _), (expected, _)) in found.iter().zip(&expected) {
            prop_assert!((distance - expected).abs() < 1e-2, "{} {}", distance, expected);
        }
    }

    #[test]
    fn pages_put_together_are_the_whole(all in vec(registered(), 0..40), limit in 1_usize..5, of_source: bool) {
        let mut view = View::default();
        let mut model = std::collections::BTreeSet::new();
        for (each, version) in all.iter().zip(1..) {
            view.apply(&each.change(version));
            if each.fate > 1 { model.insert(each.name()) } else { model.remove(&each.name()) };
        }
        let source = of_source.then_some("a");
        let wanted: Vec<String> = model.into_iter().filter(|name| !of_source || name.starts_with("a:")).collect();
        let mut found = Vec::new();
        loop {
            let after: Option<String> = found.last().cloned();
            let (page, more) = view.list(source, after.as_deref(), limit);
            prop_assert!(page.len() <= limit);
            found.extend(page.iter().map(|standing| {
                let site = &standing.site;
                let named = if site.source.is_empty() { None } else { Some(format!("{}:{}", site.source, site.source_uid)) };
                named.unwrap_or_else(|| wanted.iter().find(|n| view.get(n).is_some_and(|s| Arc::ptr_eq(&s.site, site))).cloned().unwrap_or_default())
            }));
            if !more {
                break;
            }
        }
        prop_assert_eq!(found, wanted);
    }
}

#[test]
fn older_or_impossible_occupancy_is_refused() {
    let mut view = View::default();
    let site = Registered { id: 2, lat_e7: 1, lon_e7: 1, kind: 4, free: None, fate: 2 };
    view.apply(&site.change(1));
    let update = |updated_at_ms, free| Update {
        site: "a:2".into(),
        updated_at_ms,
        status: OpeningStatus::Open,
        capacity: None,
        free: Some(free),
        spots: Vec::new(),
    };
    assert_eq!(view.check(&update(5, 3)), Ok(true));
    view.set_live(Arc::new(update(5, 3)));
    assert_eq!(view.check(&update(5, 3)), Ok(false), "it says what is known");
    assert_eq!(view.check(&update(5, 4)), Ok(true));
    assert_eq!(view.check(&update(4, 3)).unwrap_err().code, "stale_update");
    // The site has 9.
    assert_eq!(view.check(&update(6, 10)).unwrap_err().code, "free_above_capacity");
    let elsewhere = Update { site: "a:4".into(), ..update(6, 1) };
    assert_eq!(view.check(&elsewhere).unwrap_err().code, "site_unknown");
}
