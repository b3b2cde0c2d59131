//! Layers, faults and secrets, with an environment of the test's own.

use std::io::Write as _;

use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sample {
    name: String,
    threads: usize,
    http: Http,
    password: Option<Secret>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Http {
    port: u16,
    body_bytes_max: usize,
}

impl Default for Sample {
    fn default() -> Self {
        Self { name: "city".into(), threads: 2, http: Http::default(), password: None }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self { port: 8080, body_bytes_max: 1 }
    }
}

impl Settings for Sample {
    fn faults(&self) -> Vec<String> {
        if self.threads == 0 { vec!["threads: must be at least 1".into()] } else { vec![] }
    }
}

#[derive(Default, Serialize)]
struct Flags {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("room on the disk");
    file
}

fn vars(vars: &[(&str, &str)]) -> Vec<(String, String)> {
    vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn faults(text: &str, env: &[(&str, &str)]) -> Vec<String> {
    let file = file(text);
    match load_from::<Sample>(Some(file.path()), vars(env), &Flags::default()) {
        Err(Error::Config(Faults(faults))) => faults,
        other => panic!("expected faults, got {other:?}"),
    }
}

#[test]
fn later_layers_win() {
    let file = file("name = 'from file'\nthreads = 5\n[http]\nport = 1\nbody_bytes_max = 7");
    let env = vars(&[
        ("HUTONG_NAME", "from env"),
        ("HUTONG_HTTP__PORT", "2"),
        ("HUTONG_URL", "http://somewhere"),
        ("PATH", "/bin"),
    ]);
    let flags = Flags { name: Some("from flag".into()) };
    let sample: Sample = load_from(Some(file.path()), env.clone(), &flags).unwrap();
    assert_eq!((sample.name.as_str(), sample.threads), ("from flag", 5));
    assert_eq!(sample.http, Http { port: 2, body_bytes_max: 7 });
    let sample: Sample = load_from(Some(file.path()), env, &Flags::default()).unwrap();
    assert_eq!(sample.name, "from env");
    assert_eq!(load_from::<Sample>(None, [], &Flags::default()).unwrap(), Sample::default());
}

#[test]
fn all_faults_are_reported_at_once_with_their_source() {
    let text = "threads = 'many'\ncolour = 'red'\n[http]\nport = 70000\nbody = 1\nbody_bytes_max = 0";
    let found = faults(text, &[("HUTONG_HTTP__BODY_BYTES_MAX", "lots"), ("HUTONG_NAME", "[1]")]);
    let about = |key: &str| found.iter().filter(|fault| fault.starts_with(&format!("{key}: "))).count();
    for key in ["threads", "colour", "http.port", "http.body", "http.body_bytes_max", "name"] {
        assert_eq!(about(key), 1, "{key} in {found:#?}");
    }
    let size = found.iter().find(|fault| fault.starts_with("http.body_bytes_max")).unwrap();
    assert!(size.contains("HUTONG_HTTP__BODY_BYTES_MAX"), "{size}");
    let unknown = found.iter().find(|fault| fault.starts_with("colour")).unwrap();
    assert!(unknown.contains("known are name, threads, http, password"), "{unknown}");
    assert_eq!(faults("threads = 0", &[]), ["threads: must be at least 1"]);
}

#[test]
fn a_fault_shows_no_value() {
    let found = faults("password = 123456\nthreads = 'hunter2'", &[]).join("\n");
    let unquoted = faults("threads = 1\npassword = hunter2", &[]).join("\n");
    assert!(unquoted.contains("line 2") && !unquoted.contains("hunter2"), "{unquoted}");
    assert!(!found.contains("123456") && !found.contains("hunter2"), "{found}");
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_a_fault() {
    let missing = load_from::<Sample>(Some(Path::new("no-such-file.toml")), [], &Flags::default());
    assert!(matches!(missing, Err(Error::ConfigFile { .. })));
    assert_eq!(faults("threads = ", &[]).len(), 1);
}

#[test]
fn what_is_printed_loads_again_and_shows_no_secret() {
    let file = file("password = 'hunter2'\nname = 'x'");
    let sample: Sample = load_from(Some(file.path()), [], &Flags::default()).unwrap();
    assert_eq!(sample.password.as_ref().map(Secret::expose), Some("hunter2"));
    let printed = print_config(&sample).unwrap();
    assert!(!format!("{printed}{sample:?}").contains("hunter2"), "{printed}");
    assert!(printed.contains("body_bytes_max = 1"));
    let again = super::tests::file(&printed);
    assert_eq!(load_from::<Sample>(Some(again.path()), [], &Flags::default()).unwrap().name, "x");
}
