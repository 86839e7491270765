//! The edge as a process: started, waited for, restarted, stopped.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::program;
use crate::config::{self, Ports, ROLES};
use crate::setup;

const SEED_BYTES: usize = 32;
/// How long the edge may take until every origin answers.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long one answer may take while the edge starts.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long the edge may take to end when asked to; a request that never ends would keep it.
const STOP_LIMIT: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(25);

/// A running edge. It ends with this value.
pub(crate) struct Edge {
    state: PathBuf,
    ports: Ports,
    runtime: Child,
}

/// Where the edge's own messages go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Log {
    Shown,
    /// To `edge.log` in the state folder.
    Kept,
}

impl Edge {
    /// Starts the edge over a state folder, which is made if it is missing, and waits until every
    /// origin answers. The bundles must have been built.
    ///
    /// # Errors
    /// A port is taken, or the edge does not come up in time.
    pub(crate) fn start(state: &Path, ports: Ports, log: Log) -> Result<Self> {
        fs::create_dir_all(state).with_context(|| state.display().to_string())?;
        let state = state.canonicalize()?;
        for (role, port) in ports.each() {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port))
                .with_context(|| format!("port {port}, for {role}, is taken"))?;
        }
        config::write(&state, &ports)?;
        let runtime = launch(&state, log)?;
        let mut edge = Self { state, ports, runtime };
        edge.wait()?;
        Ok(edge)
    }

    /// A fresh edge: an empty state folder, free ports.
    ///
    /// # Errors
    /// As [`Edge::start`].
    pub(crate) fn fresh(state: &Path) -> Result<Self> {
        if state.exists() {
            fs::remove_dir_all(state).with_context(|| state.display().to_string())?;
        }
        Self::start(state, free_ports()?, Log::Kept)
    }

    /// Every party's origin, as a JSON object.
    pub(crate) fn origins(&self) -> String {
        self.ports.origins()
    }

    /// A party's secret seed.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn seed(&self, role: &str) -> Result<String> {
        seed(&self.state, role)
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.runtime.id()
    }

    /// Whether somebody killed the edge since it was started.
    ///
    /// # Errors
    /// It ended by itself, which it never should.
    pub(crate) fn was_killed(&mut self) -> Result<bool> {
        match self.runtime.try_wait()? {
            None => Ok(false),
            Some(status) if status.signal() == Some(Signal::SIGKILL as i32) => Ok(true),
            Some(status) => bail!("the edge ended by itself with {status}"),
        }
    }

    /// Starts it again over the same state and ports, after it ended.
    ///
    /// # Errors
    /// As [`Edge::start`].
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.stop();
        self.runtime = launch(&self.state, Log::Kept)?;
        self.wait()
    }

    /// The last lines of the edge's messages, for whoever looks for a failure's cause.
    pub(crate) fn last_messages(&self, lines: usize) -> String {
        let text = fs::read_to_string(self.state.join("edge.log")).unwrap_or_default();
        let all: Vec<_> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// Runs a program that may kill the edge (SIGKILL), whose process id it finds in the file that
    /// `KOBAN_EDGE_PID_FILE` names: the edge is then started again over the same state and ports.
    ///
    /// # Errors
    /// The program fails, or takes longer than `limit`.
    pub(crate) fn outlives(&mut self, program: &mut Command, limit: Duration) -> Result<()> {
        let file = self.state.join("edge.pid");
        fs::write(&file, self.id().to_string())?;
        let mut child = program.env("KOBAN_EDGE_PID_FILE", &file).spawn().context("starting")?;
        let passed = self.watch(&mut child, &file, limit);
        if passed.is_err() {
            // it may have ended already, which is as good
            let _ = child.kill();
            let _ = child.wait();
            eprintln!("the edge's last messages:\n{}", self.last_messages(20));
        }
        passed
    }

    fn watch(&mut self, child: &mut Child, file: &Path, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = child.try_wait()? {
                return if status.success() { Ok(()) } else { bail!("ended with {status}") };
            }
            if Instant::now() > deadline {
                bail!("not done after {} s", limit.as_secs());
            }
            if self.was_killed()? {
                self.restart()?;
                fs::write(file, self.id().to_string())?;
            }
            sleep(POLL);
        }
    }

    fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        for (role, port) in self.ports.clone().each() {
            while !answers(port) {
                if let Some(status) = self.runtime.try_wait()? {
                    bail!("the edge ended with {status}\n{}", self.last_messages(20));
                }
                if Instant::now() > deadline {
                    bail!("{role} does not answer\n{}", self.last_messages(20));
                }
                sleep(POLL);
            }
        }
        Ok(())
    }

    fn stop(&mut self) {
        // Both may fail only because the process has ended, which is what is wanted.
        if let (Ok(id), Ok(None)) = (i32::try_from(self.id()), self.runtime.try_wait()) {
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        let deadline = Instant::now() + STOP_LIMIT;
        while matches!(self.runtime.try_wait(), Ok(None)) && Instant::now() < deadline {
            sleep(POLL);
        }
        let _ = self.runtime.kill();
        let _ = self.runtime.wait();
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port for each party that is free now.
fn free_ports() -> Result<Ports> {
    // all are held until all are known, so that none is found twice
    let mut held = Vec::new();
    let mut ports = [0; ROLES.len()];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(Ports(ports))
}

fn launch(state: &Path, log: Log) -> Result<Child> {
    // it must not outlive this process, however that ends; Ctrl-C is this process's to handle
    let mut command = program("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(setup::workerd()?).process_group(0);
    // the modules' absolute paths are looked up below the import path
    command.args(["serve", "--import-path=/"]).arg(state.join("config.capnp"));
    for role in ROLES {
        command.env(config::seed_variable(role), seed(state, role)?);
    }
    if log == Log::Kept {
        let file = File::options().create(true).append(true).open(state.join("edge.log"))?;
        command.stdout(file.try_clone()?).stderr(file);
    }
    command.stdin(Stdio::null()).spawn().context("starting workerd")
}

/// A party's secret seed, made on the first start and kept, readable by its owner alone.
fn seed(state: &Path, role: &str) -> Result<String> {
    let path = state.join("seeds").join(role);
    if path.exists() {
        return fs::read_to_string(&path).with_context(|| path.display().to_string());
    }
    fs::create_dir_all(state.join("seeds"))?;
    let mut bytes = [0; SEED_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let seed: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(seed.as_bytes())?;
    file.sync_all()?;
    Ok(seed)
}

/// Whether an origin gives any answer but a server's error.
fn answers(port: u16) -> bool {
    status(port).is_ok_and(|status| (100..500).contains(&status))
}

fn status(port: u16) -> Result<u16> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    write!(stream, "GET / HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n")?;
    let mut line = String::new();
    BufReader::new(stream.take(1024)).read_line(&mut line)?;
    Ok(line.split(' ').nth(1).context("no status")?.parse()?)
}
