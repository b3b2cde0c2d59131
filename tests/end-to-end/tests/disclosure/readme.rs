//! The README's example of personal data, as it is printed there.

use hutong_test_end_to_end::program::{Program, wait_until};

#[test]
fn the_readmes_example_works_as_printed() {
    let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
    let _city = program.start(&["up", "--demo", "--listen", "127.0.0.1:0"]);
    wait_until("the parcel is registered", || {
        let there = program.data().join("city.json").exists();
        there && program.result(&["get", "record", "property/lane-7", "--json"]).is_some()
    });
    let readme = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, example) = readme.split_once("its conditions are sealed:").expect("the example");
    let (_, example) = example.split_once("```sh\n").expect("its beginning");
    let (example, _) = example.split_once("```").expect("its end");
    let (list, trust) = (program.folder().join("accesses.json"), program.data().join("trust.json"));
    let mut commands = 0;
    for line in example.replace("\\\n", " ").lines() {
        let command = line.split(" #").next().unwrap();
        // Words as a shell takes them; what is in quotes is one.
        let mut words: Vec<String> = Vec::new();
        for (at, part) in command.split('"').enumerate() {
            if at % 2 == 1 {
                words.push(part.to_owned());
            } else {
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        for word in &mut words {
            match word.as_str() {
                "accesses.json" => *word = list.to_str().unwrap().to_owned(),
                "data/trust.json" => *word = trust.to_str().unwrap().to_owned(),
                _ => {}
            }
        }
        assert_eq!(words.remove(0), "hutong", "{line}");
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["--json"]).collect();
        let printed = program.result(&words).unwrap_or_else(|| panic!("{line}")).to_string();
        let expected = match words[0] {
            "get" => "commitment",
            "disclose" => "well",
            "accesses" => "registrar-7",
            "verify" => "complete_as_of_height",
            _ => "erased",
        };
        assert!(printed.contains(expected), "{line}: {printed}");
        commands += 1;
    }
    assert_eq!(commands, 5, "{example}");
}
