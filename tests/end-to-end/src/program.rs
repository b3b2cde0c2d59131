//! Runs the program under test and its processes; whatever was started ends with the test.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's support fails as its tests do.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// For a loaded machine; nothing waits this long unless something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until a condition holds.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "never came: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The first rows of the bundled sales, as a file.
pub fn sales(folder: &Path, rows: usize) -> String {
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/property/ames-sales.csv");
    let text = fs::read_to_string(bundled).unwrap();
    let lines: Vec<&str> = text.lines().take(rows + 1).collect();
    let path = folder.join(format!("sales-{rows}.csv"));
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    path.to_str().unwrap().to_owned()
}

/// The program with a data folder of its own.
#[derive(Debug)]
pub struct Program {
    file: &'static str,
    folder: TempDir,
    /// The certificates that commands trust, if not the machine's.
    trusted: Option<PathBuf>,
}

impl Program {
    /// `file` is the program's: cargo tells it to tests alone, as `CARGO_BIN_EXE_hutong-under-test`.
    pub fn new(file: &'static str) -> Self {
        Self { file, folder: tempfile::tempdir().unwrap(), trusted: None }
    }

    /// The same program, whose commands trust these certificates.
    #[must_use]
    pub fn trusting(self, certificates: &Path) -> Self {
        Self { trusted: Some(certificates.to_owned()), ..self }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The city's data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.file);
        command.args(args).arg("--data").arg(self.data());
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).stdout(Stdio::piped());
        command.env_remove("HUTONG_URL").env_remove("HUTONG_DATA");
        if let Some(certificates) = &self.trusted {
            command.env("SSL_CERT_FILE", certificates);
        }
        command
    }

    /// Starts a command; its output is read when it is waited for.
    pub fn start(&self, args: &[&str]) -> Process {
        Process { child: self.command(args).spawn().unwrap(), url: String::new() }
    }

    /// Runs a command that prints JSON; none if it fails.
    pub fn result(&self, args: &[&str]) -> Option<Value> {
        let output = self.command(args).output().unwrap();
        let document = serde_json::from_slice(&output.stdout).ok();
        if output.status.success() { document } else { None }
    }

    /// Runs a command that must fail; what it says.
    pub fn failure(&self, args: &[&str]) -> String {
        let output = self.command(args).stderr(Stdio::piped()).output().unwrap();
        assert!(!output.status.success(), "{args:?} goes well: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Starts the city and waits for its `ready` line.
    pub fn up(&self) -> Process {
        self.ready(self.command(&["up", "--listen", "127.0.0.1:0"]))
    }

    /// The same, with settings from a file.
    pub fn up_with(&self, settings: &str) -> Process {
        let path = self.folder.path().join("city.toml");
        fs::write(&path, settings).unwrap();
        self.ready(self.command(&["up", "--listen", "127.0.0.1:0", "--config", path.to_str().unwrap()]))
    }

    /// The same, with what it logs at a level going to a file.
    pub fn up_logging(&self, level: &str, log: &Path) -> Process {
        let mut command = self.command(&["up", "--listen", "127.0.0.1:0"]);
        command.env("HUTONG_LOG", level).stderr(fs::File::create(log).unwrap());
        self.ready(command)
    }

    /// Starts one service as a process of its own.
    pub fn run(&self, service: &str, agency: &str, nats: &str) -> Process {
        self.run_with(service, agency, nats, "")
    }

    /// The same, with more settings.
    pub fn run_with(&self, service: &str, agency: &str, nats: &str, more: &str) -> Process {
        let path = self.folder.path().join(format!("{service}-{agency}.toml"));
        let mut file = fs::File::create(&path).unwrap();
        let data = self.data();
        writeln!(
            file,
            "agency = {agency:?}\nbus = {nats:?}\ndata = {data:?}\n[http]\nlisten = \"127.0.0.1:0\"\n{more}"
        )
        .unwrap();
        self.ready(self.command(&["run", service, "--config", path.to_str().unwrap()]))
    }

    /// Starts one part of a deployment, as `hutong deploy city` wrote it, over the broker at this address.
    pub fn deployed(&self, service: &str, config: &Path, bus: &str) -> Process {
        let mut command = self.command(&["run", service, "--config", config.to_str().unwrap()]);
        command.env("HUTONG_BUS", bus);
        self.ready(command)
    }

    fn ready(&self, mut command: Command) -> Process {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "the process ended before it was ready");
            if line.starts_with("ready") {
                line.trim().rsplit(' ').next().unwrap().clone_into(&mut url);
                break;
            }
        }
        Process { child, url }
    }

    /// A bearer token, as `hutong token` prints it.
    pub fn token(&self, whose: &[&str]) -> String {
        let output = self.command(&[&["token"], whose].concat()).output().unwrap();
        assert!(output.status.success(), "{whose:?} has a token");
        String::from_utf8(output.stdout).unwrap().trim().rsplit(' ').next().unwrap().to_owned()
    }

    /// A POST of JSON; status and answer.
    pub fn http_post(&self, url: &str, token: &str, body: &Value) -> (u16, Value) {
        block_on(async {
            let request = plain_client().post(url).bearer_auth(token).json(body);
            let response = request.send().await.unwrap();
            (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
        })
    }

    /// A call as any client makes it; status and answer.
    pub fn http(&self, call: impl FnOnce(reqwest::Client) -> reqwest::RequestBuilder) -> (u16, Vec<u8>) {
        block_on(async {
            let response = call(plain_client()).send().await.unwrap();
            (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
        })
    }

    /// A GET with a token of the first agency; none unless it is answered with 200.
    pub fn http_get(&self, url: &str) -> Option<String> {
        String::from_utf8(self.http_get_bytes(url)?).ok()
    }

    /// The same, as bytes.
    pub fn http_get_bytes(&self, url: &str) -> Option<Vec<u8>> {
        let token = self.token(&["--agency", "data-bureau"]);
        block_on(async {
            let response = plain_client().get(url).bearer_auth(token).send().await.ok()?;
            if response.status() == 200 { Some(response.bytes().await.ok()?.to_vec()) } else { None }
        })
    }
}

/// An HTTP client of any make, for a port without TLS.
pub fn plain_client() -> reqwest::Client {
    hutong_client::tls::http("http:").unwrap().build().unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// A process of the program; killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pub url: String,
}

impl Process {
    /// As a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it prints, as it comes.
    pub fn lines(&mut self) -> BufReader<std::process::ChildStdout> {
        BufReader::new(self.child.stdout.take().unwrap())
    }

    /// Waits for its end; whether it went well.
    pub fn wait(&mut self) -> bool {
        self.child.wait().unwrap().success()
    }

    /// Asks it to end, and waits.
    pub fn stop(mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert!(self.wait(), "a process that is told to end ends well");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
