//! Configs that are applied or read again, and levels that are set.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use logtree::{
    Config, EmitError, Format, Formatter, Guard, Handler, Level, Record, Steps, from_file, from_str, get_logger,
};

use crate::Life;
use crate::child::{lines, until};

pub(crate) const LIVES: &[Life] = &[
    ("changes::a_config_that_fails_changes_nothing", a_config_that_fails_changes_nothing),
    ("changes::reload_is_as_in_a_fresh_process", reload_is_as_in_a_fresh_process),
    ("changes::what_is_no_file_is_not_read_again", what_is_no_file_is_not_read_again),
    ("changes::levels_hold_at_once_also_for_log", levels_hold_at_once_also_for_log),
    ("changes::an_event_alone_makes_no_logger", an_event_alone_makes_no_logger),
    ("changes::handlers_of_before_are_closed_after_their_last_record", handlers_of_before_are_closed),
    ("changes::a_flush_reaches_handlers_that_are_being_closed", a_flush_reaches_handlers_that_are_being_closed),
    ("changes::what_filters_hold_back_is_said_when_they_go", what_filters_hold_back_is_said_when_they_go),
    ("changes::a_handler_may_change_the_logging", a_handler_may_change_the_logging),
    ("changes::a_handler_behind_a_queue_waits_for_nobody", || {
        a_handler_behind_a_queue_waits_for_nobody(r#""queue.Queue""#)
    }),
    ("changes::a_handler_of_a_listening_thread_waits_for_nobody", || {
        a_handler_behind_a_queue_waits_for_nobody(r#"{"()": "multiprocessing.Queue", "listener_in": "thread"}"#);
    }),
    ("changes::a_handler_may_log_when_it_is_dropped", a_handler_may_log_when_it_is_dropped),
    ("changes::a_handlers_level_changes_behind_a_queue", a_handlers_level_changes_behind_a_queue),
    ("changes::files_that_were_moved_are_opened_anew", files_that_were_moved_are_opened_anew),
    ("changes::what_goes_wrong_is_counted_by_handler", what_goes_wrong_is_counted_by_handler),
    ("changes::what_a_buffer_cannot_write_in_time_is_counted", what_a_buffer_cannot_write_in_time_is_counted),
];

fn install(text: &str) -> Guard {
    from_str(text, Format::Json).unwrap().install().unwrap()
}

/// A config with a file at the root, whose lines are `tag name message`.
fn config(tag: &str, file: &str, more: &str) -> String {
    format!(
        r#"{{"version": 1, {more} "formatters": {{"f": {{"format": "{tag} %(name)s %(message)s"}}}},
            "handlers": {{"file": {{"class": "logging.FileHandler", "filename": "{file}", "formatter": "f"}}}},
            "root": {{"level": "INFO", "handlers": ["file"]}}}}"#
    )
}

fn a_config_that_fails_changes_nothing() {
    let guard = install(&config("1", "a.log", r#""loggers": {"a": {"level": "DEBUG"}, "b": {}},"#));
    let log = |message: &str| {
        tracing::debug!(target: "a", "{message}");
        tracing::debug!(target: "b", "{message}");
        tracing::info!(target: "b", "{message}");
    };
    log("before");
    fs::write("kept.log", "kept\n").unwrap();
    for text in [
        // A file is emptied only when all others are open.
        r#"{"version": 1, "handlers": {
            "1": {"class": "logging.FileHandler", "filename": "kept.log", "mode": "w"},
            "2": {"class": "logging.FileHandler", "filename": "nowhere/2.log"}}}"#,
        // Nothing of it is applied, though it names the handler that is not there last.
        r#"{"version": 1, "incremental": true, "handlers": {"file": {"level": 50}, "zz": {"level": 50}},
            "loggers": {"a": {"level": 50}}, "root": {"level": 50}}"#,
    ] {
        guard.apply(from_str(text, Format::Json).unwrap()).unwrap_err();
    }
    assert_eq!(lines("kept.log"), ["kept"]);
    log("after");
    let expected = ["1 a before", "1 b before", "1 a after", "1 b after"];
    assert_eq!(lines("a.log"), expected);
}

fn reload_is_as_in_a_fresh_process() {
    let directory = std::env::current_dir().unwrap();
    let file = |name: &str| directory.join(name);
    let text = |tag, more| config(tag, file("a.log").to_str().unwrap(), more);
    fs::write("logging.json", text("1", r#""loggers": {"a": {"level": "ERROR"}},"#)).unwrap();
    let guard = from_file("logging.json").unwrap().install().unwrap();
    let log = |message: &str| {
        tracing::info!(target: "a", "{message}");
        tracing::info!(target: "b", "{message}");
    };
    log("first");
    log("first again");
    // The file is found from wherever the program is by then.
    fs::create_dir("elsewhere").unwrap();
    std::env::set_current_dir("elsewhere").unwrap();
    guard.set_level("b", Level::ERROR);
    log("b is off");
    fs::write(file("logging.json"), text("2", "")).unwrap();
    guard.reload().unwrap();
    log("both are on");
    // What was applied since is gone, and whom it disabled logs again.
    let quiet = r#"{"version": 1, "root": {"level": "CRITICAL", "handlers": []}}"#;
    guard.set_level("a", Level::NOTSET);
    guard.apply(from_str(quiet, Format::Json).unwrap()).unwrap();
    log("nobody is on");
    guard.reload().unwrap();
    log("both again");
    // A file that is broken, or gone, changes nothing.
    fs::write(file("logging.json"), "{").unwrap();
    assert!(guard.reload().unwrap_err().problems().is_some());
    fs::remove_file(file("logging.json")).unwrap();
    assert!(guard.reload().unwrap_err().to_string().contains("logging.json"));
    log("as before");
    // Code has said so, and a file does not undo it.
    fs::write(file("logging.json"), text("3", "")).unwrap();
    logtree::disable(Level::INFO);
    guard.reload().unwrap();
    log("disabled");
    logtree::disable(Level::NOTSET);
    log("enabled");
    let expected = ["1 b first", "1 b first again"].into_iter().map(str::to_owned);
    let both = |tag: &str, message: &str| ["a", "b"].map(|name| format!("{tag} {name} {message}"));
    let expected = expected.chain(both("2", "both are on")).chain(both("2", "both again"));
    let expected: Vec<String> = expected.chain(both("2", "as before")).chain(both("3", "enabled")).collect();
    assert_eq!(lines(file("a.log").to_str().unwrap()), expected);
}

fn what_is_no_file_is_not_read_again() {
    let guard = install(&config("1", "a.log", ""));
    let error = guard.reload().unwrap_err();
    assert!(error.to_string().contains("not read from a file"), "{error}");
    tracing::info!(target: "a", "still here");
    assert_eq!(lines("a.log"), ["1 a still here"]);
}

fn levels_hold_at_once_also_for_log() {
    let guard = install(&config("1", "a.log", ""));
    let log = || {
        tracing::debug!(target: "a::b", "tracing");
        log::debug!(target: "a::b", "log");
    };
    // Twice: what the first made the callsites remember is there for the second.
    log();
    log();
    assert_eq!(log::max_level(), log::LevelFilter::Info);
    guard.set_level("a::b", Level::DEBUG);
    log();
    log();
    assert_eq!(log::max_level(), log::LevelFilter::Debug);
    guard.set_level("a.b", Level::NOTSET);
    guard.set_level("root", Level::ERROR);
    log();
    assert_eq!(log::max_level(), log::LevelFilter::Error);
    assert_eq!(lines("a.log"), ["1 a.b tracing", "1 a.b log"].repeat(2));
}

fn an_event_alone_makes_no_logger() {
    let guard = install(&config("1", "a.log", ""));
    let named = get_logger("named");
    tracing::info!(target: "met", "before");
    named.log(Level::INFO, "before", &[]);
    // It disables the loggers that are there.
    guard.apply(from_str(&config("2", "a.log", ""), Format::Json).unwrap()).unwrap();
    tracing::info!(target: "met", "after");
    tracing::info!(target: "met::below", "after");
    named.log(Level::INFO, "after", &[]);
    tracing::info!(target: "named", "after");
    tracing::info!(target: "named::below", "after");
    let expected = ["1 met before", "1 named before", "2 met after", "2 met.below after", "2 named.below after"];
    assert_eq!(lines("a.log"), expected);
}

/// Notes what becomes of it, with its number, and holds up the record "one" until it is told to go on.
struct Slow {
    number: usize,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    made: AtomicUsize,
    notes: Mutex<Vec<String>>,
    gate: Mutex<()>,
}

impl Shared {
    fn has(&self, note: &str) -> bool {
        self.notes.lock().unwrap().iter().any(|noted| noted == note)
    }
}

impl Slow {
    fn note(&self, note: &str) {
        self.shared.notes.lock().unwrap().push(format!("{}: {note}", self.number));
    }
}

impl Handler for Slow {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        if record.message == "one" {
            self.note("begins");
            drop(self.shared.gate.lock().unwrap());
        }
        self.note(record.message);
        Ok(())
    }

    fn close(&self) {
        self.note("closed");
    }
}

fn handlers_of_before_are_closed() {
    let shared = Arc::new(Shared::default());
    let mut registry = logtree::registry();
    let of_registry = Arc::clone(&shared);
    registry.handler("test.Slow", move |kwargs| {
        kwargs.finish()?;
        let number = of_registry.made.fetch_add(1, Ordering::Relaxed);
        let slow = Slow { number, shared: Arc::clone(&of_registry) };
        Ok(Box::new(|_| Ok(Box::new(slow))))
    });
    let text = r#"{"version": 1, "handlers": {"slow": {"class": "test.Slow"}}, "root": {"handlers": ["slow"]}}"#;
    let parse = || Config::parse(text, Format::Json, &registry).unwrap();
    let guard = parse().install().unwrap();
    let held = shared.gate.lock().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| tracing::error!("one"));
        until(|| shared.has("0: begins"));
        // Another tree with the same handler: the record is still in the one before.
        guard.set_level("a", Level::INFO);
        let applied = scope.spawn(|| guard.apply(parse()).unwrap());
        until(|| {
            tracing::error!("two");
            shared.has("1: two")
        });
        drop(held);
        applied.join().unwrap();
    });
    let notes = shared.notes.lock().unwrap();
    let notes: Vec<&str> = notes.iter().map(String::as_str).filter(|note| !note.ends_with("two")).collect();
    assert_eq!(notes, ["0: begins", "0: one", "0: closed"]);
}

/// Ends as slowly as one whose records take time.
struct Leaves;

static IS_CLOSING: AtomicBool = AtomicBool::new(false);
static IS_FLUSHED: AtomicBool = AtomicBool::new(false);

impl Handler for Leaves {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        Ok(())
    }

    fn flush(&self, _: Instant) -> bool {
        IS_FLUSHED.store(true, Ordering::Relaxed);
        true
    }

    fn close(&self) {
        IS_CLOSING.store(true, Ordering::Relaxed);
        until(|| IS_FLUSHED.load(Ordering::Relaxed));
    }
}

/// What they hold was logged before, and is lost if the program ends now.
fn a_flush_reaches_handlers_that_are_being_closed() {
    let mut logging = logtree::builder();
    logging.root().set_level(Level::INFO).add_handler(logtree::handler("leaves", Leaves, None));
    let guard = logging.install().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| guard.apply(from_str(&config("2", "a.log", ""), Format::Json).unwrap()).unwrap());
        until(|| IS_CLOSING.load(Ordering::Relaxed));
        assert!(guard.flush(Duration::from_secs(60)));
        assert!(IS_FLUSHED.load(Ordering::Relaxed));
    });
    IS_FLUSHED.store(false, Ordering::Relaxed);
    assert!(guard.flush(Duration::from_secs(60)));
    assert!(!IS_FLUSHED.load(Ordering::Relaxed), "it is closed");
}

fn what_filters_hold_back_is_said_when_they_go() {
    let text = r#"{"version": 1,
        "filters": {"few": {"()": "logtree.RateLimitFilter", "rate": 1, "per": 3600},
                    "once": {"()": "logtree.DuplicateFilter", "interval": 3600}},
        "handlers": {"a": {"class": "logging.FileHandler", "filename": "a.log"},
                     "b": {"class": "logging.FileHandler", "filename": "b.log", "filters": ["once"]}},
        "loggers": {"a": {"handlers": ["a"], "filters": ["few"]}, "b": {"handlers": ["b"]}},
        "root": {"level": "INFO"}}"#;
    fs::write("logging.json", text).unwrap();
    let guard = from_file("logging.json").unwrap().install().unwrap();
    let log = |message: &str| {
        ["a", "b"].into_iter().for_each(|name| get_logger(name).info(message));
    };
    (0..3).for_each(|_| log("first"));
    guard.reload().unwrap();
    (0..4).for_each(|_| log("second"));
    guard.apply(from_str(text, Format::Json).unwrap()).unwrap();
    let expected = |held: fn(u32) -> String| ["first".to_owned(), held(2), "second".to_owned(), held(3)];
    assert_eq!(lines("a.log"), expected(|count| format!("{count} records held back: more than 1 in 3600 s")));
    assert_eq!(lines("b.log"), expected(|count| format!("last message repeated {count} times")));
}

/// Changes the logging at each record.
struct Changes;

static GUARD: OnceLock<Guard> = OnceLock::new();

impl Handler for Changes {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        let guard = GUARD.get().unwrap();
        match record.message {
            "set" => guard.set_level("a", Level::DEBUG),
            _ => guard.apply(from_str(&config("2", "a.log", ""), Format::Json).unwrap()).unwrap(),
        }
        Ok(())
    }
}

fn a_handler_may_change_the_logging() {
    let mut logging = logtree::builder();
    logging.root().set_level(Level::INFO).add_handler(logtree::handler("changes", Changes, None));
    GUARD.set(logging.install().unwrap()).unwrap();
    assert!(!tracing::enabled!(target: "a", tracing::Level::DEBUG));
    tracing::info!("set");
    assert!(tracing::enabled!(target: "a", tracing::Level::DEBUG));
    tracing::info!("apply");
    tracing::info!(target: "b", "applied");
    assert_eq!(lines("a.log"), ["2 b applied"]);
}

/// Flushes, reads the config again and opens files anew at each record, and notes how that went.
struct Meddles;

static MEDDLED: Mutex<Vec<(bool, Duration)>> = Mutex::new(Vec::new());

impl Handler for Meddles {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        until(|| GUARD.get().is_some());
        let guard = GUARD.get().unwrap();
        let is_flushed = guard.flush(Duration::MAX);
        let began = Instant::now();
        guard.reload().unwrap();
        guard.reopen();
        MEDDLED.lock().unwrap().push((is_flushed, began.elapsed()));
        Ok(())
    }
}

/// Who flushes waits for the listener, which must not wait for that.
fn a_handler_behind_a_queue_waits_for_nobody(queue: &str) {
    let text = format!(
        r#"{{"version": 1, "handlers": {{
            "meddles": {{"class": "test.Meddles"}},
            "file": {{"class": "logging.FileHandler", "filename": "a.log"}},
            "queue": {{"class": "logging.handlers.QueueHandler", "queue": {queue}, "handlers": ["meddles", "file"],
                      "listener": "logging.handlers.QueueListener"}}}},
            "root": {{"level": "INFO", "handlers": ["queue"]}}}}"#
    );
    fs::write("logging.json", text).unwrap();
    let mut registry = logtree::registry();
    registry.handler("test.Meddles", |kwargs| {
        kwargs.finish()?;
        Ok(Box::new(|_| Ok(Box::new(Meddles))))
    });
    let guard = GUARD.get_or_init(|| Config::load("logging.json", &registry).unwrap().install().unwrap());
    tracing::info!("one");
    assert!(guard.flush(Duration::from_secs(60)));
    assert_eq!(lines("a.log"), ["one"]);
    let meddled = MEDDLED.lock().unwrap();
    let [(false, took)] = &meddled[..] else { panic!("{meddled:?}") };
    // Half of what a change waits for records of before.
    assert!(*took < Duration::from_millis(2500), "{took:?}");
}

/// Logs at its end, from a place that nobody has logged from before: `tracing` asks all layers about such a one, under a lock.
struct Parting;

impl Handler for Parting {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        Ok(())
    }
}

impl Drop for Parting {
    fn drop(&mut self) {
        tracing::info!(target: "parting", "goodbye");
    }
}

fn a_handler_may_log_when_it_is_dropped() {
    fs::write("logging.json", config("1", "a.log", "")).unwrap();
    let guard = from_file("logging.json").unwrap().install().unwrap();
    drop(logtree::basic_config().force(true).handlers([logtree::handler("parting", Parting, None)]).install().unwrap());
    guard.reload().unwrap();
    assert_eq!(lines("a.log"), ["1 parting goodbye"]);
}

fn a_handlers_level_changes_behind_a_queue() {
    let text = r#"{"version": 1, "handlers": {
        "file": {"class": "logging.FileHandler", "filename": "a.log", "level": "ERROR"},
        "queue": {"class": "logging.handlers.QueueHandler", "queue": "queue.Queue", "handlers": ["file"],
                  "listener": "logging.handlers.QueueListener", "respect_handler_level": true}},
        "root": {"level": "DEBUG", "handlers": ["queue"]}}"#;
    let guard = install(text);
    let log = |message: &str| {
        tracing::info!("{message}");
        assert!(guard.flush(Duration::from_secs(60)));
    };
    let set = |handler: &str, level: &str| {
        let text =
            format!(r#"{{"version": 1, "incremental": true, "handlers": {{"{handler}": {{"level": {level}}}}}}}"#);
        guard.apply(from_str(&text, Format::Json).unwrap()).unwrap();
    };
    log("too low");
    set("file", "10");
    log("behind the queue");
    set("queue", "40");
    log("before the queue");
    // CPython: a level that is not true is none.
    set("queue", "0");
    log("still");
    set("queue", "\"DEBUG\"");
    log("again");
    assert_eq!(lines("a.log"), ["behind the queue", "again"]);
}

fn files_that_were_moved_are_opened_anew() {
    let guard = install(&config("1", "a.log", ""));
    tracing::info!(target: "a", "one");
    fs::rename("a.log", "b.log").unwrap();
    tracing::info!(target: "a", "two");
    guard.reopen();
    tracing::info!(target: "a", "three");
    assert_eq!((lines("b.log"), lines("a.log")), (vec!["1 a one".into(), "1 a two".into()], vec!["1 a three".into()]));
}

fn what_goes_wrong_is_counted_by_handler() {
    let text = r#"{"version": 1, "formatters": {"f": {"format": "%(message)d"}}, "handlers": {
        "bad": {"class": "logging.FileHandler", "filename": "a.log", "formatter": "f"},
        "good": {"class": "logging.FileHandler", "filename": "b.log"}},
        "root": {"level": "INFO", "handlers": ["bad", "good"]}}"#;
    let guard = install(text);
    // What is said of it is not looked at here.
    rustix::stdio::dup2_stderr(fs::File::create("said").unwrap()).unwrap();
    tracing::info!("one");
    tracing::info!("two");
    let counted: Vec<_> = guard.stats().handlers.into_iter().map(|handler| (handler.name, handler.errors)).collect();
    assert_eq!(counted, [("bad".to_owned(), 2), ("good".to_owned(), 0)]);
    assert_eq!((guard.errors(), lines("b.log").len()), (2, 2));
}

fn what_a_buffer_cannot_write_in_time_is_counted() {
    const INTERVAL: Duration = Duration::from_secs(1);
    let text = r#"{"version": 1, "handlers": {
        "buffered": {"class": "logging.handlers.WatchedFileHandler", "filename": "there/a.log", "buffering": "1 KiB",
                     "flushInterval": 1}},
        "root": {"level": "INFO", "handlers": ["buffered"]}}"#;
    fs::create_dir("there").unwrap();
    let guard = install(text);
    rustix::stdio::dup2_stderr(fs::File::create("said").unwrap()).unwrap();
    loop {
        let began = Instant::now();
        tracing::info!("one");
        fs::remove_dir_all("there").unwrap();
        if began.elapsed() < INTERVAL {
            break;
        }
        fs::create_dir("there").unwrap();
    }
    assert_eq!(guard.errors(), 0, "the record itself was handled");
    until(|| guard.stats().handlers[0].errors > 0);
    fs::create_dir("there").unwrap();
    until(|| fs::read_to_string("there/a.log").is_ok_and(|text| text.ends_with("one\n")));
}
