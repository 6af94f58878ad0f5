//! `Guard::reopen`: whoever moves a log away and asks for it finds the very next line in a new file, whatever writes it. So does
//! who starts a program.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::fs;
use std::path::Path;

use logtree::Format;
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt as _;

/// A handler that rolls looks itself once in a tick of the clock: of so many rounds only few are within two ticks.
const ROUNDS: usize = 50;

fn main() {
    #[cfg(feature = "prefork")]
    if let Some(config) = std::env::args_os().nth(1) {
        return start(Path::new(&config)).0("another process");
    }
    // First, as a process with threads makes no helper that listens.
    for queue in QUEUES {
        behind_a_queue_the_next_record_goes_to_a_new_file(queue);
    }
    #[cfg(feature = "prefork")]
    who_starts_finds_its_files_by_their_names();
    let classes = [
        ("logging.FileHandler", json!({})),
        ("logging.FileHandler", json!({"buffering": "1 MiB"})),
        ("logging.handlers.WatchedFileHandler", json!({})),
        ("logging.handlers.RotatingFileHandler", json!({"maxBytes": 1000, "backupCount": 5})),
        ("logging.handlers.TimedRotatingFileHandler", json!({"when": "D"})),
        ("logging.handlers.TimedRotatingFileHandler", json!({"when": "D", "maxBytes": 1000, "backupCount": 5})),
        ("logging.handlers.RotatingFileHandler", json!({"maxBytes": 1000, "backupCount": 5, "buffering": "1 MiB"})),
        ("logging.handlers.TimedRotatingFileHandler", json!({"when": "D", "buffering": "1 MiB"})),
    ];
    for (class, arguments) in classes {
        a_moved_file_is_begun_anew_with_the_next_line(class, arguments);
    }
    println!("reopen: ok");
}

const QUEUES: &[&str] = &[
    #[cfg(feature = "prefork")]
    "multiprocessing.Queue",
    "queue.Queue",
];

fn behind_a_queue_the_next_record_goes_to_a_new_file(queue: &str) {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: String| directory.path().join(name);
    let file = |name: &str| json!({"class": "logging.FileHandler", "filename": at(name.to_owned())});
    let config = json!({
        "version": 1,
        "handlers": {
            "first": file("first"), "second": file("second"),
            "memory": {"class": "logging.handlers.MemoryHandler", "capacity": 1, "target": "second"},
            "queue": {
                "class": "logging.handlers.QueueHandler", "queue": {"()": queue}, "handlers": ["first", "memory"],
            },
        },
        "root": {"level": "INFO", "handlers": ["queue"]},
    });
    let layer = logtree::from_value(config).unwrap().layer().unwrap();
    let guard = layer.guard();
    let flush = || assert!(guard.flush(std::time::Duration::from_secs(20)));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for round in 0..ROUNDS {
            tracing::info!("before {round}");
            flush();
            ["first", "second"]
                .iter()
                .for_each(|name| fs::rename(at((*name).into()), at(format!("{name}.1"))).unwrap());
            guard.reopen();
            tracing::info!("after {round}");
            flush();
            for name in ["first", "second"] {
                let (old, new) = (read(&at(format!("{name}.1"))), fs::read_to_string(at(name.into())).ok());
                assert!(old.ends_with(&format!("before {round}\n")), "{queue}, {name}: {old:?}");
                assert_eq!(new, Some(format!("after {round}\n")), "{queue}, {name}");
            }
        }
        assert_eq!(guard.errors(), 0);
    });
}

/// What a program does that starts: it installs this config and logs.
#[cfg(feature = "prefork")]
fn start(config: &Path) -> (impl Fn(&str), logtree::Guard) {
    let layer = logtree::from_file(config).unwrap().layer().unwrap();
    let (guard, flushed) = (layer.guard(), layer.guard());
    let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(layer));
    let log = move |message: &str| {
        tracing::dispatcher::with_default(&dispatch, || tracing::info!("{message}"));
        assert!(flushed.flush(std::time::Duration::from_secs(20)));
        assert_eq!(flushed.errors(), 0);
    };
    (log, guard)
}

/// The listener of a queue that lives has them open since before they were moved or removed: a service that is started again, right
/// behind a program that takes its log away, meets the one of before.
#[cfg(feature = "prefork")]
fn who_starts_finds_its_files_by_their_names() {
    let directory = tempfile::tempdir().unwrap();
    let [config, log, old] = ["logging.json", "app.log", "app.log.old"].map(|name| directory.path().join(name));
    let text = json!({
        "version": 1,
        "handlers": {
            "file": {"class": "logging.FileHandler", "filename": log},
            "queue": {"class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue"}, "handlers": ["file"]},
        },
        "root": {"level": "INFO", "handlers": ["queue"]},
    });
    fs::write(&config, text.to_string()).unwrap();
    let (log_here, guard) = start(&config);
    log_here("first");
    fs::rename(&log, &old).unwrap();
    let run = || std::process::Command::new(std::env::current_exe().unwrap()).arg(&config).status().unwrap();
    assert!(run().success());
    assert_eq!((read(&old), read(&log)), ("first\n".into(), "another process\n".into()));
    log_here("second");
    fs::remove_file(&log).unwrap();
    // As a fresh process would.
    guard.reload().unwrap();
    log_here("third");
    assert_eq!(read(&log), "third\n");
    fs::remove_file(&log).unwrap();
    assert!(run().success());
    assert_eq!(read(&log), "another process\n");
}

fn a_moved_file_is_begun_anew_with_the_next_line(class: &str, arguments: Value) {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let mut file = json!({"class": class, "filename": log});
    file.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    let config = json!({
        "version": 1, "handlers": {"file": file}, "root": {"level": "INFO", "handlers": ["file"]},
    });
    let layer = logtree::from_str(&config.to_string(), Format::Json).unwrap().layer().unwrap();
    let guard = layer.guard();
    let (holds_back, looks) = (arguments.get("buffering").is_some(), class != "logging.FileHandler");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for round in 0..ROUNDS {
            let moved = directory.path().join(format!("moved.{round}"));
            tracing::info!("before {round}");
            fs::rename(&log, &moved).unwrap();
            guard.reopen();
            tracing::info!("after {round}");
            assert!(guard.flush(std::time::Duration::from_secs(20)));
            let (old, new) = (read(&moved), read(&log));
            let (before, after) = (format!("before {round}\n"), format!("after {round}\n"));
            // Who looks itself may have looked since the file was moved, and what was held back goes where the log is then.
            let is_late = holds_back && looks && new == before.clone() + &after && !old.contains(&before);
            assert!(is_late || (new == after && old.ends_with(&before)), "{class} {arguments}: {old:?}, {new:?}");
        }
        // Its size, and where its next line goes, are the new file's.
        (0..10).for_each(|_| tracing::info!("{}", "x".repeat(99)));
        assert!(guard.flush(std::time::Duration::from_secs(20)));
        let rolls = arguments.get("maxBytes").is_some();
        assert_eq!(read(&log).lines().count(), if rolls { 1 } else { 11 }, "{class} {arguments}");
        assert_eq!(guard.errors(), 0);
    });
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
