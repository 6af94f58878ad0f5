//! A handler that never returns holds up neither the end of the program nor what the others are to write.
//!
//! However it ends, a program waits no longer than it was told: the others' records are there by then.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use logtree::{Config, EmitError, Format, Formatter, Guard, Handler, Record, Steps, Watch};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

/// How long the end of a program waits for handlers.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the end of the process may add to that of the guard, and a machine that is busy; less than as long again.
const SLACK: Duration = Duration::from_secs(4);

const RECORDS: usize = 1000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, place, way, directory] = arguments.as_slice() {
        return end(place, way, Path::new(directory));
    }
    for (place, _) in PLACES {
        // They wait, and do nothing meanwhile: all at once.
        let ways = WAYS.iter().filter(|(way, ..)| place != AT_A_PANIC || *way == "panic");
        let programs: Vec<_> = ways.map(|way| (way, Program::start(place, way.0))).collect();
        for ((way, code, signal), program) in programs {
            let (status, took) = program.end(way);
            assert_eq!((status.code(), status.signal()), (*code, signal.map(Signal::as_raw)), "{place}, {way}");
            assert!(took >= PATIENCE, "{place}, {way}: {took:?}, so that nobody was waited for");
            println!("{place}, {way}: {took:?}");
        }
    }
    println!("deadlines: ok");
}

/// Where the handler hangs, and the logger by which it is reached.
const PLACES: [(&str, &str); 3] =
    [("in the thread of a queue", "queued"), ("in a thread of the program", "held"), (AT_A_PANIC, "root")];

/// There the handler takes no record but that of a panic, the last of all.
const AT_A_PANIC: &str = "at a panic";

/// How the program ends, and how that looks from outside.
const WAYS: [(&str, Option<i32>, Option<Signal>); 5] = [
    ("signal", None, Some(Signal::TERM)),
    ("guard", Some(7), None),
    ("main", Some(0), None),
    ("exit", Some(7), None),
    ("panic", Some(101), None),
];

struct Program {
    child: Child,
    directory: tempfile::TempDir,
}

impl Program {
    fn start(place: &str, way: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([place, way]).arg(directory.path()).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self { child: command.spawn().unwrap(), directory }
    }

    /// How it ended, and how long after it was to.
    fn end(mut self, way: &str) -> (std::process::ExitStatus, Duration) {
        let ending = self.directory.path().join("ending");
        let started = Instant::now();
        while !ending.exists() {
            assert!(started.elapsed() < Duration::from_secs(60), "{way}: it does not come to its end");
            std::thread::sleep(Duration::from_millis(1));
        }
        if way == "signal" {
            kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        }
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            let took = ending.metadata().unwrap().modified().unwrap().elapsed().unwrap();
            assert!(took < PATIENCE + SLACK, "{way}: after {took:?} it has not ended");
            std::thread::sleep(Duration::from_millis(1));
        };
        let took = ending.metadata().unwrap().modified().unwrap().elapsed().unwrap();
        for name in ["queue.log", "memory.log", "buffer.log"] {
            let text = std::fs::read_to_string(self.directory.path().join(name)).unwrap();
            let before = text.lines().filter(|line| line.starts_with("before the end")).count();
            assert_eq!(before, RECORDS, "{way}: {name}");
            // That of the main thread, too, which is logged when all is at an end.
            assert_eq!(text.contains("as told"), way == "panic", "{way}: {name}");
        }
        (status, took)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Never returns.
struct Hangs;

impl Handler for Hangs {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        // A panic's record names no directory.
        let _ = std::fs::write(Path::new(record.message).join("hanging"), "");
        loop {
            std::thread::park();
        }
    }
}

fn install(place: &str, directory: &Path) -> Guard {
    let file = |name: &str| json!({"class": "logging.FileHandler", "filename": directory.join(name)});
    let queue = |handler: &str| json!({"class": "logging.handlers.QueueHandler", "queue": {"()": "queue.Queue"}, "handlers": [handler]});
    let memory =
        |target: &str| json!({"class": "logging.handlers.MemoryHandler", "capacity": 100_000, "target": target});
    let mut buffer = file("buffer.log");
    buffer["buffering"] = json!("1 MiB");
    let root: &[_] =
        if place == AT_A_PANIC { &["queue", "memory", "buffer", "last"] } else { &["queue", "memory", "buffer"] };
    let config = json!({
        "version": 1,
        "handlers": {
            "f1": file("queue.log"), "f2": file("memory.log"), "buffer": buffer, "hangs": {"class": "test.Hangs"},
            "last": {"class": "test.Hangs", "level": "CRITICAL"},
            "queue": queue("f1"), "memory": memory("f2"), "queued": queue("hangs"), "held": memory("hangs"),
        },
        "loggers": {
            "queued": {"handlers": ["queued"], "propagate": false},
            "held": {"handlers": ["held"], "propagate": false},
        },
        "root": {"level": "INFO", "handlers": root},
    });
    let mut registry = logtree::registry();
    registry.handler("test.Hangs", |kwargs| {
        kwargs.finish()?;
        Ok(Box::new(|_| Ok(Box::new(Hangs))))
    });
    Config::parse(&config.to_string(), Format::Json, &registry).unwrap().install().unwrap()
}

fn end(place: &str, way: &str, directory: &Path) {
    logtree::log_panics();
    let guard = install(place, directory);
    let (_, logger) = PLACES.into_iter().find(|(name, _)| *name == place).unwrap();
    let hanging = directory.to_str().unwrap().to_owned();
    if place != AT_A_PANIC {
        // Of a level that a MemoryHandler hands on at once.
        std::thread::spawn(move || tracing::error!("logtree.logger" = logger, "{hanging}"));
        while !directory.join("hanging").exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    (0..RECORDS).for_each(|number| tracing::info!(number, "before the end"));
    guard.watch(Watch::new().flush_on_sigterm()).unwrap();
    let mut guard = Some(guard);
    if way == "exit" || way == "signal" {
        std::mem::forget(guard.take());
    }
    std::fs::write(directory.join("ending"), "").unwrap();
    match way {
        "guard" => {
            drop(guard);
            std::process::exit(7);
        }
        "exit" => std::process::exit(7),
        "panic" => panic!("as told"),
        "signal" => loop {
            std::thread::park();
        },
        _ => {}
    }
}
