//! The index against a model that keeps whole parcels and looks at every one of them.

use hutong_ledger::hash::Hash;
use proptest::{collection::vec, option, prelude::*};

use super::*;

const PLACES: [&str; 3] = ["NAmes", "NAmes ", "OldTown"];
const IDS: [&str; 6] = ["-", "1", "10", "2", "A.b", "z"];
const NUMBERS: [&str; 3] = ["", "110108001002GB00003F00010023", "110108001002GB00004W00000000"];

/// One registration: which parcel, where, who holds, who lends, and what becomes of it.
#[derive(Clone, Debug)]
struct Registered {
    id: usize,
    place: usize,
    number: usize,
    holders: Vec<u8>,
    lenders: Vec<u8>,
    /// Left, bottom and side of a square, if it is drawn.
    square: Option<(i64, i64, i64)>,
    /// 0 deleted, 1 cancelled, 2 bytes that are no parcel, 3 retired, else current.
    fate: u8,
}

fn registered() -> impl Strategy<Value = Registered> {
    let handles = || vec(0_u8..4, 0..4);
    let square = option::weighted(0.7, (0_i64..20, 0_i64..20, 1_i64..9));
    (0..IDS.len(), 0..PLACES.len(), 0..NUMBERS.len(), handles(), handles(), square, 0_u8..12).prop_map(
        |(id, place, number, holders, lenders, square, fate)| Registered {
            id,
            place,
            number,
            holders,
            lenders,
            square,
            fate,
        },
    )
}

impl Registered {
    fn status(&self) -> Option<Status> {
        match self.fate {
            0 | 2 => None,
            1 => Some(Status::Cancelled),
            3 => Some(Status::Retired),
            _ => Some(Status::Current),
        }
    }

    fn bounds(&self) -> Option<Bounds> {
        let (x, y, side) = self.square.filter(|_| self.status() == Some(Status::Current))?;
        Some(Bounds { min: Point { x, y }, max: Point { x: x + side, y: y + side } })
    }

    fn change(&self, version: u64) -> Versioned {
        let party =
            |handle: &u8| Some(wire::Party { handle: vec![*handle; 16].into(), ..wire::Party::default() });
        let right = |handle| wire::Right { party: party(handle), ..wire::Right::default() };
        let mortgage = |handle| wire::Mortgage { lender: party(handle), ..wire::Mortgage::default() };
        let ring = |(x, y, s): (i64, i64, i64)| wire::Ring {
            coordinates: vec![x, y, x + s, y, x + s, y + s, x, y + s],
        };
        let parcel = wire::Parcel {
            status: self.status().unwrap_or_default().into(),
            unit: Some(wire::Unit {
                place: PLACES[self.place].into(),
                number: NUMBERS[self.number].into(),
                geometry: self.square.map(|square| wire::Geometry { rings: vec![ring(square)] }),
                ..wire::Unit::default()
            }),
            rights: self.holders.iter().map(right).collect(),
            mortgages: self.lenders.iter().map(mortgage).collect(),
            ..wire::Parcel::default()
        };
        let value = match self.fate {
            0 => None,
            2 => Some(vec![0xff; 9]),
            _ => Some(parcel.encode_to_vec()),
        };
        let record = IDS[self.id].parse().unwrap();
        Versioned { record, version, value: value.map(Into::into), hash: Hash::ZERO }
    }

    fn fits(&self, query: &Query) -> bool {
        let stands = |handle: &u8| query.party.is_none_or(|party| party == [*handle; 16]);
        let holds = |point: Point, bounds: Bounds| {
            (bounds.min.x..=bounds.max.x).contains(&point.x)
                && (bounds.min.y..=bounds.max.y).contains(&point.y)
        };
        self.status() == Some(query.status)
            && query.place.as_ref().is_none_or(|place| place == PLACES[self.place])
            && query.number.as_ref().is_none_or(|number| number == NUMBERS[self.number])
            && (query.party.is_none() || self.holders.iter().chain(&self.lenders).any(stands))
            && query.bounds.is_none_or(|bounds| self.bounds().is_some_and(|own| own.meets(&bounds)))
            && query.point.is_none_or(|point| self.bounds().is_some_and(|own| holds(point, own)))
    }
}

fn query() -> impl Strategy<Value = Query> {
    let status =
        prop_oneof![4 => Just(Status::Current), 1 => Just(Status::Cancelled), 1 => Just(Status::Retired)];
    let corner = || (0_i64..25, 0_i64..25).prop_map(|(x, y)| Point { x, y });
    let bounds = (corner(), corner()).prop_map(|(one, other)| Bounds::of([one, other]).unwrap());
    let sometimes = 0.3;
    (
        status,
        option::weighted(sometimes, 0..PLACES.len()),
        option::weighted(sometimes, 0_u8..5),
        option::weighted(0.2, 1..NUMBERS.len()),
        option::weighted(sometimes, bounds),
        option::weighted(sometimes, corner()),
    )
        .prop_map(|(status, place, party, number, bounds, point)| Query {
            status,
            place: place.map(|place| PLACES[place].to_owned()),
            party: party.map(|handle| [handle; 16]),
            number: number.map(|number| NUMBERS[number].to_owned()),
            bounds,
            point,
            ..Query::new(1)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn pages_find_what_a_look_at_everything_finds(
        registered in vec(registered(), 0..40),
        queries in vec(query(), 1..10),
        limit in 1_usize..8,
    ) {
        let mut view = View::default();
        let mut last = BTreeMap::new();
        for (registered, version) in registered.into_iter().zip(1..) {
            view.apply(&registered.change(version));
            last.insert(IDS[registered.id], registered);
        }
        for query in queries {
            let fits = last.iter().filter(|(_, parcel)| parcel.fits(&query));
            let expected: Vec<RecordId> = fits.map(|(id, _)| id.parse().unwrap()).collect();
            let mut found = Vec::new();
            loop {
                let query = Query { after: found.last().cloned(), limit, ..query.clone() };
                let (page, more) = view.search(&query);
                prop_assert!(page.len() <= limit);
                // More is said exactly when there is more: a full last page has no next one.
                prop_assert_eq!(more, found.len() + page.len() < expected.len());
                found.extend(page);
                if !more {
                    break;
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn a_page_may_begin_after_a_parcel_that_is_gone() {
    let mut view = View::default();
    let here = Registered {
        id: 0,
        place: 0,
        number: 0,
        holders: vec![1],
        lenders: Vec::new(),
        square: None,
        fate: 9,
    };
    for id in 0..IDS.len() {
        view.apply(&Registered { id, ..here.clone() }.change(1));
    }
    view.apply(&Registered { id: 2, fate: 0, ..here }.change(2));
    let after = Some("10".parse().unwrap());
    let query = Query { place: Some(PLACES[0].into()), after, ..Query::new(2) };
    let expected: Vec<RecordId> = ["2", "A.b"].map(|id| id.parse().unwrap()).to_vec();
    assert_eq!(view.search(&query), (expected, true));
}

/// The records beside the parcels are none.
#[test]
fn parcels_alone_are_found() {
    let mut view = View::default();
    let value = Some(wire::UnitNumber { parcel: "1".into() }.encode_to_vec().into());
    let record = "unit/110108001002GB00003F00010023".parse().unwrap();
    view.apply(&Versioned { record, version: 1, value, hash: Hash::ZERO });
    for status in [Status::Unspecified, Status::Current] {
        assert_eq!(view.search(&Query { status, ..Query::new(9) }), (Vec::new(), false));
    }
}
