//! Handlers that panic or outlive their thread's locals.

use std::cell::RefCell;

use logtree_core::{EmitError, Formatter, Handler, Level, Record, Steps};
use logtree_layer::{Mode, TreeLayer};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{Remember, entry, tree};

/// Panics at some records.
struct Panics(Remember);

impl Handler for Panics {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        assert!(record.message != "bad", "as told");
        self.0.emit(record, formatter, steps)
    }
}

#[test]
fn a_panic_in_a_handler_costs_its_own_record_only() {
    let seen = Remember::default();
    let handler = entry(Panics(seen.clone()));
    let layer = TreeLayer::new(tree(&handler, &[("root", Level::INFO)]), Mode::Exclusive);
    tracing::subscriber::with_default(Registry::default().with(layer), || {
        tracing::info!("bad");
        tracing::info!("good");
    });
    assert_eq!((seen.messages(), handler.errors.count()), (vec!["good".to_owned()], 1));
}

/// Logs when its thread ends.
struct LogsAtTheEnd;

impl Drop for LogsAtTheEnd {
    fn drop(&mut self) {
        tracing::info!("from a destructor");
    }
}

#[test]
fn a_thread_locals_destructor_can_log() {
    thread_local!(static LAST: RefCell<Option<LogsAtTheEnd>> = const { RefCell::new(None) });
    let seen = Remember::default();
    let layer = TreeLayer::new(tree(&entry(seen.clone()), &[("root", Level::INFO)]), Mode::Shared);
    let dispatch = tracing::Dispatch::new(Registry::default().with(layer));
    // Whichever of the thread's locals are destroyed first, an event in the last destructor must not abort.
    for is_first in [true, false] {
        let dispatch = dispatch.clone();
        let body = move || {
            let default = tracing::dispatcher::set_default(&dispatch);
            if is_first {
                LAST.set(Some(LogsAtTheEnd));
            }
            tracing::info!("in the thread");
            if !is_first {
                LAST.set(Some(LogsAtTheEnd));
            }
            // The subscriber stays the thread's until its locals are gone.
            std::mem::forget(default);
        };
        std::thread::spawn(body).join().unwrap();
    }
    let said = seen.messages();
    assert_eq!(said.iter().filter(|message| *message == "in the thread").count(), 2);
}
