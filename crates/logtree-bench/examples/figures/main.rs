//! What the cross-process queue carries, beside what others do with the same payload. What a call costs its producer beside
//! others is among the cases of the bench itself.
//!
//! ```text
//! cargo run --release -p logtree-bench --example figures
//! ```
//!
//! Each measurement is a process of its own; those that are compared take turns, five times each, and medians are shown. A
//! producer's call is `info!` with three fields, 64 in a burst and 300 µs of pause between bursts. CPython takes part where
//! there is a `python3.13`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod carried;
mod order;
mod producer;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Parser;
use serde_json::json;

#[derive(Debug, Parser)]
struct Args {
    /// How often each measurement is taken.
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Takes one measurement.
    #[arg(long, hide = true)]
    role: Option<String>,
    #[arg(long, hide = true, default_value = ".")]
    directory: PathBuf,
}

/// A measurement: its name in the table, and the role that takes it.
struct Measured {
    name: &'static str,
    role: &'static str,
    values: Vec<f64>,
}

impl Measured {
    fn median(&self) -> Option<f64> {
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }
}

fn main() {
    let args = Args::parse();
    match args.role.as_deref() {
        Some(role) => take(role, &args.directory),
        None => compare(args.turns),
    }
}

fn compare(turns: usize) {
    let measured = |name, role| Measured { name, role, values: Vec::new() };
    let mut calls =
        vec![measured("logtree, one producer", "call 1"), measured("logtree, two producers at once", "call 2")];
    let mut rates = vec![
        measured("logtree, queue", "through queue"),
        measured("logtree, each worker for itself", "through file"),
        measured("CPython queue", "cpython 2 20000"),
    ];
    let mut others = vec![
        measured("listener killed → written again, median ms", "takeover median"),
        measured("listener killed → written again, worst ms", "takeover worst"),
        measured("inversions within a thread, of a million", "order thread"),
        measured("inversions across processes, of a million", "order processes"),
    ];
    for group in [&mut calls, &mut rates, &mut others] {
        for _ in 0..turns {
            group.iter_mut().for_each(|measured| measured.values.extend(taken(measured.role)));
        }
    }
    table("a producer's call, ns", &calls, "logtree takes");
    table("into a rotating text file, records a second", &rates, "logtree carries");
    table("the rest", &others, "");
}

/// Has a process take a measurement; nothing where it cannot be taken here.
fn taken(role: &str) -> Option<f64> {
    let directory = tempfile::tempdir().unwrap();
    let mut command = match role.split_once(' ') {
        Some(("cpython", arguments)) => python(arguments, directory.path()),
        _ => {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--role", role, "--directory"]).arg(directory.path());
            command
        }
    };
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

fn python(numbers: &str, directory: &Path) -> Command {
    let mut command = Command::new("python3.13");
    // A version manager's shim asks for it; nobody else minds.
    command.env("PYENV_VERSION", "3.13.0").args(["-c", include_str!("cpython.py")]);
    command.arg(directory.join("app.log")).args(numbers.split(' '));
    command
}

fn take(role: &str, directory: &Path) {
    match role.split_once(' ').unwrap_or((role, "")) {
        ("call", producers) => producer::call(directory, producers.parse().unwrap()),
        ("through", how) => carried::through(directory, how == "queue"),
        ("takeover", which) => carried::takeover(directory, which == "worst"),
        ("order", which) => order::inversions(directory, which == "thread"),
        _ => {}
    }
}

fn table(title: &str, group: &[Measured], ratio: &str) {
    println!("\n| {title} | | {ratio} |\n|---|---:|---:|");
    let first = group.first().and_then(Measured::median);
    for measured in group {
        let Some(median) = measured.median() else {
            println!("| {} | skipped: not to be had here | |", measured.name);
            continue;
        };
        let of_it =
            first.filter(|_| !ratio.is_empty()).map_or(String::new(), |first| format!("× {:.3}", first / median));
        println!("| {} | {median:.2} | {of_it} |", measured.name);
    }
}

/// logtree before a rotating file, by way of the queue or not.
fn install(directory: &Path, format: &str, has_queue: bool) -> logtree::Guard {
    let mut config = json!({
        "version": 1,
        "formatters": {"line": {"format": format}},
        "handlers": {
            "file": {
                "class": "logging.handlers.RotatingFileHandler", "formatter": "line",
                "filename": directory.join("app.log"), "maxBytes": 50_000_000, "backupCount": 100,
            },
        },
        "root": {"level": "INFO", "handlers": [if has_queue { "queue" } else { "file" }]},
    });
    if has_queue {
        config["handlers"]["queue"] = json!({
            "class": "logging.handlers.QueueHandler",
            "queue": {"()": "multiprocessing.Queue", "overflow": "block", "timeout": 60},
            "listener": "logging.handlers.QueueListener", "handlers": ["file"],
        });
    }
    logtree::from_value(config).unwrap().install().unwrap()
}

const FORMAT: &str = "%(asctime)s %(levelname)s %(process)d %(name)s %(message)s";

/// What is queued is written by then.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
