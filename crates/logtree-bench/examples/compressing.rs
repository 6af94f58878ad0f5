//! What a record costs while a rolled file of 1 GiB is compressed, beside what it costs when nothing is.
//!
//! ```text
//! cargo run --release -p logtree-bench --example compressing
//! cargo run --release -p logtree-bench --example compressing -- --runs 3 --mib 256
//! ```
//!
//! Each run is a process of its own: it finds a rolled file of so many MiB beside its log, and logs, twenty records at once and
//! then a millisecond's rest, until that is compressed, or for as long as `--seconds` says. The three take turns: one that
//! does not compress, one with `gz`, one with `zst`. Of each run the median and the 99th percentile of a call are taken, of
//! those the medians over the runs. It fails if a file is not compressed in time: half of what was measured were then something
//! else.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;

const FORMS: [Option<&str>; 3] = [None, Some("gz"), Some("zst")];
const BURST: usize = 20;

#[derive(Debug, Parser)]
struct Args {
    /// How many runs of each.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// How large the rolled file is.
    #[arg(long, default_value_t = 1024)]
    mib: u64,
    /// How long a run may take; the one that does not compress takes half of it.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Where the files are; a directory of its own under the system's for such by default.
    #[arg(long)]
    directory: Option<PathBuf>,
    /// Is one run, with this form.
    #[arg(long, hide = true)]
    run: Option<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match (&args.run, &args.directory) {
        (Some(form), Some(directory)) => run(form, directory, Duration::from_secs(args.seconds)),
        _ => return if compare(&args) { ExitCode::SUCCESS } else { ExitCode::FAILURE },
    }
    ExitCode::SUCCESS
}

/// One run; the median, the 99th percentile, both in nanoseconds, and the time it took to compress the file, in milliseconds,
/// or 0, go to standard output.
fn run(form: &str, directory: &Path, limit: Duration) {
    let log = directory.join("app.log");
    let mut handler = json!({
        "class": "logging.handlers.RotatingFileHandler", "filename": log, "maxBytes": "1 GiB", "backupCount": 3, "formatter": "f",
    });
    let compressed = directory.join(format!("app.log.1.{form}"));
    if form != "none" {
        handler["compress"] = form.into();
    }
    let config = json!({
        "version": 1, "formatters": {"f": {"format": "%(asctime)s %(levelname)s %(process)d %(name)s %(message)s"}},
        "handlers": {"file": handler}, "root": {"level": "INFO", "handlers": ["file"]},
    });
    let _guard = logtree::from_value(config).unwrap().install().unwrap();
    let mut calls: Vec<u64> = Vec::with_capacity(10_000_000);
    let (began, mut done) = (Instant::now(), None);
    while began.elapsed() < limit && done.is_none() {
        for number in 0..BURST {
            let before = Instant::now();
            tracing::info!(number, "a request was answered");
            calls.push(before.elapsed().as_nanos() as u64);
        }
        std::thread::sleep(Duration::from_millis(1));
        done = compressed.exists().then(|| began.elapsed().as_millis());
    }
    calls.sort_unstable();
    println!("{} {} {}", calls[calls.len() / 2], calls[calls.len() * 99 / 100], done.unwrap_or(0));
}

/// Prints the table; whether everything was compressed in time.
fn compare(args: &Args) -> bool {
    let own = tempfile::tempdir().unwrap();
    let directory = args.directory.as_deref().unwrap_or(own.path());
    let source = directory.join("source");
    write_log(&source, args.mib << 20);
    let mut results = FORMS.map(|_| Vec::new());
    for _ in 0..args.runs {
        for (form, results) in FORMS.iter().zip(&mut results) {
            let logs = tempfile::tempdir_in(directory).unwrap();
            // A second name: what is compressed is deleted by its first.
            fs::hard_link(&source, logs.path().join("app.log.1")).unwrap();
            let seconds = if form.is_none() { args.seconds / 2 } else { args.seconds };
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--run", form.unwrap_or("none"), "--seconds", &seconds.to_string(), "--directory"]);
            let output = command.arg(logs.path()).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            let output = String::from_utf8(output.stdout).unwrap();
            let numbers: Vec<u64> = output.split_whitespace().map(|number| number.parse().unwrap()).collect();
            results.push([numbers[0], numbers[1], numbers[2]]);
        }
    }
    fs::remove_file(&source).unwrap();
    let median = |results: &[[u64; 3]], at: usize| {
        let mut numbers: Vec<_> = results.iter().map(|numbers| numbers[at]).collect();
        numbers.sort_unstable();
        numbers[numbers.len() / 2]
    };
    println!("{} MiB, {} runs each, medians", args.mib, args.runs);
    println!("{:>14} {:>10} {:>10} {:>14} {:>16}", "", "p50 ns", "p99 ns", "p99 / without", "compressed in s");
    for (form, result) in FORMS.iter().zip(&results) {
        let (p50, p99, took_ms) = (median(result, 0), median(result, 1), median(result, 2));
        let ratio = p99 as f64 / median(&results[0], 1) as f64;
        let took = match (form, took_ms) {
            (None, _) => String::new(),
            (Some(_), 0) => "not in time".to_owned(),
            (Some(_), took_ms) => format!("{:.1}", took_ms as f64 / 1000.0),
        };
        let form = form.map_or("nothing".to_owned(), |form| format!("compress: {form}"));
        println!("{form:>14} {p50:>10} {p99:>10} {ratio:>14.2} {took:>16}");
    }
    results[1..].iter().flatten().all(|numbers| numbers[2] > 0)
}

/// Lines as a log has them, of which a fifth or so is left when they are compressed.
fn write_log(path: &Path, bytes: u64) {
    let mut file = BufWriter::new(fs::File::create(path).unwrap());
    let (mut written, mut number, mut random) = (0, 0_u64, 1_u64);
    while written < bytes {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (millis, user, took) = (number % 1000, random >> 50, (random >> 20) % 5000);
        let line = format!(
            "2026-01-31 09:{:02}:{:02},{millis:03} INFO 4711 app.requests GET /users/{user} answered in {took} us\n",
            number / 60_000 % 60,
            number / 1000 % 60
        );
        file.write_all(line.as_bytes()).unwrap();
        written += line.len() as u64;
        number += 1;
    }
    file.into_inner().unwrap().sync_all().unwrap();
}
