//! `logtree::testing::capture`: what a test logs, apart from what others log.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::sync::Barrier;

use logtree::formatters::FormatterConfig;
use logtree::testing::capture;
use logtree::{Level, Value, critical};
use tracing::{debug, error, info, info_span, trace};

#[test]
fn what_is_logged_can_be_looked_at_with_its_types() {
    let logs = capture();
    let span = info_span!(target: "app", "request", id = 7_u64, late = tracing::field::Empty).entered();
    span.record("late", true);
    let line = line!() + 1;
    info!(target: "app::db", rows = 3, ratio = 0.5, name = "ann", id = 8_i64, "queried {}", "it");
    let record = logs.one();
    assert_eq!((record.logger(), record.level(), record.message()), ("app.db", Level::INFO, "queried it"));
    assert_eq!(record.location(), (file!(), line));
    let expected =
        [("rows", Value::I64(3)), ("ratio", Value::F64(0.5)), ("name", Value::Str("ann")), ("id", Value::I64(8))];
    assert_eq!(record.fields(), expected);
    assert_eq!((record.field("late"), record.field("id")), (Some(Value::Bool(true)), Some(Value::I64(8))));
    assert_eq!((record.field("nobody"), record.spans()), (None, vec!["request"]));
    assert_eq!(record.line(), "INFO:app.db:queried it rows=3 ratio=0.5 name=ann id=8");
    let format = Some("%(levelname)s [%(spans)s] %(id)s %(message)s".to_owned());
    let formatter = FormatterConfig { format, ..FormatterConfig::default() }.build().unwrap();
    let formatted = record.formatted(&*formatter).unwrap();
    assert!(
        formatted.starts_with("INFO [request") && formatted.ends_with("8 queried it rows=3 ratio=0.5 name=ann"),
        "{formatted}"
    );
}

#[test]
fn every_level_is_captured_and_errors_bring_their_chain() {
    let logs = capture();
    trace!("t");
    debug!("d");
    critical!("c");
    error!(logtree.logger = "other::logger", logtree.level = 35, "o");
    let error = std::io::Error::other("no route");
    error!(error = &error as &dyn std::error::Error, "failed");
    let levels: Vec<i32> = logs.records().iter().map(|record| record.level().0).collect();
    assert_eq!(levels, [5, 10, 50, 35, 40]);
    let records = logs.take();
    assert_eq!((records[3].logger(), records[4].exc_text()), ("other.logger", Some("no route")));
    assert!(logs.records().is_empty());
    info!("after");
    assert_eq!(logs.lines(), ["INFO:capture:after"]);
}

#[test]
fn an_error_of_a_span_is_inherited_whole_and_on_one_line() {
    #[derive(Debug)]
    struct NoPort(std::num::ParseIntError);
    impl std::fmt::Display for NoPort {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("no port")
        }
    }
    impl std::error::Error for NoPort {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let logs = capture();
    let error = NoPort("80x".parse::<u16>().unwrap_err());
    let span = info_span!("connect", error = tracing::field::Empty);
    span.record("error", &error as &dyn std::error::Error);
    span.in_scope(|| info!("retried"));
    let record = logs.one();
    // What std's `ParseIntError` says of itself.
    assert_eq!(record.field("error"), Some(Value::Error("no port: invalid digit found in string")));
    let format = |format: &str| {
        let config = FormatterConfig { format: Some(format.to_owned()), ..FormatterConfig::default() };
        record.formatted(&*config.build().unwrap()).unwrap()
    };
    // Nothing stands below the line, and `exc_text` is what a LogRecord without `exc_info` has in Python.
    let line = format("%(message)s because of %(error)s (%(exc_text)s)");
    assert_eq!(line, "retried because of no port: invalid digit found in string (None)");
}

#[test]
fn tests_beside_one_another_do_not_mix() {
    const TESTS: usize = 8;
    let barrier = Barrier::new(TESTS);
    std::thread::scope(|scope| {
        for test in 0..TESTS {
            let barrier = &barrier;
            scope.spawn(move || {
                let logs = capture();
                for number in 0..200 {
                    barrier.wait();
                    info!(test, number, "from one callsite");
                }
                let records = logs.take();
                assert_eq!(records.len(), 200);
                assert!(records.iter().all(|record| record.field("test") == Some(Value::U64(test as u64))));
            });
        }
    });
}

#[test]
fn it_ends_with_what_it_answered_with_and_may_be_nested() {
    let outer = capture();
    info!("one");
    {
        let inner = capture();
        info!("two");
        assert_eq!(inner.one().message(), "two");
    }
    info!("three");
    assert_eq!(outer.lines(), ["INFO:capture:one", "INFO:capture:three"]);
}

#[test]
fn threads_of_the_test_are_captured_by_its_dispatch() {
    let logs = capture();
    let dispatch = logs.dispatch();
    let thread = std::thread::spawn(move || {
        info!("nobody sees this");
        tracing::dispatcher::with_default(&dispatch, || info!("from the thread"));
    });
    thread.join().unwrap();
    assert_eq!(logs.one().message(), "from the thread");
}

#[test]
#[should_panic(expected = "one record was expected, and there are 2")]
fn one_record_is_not_two() {
    let logs = capture();
    info!("one");
    info!("two");
    let _ = logs.one();
}

#[test]
#[ignore = "it fails, for a_test_that_fails_shows_what_was_captured to see"]
fn fails() {
    let logs = capture();
    info!(target: "app", "taken before");
    let _ = logs.take();
    for number in 0..1002 {
        info!(target: "app", number, "logged");
    }
    std::thread::scope(|scope| {
        let dispatch = logs.dispatch();
        scope.spawn(move || tracing::dispatcher::with_default(&dispatch, || info!(target: "app", "by another thread")));
    });
    assert!(logs.lines().is_empty(), "as it should be");
}

#[test]
#[ignore = "it does not fail, for a_test_that_fails_shows_what_was_captured to see"]
fn fails_not() {
    let _logs = capture();
    info!(target: "app", "nobody asks");
}

#[test]
fn a_test_that_fails_shows_what_was_captured() {
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let said = command.args(["--exact", "--ignored"]).args(arguments).env("RUST_BACKTRACE", "0").output().unwrap();
        (String::from_utf8(said.stdout).unwrap(), String::from_utf8(said.stderr).unwrap())
    };
    // In the report of the test, on standard output, and nowhere else.
    let (report, others) = run(&["fails"]);
    let captured: Vec<&str> = report.lines().skip_while(|line| *line != "captured, as the test fails:").collect();
    assert_eq!(
        captured[1..4],
        ["  3 records before these", "  INFO:app:logged number=3", "  INFO:app:logged number=4"]
    );
    assert_eq!(captured[1001], "  INFO:app:by another thread", "{report}");
    assert!(!others.contains("app"), "{others}");
    let (report, others) = run(&["fails_not", "--nocapture"]);
    assert!(report.contains("1 passed") && !report.contains("nobody asks") && !others.contains("nobody asks"));
}
