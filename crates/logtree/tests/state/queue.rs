//! Logging that changes before a queue between processes.

use std::fs;
use std::time::Duration;

use logtree::from_file;

use crate::Life;
use crate::child::lines;

pub(crate) const LIVES: &[Life] = &[
    ("queue::a_queue_outlives_the_configs_that_name_it", a_queue_outlives_the_configs_that_name_it),
    ("queue::filters_behind_it_count_for_all_processes", filters_behind_it_count_for_all_processes),
];

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
