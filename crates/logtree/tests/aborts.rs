//! Panics that abort the program are in the log all the same, though nothing runs behind them.
//!
//! Most programs abort out of a destructor that another panic runs, or out of a function that foreign code has called; those
//! that are built with `panic = "abort"`, as this test is by `RUSTFLAGS="-C panic=abort"`, at any panic.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use logtree::{Config, EmitError, Format, Formatter, Handler, Record, Steps};
use rustix::process::Signal;
use serde_json::json;

/// The ways to abort, and what is in the log then.
const WAYS: &[(&str, &[&str])] = if cfg!(panic = "abort") {
    &[("any panic", &["before", "at all"])]
} else {
    &[
        ("a destructor", &["before", "at all", "in a destructor", "panic in a destructor during cleanup"]),
        ("foreign code", &["before", "in a callback", "panic in a function that cannot unwind"]),
    ]
};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, way, path] = arguments.as_slice() {
        return abort(way, Path::new(path));
    }
    for (way, expected) in WAYS {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        let output = Command::new(std::env::current_exe().unwrap()).arg(way).arg(&path).output().unwrap();
        assert_eq!(output.status.signal(), Some(Signal::ABORT.as_raw()), "{way}: {output:?}");
        let log = std::fs::read_to_string(&path).unwrap();
        assert_eq!(log.lines().collect::<Vec<_>>(), *expected, "{way}");
        println!("{way}: ok");
    }
    println!("aborts: ok");
}

/// So slow that the program has aborted, unless it waits.
struct Slow;

impl Handler for Slow {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        std::thread::sleep(Duration::from_millis(300));
        Ok(())
    }
}

fn abort(way: &str, path: &Path) {
    let config = json!({
        "version": 1,
        "formatters": {"line": {"format": "%(msg)s"}},
        "handlers": {
            "slow": {"class": "test.Slow"},
            "file": {"class": "logging.FileHandler", "filename": path, "formatter": "line"},
            "queue": {"class": "logging.handlers.QueueHandler", "queue": {"()": "queue.Queue"}, "handlers": ["slow", "file"]},
        },
        "root": {"level": "INFO", "handlers": ["queue"]},
    });
    let mut registry = logtree::registry();
    registry.handler("test.Slow", |kwargs| {
        kwargs.finish()?;
        Ok(Box::new(|_| Ok(Box::new(Slow))))
    });
    logtree::log_panics();
    let _guard = Config::parse(&config.to_string(), Format::Json, &registry).unwrap().install().unwrap();
    tracing::info!("before");
    if way == "foreign code" {
        called_by_foreign_code();
    }
    let _bomb = PanicsAtTheEnd;
    panic!("at all");
}

extern "C" fn called_by_foreign_code() {
    panic!("in a callback");
}

struct PanicsAtTheEnd;

impl Drop for PanicsAtTheEnd {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}
