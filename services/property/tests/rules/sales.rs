//! The open data of property sales: the bundled file reads whole, broken rows are named by line, the rest reads.

use hutong_ledger::{entry::Outcome, execute::Records};
use hutong_property::sales::{self, Agents, NotSales, Sale};

use crate::support::*;

const HEADER: &str = "PID,price,area,MS.Zoning,Lot.Area,Street,Neighborhood,Bldg.Type,House.Style,Year.Built,Mo.Sold,\
                      Yr.Sold,Sale.Type,Sale.Condition";
const GOOD: &str = "526301100,215000,1656,RL,31770,Pave,NAmes,1Fam,1Story,1960,5,2010,WD,Normal";

fn agents() -> Agents {
    Agents { sellers: id(LAND), buyers: id(BANK) }
}

fn bundled() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/property/ames-sales.csv")).unwrap()
}

fn bytes(sales: &[Sale]) -> Vec<([u8; 16], Vec<u8>)> {
    sales.iter().flat_map(|sale| sale.steps().map(|(nonce, action)| (nonce, action.to_vec()))).collect()
}

#[test]
fn every_bundled_sale_is_registered_and_transferred() {
    let (sales, errors) = sales::read(&bundled(), agents()).unwrap();
    assert_eq!((sales.len(), errors), (2930, Vec::new()));
    let steps = sales.iter().flat_map(|sale| {
        let [(first, registration), (second, sold)] = sale.steps();
        [transaction(&[LAND], first, registration.clone()), transaction(&[LAND, BANK], second, sold.clone())]
    });
    let steps: Vec<_> = steps.collect();
    let mut records = Records::new();
    let done = execute(1, &steps, &mut records);
    done.executed.iter().for_each(check);
    let applied =
        done.executed.iter().filter(|executed| executed.opening.outcome == Outcome::Applied).count();
    assert_eq!((applied, done.executed.len(), records.len()), (5860, 5860, 2930));
    let office = Office { records, height: 1 };
    let parcel = office.parcel(P).unwrap();
    assert_eq!((parcel.last_price_minor, parcel.last_registration.as_str()), (21_500_000, "transfer"));
    let unit = parcel.unit.unwrap();
    assert_eq!((unit.place.as_str(), unit.r#use.as_str()), ("NAmes", "RL"));
    // 31,770 square feet.
    assert_eq!(unit.area_centi_mm2, 31_770 * 9_290_304);
    assert_eq!(unit.description, "Pave street; 1Fam, 1Story, built 1960; sold 2010-05 (WD, Normal)");
    assert_eq!(parcel.rights[0].party.as_ref().unwrap().agent, BANK);
}

#[test]
fn reading_twice_gives_the_same() {
    let file = bundled();
    let read = || bytes(&sales::read(&file, agents()).unwrap().0);
    let first = read();
    assert!(first == read(), "two readings differ");
    let mut nonces: Vec<_> = first.iter().map(|(nonce, _)| *nonce).collect();
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), 5860, "each transaction has its own nonce");
}

#[test]
fn how_lines_end_is_no_matter() {
    let read = |text: String| bytes(&sales::read(text.as_bytes(), agents()).unwrap().0);
    let unix = read(format!("{HEADER}\n{GOOD}\n"));
    assert_eq!(unix.len(), 2);
    assert_eq!(unix, read(format!("{HEADER}\r\n{GOOD}\r\n")));
    assert_eq!(unix, read(format!("\u{feff}{HEADER}\n\n{GOOD}")));
    let quoted = HEADER.split(',').map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
    assert_eq!(unix, read(format!("{quoted}\n\"526301100\"{}\n", &GOOD[9..])));
}

/// A row with one field replaced.
fn with(column: &str, value: &str) -> String {
    let place = HEADER.split(',').position(|name| name == column).unwrap();
    let mut fields: Vec<&str> = GOOD.split(',').collect();
    fields[place] = value;
    fields.join(",")
}

#[test]
fn broken_rows_are_named_and_the_rest_reads() {
    let broken = [
        ("PID", with("PID", "")),
        ("PID", with("PID", "no spaces")),
        ("price", with("price", "cheap")),
        ("price", with("price", "-1")),
        ("price", with("price", "0")),
        ("price", with("price", "99999999999999999999999")),
        ("price", with("price", "12.5")),
        ("Lot.Area", with("Lot.Area", "18446744073709551615")),
        ("Neighborhood", with("Neighborhood", " ")),
        ("unit.place", with("Neighborhood", &"x".repeat(200))),
        ("Street", with("Street", "")),
        ("row", GOOD[..20].to_owned()),
        ("row", format!("{GOOD},one,two")),
        ("row", "526301100".to_owned()),
        ("row", with("Street", "\"never closed")),
    ];
    let mut file = format!("{HEADER}\n").into_bytes();
    for (row, place) in broken.iter().map(|(_, row)| row).zip(1..) {
        let good = GOOD.replace("526301100", &format!("parcel-{place}"));
        file.extend_from_slice(format!("{row}\n{good}\n").as_bytes());
    }
    // And one that is not UTF-8.
    file.extend_from_slice(&with("Street", "\u{0}").replace('\u{0}', "?").into_bytes());
    let question = file.iter().rposition(|byte| *byte == b'?').unwrap();
    file[question] = 0xff;
    let (sales, errors) = sales::read(&file, agents()).unwrap();
    assert_eq!(sales.len(), broken.len());
    assert!(sales.iter().zip(1..).all(|(sale, place)| sale.parcel == format!("parcel-{place}")));
    assert!(sales.iter().zip(1..).all(|(sale, place)| sale.line == 2 * place + 1));
    let found: Vec<_> = errors.iter().map(|error| (error.line, error.field.as_str())).collect();
    let mut expected: Vec<_> =
        broken.iter().zip(1..).map(|((field, _), place)| (2 * place, *field)).collect();
    expected.push((2 * broken.len() as u64 + 2, "Street"));
    assert_eq!(found, expected);
    assert!(errors.last().unwrap().to_string().contains("not UTF-8"), "{errors:?}");
}

#[test]
fn another_file_is_not_sales() {
    let missing = |file: &[u8]| sales::read(file, agents()).unwrap_err();
    assert_eq!(missing(b""), NotSales { missing: "PID" });
    assert_eq!(missing(b"\xff\xfe\x00"), NotSales { missing: "PID" });
    assert_eq!(missing(b"a,b,c\n1,2,3\n"), NotSales { missing: "PID" });
    let renamed = HEADER.replace("Lot.Area", "Lot Area");
    assert_eq!(missing(renamed.as_bytes()), NotSales { missing: "Lot.Area" });
    assert_eq!(missing(b"\"PID,price\n"), NotSales { missing: "PID" });
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)) {
        let _ = sales::read(&bytes, agents());
        let rows = [HEADER.as_bytes(), b"\n", &bytes[..], b"\n", GOOD.as_bytes(), b"\n"].concat();
        let (sales, _) = sales::read(&rows, agents()).unwrap();
        // Whatever stands before it, the good row reads.
        proptest::prop_assert!(sales.last().is_some_and(|sale| sale.parcel == P));
    }
}
