//! Where hosts run: a directory with a config, and how what came of them is judged.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use logtree::prefork::{QueueLook, QueueStats};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::{HOST, until};

/// By this variable the processes of a place are known, helpers too.
const MARK: &str = "LOGTREE_TEST_PLACE";

/// What a process is called that listens, and one that stands by.
const LISTENING: &str = "logtree-listen";
const STANDING_BY: &str = "logtree-standby";

pub(crate) struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        place.config("logging.json", "app.log", None);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a config of a queue before a file.
    pub(crate) fn config(&self, name: &str, log: &str, queue: Option<&str>) {
        let mut multiprocessing = json!({"()": "multiprocessing.Queue"});
        if let Some(queue) = queue {
            multiprocessing["name"] = json!(queue);
        }
        let config = json!({
            "version": 1,
            "handlers": {
                "file": {"class": "logging.FileHandler", "filename": self.path(log)},
                "queue": {"class": "logging.handlers.QueueHandler", "queue": multiprocessing, "handlers": ["file"]},
            },
            "root": {"level": "INFO", "handlers": ["queue"]},
        });
        fs::write(self.path(name), config.to_string()).unwrap();
    }

    /// A host that does this, in this directory.
    pub(crate) fn host(&self, words: &str) -> Host {
        self.host_under(&[], words)
    }

    /// The same under a command.
    pub(crate) fn host_under(&self, wrapper: &[&str], words: &str) -> Host {
        let program = std::env::current_exe().unwrap();
        let line: Vec<&str> = wrapper.iter().copied().chain([program.to_str().unwrap(), HOST]).collect();
        let mut command = Command::new(line[0]);
        command.args(&line[1..]).args(words.split_whitespace()).current_dir(self.directory.path());
        // Not through a pipe: helpers keep stderr for longer than their host lives.
        let stderr = tempfile::tempfile().unwrap();
        command.env(MARK, self.directory.path()).stdin(Stdio::null()).stderr(stderr.try_clone().unwrap());
        Host { child: command.spawn().unwrap(), stderr }
    }

    pub(crate) fn touch(&self, name: &str) {
        fs::write(self.path(name), "").unwrap();
    }

    pub(crate) fn wait(&self, name: &str) {
        until(&format!("there is {name}"), || self.path(name).exists());
    }

    /// Asserts that a file has each of these records once, `(name, count)`, whole and in order, and no other.
    pub(crate) fn assert_once(&self, log: &str, expected: &[(&str, u32)]) {
        let text = fs::read_to_string(self.path(log)).unwrap();
        let mut found: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for line in text.lines() {
            let mut words = line.split(' ');
            let (name, number) = (words.next().unwrap(), words.next().and_then(|word| word.parse().ok()));
            let padding = words.next().unwrap_or_else(|| panic!("torn: {line:?}"));
            assert!(padding.is_empty() || padding == "x".repeat(1000), "torn: {line:?}");
            found.entry(name).or_default().push(number.unwrap_or_else(|| panic!("torn: {line:?}")));
        }
        for (name, numbers) in &found {
            let wrong = numbers.iter().zip(0..).find(|(number, expected)| *number != expected);
            assert_eq!(wrong, None, "{name}: the number that there is, and the one that is its turn");
        }
        let found: Vec<_> = found.into_iter().map(|(name, numbers)| (name, numbers.len() as u32)).collect();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }

    /// The processes of this place, as they are called: without those that the kernel has begun to take apart, which have their
    /// locks for a while still.
    pub(crate) fn processes(&self) -> Vec<(Pid, String)> {
        let mark = format!("{MARK}={}", self.directory.path().display());
        let numbers = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
        let processes = numbers.filter_map(|number| {
            let directory = Path::new("/proc").join(&number);
            let environment = fs::read(directory.join("environ")).ok()?;
            environment.split(|byte| *byte == 0).find(|variable| *variable == mark.as_bytes())?;
            let name = fs::read_to_string(directory.join("comm")).ok()?;
            Some((Pid::from_raw(number.parse().ok()?)?, name.trim_end().to_owned()))
        });
        processes.collect()
    }

    /// The queue that writes its log, if there is one.
    pub(crate) fn queue(&self) -> Option<QueueStats> {
        QueueLook::open(self.path("app.log").to_str().unwrap()).ok().map(|look| look.stats())
    }

    /// The one process that listens, as soon as there is just one: the standby that a listener makes has its maker's name until
    /// it has taken its own.
    pub(crate) fn listener(&self) -> Pid {
        let listeners = || -> Vec<Pid> {
            self.processes().into_iter().filter(|(_, name)| name == LISTENING).map(|(pid, _)| pid).collect()
        };
        let found = Cell::new(None);
        until("one process listens", || {
            found.set(<[Pid; 1]>::try_from(listeners()).ok());
            found.get().is_some()
        });
        found.get().unwrap()[0]
    }

    /// Kills all of its processes before any of them can find another one gone.
    pub(crate) fn kill_all(&self) {
        self.kill_where(|_| true);
    }

    /// The same of those that the hosts know nothing of.
    pub(crate) fn kill_helpers(&self) {
        self.kill_where(|name| [LISTENING, STANDING_BY].contains(&name));
    }

    fn kill_where(&self, is_meant: impl Fn(&str) -> bool) {
        let mut stopped = Vec::new();
        loop {
            let pids = self.processes().into_iter().filter(|(_, name)| is_meant(name)).map(|(pid, _)| pid);
            let others: Vec<Pid> = pids.filter(|pid| !stopped.contains(pid)).collect();
            if others.is_empty() {
                break;
            }
            for pid in others {
                let _ = kill_process(pid, Signal::STOP);
                stopped.push(pid);
            }
        }
        for pid in stopped {
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// The claims that there are.
    pub(crate) fn claims(&self) -> Vec<OsString> {
        let names = fs::read_dir(self.directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_str().is_some_and(|name| name.ends_with(".logtree"))).collect()
    }

    /// Asserts that nothing is left of the hosts once they have ended: no process, no claim, no shared memory.
    pub(crate) fn assert_nothing_left(&self) {
        until(&format!("{:?} have ended", self.processes()), || self.processes().is_empty());
        let claims = self.claims();
        assert!(claims.is_empty(), "{claims:?} are left");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for (pid, _) in self.processes() {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// A host program.
pub(crate) struct Host {
    child: Child,
    stderr: File,
}

impl Host {
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Kills the first process of the pid namespace that it runs in, and by that the kernel kills all others there.
    pub(crate) fn kill_namespace(&self) {
        let parent = self.pid().as_raw_nonzero();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
        kill_process(Pid::from_raw(children.trim().parse().unwrap()).unwrap(), Signal::KILL).unwrap();
    }

    /// Waits for its end; what it ended with, and what it said on stderr.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        let mut said = String::new();
        self.stderr.rewind().unwrap();
        self.stderr.read_to_string(&mut said).unwrap();
        (status.code(), said)
    }

    /// The same, for one that is to end well.
    pub(crate) fn end_well(self) {
        let (code, stderr) = self.end();
        assert_eq!(code, Some(0), "{stderr}");
        assert_eq!(stderr, "");
    }
}

/// Whether a command can be had here; if not, that a test is skipped is said.
pub(crate) fn works(wrapper: &[&str]) -> bool {
    let words = [wrapper, &["true"]].concat();
    let works =
        Command::new(words[0]).args(&words[1..]).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !works {
        eprintln!("skipped: {wrapper:?} does not work here");
    }
    works
}
