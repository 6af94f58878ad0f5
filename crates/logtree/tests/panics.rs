//! Panics are logged, with their own place, and go on as they would have.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::process::Command;
use std::time::Duration;

use logtree::{BuildError, Config, EmitError, Format, Formatter, Handler, Record, Steps};
use serde_json::json;
use tracing_subscriber::layer::SubscriberExt as _;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, PANICKING, place, path] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return a_handler_that_panics_is_logged_and_counted(place, path);
    }
    if let [_, set_up, path] = arguments.as_slice() {
        return panic_there(set_up, path);
    }
    if let [_, way] = arguments.as_slice() {
        return WAYS.iter().find(|(name, _)| name == way).unwrap().1();
    }
    for (queue, (way, _)) in QUEUES.iter().flat_map(|queue| WAYS.iter().map(move |way| (queue, way))) {
        let output = Command::new(std::env::current_exe().unwrap()).arg(way).env(QUEUE, queue).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{way}, {queue}: {:?} {stderr}", output.status);
    }
    let directory = tempfile::tempdir().unwrap();
    for (with_backtrace, set_up) in [("0", "install"), ("1", "install"), ("0", "global layer"), ("0", "scoped layer")] {
        let path = directory.path().join(format!("{set_up} {with_backtrace}.log"));
        let mut program = Command::new(std::env::current_exe().unwrap());
        let output = program.arg(set_up).arg(&path).env("RUST_BACKTRACE", with_backtrace).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(101), "{stderr}");
        // The hook of before is called too.
        assert!(stderr.contains("a gasket is gone") && stderr.contains("no message at all"), "{stderr}");

        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        let expected = [
            format!("CRITICAL panic panics.rs:{} boiler a gasket is gone: 3", line_of("panic!(\"a gasket")),
            format!("CRITICAL panic panics.rs:{} MainThread a panic without a message", line_of("panic_any(7)")),
            format!("CRITICAL panic panics.rs:{} MainThread no message at all", line_of("panic!(\"no message")),
        ];
        for expected in expected {
            let line = lines.find(|line| line.starts_with("CRITICAL")).unwrap();
            assert!(line.starts_with(&expected), "{line} is not {expected}");
            assert_eq!(line.contains(" backtrace="), with_backtrace == "1", "{line}");
        }
        assert_eq!(lines.find(|line| line.starts_with("CRITICAL")), None);
    }
    for place in ["root", "queue"] {
        let path = directory.path().join(format!("{place}.log"));
        let mut program = Command::new(std::env::current_exe().unwrap());
        let output = program.args([PANICKING, place]).arg(&path).env("RUST_BACKTRACE", "0").output().unwrap();
        assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
    }
    println!("panics: ok");
}

/// What a user's code may do to a program that logs, and the program lives on.
const WAYS: &[(&str, fn())] = &[
    ("two handlers at one record", two_handlers_panic_at_one_record),
    ("remains", what_is_left_of_a_panic_panics),
    ("destructors", handlers_and_filters_panic_when_they_are_dropped),
    ("values", values_panic),
    ("a report hook", a_report_hook_panics),
];

/// By this variable such a program knows its queue, and what there is.
const QUEUE: &str = "LOGTREE_TEST_QUEUE";
const QUEUES: &[&str] = if cfg!(all(feature = "prefork", target_os = "linux")) {
    &[
        r#"{"()": "queue.Queue"}"#,
        r#"{"()": "multiprocessing.Queue"}"#,
        r#"{"()": "multiprocessing.Queue", "listener_in": "thread"}"#,
    ]
} else {
    &[r#"{"()": "queue.Queue"}"#]
};

/// Panics wherever it is called, and when it is dropped if it is told to.
struct Anywhere {
    panic: fn(),
    in_drop: bool,
}

impl Handler for Anywhere {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        (self.panic)();
        Ok(())
    }

    fn flush(&self, _: std::time::Instant) -> bool {
        (self.panic)();
        true
    }

    fn errors_aside(&self) -> u64 {
        (self.panic)();
        0
    }

    fn reopen(&self) {
        (self.panic)();
    }

    fn close(&self) {
        (self.panic)();
    }
}

impl Drop for Anywhere {
    fn drop(&mut self) {
        if self.in_drop {
            panic!("at the end");
        }
    }
}

/// Classes whose handlers panic, and a config in which one stands behind a queue, and another one beside it.
fn two_that_panic(panic: fn(), in_drop: bool) -> Config {
    let queue: serde_json::Value = serde_json::from_str(&std::env::var(QUEUE).unwrap()).unwrap();
    let config = json!({
        "version": 1,
        "handlers": {
            "one": {"class": "test.Anywhere"},
            "two": {"class": "test.Anywhere"},
            "queue": {"class": "logging.handlers.QueueHandler", "queue": queue, "handlers": ["one"]},
        },
        "root": {"level": "INFO", "handlers": ["queue", "two"]},
    });
    let mut registry = logtree::registry();
    registry.handler("test.Anywhere", move |kwargs| {
        kwargs.finish()?;
        Ok(Box::new(move |_| Ok(Box::new(Anywhere { panic, in_drop }))))
    });
    Config::parse(&config.to_string(), Format::Json, &registry).unwrap()
}

/// The second one is handed the record of the panic of the first one, on the thread of the queue.
fn two_handlers_panic_at_one_record() {
    logtree::log_panics();
    let guard = two_that_panic(|| panic!("as told"), false).install().unwrap();
    tracing::info!("a record");
    guard.reopen();
    // One of them fails to flush.
    assert!(!guard.flush(Duration::from_secs(60)));
    // The record and that of the panic about it, and the flush of it all.
    let stats = guard.stats();
    assert!(stats.handlers.iter().filter(|handler| handler.errors > 0).count() == 2, "{stats:?}");
}

fn what_is_left_of_a_panic_panics() {
    /// What a handler panics with.
    struct Remains;
    impl Drop for Remains {
        fn drop(&mut self) {
            panic!("what is left");
        }
    }
    let config = || two_that_panic(|| std::panic::panic_any(Remains), false);
    let guard = config().install().unwrap();
    for _ in 0..2 {
        tracing::info!("a record");
        assert!(!guard.flush(Duration::from_secs(60)));
    }
    guard.reopen();
    assert!(guard.errors() > 0);
    guard.apply(config()).unwrap();
}

fn handlers_and_filters_panic_when_they_are_dropped() {
    struct Passes;
    impl logtree::Filter for Passes {
        fn filter(&self, _: &Record<'_>) -> logtree::Verdict {
            logtree::Verdict::Pass
        }
    }
    impl Drop for Passes {
        fn drop(&mut self) {
            panic!("at the end");
        }
    }
    let logging = || {
        let mut logging = logtree::builder();
        for _ in 0..2 {
            let mut handler = logtree::handler("panics", Anywhere { panic: || {}, in_drop: true }, None);
            handler.filters = vec![std::sync::Arc::new(Passes), std::sync::Arc::new(Passes)];
            logging.root().add_handler(handler).add_filter(std::sync::Arc::new(Passes));
        }
        logging
    };
    drop(logging().tree().unwrap());
    let guard = two_that_panic(|| {}, true).install().unwrap();
    tracing::info!("a record");
    guard.apply(two_that_panic(|| {}, true)).unwrap();
    tracing::info!("another one");
}

fn values_panic() {
    struct Panics;
    impl std::fmt::Display for Panics {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("half ")?;
            panic!("no text")
        }
    }
    impl std::fmt::Debug for Panics {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("no text")
        }
    }
    impl std::error::Error for Panics {}
    struct InADestructor;
    impl Drop for InADestructor {
        fn drop(&mut self) {
            tracing::info!("dropped {}", Panics);
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let config = json!({
        "version": 1,
        "formatters": {"line": {"format": "%(message)s|%(early)s|%(late)s"}},
        "handlers": {"file": {"class": "logging.FileHandler", "filename": path, "formatter": "line"}},
        "root": {"level": "INFO", "handlers": ["file"]},
    });
    let _guard = logtree::from_str(&config.to_string(), Format::Json).unwrap().install().unwrap();
    tracing::info!(one = %Panics, two = ?Panics, three = 3, "a message");
    tracing::info!("a message: {}", Panics);
    let error: &(dyn std::error::Error + 'static) = &Panics;
    tracing::info!(error, "an error");
    let span = tracing::info_span!("span", early = %Panics, late = tracing::field::Empty);
    span.record("late", tracing::field::display(Panics));
    span.in_scope(|| tracing::info!("inside"));
    log::info!("of log: {}", Panics);
    logtree::get_logger("named").info(Panics);
    let caught = std::panic::catch_unwind(|| {
        let _in_a_destructor = InADestructor;
        panic!("the program's own");
    });
    assert!(caught.is_err());
    let half = "half <panicked>";
    let expected = [
        format!("a message one={half} two=<panicked> three=3||"),
        format!("a message: {half}||"),
        "an error||".to_owned(),
        half.to_owned(),
        format!("inside|{half}|{half}"),
        format!("of log: {half}||"),
        format!("{half}||"),
        format!("dropped {half}||"),
    ];
    let log = std::fs::read_to_string(&path).unwrap();
    assert_eq!(log.lines().collect::<Vec<_>>(), expected);
}

fn a_report_hook_panics() {
    assert!(logtree_core::set_report_hook(|_| panic!("as told")));
    let guard = two_that_panic(|| panic!("as told"), false).install().unwrap();
    tracing::info!("a record");
    assert!(!guard.flush(Duration::from_secs(60)));
    assert!(guard.errors() > 0);
}

/// The role of a program in which a handler panics.
const PANICKING: &str = "a handler that panics";

/// Panics at each record, also at that of its panic.
struct Panics;

impl Handler for Panics {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        panic!("cannot handle {}", record.message)
    }
}

/// Its panics are records, too, which it is handed: that ends, and is counted.
fn a_handler_that_panics_is_logged_and_counted(place: &str, path: &str) {
    let config = json!({
        "version": 1,
        "handlers": {
            "panics": {"class": "test.Panics"},
            "file": {"class": "logging.FileHandler", "filename": path},
            "queue": {"class": "logging.handlers.QueueHandler", "queue": {"()": "queue.Queue"}, "handlers": ["panics", "file"]},
        },
        "root": {"level": "INFO", "handlers": if place == "queue" { json!(["queue"]) } else { json!(["panics", "file"]) }},
    });
    let mut registry = logtree::registry();
    registry.handler("test.Panics", |kwargs| {
        kwargs.finish()?;
        Ok(Box::new(|_| Ok(Box::new(Panics))))
    });
    logtree::log_panics();
    let guard = Config::parse(&config.to_string(), Format::Json, &registry).unwrap().install().unwrap();
    let records = ["a record", "another one", "a panic of the program"];
    for record in records {
        match record.contains("panic") {
            false => tracing::info!("{record}"),
            // Whose record it is handed in the panic's hook, where a panic aborts the program, and is none of its own.
            true => assert!(std::thread::spawn(move || panic!("{record}")).join().is_err()),
        }
        assert!(guard.flush(Duration::from_secs(60)));
    }
    let log = std::fs::read_to_string(path).unwrap();
    for record in records {
        let lines = |wanted: &str| log.lines().filter(|line| *line == wanted).count();
        assert_eq!((lines(record), lines(&format!("cannot handle {record}"))), (1, 1), "{log}");
    }
    // A panic about the record of a panic would be the next one of a row without end.
    assert!(!log.contains("cannot handle cannot"), "{log}");
    let stats = guard.stats();
    let panics = stats.handlers.iter().find(|handler| handler.name == "panics").unwrap();
    match place {
        "queue" => {
            // And of each report of what was dropped.
            let said = log.lines().filter(|line| line.contains("were dropped before the queue")).count();
            assert!(said > 0 && panics.errors == (2 * records.len() + said) as u64, "{} errors, {log}", panics.errors);
        }
        _ => assert_eq!((panics.errors, stats.dropped_inside_handlers), (6, 3)),
    }
}

/// The line of this file on which something stands below all that looks for it.
fn line_of(code: &str) -> usize {
    let lines: Vec<&str> = include_str!("panics.rs").lines().collect();
    1 + lines.iter().rposition(|line| line.contains(code)).unwrap()
}

fn panic_there(set_up: &str, path: &str) {
    let config = json!({
        "version": 1,
        "formatters": {"line": {"format": "%(levelname)s %(name)s %(filename)s:%(lineno)d %(threadName)s %(message)s"}},
        "handlers": {"file": {"class": "logging.FileHandler", "filename": path, "formatter": "line"}},
        "root": {"handlers": ["file"]},
    });
    logtree::log_panics();
    let config = logtree::from_str(&config.to_string(), Format::Json).unwrap();
    if set_up == "install" {
        a_handler_that_panics_when_it_is_opened_holds_nothing_up();
        let _guard = config.install().unwrap();
        return panic_thrice();
    }
    let layer = config.layer().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    if set_up == "global layer" {
        tracing::subscriber::set_global_default(subscriber).unwrap();
        panic_thrice();
    } else {
        // Threads that it starts have no subscriber; theirs go to the layer all the same.
        tracing::subscriber::with_default(subscriber, panic_thrice);
    }
}

/// A panic while nothing is installed, by the thread that is about to.
fn a_handler_that_panics_when_it_is_opened_holds_nothing_up() {
    struct Opens;
    impl Handler for Opens {
        fn open(&self) -> Result<(), BuildError> {
            panic!("unlogged")
        }

        fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
            Ok(())
        }
    }
    let outcome = std::panic::catch_unwind(|| {
        let mut logging = logtree::builder();
        logging.root().add_handler(logtree::handler("opens", Opens, None));
        logging.install()
    });
    assert!(outcome.is_err());
}

fn panic_thrice() {
    let gaskets = 3;
    let boiler = std::thread::Builder::new().name("boiler".into());
    assert!(boiler.spawn(move || panic!("a gasket is gone: {gaskets}")).unwrap().join().is_err());
    let _ = std::panic::catch_unwind(|| std::panic::panic_any(7));
    panic!("no message at all");
}
