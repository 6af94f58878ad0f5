//! Records made while a record is handled, under a global subscriber: there, unlike under a scoped one, `tracing` itself
//! does not keep a handler that logs from recursing until the stack ends.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "shared with the other tests of the layer")]
#[path = "layer/support.rs"]
mod support;

use std::sync::{Arc, Mutex, OnceLock};

use logtree_core::{EmitError, Formatter, Handler, Level, Logger, Record, Steps, Tree};
use logtree_layer::{Mode, TreeHandle, TreeLayer};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{Remember, Seen, entry};

struct Global {
    handle: TreeHandle,
    by_logging_handler: Remember,
    by_talkative_handler: Remember,
    by_plain_handler: Remember,
}

/// Held by a test that counts what is dropped, which is counted for the whole process.
static COUNTING: Mutex<()> = Mutex::new(());

/// The one subscriber of this program: a logger whose handler logs, and one whose does not.
fn global() -> &'static Global {
    static GLOBAL: OnceLock<Global> = OnceLock::new();
    GLOBAL.get_or_init(|| {
        let [by_logging_handler, by_talkative_handler, by_plain_handler] = [(); 3].map(|()| Remember::default());
        let mut builder = Tree::builder();
        let logger = |handler| Logger { level: Level::INFO, handlers: vec![handler], ..Logger::default() };
        builder.logger("logs", logger(entry(Logs(by_logging_handler.clone()))));
        builder.logger("talkative", logger(entry(Talks(by_talkative_handler.clone()))));
        builder.logger("plain", logger(entry(by_plain_handler.clone())));
        builder.logger("busy", logger(entry(Remember::default())));
        let layer = TreeLayer::new(Arc::new(builder.build()), Mode::Exclusive);
        let handle = layer.handle();
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
        Global { handle, by_logging_handler, by_talkative_handler, by_plain_handler }
    })
}

/// Remembers, and logs at each record.
struct Logs(Remember);

impl Handler for Logs {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        tracing::info!(target: "logs", "about {}", record.message);
        self.0.emit(record, formatter, steps)
    }
}

#[test]
fn what_a_handler_logs_is_handled_afterwards_and_ends() {
    let Global { handle, by_logging_handler: seen, .. } = global();
    let _counting = COUNTING.lock().unwrap();
    let dropped = handle.dropped_inside_handlers();
    tracing::info!(target: "logs", "outer");
    // The record about the record about it would be the first of a row without end.
    assert_eq!(seen.messages(), ["outer", "about outer"]);
    assert_eq!(handle.dropped_inside_handlers(), dropped + 1);
    tracing::info!(target: "logs", "again");
    assert_eq!(seen.messages(), ["again", "about again"]);
}

/// Remembers, and logs a hundred times when it is told to.
struct Talks(Remember);

impl Handler for Talks {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        if record.message == "talk" {
            (0..100).for_each(|number| tracing::info!(target: "talkative", "{number}"));
        }
        self.0.emit(record, formatter, steps)
    }
}

#[test]
fn of_what_a_handler_logs_so_much_waits_and_the_rest_is_counted() {
    let Global { handle, by_talkative_handler: seen, .. } = global();
    let _counting = COUNTING.lock().unwrap();
    // Again: what has waited makes room.
    for _ in 0..2 {
        let dropped = handle.dropped_inside_handlers();
        tracing::info!(target: "talkative", "talk");
        let waited = (0..64).map(|number| number.to_string());
        assert_eq!(seen.messages(), ["talk".to_owned()].into_iter().chain(waited).collect::<Vec<_>>());
        assert_eq!(handle.dropped_inside_handlers(), dropped + 36);
    }
}

/// A value that logs while it is formatted.
struct Chatty;

impl std::fmt::Debug for Chatty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        tracing::info!(target: "plain", "from inside");
        f.write_str("chatty")
    }
}

#[test]
fn a_field_that_logs_spoils_no_record() {
    let seen = &global().by_plain_handler;
    tracing::info!(target: "plain", value = ?Chatty, after = 1, "outside {:?}", Chatty);
    let mut seen = seen.take();
    seen.sort_by_key(|seen| seen.message.clone());
    let said: Vec<_> = seen.iter().map(|Seen { message, fields, .. }| (message.as_str(), fields.len())).collect();
    assert_eq!(said, [("from inside", 0), ("from inside", 0), ("outside chatty", 2)]);
    assert_eq!(seen[2].fields, ["value=Debug(\"chatty\")", "after=I64(1)"]);
}

/// A value that opens a span, logs in it and records into another, while it is formatted.
struct Busy<'a>(&'a tracing::Span);

impl std::fmt::Debug for Busy<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inner = tracing::info_span!(target: "busy", "inner", field = 1);
        inner.in_scope(|| tracing::info!(target: "busy", "from inside"));
        self.0.record("later", "recorded from inside");
        f.write_str("busy")
    }
}

#[test]
fn a_spans_field_that_logs_and_opens_spans_holds_nothing_up() {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = global();
        let outer = tracing::info_span!(target: "busy", "outer", later = tracing::field::Empty);
        let span = tracing::info_span!(target: "busy", "span", value = ?Busy(&outer), later = tracing::field::Empty);
        span.record("later", tracing::field::debug(Busy(&span)));
        span.in_scope(|| tracing::info!(target: "busy", "at the end"));
        done.send(()).unwrap();
    });
    // Were the span's extensions locked meanwhile, it would wait for itself for ever.
    is_done.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
}
