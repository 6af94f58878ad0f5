//! Logging that changes before a queue between processes.

use std::fs;
use std::time::Duration;

use logtree::from_file;

use crate::Life;
use crate::child::lines;

pub(crate) const LIVES: &[Life] =
    &[("queue::a_queue_outlives_the_configs_that_name_it", a_queue_outlives_the_configs_that_name_it)];

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
