//! `Guard::roll`: a file is begun anew between two records, whatever stands before its handler.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use logtree::{Format, Guard};
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt as _;

const PATIENCE: Duration = Duration::from_secs(20);

/// Installs handlers beside `file`, of which the root has those that are named, for as long as `body` takes.
fn with_handlers(file: &Value, others: Value, root: &[&str], body: impl FnOnce(&Guard)) {
    let mut config = json!({"version": 1, "handlers": others, "root": {"level": "INFO", "handlers": root}});
    config["handlers"]["file"] = file.clone();
    let layer = logtree::from_str(&config.to_string(), Format::Json).unwrap().layer().unwrap();
    let guard = layer.guard();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || body(&guard));
}

/// What stands in a log, then in the files that it was rolled to, by their names.
fn contents(directory: &Path) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    // A queue's claim lies beside the log.
    files.retain(|file| file.file_name().unwrap().as_encoded_bytes().starts_with(b"app.log"));
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// A handler that rolls, never of itself in this time.
fn rotating(directory: &Path) -> Value {
    let class = "logging.handlers.RotatingFileHandler";
    json!({"class": class, "filename": directory.join("app.log"), "backupCount": 999})
}

fn is_begun_anew_between_two_records(rolls: &[Value], others: &Value, root: &[&str]) {
    for file in rolls {
        let directory = tempfile::tempdir().unwrap();
        let mut file = file.clone();
        file["filename"] = json!(directory.path().join("app.log"));
        with_handlers(&file, others.clone(), root, |guard| {
            guard.roll();
            tracing::info!("before");
            guard.roll();
            // Nothing is in it.
            guard.roll();
            tracing::info!("after");
            assert!(guard.flush(PATIENCE));
            assert_eq!(contents(directory.path()), ["after\n", "before\n"], "{file}, {others}");
            assert_eq!(guard.errors(), 0);
        });
    }
}

fn all_that_roll() -> [Value; 6] {
    let rotating = "logging.handlers.RotatingFileHandler";
    let timed = "logging.handlers.TimedRotatingFileHandler";
    [
        json!({"class": rotating, "backupCount": 5}),
        json!({"class": rotating, "backupCount": 1, "maxBytes": "1 MiB"}),
        json!({"class": rotating, "backupCount": 5, "buffering": "1 MiB"}),
        json!({"class": timed, "when": "W0"}),
        json!({"class": timed, "when": "W0", "backupCount": 1, "buffering": "1 MiB"}),
        json!({"class": timed, "when": "W0", "backupCount": 1, "maxBytes": "1 MiB"}),
    ]
}

#[test]
fn every_handler_that_rolls_can_be_told_to() {
    is_begun_anew_between_two_records(&all_that_roll(), &json!({}), &["file"]);
}

#[test]
fn behind_a_queue_a_file_is_rolled_when_its_turn_comes() {
    let queue = json!({"class": "logging.handlers.QueueHandler", "handlers": ["file"]});
    is_begun_anew_between_two_records(&all_that_roll(), &json!({"queue": queue}), &["queue"]);
}

#[cfg(feature = "prefork")]
#[test]
fn behind_a_queue_of_processes_a_file_is_rolled_when_its_turn_comes() {
    let queue = json!({"()": "multiprocessing.Queue"});
    let queue = json!({"class": "logging.handlers.QueueHandler", "queue": queue, "handlers": ["file"]});
    is_begun_anew_between_two_records(&all_that_roll(), &json!({"queue": queue}), &["queue"]);
}

#[test]
fn what_is_before_others_has_them_roll_once() {
    let directory = tempfile::tempdir().unwrap();
    let others = json!({
        "memory": {"class": "logging.handlers.MemoryHandler", "capacity": 1, "target": "file"},
        "also": {"class": "logging.handlers.MemoryHandler", "capacity": 1, "target": "memory"},
    });
    with_handlers(&rotating(directory.path()), others, &["memory", "also", "file"], |guard| {
        tracing::info!("before");
        guard.roll();
        tracing::info!("after");
        assert_eq!(contents(directory.path()), ["after\n".repeat(3), "before\n".repeat(3)]);
    });
}

/// As in Python: the name is its interval's, which has it already.
#[test]
fn a_file_of_times_is_rolled_once_in_its_interval_unless_it_has_a_size() {
    let timed = |directory: &Path, max_bytes: u32| {
        let class = "logging.handlers.TimedRotatingFileHandler";
        json!({"class": class, "filename": directory.join("app.log"), "when": "W0", "maxBytes": max_bytes})
    };
    let log_and_roll = |guard: &Guard| {
        for number in 0..3 {
            tracing::info!("{number}");
            guard.roll();
        }
        tracing::info!("3");
        assert_eq!(guard.errors(), 0);
    };
    let directory = tempfile::tempdir().unwrap();
    with_handlers(&timed(directory.path(), 0), json!({}), &["file"], log_and_roll);
    assert_eq!(contents(directory.path()), ["1\n2\n3\n", "0\n"]);
    let directory = tempfile::tempdir().unwrap();
    with_handlers(&timed(directory.path(), 1_000_000), json!({}), &["file"], log_and_roll);
    assert_eq!(contents(directory.path()), ["3\n", "0\n", "1\n", "2\n"]);
}

#[test]
fn a_file_that_nobody_keeps_or_that_does_not_roll_goes_on() {
    for class in ["FileHandler", "handlers.WatchedFileHandler", "handlers.RotatingFileHandler"] {
        let directory = tempfile::tempdir().unwrap();
        let file = json!({"class": format!("logging.{class}"), "filename": directory.path().join("app.log")});
        with_handlers(&file, json!({}), &["file"], |guard| {
            tracing::info!("before");
            guard.roll();
            tracing::info!("after");
            assert_eq!(contents(directory.path()), ["before\nafter\n"], "{class}");
        });
    }
}

#[test]
fn what_cannot_be_rolled_is_an_error_of_its_handler_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("app.log.1/in the way")).unwrap();
    let mut file = rotating(directory.path());
    file["backupCount"] = json!(1);
    with_handlers(&file, json!({}), &["file"], |guard| {
        tracing::info!("before");
        guard.roll();
        assert_eq!(guard.errors(), 1);
        tracing::info!("after");
        let log = fs::read_to_string(directory.path().join("app.log")).unwrap();
        assert_eq!(log, "before\nafter\n");
    });
}

/// Processes are like threads with handlers of their own.
#[test]
fn nothing_is_lost_while_others_write_the_same_file() {
    const EACH: usize = 5_000;
    let directory = tempfile::tempdir().unwrap();
    let file = rotating(directory.path());
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let file = &file;
            scope.spawn(move || {
                with_handlers(file, json!({}), &["file"], |guard| {
                    for number in 0..EACH {
                        tracing::info!(writer, number, "logged");
                        if writer == 0 && number % (EACH / 20) == 0 {
                            guard.roll();
                        }
                    }
                    assert_eq!(guard.errors(), 0);
                });
            });
        }
    });
    let files = contents(directory.path());
    assert_eq!(files.len(), 21);
    let mut lines: Vec<_> = files.iter().flat_map(|content| content.lines()).collect();
    lines.sort_unstable();
    let mut expected: Vec<_> = (0..3)
        .flat_map(|writer| (0..EACH).map(move |number| format!("logged writer={writer} number={number}")))
        .collect();
    expected.sort_unstable();
    assert!(lines == expected, "{} of {} lines", lines.len(), expected.len());
}

#[test]
fn of_those_who_roll_a_file_at_once_one_does() {
    const ROUNDS: usize = 200;
    let directory = tempfile::tempdir().unwrap();
    let file = rotating(directory.path());
    let together = Barrier::new(3);
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let (file, together) = (&file, &together);
            scope.spawn(move || {
                with_handlers(file, json!({}), &["file"], |guard| {
                    for round in 0..ROUNDS {
                        if writer == 0 {
                            tracing::info!("{round}");
                        }
                        together.wait();
                        guard.roll();
                        together.wait();
                    }
                });
            });
        }
    });
    let files = contents(directory.path());
    let mut lines: Vec<usize> = files[1..].iter().map(|content| content.trim_end().parse().unwrap()).collect();
    lines.sort_unstable();
    assert_eq!(lines, Vec::from_iter(0..ROUNDS));
}
