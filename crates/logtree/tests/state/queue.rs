//! Logging that changes before a queue between processes.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use logtree::prefork::{Fork, fork};
use logtree::{Config, Record, from_file};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};

use crate::Life;
use crate::child::{lines, until};

pub(crate) const LIVES: &[Life] = &[
    ("queue::a_queue_outlives_the_configs_that_name_it", a_queue_outlives_the_configs_that_name_it),
    ("queue::filters_behind_it_count_for_all_processes", filters_behind_it_count_for_all_processes),
    (
        "queue::what_filters_behind_it_hold_back_is_said_when_they_go",
        what_filters_behind_it_hold_back_is_said_when_they_go,
    ),
    ("queue::a_newer_config_reaches_all_processes", a_newer_config_reaches_all_processes),
    ("queue::a_class_of_another_program_is_left_to_it", a_class_of_another_program_is_left_to_it),
    ("queue::a_file_is_emptied_once_in_a_queues_life", a_file_is_emptied_once_in_a_queues_life),
];

const FLUSHED_WITHIN: Duration = Duration::from_secs(60);

/// Writes a config with these handlers behind a queue.
fn write_config(format: &str, handlers: &[(&str, &str)]) {
    write_config_with("{}", format, handlers);
}

fn write_config_with(filters: &str, format: &str, handlers: &[(&str, &str)]) {
    let names: Vec<String> = handlers.iter().map(|(name, _)| format!("{name:?}")).collect();
    let handlers: String = handlers.iter().map(|(name, handler)| format!("{name:?}: {handler}, ")).collect();
    let names = names.join(", ");
    let config = format!(
        r#"{{"version": 1, "root": {{"level": "INFO", "handlers": ["queue"]}},
            "filters": {filters}, "formatters": {{"line": {{"format": "{format}"}}}},
            "handlers": {{{handlers}
                "queue": {{"class": "logging.handlers.QueueHandler", "queue": {{"()": "multiprocessing.Queue"}},
                           "handlers": [{names}], "listener": "logging.handlers.QueueListener"}}}}}}"#
    );
    // Whole or not at all.
    fs::write("new.json", config).unwrap();
    fs::rename("new.json", "logging.json").unwrap();
}

const A: (&str, &str) = ("a", r#"{"class": "logging.FileHandler", "filename": "a.log", "formatter": "line"}"#);
const B: (&str, &str) = (
    "b",
    r#"{"class": "logging.handlers.RotatingFileHandler", "filename": "b.log", "formatter": "line", "maxBytes": 10000}"#,
);

/// Another process of the service, which does something once it is told to.
fn process(word: &'static str, life: impl FnOnce()) -> Pid {
    match fork().unwrap() {
        Fork::Parent(pid) => pid,
        Fork::Child => {
            until(|| Path::new(word).exists());
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(life));
            std::process::exit(i32::from(outcome.is_err()));
        }
    }
}

fn tell(word: &str, process: Pid) {
    fs::write(word, "").unwrap();
    let (_, status) = waitpid(Some(process), WaitOptions::empty()).unwrap().unwrap();
    assert_eq!(status.exit_status(), Some(0), "{word}");
}

fn generation() -> (u64, u64) {
    let stats = logtree::prefork::stats();
    let [queue] = &stats[..] else { panic!("one queue, not {stats:?}") };
    (queue.config.generation, queue.config.listening)
}

fn a_newer_config_reaches_all_processes() {
    write_config("%(message)s", &[A]);
    // Unrelated: it has its logging from nobody.
    let newcomer = process("newcomer", || {
        let guard = from_file("logging.json").unwrap().install().unwrap();
        tracing::info!("newcomer");
        assert!(guard.flush(FLUSHED_WITHIN));
    });
    let guard = from_file("logging.json").unwrap().install().unwrap();
    tracing::info!("1");
    assert!(guard.flush(FLUSHED_WITHIN));
    assert_eq!(generation(), (1, 1));
    let worker = process("worker", || {
        let guard = from_file("logging.json").unwrap().install().unwrap();
        tracing::info!("worker");
        assert!(guard.flush(FLUSHED_WITHIN));
    });
    write_config("new %(message)s", &[A, B]);
    guard.reload().unwrap();
    assert_eq!(generation(), (2, 2));
    tracing::info!("2");
    assert!(guard.flush(FLUSHED_WITHIN));
    // It was forked with the first config and does nothing about it.
    tell("worker", worker);
    assert_eq!(generation(), (2, 2));
    // A config that is refused changes nothing.
    fs::write("logging.json", "{").unwrap();
    guard.reload().unwrap_err();
    assert_eq!(generation(), (2, 2));
    write_config("newer %(message)s", &[B]);
    tell("newcomer", newcomer);
    tracing::info!("3");
    assert!(guard.flush(FLUSHED_WITHIN));
    assert_eq!(generation(), (3, 3));
    assert_eq!(guard.stats().queues[0].config.origin, "logging.json");
    assert_eq!(lines("a.log"), ["1", "new 2", "new worker"]);
    assert_eq!(lines("b.log"), ["new 2", "new worker", "newer newcomer", "newer 3"]);
    let claims = [".a.log.logtree", ".b.log.logtree"].map(|claim| Path::new(claim).exists());
    assert_eq!(claims, [false, true]);
}

fn a_class_of_another_program_is_left_to_it() {
    let filtered = (
        "a",
        r#"{"class": "logging.FileHandler", "filename": "a.log", "formatter": "line",
            "filters": ["healthy"]}"#,
    );
    let program = |class: &'static str| {
        let mut registry = logtree::registry();
        registry.filter(class, |kwargs| {
            kwargs.finish()?;
            Ok(Arc::new(|record: &Record<'_>| !record.message.contains("/health")))
        });
        Config::load("logging.json", &registry).unwrap().install().unwrap()
    };
    write_config("%(message)s", &[A]);
    let newcomer = process("newcomer", || {
        let guard = program("program.NoHealthChecks");
        tracing::info!("newcomer");
        tracing::info!("newcomer /health");
        assert!(guard.flush(FLUSHED_WITHIN));
        // The helper that it made goes on without it.
    });
    let guard = program("program.Other");
    tracing::info!("1 /health");
    assert!(guard.flush(FLUSHED_WITHIN));
    write_config_with(r#"{"healthy": {"()": "program.NoHealthChecks"}}"#, "new %(message)s", &[filtered]);
    tell("newcomer", newcomer);
    assert_eq!(generation(), (2, 2));
    tracing::info!("2");
    tracing::info!("2 /health");
    assert!(guard.flush(FLUSHED_WITHIN));
    assert_eq!(logtree::prefork::stats()[0].claim_number, 2);
    assert_eq!(lines("a.log"), ["1 /health", "new newcomer", "new 2"]);
}

fn a_file_is_emptied_once_in_a_queues_life() {
    let file = |name: &'static str, filename: &str| {
        let handler = r#"{"class": "logging.FileHandler", "mode": "w", "formatter": "line", "filename": "#;
        (name, format!("{handler}{filename:?}}}"))
    };
    let (a, b) = (file("a", "a.log"), file("b", "b.log"));
    ["a.log", "b.log"].iter().for_each(|log| fs::write(log, "of before\n").unwrap());
    write_config("%(message)s", &[(a.0, &a.1)]);
    let [same, newer] = ["same", "newer"].map(|word| {
        process(word, move || {
            let guard = from_file("logging.json").unwrap().install().unwrap();
            tracing::info!("{word}");
            assert!(guard.flush(FLUSHED_WITHIN));
        })
    });
    let guard = from_file("logging.json").unwrap().install().unwrap();
    tracing::info!("1");
    assert!(guard.flush(FLUSHED_WITHIN));
    tell("same", same);
    write_config("%(message)s", &[(a.0, &a.1), (b.0, &b.1)]);
    assert_eq!(lines("b.log"), ["of before"]);
    tell("newer", newer);
    guard.reload().unwrap();
    tracing::info!("2");
    assert!(guard.flush(FLUSHED_WITHIN));
    assert_eq!(lines("a.log"), ["1", "same", "newer", "2"]);
    assert_eq!(lines("b.log"), ["newer", "2"]);
}

fn a_queue_outlives_the_configs_that_name_it() {
    let config = r#"{"version": 1, "handlers": {
        "file": {"class": "logging.FileHandler", "filename": "a.log"},
        "queue": {"class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue"},
                  "handlers": ["file"], "listener": "logging.handlers.QueueListener"}},
        "root": {"level": "INFO", "handlers": ["queue"]}}"#;
    fs::write("logging.json", config).unwrap();
    let guard = from_file("logging.json").unwrap().install().unwrap();
    let reloads = 600;
    for number in 0..reloads {
        tracing::info!("{number}");
        guard.reload().unwrap();
    }
    assert!(guard.flush(Duration::from_secs(60)));
    let expected: Vec<String> = (0..reloads).map(|number| number.to_string()).collect();
    assert_eq!(lines("a.log"), expected);
    let stats = logtree::prefork::stats();
    assert_eq!(stats.iter().map(|queue| (queue.processes, queue.lanes)).collect::<Vec<_>>(), [(1, 1)]);
}

/// A filter of a handler behind the queue sees what all processes log, and a flush of any has it speak.
fn filters_behind_it_count_for_all_processes() {
    let config = r#"{"version": 1, "filters": {"once": {"()": "logtree.DuplicateFilter"}}, "handlers": {
        "file": {"class": "logging.FileHandler", "filename": "a.log", "filters": ["once"]},
        "queue": {"class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue"},
                  "handlers": ["file"], "listener": "logging.handlers.QueueListener"}},
        "root": {"level": "INFO", "handlers": ["queue"]}}"#;
    fs::write("logging.json", config).unwrap();
    let guard = from_file("logging.json").unwrap().install().unwrap();
    let log = || (0..50).for_each(|_| tracing::info!("again"));
    log();
    match logtree::prefork::fork().unwrap() {
        logtree::prefork::Fork::Child => {
            log();
            std::process::exit(0);
        }
        logtree::prefork::Fork::Parent(child) => {
            rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty()).unwrap();
        }
    }
    log();
    assert!(guard.flush(Duration::from_secs(60)));
    let lines = lines("a.log");
    assert_eq!(lines[0], "again");
    // The child flushes as it ends, and has the filter speak of what there was by then.
    let counts = lines[1..].iter().map(|line| {
        let count = line.strip_prefix("last message repeated ").and_then(|rest| rest.strip_suffix(" times"));
        count.unwrap_or_else(|| panic!("{line}")).parse::<u32>().unwrap()
    });
    assert_eq!(counts.sum::<u32>(), 149);
}

/// The listener has read all of it long since: at a flush, at a change of the config, and when the last process is killed.
fn what_filters_behind_it_hold_back_is_said_when_they_go() {
    let write = |format, file| {
        let handler = format!(
            r#"{{"class": "logging.FileHandler", "filename": "{file}", "filters": ["once"], "formatter": "line"}}"#
        );
        write_config_with(r#"{"once": {"()": "logtree.DuplicateFilter"}}"#, format, &[("file", &handler)]);
    };
    let install = || from_file("logging.json").unwrap().install().unwrap();
    let handled = || logtree::prefork::stats()[0].handled;
    let log = || {
        let so_far = handled();
        (0..50).for_each(|_| tracing::info!("again"));
        until(|| handled() >= so_far + 50);
    };
    write("%(message)s", "killed.log");
    match fork().unwrap() {
        Fork::Child => {
            let _guard = install();
            log();
            kill_process(getpid(), Signal::KILL).unwrap();
        }
        Fork::Parent(child) => _ = waitpid(Some(child), WaitOptions::empty()).unwrap(),
    }
    let [first, second] = ["49", "50"].map(|count| format!("last message repeated {count} times"));
    until(|| lines("killed.log") == ["again", &first]);

    write("%(message)s", "a.log");
    let guard = install();
    log();
    assert!(guard.flush(FLUSHED_WITHIN));
    log();
    write("new %(message)s", "a.log");
    guard.reload().unwrap();
    log();
    assert!(guard.flush(FLUSHED_WITHIN));
    assert_eq!(lines("a.log"), ["again", &first, &second, "new again", &format!("new {first}")]);
}
