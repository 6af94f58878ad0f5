//! The example with a handler of its own, and that handler when the database is not there for it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree::{Config, Format, Tree};
use rusqlite::Connection;
use tracing::{error, info};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::built::example;
use crate::sqlite_handler::{HELD_ROWS, SqliteHandler};

/// The rows of the example's table, as its file has the lines: without the time.
fn rows(database: &Path) -> Vec<String> {
    let connection = Connection::open(database).unwrap();
    let mut rows = connection.prepare("SELECT message FROM log ORDER BY rowid").unwrap();
    let rows = rows.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn the_database_has_what_the_file_has_and_the_program_prints_it() {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(example("sqlite")).arg(directory.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let file = std::fs::read_to_string(directory.path().join("shop.log")).unwrap();
    // 2026-01-31 12:00:00,123 WARNING  shop.orders: paid in coins order=10
    let mut lines: Vec<&str> = file.lines().map(|line| line.split_once(": ").unwrap().1).collect();
    let mut rows = rows(&directory.path().join("shop.db"));
    lines.sort_unstable();
    rows.sort_unstable();
    assert_eq!(lines, rows);
    assert_eq!(rows.len(), 121);

    let printed = String::from_utf8(output.stdout).unwrap();
    let (_, table) = printed.split_once("\n\n").unwrap();
    let counts = table.lines().skip(1).filter_map(|row| row.split_whitespace().nth(3)?.parse::<usize>().ok());
    assert_eq!(counts.sum::<usize>(), rows.len(), "{printed}");
}

/// The listener is another process, forked from the one that has opened the database.
#[test]
#[cfg(target_os = "linux")]
fn behind_a_queue_the_listener_writes_the_rows() {
    let directory = tempfile::tempdir().unwrap();
    let own = include_str!("../../examples/sqlite/logging.json");
    let mut config: serde_json::Value = serde_json::from_str(own).unwrap();
    config["handlers"]["queue"] = serde_json::json!({
        "class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue"},
        "listener": "logging.handlers.QueueListener", "handlers": ["file", "database"],
    });
    config["root"]["handlers"] = serde_json::json!(["queue"]);
    std::fs::write(directory.path().join("logging.json"), config.to_string()).unwrap();
    let output = Command::new(example("sqlite")).arg(directory.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let file = std::fs::read_to_string(directory.path().join("shop.log")).unwrap();
    let rows = rows(&directory.path().join("shop.db"));
    // One writes both, and in the same order.
    assert!(file.lines().map(|line| line.split_once(": ").unwrap().1).eq(&rows), "{file}");
    assert_eq!(rows.len(), 121);
}

#[test]
fn a_directory_that_is_not_there_ends_the_example_with_a_message() {
    let output = Command::new(example("sqlite")).arg("/nonexistent").output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
}

/// A database in a directory of its own.
struct Place {
    _directory: tempfile::TempDir,
    database: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { database: directory.path().join("log.db"), _directory: directory }
    }

    fn config(&self, arguments: &str) -> Result<Config, logtree::Error> {
        let mut registry = logtree::registry();
        registry.handler("shop.SqliteHandler", SqliteHandler::plan);
        let database = self.database.display();
        // A machine that is slow must not make a row due.
        let interval = if arguments.contains("interval") { "" } else { r#", "interval": 3600"# };
        let text = format!(
            r#"{{"version": 1, "root": {{"level": "INFO", "handlers": ["database"]}}, "handlers": {{"database":
                {{"class": "shop.SqliteHandler", "database": "{database}", "busy_timeout": 0.05{interval}{arguments}}}}}}}"#
        );
        Config::parse(&text, Format::Json, &registry)
    }

    /// Logs as `work` does; gives the tree.
    fn log(&self, arguments: &str, work: impl FnOnce(&Tree)) -> Arc<Tree> {
        let layer = self.config(arguments).unwrap().layer().unwrap();
        let tree = layer.tree();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || work(&tree));
        tree
    }
}

fn flush(tree: &Tree) -> bool {
    tree.flush(Instant::now() + Duration::from_secs(1))
}

fn errors(tree: &Tree) -> u64 {
    tree.handlers()[0].errors.count()
}

#[test]
fn rows_wait_for_a_batch_a_level_or_a_flush() {
    let place = Place::new();
    place.log(r#", "batch": 3"#, |tree| {
        info!("one");
        info!("two");
        assert_eq!(rows(&place.database), Vec::<String>::new());
        info!("three");
        assert_eq!(rows(&place.database), ["one", "two", "three"]);
        info!("four");
        error!("five");
        assert_eq!(rows(&place.database).len(), 5);
        info!("six");
        assert_eq!(rows(&place.database).len(), 5);
        assert!(flush(tree));
        assert_eq!(rows(&place.database).len(), 6);
        assert_eq!(errors(tree), 0);
    });
}

#[test]
fn a_locked_database_costs_errors_and_no_rows() {
    let place = Place::new();
    place.log(r#", "batch": 1"#, |tree| {
        info!("before");
        let other = Connection::open(&place.database).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        (0..100).for_each(|number| info!(number, "while"));
        // One waits for it, and the others do not try.
        assert_eq!(errors(tree), 1);
        assert!(!flush(tree));
        other.execute_batch("COMMIT").unwrap();
        assert!(flush(tree));
        assert_eq!(rows(&place.database).len(), 101);
        info!("after");
        assert_eq!(rows(&place.database).last().unwrap(), "after");
        assert_eq!(errors(tree), 1);
    });
}

#[test]
fn a_row_is_held_no_longer_than_its_interval() {
    let place = Place::new();
    place.log(r#", "interval": 0"#, |_| {
        info!("one");
        assert_eq!(rows(&place.database), ["one"]);
    });
}

#[test]
fn so_many_rows_are_held_and_no_more() {
    let place = Place::new();
    place.log("", |tree| {
        let other = Connection::open(&place.database).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        (0..HELD_ROWS + 7).for_each(|_| info!("m"));
        // The one that made the first batch whole said why, those beyond were lost.
        assert_eq!(errors(tree), 1 + 7);
        other.execute_batch("COMMIT").unwrap();
        assert!(flush(tree));
        assert_eq!(rows(&place.database).len(), HELD_ROWS);
    });
}

#[test]
fn a_database_that_does_not_open_makes_the_config_refused() {
    let place = Place::new();
    std::fs::create_dir(&place.database).unwrap();
    let error = place.config("").unwrap().tree().unwrap_err().to_string();
    let expected =
        format!("Unable to configure handler 'database': cannot open the database {}", place.database.display());
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn arguments_are_looked_at_before_anything_is_opened() {
    let place = Place::new();
    let refusal = |arguments: &str| place.config(arguments).unwrap_err().to_string();
    assert!(refusal(r#", "table": "log; DROP TABLE log""#).contains("is no name of a table"));
    assert!(refusal(r#", "batch": "many""#).contains("argument 'batch' must be int, not str"));
    assert!(refusal(r#", "flush_level": "LOUD""#).contains("Unknown level: 'LOUD'"));
    assert!(refusal(r#", "busy_timeout": -1"#).contains("must be a number of seconds, 0 or more, not int"));
    assert!(refusal(r#", "databse": "x""#).contains("unexpected keyword argument 'databse'"));
    assert!(!place.database.exists());
}
