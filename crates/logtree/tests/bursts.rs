//! A thread that logs as fast as it can, and one whose listener is stopped: nothing is lost, and what a record costs.
//!
//! `cargo test --release -p logtree --features prefork --test bursts` prints figures of bursts with default settings and of
//! two seconds without a listener; `LOGTREE_STOPPED_SECONDS=60` before it has the listener stopped for a minute.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use logtree::{Format, Guard};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

const BURSTS: [usize; 3] = [1_000, 16_000, 100_000];
/// Between two records of a thread that has other things to do.
const PACE: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, what, number, directory] = arguments.as_slice() {
        let (number, directory) = (number.parse().unwrap(), Path::new(directory));
        return if what == "burst" { burst(number, directory) } else { stopped(number, directory) };
    }
    // Each in a process of its own, whose lane is new.
    let run = |what: &str, number: u64| {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        let status = command.args([what, &number.to_string()]).arg(directory.path()).status().unwrap();
        assert!(status.success(), "{what} {number}");
    };
    BURSTS.into_iter().for_each(|records| run("burst", records as u64));
    let seconds = std::env::var("LOGTREE_STOPPED_SECONDS").map_or(2, |seconds| seconds.parse().unwrap());
    run("stopped", seconds);
    println!("bursts: ok");
}

fn install(directory: &Path) -> Guard {
    let config = json!({
        "version": 1,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "handlers": {
            "file": {"class": "logging.FileHandler", "filename": directory.join("app.log"), "formatter": "line"},
            "queue": {
                "class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue"}, "handlers": ["file"],
            },
        },
        "root": {"level": "INFO", "handlers": ["queue"]},
    });
    logtree::from_str(&config.to_string(), Format::Json).unwrap().install().unwrap()
}

/// Logs, and measures each call.
fn log(numbers: std::ops::Range<usize>, before_each: impl Fn()) -> Vec<Duration> {
    let mut times = Vec::with_capacity(numbers.len());
    for number in numbers {
        before_each();
        let began = Instant::now();
        tracing::info!(number, user = "ann", status = 200_u16, "request answered");
        times.push(began.elapsed());
    }
    times
}

/// Asserts that each number stands in the log once, in order, and that nothing else does.
fn assert_written(directory: &Path, records: usize) {
    let text = fs::read_to_string(directory.join("app.log")).unwrap();
    let number = |line: &str| line.split("number=").nth(1)?.split(' ').next()?.parse::<usize>().ok();
    let numbers: Vec<_> = text.lines().map(number).collect();
    assert_eq!(numbers.len(), records, "{:?}", text.lines().find(|line| number(line).is_none()));
    assert!(numbers.into_iter().eq((0..records).map(Some)));
}

/// The time that a share of the calls took no longer than.
fn quantile(times: &[Duration], share: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

fn burst(records: usize, directory: &Path) {
    let guard = install(directory);
    let began = Instant::now();
    let times = log(0..records, || {});
    let took = began.elapsed();
    assert!(guard.flush(PATIENCE));
    assert_written(directory, records);
    println!(
        "burst of {records:>6}: none dropped; median {:?}, 99.9 % within {:?}, slowest {:?}; in all {took:?}",
        quantile(&times, 0.5),
        quantile(&times, 0.999),
        quantile(&times, 1.0),
    );
}

/// This process's helpers: the standby first, so that it does not take the listener's place.
fn helpers() -> [Pid; 2] {
    let find = |name: &str| {
        let numbers =
            fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let is_it = |pid: &i32| {
            let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
            comm.trim_end() == name && parent == Some(std::process::id())
        };
        numbers.filter(is_it).find_map(Pid::from_raw)
    };
    ["logtree-standby", "logtree-listen"].map(|name| {
        let began = Instant::now();
        loop {
            if let Some(pid) = find(name) {
                return pid;
            }
            assert!(began.elapsed() < PATIENCE, "there is no {name}");
            std::thread::sleep(Duration::from_millis(1));
        }
    })
}

fn stopped(seconds: usize, directory: &Path) {
    let guard = install(directory);
    let records = seconds * 1000;
    let pace = || std::thread::sleep(PACE);
    // Its first record claims a lane.
    log(0..1, pace);
    let running = log(1..records, pace);
    let helpers = helpers();
    helpers.iter().for_each(|pid| kill_process(*pid, Signal::STOP).unwrap());
    let stopped = log(records..2 * records, pace);
    helpers.iter().for_each(|pid| kill_process(*pid, Signal::CONT).unwrap());
    assert!(guard.flush(PATIENCE));
    assert_written(directory, 2 * records);
    let of = |share| (quantile(&running, share), quantile(&stopped, share));
    let (tail, worst, median) = (of(0.999), of(1.0), of(0.5));
    println!(
        "listener running, then stopped for {seconds} s: median {median:?}, 99.9 % within {tail:?}, slowest {worst:?}",
    );
    // Few records have a tail of two or three: whatever else the machine does is in it.
    let (share, factor) = if seconds >= 60 { (0.999, 2.0) } else { (0.99, 10.0) };
    let (running, stopped) = of(share);
    assert!(stopped.as_secs_f64() <= factor * running.as_secs_f64(), "{stopped:?} instead of {running:?}");
}
