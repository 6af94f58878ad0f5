//! What the number of loggers costs: `cargo bench -p logtree --bench loggers`.
//!
//! For each number, in a process of its own: a config with so many loggers is read from a file and made a layer beside
//! others (so that every event asks for its route); a level is changed; events of a logger of it are refused and handled. In
//! the last column is what the process took of memory for it.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use logtree::Level;
use tracing_subscriber::layer::SubscriberExt as _;

const ROUNDS: usize = 20;
const EVENTS: u32 = 100_000;

fn main() {
    // `cargo bench` adds an argument of its own.
    if let Some(loggers) = std::env::args().nth(1).and_then(|argument| argument.parse().ok()) {
        return measure(loggers);
    }
    println!("loggers  from_file      layer  set_level    refused    handled     memory");
    for loggers in [10, 1_000, 10_000, 100_000] {
        let this = std::env::current_exe().unwrap();
        assert!(Command::new(this).arg(loggers.to_string()).status().unwrap().success());
    }
}

fn measure(loggers: u32) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("logging.json");
    std::fs::write(&path, config(loggers)).unwrap();
    let memory = resident_bytes();
    let (config, from_file) = timed(|| logtree::from_file(&path).unwrap());
    let (layer, to_layer) = timed(|| config.layer().unwrap());
    let guard = layer.guard();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
    let memory = resident_bytes() - memory;
    let ((), set_level) = timed(|| guard.set_level("app.part1.module1", Level::INFO));
    let refused = event_ns(|| tracing::debug!(target: "app::part1::module1", number = 3, "refused"));
    let handled = event_ns(|| tracing::info!(target: "app::part1::module1", number = 3, "handled"));
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    println!(
        "{loggers:7} {:7.2} ms {:7.2} ms {:7.2} ms {refused:7.1} ns {handled:7.1} ns {:6.1} MiB",
        ms(from_file),
        ms(to_layer),
        ms(set_level),
        memory as f64 / f64::from(1 << 20),
    );
}

/// Modules in tens, with a level each, as a generated config has them.
fn config(loggers: u32) -> String {
    let mut names = String::new();
    for number in 0..loggers {
        let comma = if number == 0 { "" } else { "," };
        let level = if number % 3 == 0 { "WARNING" } else { "INFO" };
        let (part, module) = (number / 10, number % 10);
        write!(names, "{comma}\n    \"app.part{part}.module{module}\": {{\"level\": \"{level}\"}}").unwrap();
    }
    format!(
        r#"{{"version": 1, "handlers": {{"null": {{"class": "logging.NullHandler"}}}}, "loggers": {{{names}}},
            "root": {{"level": "INFO", "handlers": ["null"]}}}}"#
    )
}

fn timed<T>(once: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let made = once();
    (made, start.elapsed())
}

fn event_ns(once: impl Fn()) -> f64 {
    let round = || timed(|| (0..EVENTS).for_each(|_| once())).1.as_nanos() as f64 / f64::from(EVENTS);
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

/// What of the process is in memory, by proc(5).
fn resident_bytes() -> u64 {
    const PAGE: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * PAGE
}
