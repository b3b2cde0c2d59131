//! Every file says what it is for.

use hutong_test_architecture::sources;

#[test]
fn every_file_says_its_role() {
    let sources = sources(&["shared", "services", "tests"]).expect("the sources are readable");
    assert!(sources.len() > 100, "only {} files were found: the walk is broken", sources.len());
    let silent: Vec<_> =
        sources.iter().filter(|s| !s.text.starts_with("//!")).map(|s| s.path.as_str()).collect();
    assert!(
        silent.is_empty(),
        "Begin these files with `//!`: their role, what they must not do, and why:\n  - {}\n",
        silent.join("\n  - ")
    );
}
