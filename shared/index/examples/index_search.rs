//! Measures searches by many keys over 100,000 ids, as the views of catalogue, epidemic and licensing make them:
//! `cargo run --release -p hutong-index --example index_search`.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::{collections::BTreeSet, time::Instant};

use hutong_index::{Id, Index};

const IDS: u32 = 100_000;
const SEARCHES: u32 = 2_000;
const PAGE: usize = 100;

/// What an id is found by: like a case's disease, district, age band, day and status.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    All,
    Kind(u32),
    Place(u32),
    Band(u32),
    Day(u32),
    Rare,
}

/// Makes the keys of a search of its number.
type Wanted = fn(u32) -> Vec<Key>;

/// The same numbers each time, without order.
fn mixed(number: u32, of: u32) -> u32 {
    (number.wrapping_mul(2_654_435_761) >> 7) % of
}

fn keys(number: u32) -> BTreeSet<Key> {
    let mut keys = BTreeSet::from([
        Key::All,
        Key::Kind(number % 5),
        Key::Place(mixed(number, 331)),
        Key::Band(mixed(number ^ 0x5555, 18)),
        Key::Day(number / 300),
    ]);
    if number % 50_000 == 7 {
        keys.insert(Key::Rare);
    }
    keys
}

fn main() {
    let mut index = Index::default();
    let began = Instant::now();
    for number in 0..IDS {
        index.put(&Id::from(format!("{number:08}")), keys(number));
    }
    println!("{IDS} ids indexed in {:.2?}", began.elapsed());
    let searches: [(&str, Wanted); 6] = [
        ("all, from anywhere", |_| vec![Key::All]),
        ("a kind", |n| vec![Key::Kind(n % 5)]),
        ("a kind in a place", |n| vec![Key::Kind(n % 5), Key::Place(n % 331)]),
        ("a place and a band", |n| vec![Key::Place(n % 331), Key::Band(n % 18)]),
        ("four keys", |n| vec![Key::All, Key::Kind(n % 5), Key::Place(n % 331), Key::Band(n % 18)]),
        ("a rare key among common ones, none fits", |n| {
            vec![Key::All, Key::Kind(n % 5), Key::Rare, Key::Day(1)]
        }),
    ];
    for (name, of) in searches {
        let mut taken: Vec<f64> =
            (0..SEARCHES).map(|n| search(&index, &of(n).into_iter().collect(), n)).collect();
        taken.sort_by(f64::total_cmp);
        let at = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize];
        println!("{name:<42} p50 {:>8.3} ms   p99 {:>8.3} ms", at(0.5), at(0.99));
    }
}

/// What one page takes, in milliseconds.
fn search(index: &Index<Key>, keys: &BTreeSet<Key>, number: u32) -> f64 {
    let after = format!("{:08}", mixed(number, IDS));
    let began = Instant::now();
    let page = index.search(keys, Some(&after), PAGE);
    let taken = began.elapsed().as_secs_f64() * 1000.0;
    assert!(page.ids.len() <= PAGE);
    taken
}
