//! Changes of the logging after which `tracing` asks what callsites are worth: in whatever thread, and however many at once. A
//! program of its own, with one subscriber at a time, as with a second one `tracing` would ask all that there are.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "shared with the other tests of the layer")]
#[path = "layer/support.rs"]
mod support;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use logtree_core::{
    EmitError, FormatError, Formatter, Handler, HandlerEntry, Level, NameFilter, Needs, Record, Steps, Tree,
};
use logtree_layer::{Mode, TreeHandle, TreeLayer};
use tracing::Dispatch;
use tracing::dispatcher::with_default;
use tracing::metadata::Kind;
use tracing_core::subscriber::Interest;
use tracing_core::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::{Layer, Registry};

use crate::support::{Remember, entry, tree, with_layer};

/// Held by each test: there must not be two subscribers.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn at(seen: &Remember, level: Level) -> Arc<Tree> {
    tree(&entry(seen.clone()), &[("root", level)])
}

/// A way to run something.
type Way = fn(&(dyn Fn() + Sync));

#[test]
fn a_thread_that_has_no_subscriber_may_change_the_logging_of_one_that_has() {
    let _alone = alone();
    for mode in [Mode::Exclusive, Mode::Shared] {
        with_layer(mode, &[("root", Level::WARNING)], |seen, handle| {
            let log = || {
                tracing::debug!("debug");
                tracing::warn!("warn");
            };
            log();
            assert_eq!(seen.messages(), ["warn"], "{mode:?}");
            let ways: [Way; 2] = [
                |change| std::thread::scope(|scope| drop(scope.spawn(change))),
                |change| with_default(&Dispatch::none(), change),
            ];
            for by in ways {
                by(&|| drop(handle.swap(at(seen, Level::DEBUG))));
                log();
                assert_eq!(seen.messages(), ["debug", "warn"], "{mode:?}");
                by(&|| drop(handle.swap(at(seen, Level::ERROR))));
                log();
                assert!(seen.messages().is_empty(), "{mode:?}");
            }
        });
    }
}

/// Changes the logging at the record that asks for it.
#[derive(Clone)]
struct Changes {
    seen: Remember,
    handle: Arc<Mutex<Option<TreeHandle>>>,
}

impl Handler for Changes {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        if record.message == "more"
            && let Some(handle) = self.handle.lock().unwrap().take()
        {
            drop(handle.swap(tree(&entry(self.clone()), &[("root", Level::DEBUG)])));
        }
        self.seen.emit(record, formatter, steps)
    }
}

#[test]
fn a_handler_may_change_the_logging_under_a_subscriber_of_its_thread() {
    let _alone = alone();
    for mode in [Mode::Exclusive, Mode::Shared] {
        let seen = Remember::default();
        let changes = Changes { seen: seen.clone(), handle: Arc::default() };
        let layer = TreeLayer::new(tree(&entry(changes.clone()), &[("root", Level::INFO)]), mode);
        *changes.handle.lock().unwrap() = Some(layer.handle());
        with_default(&Dispatch::new(Registry::default().with(layer)), || {
            for message in ["less", "more", "and more"] {
                tracing::debug!("debug");
                tracing::info!("{message}");
            }
        });
        assert_eq!(seen.messages(), ["less", "more", "debug", "and more"], "{mode:?}");
    }
}

/// Stops, when it is armed, who asks about a callsite: in the middle of a change, until another one is through or waits.
struct Stops {
    verdict: fn() -> Interest,
    is_armed: Arc<AtomicBool>,
    other_is_through: Mutex<Receiver<()>>,
}

impl Stops {
    /// It, what arms it, and where to say that the other one is through.
    fn new(verdict: fn() -> Interest) -> (Self, Arc<AtomicBool>, Sender<()>) {
        let (through, other_is_through) = channel();
        let is_armed = Arc::new(AtomicBool::new(false));
        let other_is_through = Mutex::new(other_is_through);
        (Self { verdict, is_armed: Arc::clone(&is_armed), other_is_through }, is_armed, through)
    }
}

impl<S: Subscriber> Layer<S> for Stops {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        if self.is_armed.swap(false, Ordering::SeqCst) {
            // That it waits cannot be seen; one that does not is through within microseconds.
            let _ = self.other_is_through.lock().unwrap().recv_timeout(Duration::from_millis(500));
        }
        (self.verdict)()
    }
}

/// With a formatter that reads spans all levels would be on.
struct ReadsNoSpans;

impl Formatter for ReadsNoSpans {
    fn format(&self, _: &Record<'_>, _: &mut String) -> Result<(), FormatError> {
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}

#[test]
fn of_two_changes_at_once_the_later_holds() {
    let _alone = alone();
    let seen = Remember::default();
    let handler = Arc::new(HandlerEntry::new("test", Box::new(seen.clone()), Arc::new(ReadsNoSpans)));
    let at = |level| tree(&handler, &[("root", level)]);
    let layer = TreeLayer::new(at(Level::WARNING), Mode::Exclusive);
    let handle = layer.handle();
    let (stops, is_armed, through) = Stops::new(Interest::always);
    let subscriber = Dispatch::new(Registry::default().with(layer).with(stops));
    with_default(&subscriber, || {
        let log = || tracing::debug!("debug");
        log();
        std::thread::scope(|scope| {
            let earlier = scope.spawn(|| {
                is_armed.store(true, Ordering::SeqCst);
                with_default(&subscriber, || drop(handle.swap(at(Level::ERROR))));
            });
            while is_armed.load(Ordering::SeqCst) || handle.tree().find("").is_enabled_for(Level::WARNING) {
                std::thread::yield_now();
            }
            with_default(&subscriber, || drop(handle.swap(at(Level::DEBUG))));
            let _ = through.send(());
            earlier.join().unwrap();
        });
        log();
        assert_eq!(seen.messages(), ["debug"]);
    });
}

#[test]
fn a_callsite_that_is_met_while_the_logging_changes_is_not_switched_off() {
    let _alone = alone();
    let seen = Remember::default();
    let layer = TreeLayer::new(at(&seen, Level::WARNING), Mode::Exclusive);
    let handle = layer.handle();
    let subscriber = Dispatch::new(Registry::default().with(layer));
    // Another subscriber of the process, which `tracing` asks after the layer's: what that one has said is then old.
    let (stops, is_armed, through) = Stops::new(Interest::never);
    let _other = Dispatch::new(Registry::default().with(stops));
    let log = || with_default(&subscriber, || tracing::debug!("debug"));
    std::thread::scope(|scope| {
        is_armed.store(true, Ordering::SeqCst);
        scope.spawn(log);
        while is_armed.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        drop(handle.swap(at(&seen, Level::DEBUG)));
        let _ = through.send(());
    });
    seen.take();
    log();
    assert_eq!(seen.messages(), ["debug"]);
}

/// Counts how often callsites are asked about at events.
struct Counts(Arc<AtomicU32>);

impl<S: Subscriber> Layer<S> for Counts {
    fn enabled(&self, _: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        true
    }
}

#[test]
fn what_is_refused_again_and_again_is_switched_off() {
    let _alone = alone();
    let (seen, asked) = (Remember::default(), Arc::new(AtomicU32::new(0)));
    let layer = TreeLayer::new(at(&seen, Level::WARNING), Mode::Exclusive);
    with_default(&Dispatch::new(Registry::default().with(layer).with(Counts(Arc::clone(&asked)))), || {
        let log = || {
            for _ in 0..200 {
                tracing::debug!("debug");
                drop(tracing::debug_span!("a span is read"));
            }
            asked.load(Ordering::Relaxed)
        };
        let at_first = log();
        assert!((1..200).contains(&at_first), "{at_first}");
        assert_eq!(log(), at_first);
        assert!(seen.messages().is_empty());
    });
}

#[test]
fn what_every_handlers_filters_refuse_is_switched_off() {
    let _alone = alone();
    let only = |seen: &Remember, name: &str| {
        let mut made = HandlerEntry::new("test", Box::new(seen.clone()), Arc::new(ReadsNoSpans));
        made.filters.push(Arc::new(NameFilter { name: name.into() }));
        Arc::new(made)
    };
    let seen = Remember::default();
    let of_both = |names: [&str; 2]| {
        let mut builder = Tree::builder();
        builder.logger_mut("").set_level(Level::DEBUG).handlers.extend(names.map(|name| only(&seen, name)));
        Arc::new(builder.build())
    };
    for (mode, off) in
        [(Mode::Exclusive, Interest::is_never as fn(&Interest) -> bool), (Mode::Shared, Interest::is_always)]
    {
        let layer = TreeLayer::new(of_both(["app", "db.pool"]), mode);
        let handle = layer.handle();
        with_default(&Dispatch::new(Registry::default().with(layer)), || {
            let other = tracing::callsite! {
                name: "other", kind: Kind::EVENT, target: "other", level: tracing::Level::ERROR, fields:
            };
            let log = || {
                tracing::debug!(target: "app", "app");
                tracing::info!(target: "db::pool::of", "pool");
                tracing::error!(target: "db", "db");
                tracing::error!(target: "other", "other");
                other.interest()
            };
            drop(handle.swap(of_both(["app", "db.pool"])));
            let interest = log();
            assert!(off(&interest), "{mode:?}: {interest:?}");
            assert_eq!(seen.messages(), ["app", "pool"], "{mode:?}");
            drop(handle.swap(of_both(["other", ""])));
            assert!(log().is_always(), "{mode:?}");
            assert_eq!(seen.messages(), ["app", "pool", "db", "other", "other"], "{mode:?}");
        });
    }
}
