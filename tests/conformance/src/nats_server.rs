//! A real nats-server for a test: its own port, its own store, gone when the test ends.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How often to look whether the server is up, and how many times.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOKS_MAX: u32 = 1000;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error(
        "no nats-server: HUTONG_NATS_SERVER is not set, {} does not exist, and there is none on the PATH; run `make setup`",
        expected.display()
    )]
    Absent { expected: PathBuf },
    #[error("HUTONG_NATS_SERVER is {}, which does not exist; unset it and run `make setup`, or correct it", path.display())]
    NotThere { path: PathBuf },
    #[error("cannot {action} the nats-server")]
    Io { action: &'static str, source: io::Error },
    #[error("the nats-server did not start; it says:\n{log}")]
    NotStarted { log: String },
}

impl ServerError {
    fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }
}

/// How the server is configured. The default is what the bus needs.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Whether it syncs before it acknowledges.
    pub sync_always: bool,
    pub max_payload: &'static str,
    /// More lines of its configuration.
    pub extra: String,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { sync_always: true, max_payload: "2MB", extra: String::new() }
    }
}

/// A running server.
#[derive(Debug)]
pub struct NatsServer {
    dir: TempDir,
    options: ServerOptions,
    child: Option<Child>,
    port: u16,
    monitor_port: u16,
}

impl NatsServer {
    /// Starts a server on free ports with an empty store.
    pub async fn start(options: ServerOptions) -> Result<Self, ServerError> {
        let dir = TempDir::new().map_err(ServerError::io("make a directory for"))?;
        let mut server = Self { dir, options, child: None, port: 0, monitor_port: 0 };
        server.launch().await?;
        Ok(server)
    }

    /// Where clients connect; the same after a restart.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The `host:port` of its HTTP monitoring.
    pub fn monitor(&self) -> String {
        format!("127.0.0.1:{}", self.monitor_port)
    }

    /// Where it keeps its streams.
    pub fn store_dir(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) -> Result<(), ServerError> {
        if let Some(mut child) = self.child.take() {
            child.kill().and_then(|()| child.wait()).map_err(ServerError::io("stop"))?;
        }
        Ok(())
    }

    /// Starts it again on the same ports and store, killing it first if it runs.
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.kill()?;
        self.launch().await
    }

    /// Makes it stop answering without closing anything.
    pub fn pause(&self) -> Result<(), ServerError> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub fn resume(&self) -> Result<(), ServerError> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), ServerError> {
        let Some(pid) = self.child.as_ref().and_then(|child| Pid::from_raw(child.id() as i32)) else {
            return Ok(());
        };
        kill_process(pid, signal).map_err(|error| ServerError::io("signal")(error.into()))
    }

    async fn launch(&mut self) -> Result<(), ServerError> {
        let binary = binary()?;
        let config = self.dir.path().join("server.conf");
        fs::write(&config, self.config()).map_err(ServerError::io("configure"))?;
        let log = self.dir.path().join("server.log");
        let output = File::create(&log).map_err(ServerError::io("keep the log of"))?;
        let child = Command::new(binary)
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .map_err(ServerError::io("start"))?;
        let pid = child.id();
        self.child = Some(child);
        let ended = |log: &Path| ServerError::NotStarted { log: fs::read_to_string(log).unwrap_or_default() };
        for _ in 0..LOOKS_MAX {
            if let Some((port, monitor_port)) = ports(self.dir.path(), pid) {
                (self.port, self.monitor_port) = (port, monitor_port);
                return Ok(());
            }
            if let Some(child) = &mut self.child
                && child.try_wait().map_err(ServerError::io("watch"))?.is_some()
            {
                return Err(ended(&log));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(ended(&log))
    }

    fn config(&self) -> String {
        // 0 is "not chosen yet"; the server takes -1 for "any that is free".
        let port = |port: u16| if port == 0 { -1 } else { i32::from(port) };
        let sync = if self.options.sync_always { "always" } else { "2m" };
        let dir = self.dir.path().display();
        let store = self.store_dir();
        format!(
            "server_name: hutong-test\nlisten: \"127.0.0.1:{}\"\nhttp: \"127.0.0.1:{}\"\nmax_payload: {}\n\
             ports_file_dir: \"{dir}\"\njetstream {{ store_dir: \"{}\", sync_interval: {sync} }}\n{}\n",
            port(self.port),
            port(self.monitor_port),
            self.options.max_payload,
            store.display(),
            self.options.extra
        )
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        // A server that is already gone is what is wanted.
        let _ = self.kill();
    }
}

/// The ports, for clients and for monitoring, that a server has written down in its `ports_file_dir` once it listens.
pub fn ports(dir: &Path, pid: u32) -> Option<(u16, u16)> {
    let suffix = format!("_{pid}.ports");
    let file = fs::read_dir(dir)
        .ok()?
        .flatten()
        .find(|entry| entry.file_name().to_str().is_some_and(|name| name.ends_with(&suffix)))?;
    let ports: serde_json::Value = serde_json::from_slice(&fs::read(file.path()).ok()?).ok()?;
    let port = |kind: &str| ports[kind][0].as_str()?.rsplit(':').next()?.parse().ok();
    Some((port("nats")?, port("monitoring")?))
}

/// The program that tests run: the one of `make setup`, unless the environment names another.
pub fn binary() -> Result<PathBuf, ServerError> {
    if let Some(path) = std::env::var_os("HUTONG_NATS_SERVER").map(PathBuf::from) {
        return if path.is_file() { Ok(path) } else { Err(ServerError::NotThere { path }) };
    }
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin/nats-server");
    if expected.is_file() {
        return Ok(expected);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|dir| dir.join("nats-server"))
        .find(|path| path.is_file())
        .ok_or(ServerError::Absent { expected })
}
