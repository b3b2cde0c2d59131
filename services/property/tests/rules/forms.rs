//! Short forms of what is applied for.

use bytes::Bytes;
use hutong_property::{build, geometry::Polygon};
use hutong_wire::v1::property::{self as wire, RightType, action::Kind};

use crate::support::*;

pub(crate) fn unit() -> wire::Unit {
    wire::Unit {
        place: "NAmes".into(),
        r#use: "RL".into(),
        area_centi_mm2: 9_290_304 * 31_770,
        description: "Pave street".into(),
        ..wire::Unit::default()
    }
}

/// The party of a handle, for whom an agent acts.
pub(crate) fn party(handle: u8, agent: &str) -> wire::Party {
    build::party([handle; 16], &id(agent))
}

pub(crate) fn share((numerator, denominator): (u64, u64)) -> wire::Share {
    build::share(numerator, denominator)
}

pub(crate) fn owner(handle: u8, agent: &str, of: (u64, u64)) -> wire::Holding {
    build::ownership(party(handle, agent), share(of))
}

pub(crate) fn holding(kind: RightType, handle: u8, agent: &str, of: (u64, u64)) -> wire::Holding {
    wire::Holding { r#type: kind.into(), party: Some(party(handle, agent)), share: Some(share(of)) }
}

pub(crate) fn transfer(disposals: &[(u32, (u64, u64))], acquisitions: Vec<wire::Holding>) -> Kind {
    let disposals =
        disposals.iter().map(|(right, of)| wire::Disposal { right: *right, share: Some(share(*of)) });
    Kind::Transfer(wire::Transfer {
        disposals: disposals.collect(),
        acquisitions,
        price_minor: 21_500_000,
        currency: "USD".into(),
        ..wire::Transfer::default()
    })
}

pub(crate) fn mortgage(rank: u32, handle: u8, lender: &str) -> Kind {
    Kind::Mortgage(wire::GrantMortgage {
        rank,
        amount_minor: 10_000_000,
        currency: "USD".into(),
        lender: Some(party(handle, lender)),
        no_transfer: false,
    })
}

pub(crate) fn restrict(kind: wire::RestrictionType) -> Kind {
    Kind::Restrict(wire::Restrict { r#type: kind.into(), reference: "case 7/2026".into() })
}

pub(crate) fn cancel() -> Kind {
    Kind::Cancel(wire::Cancel { reason: "merged into another parcel".into() })
}

/// A unit that is a rectangle of the map, in metres.
pub(crate) fn drawn(x: i64, y: i64, width: i64, height: i64) -> wire::Unit {
    let [x, y, w, h] = [x, y, width, height].map(|metres| metres * 1000);
    shaped(&[(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
}

/// A unit with a boundary in millimetres, whose area is stated as it is.
pub(crate) fn shaped(points: &[(i64, i64)]) -> wire::Unit {
    let coordinates = points.iter().flat_map(|(x, y)| [*x, *y]).collect();
    let geometry = wire::Geometry { rings: vec![wire::Ring { coordinates }] };
    let area = Polygon::parse(&geometry).map_or(1, |polygon| polygon.area_twice_mm2() * 50);
    wire::Unit { area_centi_mm2: u64::try_from(area).unwrap(), geometry: Some(geometry), ..unit() }
}

/// The register's keeper registers a parcel, whole to party 1 of Ann's.
pub(crate) fn first(parcel: &str, unit: wire::Unit) -> Bytes {
    build::register(parcel, unit, vec![owner(1, ANN, (1, 1))])
}

pub(crate) fn correct(unit: Option<wire::Unit>, parties: &[(u32, Option<wire::Party>)]) -> Kind {
    let parties =
        parties.iter().map(|(right, party)| wire::PartyCorrection { right: *right, party: party.clone() });
    Kind::Correct(wire::Correct {
        unit,
        parties: parties.collect(),
        reason: "typing error".into(),
        sealed: Vec::new(),
    })
}
