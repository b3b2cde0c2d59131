//! Every code that an answer may carry has a page in docs/errors, and every page has a code.

use std::{collections::BTreeMap, fs};

use hutong_ledger::{contract::Refusal, transaction::Void};
use hutong_peer::ingest::Code;
use hutong_test_architecture::{Source, root, sources};

/// Before a code, in the code.
const CALLS: [&str; 3] = ["Problem::new(", "Self::new(", "Refusal::new("];
/// Voids are told in receipts and metrics under these names.
const VOIDS: [Void; 7] = [
    Void::Malformed,
    Void::WrongChain,
    Void::WrongDomain,
    Void::Expired,
    Void::TooFarAhead,
    Void::Repeat,
    Void::Unsigned,
];

/// What stands in a file outside its own tests, where codes are made up.
fn used(source: &Source) -> &str {
    let is_test = source.path.contains("/tests/") || source.path.ends_with("/tests.rs");
    if is_test { "" } else { source.text.split("#[cfg(test)]").next().unwrap_or_default() }
}

/// The crate that a file belongs to: `services/vault`, `shared/ledger`.
fn home(source: &Source) -> &str {
    source.path.split("/src/").next().unwrap_or_default()
}

/// Functions that take a code and make an error of it, `fn not_found(code: &'static str, …`, each with its crate:
/// elsewhere a function of that name may be anything.
fn helpers(sources: &[Source]) -> Vec<(&str, String)> {
    let before = sources.iter().flat_map(|source| {
        let text = used(source);
        text.match_indices("(code: &'static str").map(|(at, _)| (home(source), &text[..at]))
    });
    let names = before.filter_map(|(home, before)| Some((home, before.rsplit("fn ").next()?)));
    names.filter(|(_, name)| *name != "new").map(|(home, name)| (home, format!("{name}("))).collect()
}

/// The codes in the sources, each with a file that has it.
fn codes() -> BTreeMap<String, String> {
    let mut codes = BTreeMap::new();
    let sources = sources(&["services", "shared/runtime/src", "shared/ledger/src", "shared/disclosure/src"])
        .expect("the sources are readable");
    let helpers = helpers(&sources);
    for source in &sources {
        let text = used(source);
        let own = helpers.iter().filter(|(crate_, _)| *crate_ == home(source)).map(|(_, name)| name.as_str());
        let calls = CALLS.into_iter().chain(own);
        let calls = calls.flat_map(|call| text.split(call).skip(1));
        let codes_of_calls = calls.filter_map(|after| quoted(after.trim_start()));
        // As in `("malformed_json", StatusCode::BAD_REQUEST)` and `code: "not_a_party"`.
        let before_status = text.split("StatusCode::").filter_map(before_comma);
        let fields = text.split(" code: ").skip(1).filter_map(quoted);
        for code in codes_of_calls.chain(before_status).chain(fields).filter(|code| is_code(code)) {
            codes.entry(code.to_owned()).or_insert_with(|| source.path.clone());
        }
    }
    let known = Code::ALL.map(Code::name).into_iter().chain(VOIDS.map(Void::code));
    for code in known.chain([Refusal::CONTRACT_FAULT, Refusal::MALFORMED_ACTION]) {
        codes.entry(code.to_owned()).or_insert_with(|| "shared/ledger or shared/peer".to_owned());
    }
    codes
}

/// The text in quotes at the start.
fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.split('"').next()
}

/// The text in quotes and a comma at the end.
fn before_comma(text: &str) -> Option<&str> {
    let text = text.strip_suffix("http::").unwrap_or(text);
    let text = text.strip_suffix("axum::").unwrap_or(text);
    text.trim_end().strip_suffix(',')?.strip_suffix('"')?.rsplit('"').next()
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn pages() -> Vec<String> {
    let entries = fs::read_dir(root().join("docs/errors")).expect("docs/errors is there");
    let names =
        entries.map(|entry| entry.expect("a readable entry").file_name().to_string_lossy().into_owned());
    let mut pages: Vec<_> = names.filter_map(|name| name.strip_suffix(".md").map(str::to_owned)).collect();
    pages.sort();
    pages
}

#[test]
fn the_scan_finds_codes() {
    let codes = codes();
    for code in
        ["internal", "unknown_path", "malformed_json", "unexpected_json", "bad_cursor", "bad_signature"]
    {
        assert!(codes.contains_key(code), "{code} was not found: the scan is broken");
    }
}

#[test]
fn every_code_has_a_page() {
    let pages = pages();
    let missing = codes().into_iter().filter(|(code, _)| !pages.contains(code));
    let missing: Vec<_> = missing.map(|(code, path)| format!("docs/errors/{code}.md ({path})")).collect();
    assert!(
        missing.is_empty(),
        "Write these pages, 5 to 15 lines each: what it means, why it is so, what to do:\n  - {}\n",
        missing.join("\n  - ")
    );
}

#[test]
fn every_page_has_a_code() {
    let codes = codes();
    let stale: Vec<_> =
        pages().into_iter().filter(|page| page != "README" && !codes.contains_key(page)).collect();
    assert!(
        stale.is_empty(),
        "No answer carries these codes any more; delete or rename their pages in docs/errors:\n  - {}\n",
        stale.join("\n  - ")
    );
}

#[test]
fn pages_say_what_to_do() {
    for page in pages().into_iter().filter(|page| page != "README") {
        let text =
            fs::read_to_string(root().join(format!("docs/errors/{page}.md"))).expect("a readable page");
        let lines = text.lines().count();
        let whole = text.starts_with(&format!("# {page}\n")) && text.contains("\n**What to do.** ");
        assert!(
            whole && (5..=15).contains(&lines),
            "docs/errors/{page}.md: begin with `# {page}`, end with a paragraph `**What to do.** …`, 5 to 15 lines"
        );
    }
}
