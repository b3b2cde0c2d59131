//! The open line list of dengue: the bundled file reads whole, broken rows are named by line, the rest reads.

use std::collections::BTreeSet;

use hutong_epidemic::import::{self, NotLineList, RowError, actions, districts, read};
use hutong_ledger::{entry::Outcome, execute::Records};
use hutong_wire::{
    prost::Message,
    v1::epidemic::{self as wire, Origin},
};

use crate::support::*;

const HEADER: &str = "Date_Onset,Date_Confirmation,Date_Notification,Sex,Age_Group,County_living,Township_living,\
                      Imported,Country_infected,Number_of_confirmed_cases,Serotype";
const GOOD: &str = "2002/01/02,,2002/01/03,F,5-9,Kaohsiung City,Qianzhen Dist.,N,TAIWAN,1,DENV2";

fn bundled(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../data/epidemic/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn every_bundled_case_is_on_the_ledger_and_a_second_load_doubles_none() {
    let file = bundled("dengue-taiwan-2002.csv");
    let prepared = actions(&file).unwrap();
    assert_eq!(prepared.broken_rows, []);
    // 5,372 rows, of which one stands for two cases: districts first, then 54 batches.
    assert_eq!((prepared.cases, prepared.actions.len()), (5373, 55));
    let steps: Vec<_> =
        prepared.actions.iter().map(|(nonce, action)| transaction(HEALTH, *nonce, action.clone())).collect();
    let mut records = Records::new();
    let done = execute(1, &steps, &mut records);
    done.executed.iter().for_each(|executed| check(executed, time_ms(1)));
    assert!(done.executed.iter().all(|executed| executed.opening.outcome == Outcome::Applied));
    let cases: Vec<wire::Case> = records
        .iter()
        .filter(|(key, _)| key.record.as_str().starts_with("case/"))
        .map(|(_, record)| wire::Case::decode(record.clone().unwrap().value.unwrap()).unwrap())
        .collect();
    assert_eq!(cases.len(), 5373);
    let imported =
        cases.iter().filter(|case| case.facts.as_ref().unwrap().origin() == Origin::Imported).count();
    assert!((52..=53).contains(&imported), "{imported}");
    let again = execute(2, &steps, &mut records);
    let codes: BTreeSet<_> =
        again.executed.iter().filter_map(|executed| executed.opening.outcome.code()).collect();
    assert_eq!(codes, BTreeSet::from(["case_exists", "districts_known"]));
    assert!(again.executed.iter().all(|executed| executed.changes.is_empty()));
}

#[test]
fn reading_twice_gives_the_same() {
    let file = bundled("dengue-taiwan-2002.csv");
    let first = actions(&file).unwrap().actions;
    assert!(first == actions(&file).unwrap().actions, "two readings differ");
    let nonces: BTreeSet<_> = first.iter().map(|(nonce, _)| *nonce).collect();
    assert_eq!(nonces.len(), first.len(), "each transaction has its own nonce");
}

#[test]
fn a_row_becomes_what_it_says() {
    let file =
        format!("\u{feff}{HEADER}\r\n{GOOD}\r\n\r\n2002/02/01,2006/03/31,2002/02/03,M,3,,,Y,THAILAND,2,\r\n");
    let (rows, errors) = read(file.as_bytes()).unwrap();
    assert_eq!((rows.len(), errors.len()), (2, 0));
    assert_eq!((rows[0].line, rows[0].district.as_str()), (2, "kaohsiung-city.qianzhen-dist"));
    assert_eq!(rows[0].district_name, "Kaohsiung City / Qianzhen Dist.");
    let facts = &rows[1].facts;
    assert_eq!(
        (facts.age_band.as_str(), facts.district.as_str(), facts.origin()),
        ("0-4", "", Origin::Imported)
    );
    assert_eq!((rows[1].cases, rows[1].line), (2, 4));
    assert_eq!(facts.report, hutong_epidemic::day::parse("2002-02-03"));
    assert_eq!(facts.diagnosis, hutong_epidemic::day::parse("2006-03-31"));
    // The same row three times is three cases.
    let file = format!("{HEADER}\n{GOOD}\n{GOOD}\n{GOOD}\n");
    let prepared = actions(file.as_bytes()).unwrap();
    assert_eq!(prepared.cases, 3);
    let mut office = Office::default();
    for (_, action) in prepared.actions {
        office.submit(HEALTH, action).unwrap();
    }
    assert_eq!(office.records.keys().filter(|key| key.record.as_str().starts_with("case/")).count(), 3);
}

#[test]
fn broken_rows_are_told_and_the_rest_is_read() {
    let with = |from: &str, to: &str| GOOD.replacen(from, to, 1);
    let broken = [
        ("Date_Onset", with("2002/01/02", "2 January")),
        ("Date_Onset", with("2002/01/02", "2002/02/30")),
        ("Date_Onset", with("2002/01/02", "2002/01/04")),
        ("Date_Notification", with("2002/01/03", "")),
        ("Date_Confirmation", with(",,", ",2001/12/31,")),
        ("Sex", with(",F,", ",X,")),
        ("Age_Group", with("5-9", "5-8")),
        ("Imported", with(",N,", ",,")),
        ("Number_of_confirmed_cases", with(",1,", ",0,")),
        ("Number_of_confirmed_cases", with(",1,", ",101,")),
        ("Number_of_confirmed_cases", with(",1,", ",-1,")),
        ("Township_living", with("Qianzhen Dist.", &"x".repeat(60))),
        ("Township_living", with("Kaohsiung City,Qianzhen Dist.", "?,")),
        ("row", GOOD[..20].to_owned()),
        ("row", format!("{GOOD},more")),
        ("row", with("F", "\"F")),
    ];
    let mut file = format!("{HEADER}\n");
    for (_, row) in &broken {
        file.push_str(&format!("{row}\n{GOOD}\n"));
    }
    let (rows, errors) = read(file.as_bytes()).unwrap();
    assert_eq!(rows.len(), broken.len());
    let found: Vec<_> = errors.iter().map(|error| (error.line, error.field.as_str())).collect();
    let expected: Vec<_> = broken.iter().zip(1..).map(|((field, _), place)| (2 * place, *field)).collect();
    assert_eq!(found, expected);
    let shown = RowError { line: 7, field: "Sex".into(), reason: "odd".into() }.to_string();
    assert_eq!(shown, "line 7, Sex: odd");
}

#[test]
fn another_file_is_no_line_list() {
    let missing = |file: &[u8]| read(file).unwrap_err();
    assert_eq!(missing(b""), NotLineList { missing: "Date_Onset" });
    assert_eq!(missing(b"\xff\xfe\x00"), NotLineList { missing: "Date_Onset" });
    assert_eq!(missing(HEADER.replace("Imported", "Origin").as_bytes()), NotLineList { missing: "Imported" });
    assert!(actions(b"a,b\n1,2\n").is_err());
}

#[test]
fn the_districts_of_beijing_can_be_set() {
    let listed = districts(&bundled("beijing-districts.csv")).unwrap();
    assert_eq!(listed.len(), 16);
    assert_eq!(listed[0], ("110101".to_owned(), "东城区".to_owned()));
    let mut office = Office::default();
    office.submit(HEALTH, hutong_epidemic::build::add_districts(listed)).unwrap();
    office.submit(HEALTH, report("a", |_| {})).unwrap();
    assert_eq!(import::districts(b"a,b\n1,2\n"), None);
    assert_eq!(import::districts(b"code,name\n1\n"), None);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)) {
        let _ = actions(&bytes);
        let rows = [HEADER.as_bytes(), b"\n", &bytes[..], b"\n", GOOD.as_bytes(), b"\n"].concat();
        let (rows, _) = read(&rows).unwrap();
        // Whatever stands before it, the good row reads.
        proptest::prop_assert!(rows.last().is_some_and(|row| row.district == "kaohsiung-city.qianzhen-dist"));
    }
}
