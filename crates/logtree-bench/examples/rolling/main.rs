//! Forked workers that write, and roll, one file without a queue: what is lost, torn and repeated, and what it costs.
//!
//! ```text
//! cargo run --release -p logtree-bench --example rolling            # 20 runs of each
//! cargo run --release -p logtree-bench --example rolling -- --runs 3
//! ```
//!
//! It fails if a handler of logtree loses, tears or repeats a line. Each run is a process of its own that configures logging, forks four workers and waits for them; the contestants take
//! turns. Files roll at a size that makes it more than two hundred times in a run; the timed handler does so with `maxBytes`,
//! and CPython's, which has none, at each second. CPython takes part where there is a `python3.11`.
//!
//! All files of a run are kept, so that each record can be looked for. With Python's numbers that has its price: to roll the
//! two hundredth file is to rename two hundred. So the rotating handler takes part again and keeps 5, 10 and 20; of
//! these, whatever a worker logged after its first record that is left must be there. Beside each run the same names are
//! given in the same order by nobody but rename(2), unlink(2) and open(2), while nobody writes: nothing that rolls as
//! Python does takes less longer than a FileHandler than that.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clap::Parser;
use rustix::fs::{IFlags, ioctl_setflags};
use rustix::process::{WaitOptions, waitpid};
use serde_json::{Value, json};
use tempfile::TempDir;

const WORKERS: u32 = 4;
const RECORDS: u32 = 50_000;
const MAX_BYTES: u64 = 50_000;
/// More than there will be.
const ALL: u32 = 3000;
const FORMAT: &str = "%(asctime)s %(levelname)s %(process)d %(name)s %(message)s";

#[derive(Debug, Parser)]
struct Args {
    /// How many runs of each contestant.
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Is one run: the handler's config, as JSON.
    #[arg(long, hide = true)]
    handler: Option<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match args.handler {
        Some(handler) => run(&serde_json::from_str(&handler).unwrap()),
        None => return if compare(args.runs) { ExitCode::SUCCESS } else { ExitCode::FAILURE },
    }
    ExitCode::SUCCESS
}

/// The workers of one run, in this process and its children; what it took goes to standard output, in nanoseconds.
fn run(handler: &Value) {
    let config = json!({
        "version": 1, "formatters": {"f": {"format": FORMAT}}, "handlers": {"file": handler},
        "root": {"level": "INFO", "handlers": ["file"]},
    });
    let _guard = logtree::from_value(config).unwrap().install().unwrap();
    let began = Instant::now();
    let fork = |worker| match logtree::prefork::fork().unwrap() {
        logtree::prefork::Fork::Parent(pid) => pid,
        logtree::prefork::Fork::Child => {
            (0..RECORDS).for_each(|number| tracing::info!("{worker} {number} end"));
            std::process::exit(0);
        }
    };
    let workers: Vec<_> = (0..WORKERS).map(fork).collect();
    for pid in workers {
        waitpid(Some(pid), WaitOptions::empty()).unwrap();
    }
    println!("{}", began.elapsed().as_nanos());
}

struct Contestant {
    name: &'static str,
    /// With the handler's config, as JSON, and the number of records and workers for a script.
    command: fn() -> Command,
    handler: fn(&Path) -> Value,
    /// How many rolled files it keeps, if it numbers them.
    kept: Option<u32>,
    runs: Vec<Run>,
    /// What the runs have left, emptied.
    directories: Vec<TempDir>,
}

struct Run {
    took: Duration,
    /// What giving the names alone took.
    names: Duration,
    lost: u64,
    torn: u64,
    repeated: u64,
    files: u64,
    /// The size of the largest file.
    largest: u64,
}

fn itself() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--handler");
    command
}

fn python() -> Command {
    let mut command = Command::new("python3.11");
    // A version manager's shim asks for it; nobody else minds.
    command.env("PYENV_VERSION", "3.11.7").args(["-c", include_str!("cpython.py")]);
    command.args([WORKERS.to_string(), RECORDS.to_string(), FORMAT.to_owned()]);
    command
}

fn plain(log: &Path) -> Value {
    json!({"class": "logging.FileHandler", "formatter": "f", "filename": log})
}

fn rotating(log: &Path) -> Value {
    rotating_with(log, ALL)
}

fn rotating_five(log: &Path) -> Value {
    rotating_with(log, 5)
}

fn rotating_ten(log: &Path) -> Value {
    rotating_with(log, 10)
}

fn rotating_twenty(log: &Path) -> Value {
    rotating_with(log, 20)
}

/// At each roll CPython looks for as many as there may be.
fn rotating_in_python(log: &Path) -> Value {
    rotating_with(log, 1000)
}

fn rotating_with(log: &Path, backup_count: u32) -> Value {
    let class = "logging.handlers.RotatingFileHandler";
    json!({"class": class, "formatter": "f", "filename": log, "maxBytes": MAX_BYTES, "backupCount": backup_count})
}

fn timed(log: &Path) -> Value {
    let class = "logging.handlers.TimedRotatingFileHandler";
    json!({"class": class, "formatter": "f", "filename": log, "when": "S", "maxBytes": MAX_BYTES})
}

fn timed_by_seconds(log: &Path) -> Value {
    json!({"class": "logging.handlers.TimedRotatingFileHandler", "formatter": "f", "filename": log, "when": "S"})
}

/// Prints the table; whether logtree has lost, torn and repeated nothing.
fn compare(runs: usize) -> bool {
    let contestant = |name, command, handler| {
        let (runs, directories) = (Vec::new(), Vec::new());
        Contestant { name, command, handler, kept: None, runs, directories }
    };
    let mut contestants = vec![
        contestant("FileHandler", itself as fn() -> Command, plain as fn(&Path) -> Value),
        Contestant { kept: Some(ALL), ..contestant("RotatingFileHandler", itself, rotating) },
        Contestant { kept: Some(5), ..contestant("RotatingFileHandler that keeps 5", itself, rotating_five) },
        Contestant { kept: Some(10), ..contestant("RotatingFileHandler that keeps 10", itself, rotating_ten) },
        Contestant { kept: Some(20), ..contestant("RotatingFileHandler that keeps 20", itself, rotating_twenty) },
        contestant("TimedRotatingFileHandler", itself, timed),
    ];
    let has_python = python().arg("{}").output().is_ok_and(|output| !output.stdout.is_empty());
    match has_python {
        true => contestants.extend([
            contestant("CPython 3.11 FileHandler", python, plain),
            contestant("CPython 3.11 RotatingFileHandler", python, rotating_in_python),
            contestant("CPython 3.11 TimedRotatingFileHandler", python, timed_by_seconds),
        ]),
        false => println!("There is no python3.11: CPython does not take part.\n"),
    }
    let place = tempfile::tempdir().unwrap();
    // Other file systems have no such flag, and need none.
    let _ = File::open(place.path()).map(|place| ioctl_setflags(place, IFlags::TOPDIR));
    for _ in 0..runs {
        contestants.iter_mut().for_each(|contestant| contestant.run(place.path()));
        let rolls = contestants[0].runs.last().unwrap().largest / MAX_BYTES;
        contestants.iter_mut().for_each(|contestant| contestant.give_names(place.path(), rolls as u32));
    }
    println!("{WORKERS} workers × {RECORDS} records, {runs} runs, files of {MAX_BYTES} bytes; times are medians\n");
    println!(
        "| handler | files | largest | lost | torn | repeated | time | of a FileHandler's | 1 + its names alone |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let base = contestants[0].median(|run| run.took).as_secs_f64();
    for contestant in &contestants {
        let sum = |of: fn(&Run) -> u64| contestant.runs.iter().map(of).sum::<u64>();
        let records = u64::from(WORKERS * RECORDS) * runs as u64;
        let [took, names] = [|run: &Run| run.took, |run: &Run| run.names].map(|of| contestant.median(of).as_secs_f64());
        println!(
            "| {} | {} | {} | {} ({:.1} %) | {} | {} | {:.0} ms | {:.2} | {} |",
            contestant.name,
            sum(|run| run.files) / runs as u64,
            contestant.runs.iter().map(|run| run.largest).max().unwrap_or(0),
            sum(|run| run.lost),
            sum(|run| run.lost) as f64 * 100.0 / records as f64,
            sum(|run| run.torn),
            sum(|run| run.repeated),
            took * 1000.0,
            took / base,
            contestant.kept.map_or("".to_owned(), |_| format!("{:.2}", 1.0 + names / base)),
        );
    }
    let is_whole = |run: &Run| (run.lost, run.torn, run.repeated) == (0, 0, 0);
    let mut ours = contestants.iter().filter(|contestant| !contestant.name.starts_with("CPython"));
    ours.all(|contestant| contestant.runs.iter().all(is_whole))
}

impl Contestant {
    fn run(&mut self, place: &Path) {
        // For minutes ext4 makes a detour around each file that was deleted near by when it makes one. So nothing is deleted
        // before the end, and what a handler deletes does not cost the others: with this flag of the place each run's
        // directory is far from the others'.
        let directory = tempfile::tempdir_in(place).unwrap();
        let handler = (self.handler)(&directory.path().join("app.log"));
        let output = (self.command)().arg(handler.to_string()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let nanoseconds = said.trim().parse().unwrap_or_else(|_| panic_with(&output.stderr));
        let deletes = self.kept.is_some_and(|kept| kept < ALL);
        self.runs.push(Run { took: Duration::from_nanos(nanoseconds), ..Run::of(directory.path(), deletes) });
        self.keep(directory);
    }

    /// Gives the names of so many rolls to files as long as those that were rolled.
    fn give_names(&mut self, place: &Path, rolls: u32) {
        let (Some(kept), Some(run)) = (self.kept, self.runs.last_mut()) else { return };
        let directory = tempfile::tempdir_in(place).unwrap();
        let path = |number: u32| match number {
            0 => directory.path().join("app.log"),
            _ => directory.path().join(format!("app.log.{number}")),
        };
        let mut log = File::create(path(0)).unwrap();
        for roll in 0..rolls {
            log.write_all(&[b'x'; MAX_BYTES as usize]).unwrap();
            let began = Instant::now();
            if roll >= kept {
                std::fs::remove_file(path(kept)).unwrap();
            }
            (0..kept.min(roll + 1)).rev().for_each(|number| std::fs::rename(path(number), path(number + 1)).unwrap());
            log = File::create(path(0)).unwrap();
            run.names += began.elapsed();
        }
        self.keep(directory);
    }

    fn keep(&mut self, directory: TempDir) {
        let entries = std::fs::read_dir(directory.path()).unwrap();
        entries.for_each(|entry| File::create(entry.unwrap().path()).map(drop).unwrap());
        self.directories.push(directory);
    }

    fn median(&self, of: fn(&Run) -> Duration) -> Duration {
        let mut times: Vec<_> = self.runs.iter().map(of).collect();
        times.sort_unstable();
        times[times.len() / 2]
    }
}

#[allow(clippy::panic)]
fn panic_with(stderr: &[u8]) -> ! {
    panic!("a run failed:\n{}", String::from_utf8_lossy(stderr))
}

impl Run {
    /// What stands in all files of a run, and what should.
    fn of(directory: &Path, deletes: bool) -> Self {
        let mut seen: HashMap<(u32, u32), u64> = HashMap::new();
        let (mut torn, mut files, mut largest) = (0, 0, 0);
        for entry in std::fs::read_dir(directory).unwrap() {
            files += 1;
            let text = std::fs::read(entry.unwrap().path()).unwrap();
            largest = largest.max(text.len() as u64);
            for line in String::from_utf8_lossy(&text).split_terminator('\n') {
                match parse(line) {
                    Some(record) => *seen.entry(record).or_default() += 1,
                    None => torn += 1,
                }
            }
        }
        // A worker goes from file to file, and never back: behind its first record that is left nothing was deleted.
        let first = |worker| seen.keys().filter(|(of, _)| *of == worker).map(|(_, number)| *number).min();
        let due = |worker| if deletes { first(worker).map_or(0, |first| RECORDS - first) } else { RECORDS };
        let lost = (0..WORKERS).map(|worker| u64::from(due(worker))).sum::<u64>() - seen.len() as u64;
        let repeated = seen.values().map(|count| count - 1).sum();
        Self { took: Duration::ZERO, names: Duration::ZERO, lost, torn, repeated, files, largest }
    }
}

/// `2026-01-31 09:00:00,000 INFO 123 rolling 2 4711 end`: the worker and its record, if the line is whole.
fn parse(line: &str) -> Option<(u32, u32)> {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        [date, _, "INFO", _, _, worker, number, "end"] if date.len() == 10 => {
            let record = (worker.parse().ok()?, number.parse().ok()?);
            (record.0 < WORKERS && record.1 < RECORDS).then_some(record)
        }
        _ => None,
    }
}
