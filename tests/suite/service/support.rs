//! The service as a child of the test: started, asked, killed, ended, and looked after.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use crate::built::example;

/// The longest that anything may take here. What is awaited is looked for again and again until then.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Both ways to start workers.
pub(crate) const MODES: [&[&str]; 2] = [&[], &["--no-preload"]];

pub(crate) const WELCOME: &str = r#"{"message":"Welcome to the Flask API"}"#;

/// An environment variable that all processes of one service inherit, and nobody else has.
const MARK: &str = "LOGTREE_TEST_SERVICE";

/// Looks until something is there.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "in {} s there was no {what}", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn program() -> PathBuf {
    example("prefork")
}

pub(crate) fn story_config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/prefork/logging.json")
}

/// A directory for one service, and the mark of its processes.
pub(crate) struct Place {
    pub(crate) directory: TempDir,
    mark: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mark = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self { directory: tempfile::tempdir().unwrap(), mark }
    }

    /// The story's config, changed, in a file of this place.
    pub(crate) fn config(&self, change: impl FnOnce(&mut serde_json::Value)) -> PathBuf {
        let mut config = serde_json::from_str(&fs::read_to_string(story_config()).unwrap()).unwrap();
        change(&mut config);
        self.file("logging.json", &serde_json::to_string_pretty(&config).unwrap())
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.directory.path().join("service.log")
    }

    /// What stands in it while it is written to: its last bytes may be half a character.
    pub(crate) fn log_so_far(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log()).unwrap()).into_owned()
    }

    /// The program, to be started here.
    pub(crate) fn command(&self) -> Command {
        self.command_of(&program())
    }

    /// Another program that will start it, perhaps.
    pub(crate) fn command_of(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.directory.path()).env(MARK, &self.mark).stdin(Stdio::null());
        // A group of its own, so that signals to the group do not meet the tests.
        command.process_group(0);
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, options: &[&str]) -> Ended {
        let mut command = self.command();
        let mut running = Running::spawn(command.args(options));
        running.collect()
    }

    /// Living processes of this place's service, by their ids, with their names.
    pub(crate) fn processes(&self) -> BTreeMap<u32, String> {
        let mark = format!("{MARK}={}", self.mark).into_bytes();
        let mut found = BTreeMap::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // Empty for a zombie, and an error for what ended meanwhile.
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|variable| variable == mark) {
                let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
                found.insert(pid, name.trim_end().to_owned());
            }
        }
        found
    }

    /// The threads that listen, by their ids: those of helpers, which have one, or of a process that logs.
    pub(crate) fn listeners(&self) -> Vec<u32> {
        self.threads_named("logtree-listen")
    }

    pub(crate) fn threads_named(&self, name: &str) -> Vec<u32> {
        let mut found = Vec::new();
        for process in self.processes().into_keys() {
            let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
            for task in tasks {
                if fs::read_to_string(task.path().join("comm")).is_ok_and(|found| found.trim_end() == name) {
                    found.extend(task.file_name().to_str().and_then(|thread| thread.parse::<u32>().ok()));
                }
            }
        }
        found
    }

    /// The queue's file in shared memory, as the claim beside the log says.
    pub(crate) fn segment(&self) -> Option<PathBuf> {
        let claim = fs::read_to_string(self.directory.path().join(".service.log.logtree")).ok()?;
        claim.lines().find_map(|line| line.strip_prefix("segment ")).map(PathBuf::from)
    }

    /// Asserts that no process, no claim and no shared memory stays, once the service has ended.
    pub(crate) fn assert_nothing_left(&self, segment: Option<PathBuf>) {
        eventually("end of all processes", || self.processes().is_empty().then_some(()));
        if let Some(segment) = segment {
            assert!(!segment.exists(), "{} is left", segment.display());
        }
        let names = fs::read_dir(self.directory.path()).unwrap().flatten().map(|entry| entry.file_name());
        let claims: Vec<_> = names.filter(|name| name.to_string_lossy().ends_with(".logtree")).collect();
        assert!(claims.is_empty(), "claim files are left: {claims:?}");
    }
}

impl Drop for Place {
    /// Ends what a failed test has left; after others the helpers leave by themselves.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.processes().into_keys().for_each(|process| kill(process, Signal::KILL));
        }
    }
}

/// The program, running, and what it prints. Dropped, it is killed.
struct Running {
    child: Child,
    stdout: Printed,
    stderr: Printed,
}

impl Running {
    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = Printed::read(child.stdout.take().unwrap());
        let stderr = Printed::read(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// Waits for its end, and for that of all processes which hold its standard streams.
    fn collect(&mut self) -> Ended {
        let status = eventually("end of the program", || self.child.try_wait().unwrap());
        Ended { status, stdout: self.stdout.everything(), stderr: self.stderr.everything() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// How a run ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A service that serves. Dropped without [`Service::end`], it is killed.
pub(crate) struct Service {
    running: Running,
    pub(crate) place: Place,
    pub(crate) address: SocketAddr,
}

impl Service {
    /// Starts the story's service on a free port.
    pub(crate) fn start(options: &[&str]) -> Self {
        let place = Place::new();
        let mut command = place.command();
        command.args(["--bind", "127.0.0.1:0"]).args(options);
        Self::spawn(place, command)
    }

    /// Starts the service by a command of its place, and waits until it serves.
    pub(crate) fn spawn(place: Place, mut command: Command) -> Self {
        let running = Running::spawn(&mut command);
        let serving = running.stdout.wait_for("serving http://");
        let printed = || (running.stdout.so_far(), running.stderr.so_far());
        let serving = serving.unwrap_or_else(|| panic!("it does not serve: {:?}", printed()));
        let url = serving.strip_prefix("serving http://").unwrap();
        let address = url.split('/').next().unwrap().parse().unwrap();
        Self { running, place, address }
    }

    pub(crate) fn master(&self) -> u32 {
        self.running.child.id()
    }

    /// The workers that were started so far, in this order, with those that have died.
    pub(crate) fn workers(&self) -> Vec<u32> {
        let printed = self.running.stdout.so_far();
        let started = printed.lines().filter_map(|line| line.strip_prefix("worker ")?.strip_suffix(" started"));
        started.map(|pid| pid.parse().unwrap()).collect()
    }

    pub(crate) fn signal_master(&self, with: Signal) {
        kill_process(Pid::from_child(&self.running.child), with).unwrap();
    }

    pub(crate) fn signal_group(&self, with: Signal) {
        kill_process_group(Pid::from_child(&self.running.child), with).unwrap();
    }

    /// Ends it with SIGTERM.
    pub(crate) fn end(self) -> (Place, Ended) {
        self.signal_master(Signal::TERM);
        self.collect()
    }

    /// Waits for its end.
    pub(crate) fn collect(mut self) -> (Place, Ended) {
        let ended = self.running.collect();
        (self.place, ended)
    }
}

/// Signals a process, if it is still there.
pub(crate) fn kill(process: u32, with: Signal) {
    let pid = Pid::from_raw(process.try_into().unwrap()).unwrap();
    let _ = kill_process(pid, with);
}

/// What comes from a pipe, taken in by a thread.
struct Printed {
    state: Arc<(Mutex<State>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    text: String,
    closed: bool,
}

impl Printed {
    fn read(pipe: impl Read + Send + 'static) -> Self {
        let state: Arc<(Mutex<State>, Condvar)> = Arc::default();
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                shared.0.lock().unwrap().text.push_str(&String::from_utf8_lossy(&line));
                shared.1.notify_all();
                line.clear();
            }
            shared.0.lock().unwrap().closed = true;
            shared.1.notify_all();
        });
        Self { state, thread: Some(thread) }
    }

    fn so_far(&self) -> String {
        self.state.0.lock().unwrap().text.clone()
    }

    /// The first line that begins so; `None` if the pipe closes before, or time is up.
    fn wait_for(&self, beginning: &str) -> Option<String> {
        let find = |state: &State| state.text.lines().find(|line| line.starts_with(beginning)).map(str::to_owned);
        let (state, changed) = (&self.state.0, &self.state.1);
        let waits = |state: &mut State| find(state).is_none() && !state.closed;
        let (state, _) = changed.wait_timeout_while(state.lock().unwrap(), PATIENCE, waits).unwrap();
        find(&state)
    }

    /// All of it, when everybody has closed the pipe.
    fn everything(&mut self) -> String {
        let (state, changed) = (&self.state.0, &self.state.1);
        let (state, timeout) =
            changed.wait_timeout_while(state.lock().unwrap(), PATIENCE, |state| !state.closed).unwrap();
        assert!(!timeout.timed_out(), "somebody holds a standard stream of the service; so far: {}", state.text);
        drop(state);
        self.thread.take().unwrap().join().unwrap();
        self.so_far()
    }
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// The process that answered, as it says.
    pub(crate) process: Option<u32>,
}

/// A connection of its own for one request. An error if it broke.
pub(crate) fn get(address: SocketAddr, path: &str) -> std::io::Result<Response> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    parse(&answer).ok_or_else(|| std::io::Error::other(format!("broken off: {answer:?}")))
}

fn parse(answer: &str) -> Option<Response> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let header = |name: &str| {
        let values = head.lines().filter_map(|line| line.split_once(": "));
        values.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    };
    let length: usize = header("content-length")?.parse().ok()?;
    let process = header("x-process").and_then(|process| process.parse().ok());
    (body.len() == length).then(|| Response { status, body: body.to_owned(), process })
}

/// A record as it stands in the log, read by the story's format.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) process: u32,
    pub(crate) logger: String,
    pub(crate) message: String,
}

/// Reads lines of the story's format; anything else fails the test.
pub(crate) fn records(text: &str) -> Vec<Record> {
    assert!(text.is_empty() || text.ends_with('\n'), "the last line has no end");
    text.lines().map(|line| record(line).unwrap_or_else(|| panic!("not a line of the story: {line:?}"))).collect()
}

/// `%(asctime)s -process[%(process)d] -thread[%(thread)d] -%(name)s - [%(levelname)s]-[%(lineno)d] - %(message)s`
pub(crate) fn record(line: &str) -> Option<Record> {
    let (time, rest) = line.split_once(" -process[")?;
    let form: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let (process, rest) = rest.split_once("] -thread[")?;
    let (thread, rest) = rest.split_once("] -")?;
    let (logger, rest) = rest.split_once(" - [INFO]-[")?;
    let (line_number, message) = rest.split_once("] - ")?;
    let _: (u64, u32) = (thread.parse().ok()?, line_number.parse().ok()?);
    let record = Record { process: process.parse().ok()?, logger: logger.to_owned(), message: message.to_owned() };
    (form == "0000-00-00 00:00:00,000").then_some(record)
}

/// The message of a request's record.
pub(crate) fn request_message(process: u32) -> String {
    format!("process:[{process}] API가 요청되었습니다")
}

/// The message of a listener's start.
pub(crate) fn start_message(process: u32) -> String {
    format!("[{process}]: listener 프로세스가 켜졌습니다")
}
