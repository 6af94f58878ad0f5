//! Exclusive mode: what nobody wants is off.

use logtree_core::{HandlerEntry, Level, Needs};
use logtree_layer::{Mode, TreeLayer};
use std::sync::Arc;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, Registry};

use crate::support::{ReadsAll, Remember, tree, with_layer};

#[test]
fn a_callsite_that_no_handler_wants_is_disabled() {
    with_layer(Mode::Exclusive, &[("root", Level::WARNING), ("loud", Level::DEBUG)], |seen, _| {
        assert!(!tracing::enabled!(target: "quiet", tracing::Level::INFO));
        assert!(tracing::enabled!(target: "quiet", tracing::Level::WARN));
        assert!(tracing::enabled!(target: "loud::part", tracing::Level::DEBUG));
        let evaluated = std::cell::Cell::new(0);
        let count = || evaluated.set(evaluated.get() + 1);
        tracing::info!(target: "quiet", evaluated = ?count(), "off");
        tracing::info!(target: "loud", evaluated = ?count(), "on");
        assert_eq!((evaluated.get(), seen.messages().len()), (1, 1));
    });
}

#[test]
fn a_handlers_level_switches_callsites_off_as_well() {
    let entry = HandlerEntry::new("test", Box::new(Remember::default()), Arc::new(ReadsAll));
    entry.set_level(Level::ERROR);
    let layer = TreeLayer::new(tree(&Arc::new(entry), &[("root", Level::DEBUG)]), Mode::Exclusive);
    let subscriber = tracing_subscriber::layer::SubscriberExt::with(Registry::default(), layer);
    tracing::subscriber::with_default(subscriber, || {
        assert!(!tracing::enabled!(tracing::Level::WARN));
        assert!(tracing::enabled!(tracing::Level::ERROR));
    });
}

#[test]
fn events_that_name_their_logger_or_level_arrive_whatever_another_subscriber_wants() {
    let levels = [("root", Level::CRITICAL), ("loud", Level::DEBUG)];
    with_layer(Mode::Exclusive, &levels, |seen, _| {
        let log = || {
            tracing::error!("refused");
            tracing::error!(logtree.level = 50, "critical");
            tracing::info!(logtree.logger = "loud::part", "loud");
        };
        log();
        assert_eq!(seen.messages(), ["critical", "loud"]);
        // It has each callsite switched off, so that `tracing` asks both of them at each event, and not callsites any more.
        let off = tracing_subscriber::layer::SubscriberExt::with(Registry::default(), LevelFilter::OFF);
        let other = tracing::Dispatch::new(off);
        log();
        assert_eq!(seen.messages(), ["critical", "loud"]);
        drop(other);
        log();
        assert_eq!(seen.messages(), ["critical", "loud"]);
    });
}

/// A formatter that reads nothing of spans.
struct NoSpans;

impl logtree_core::Formatter for NoSpans {
    fn format(&self, _: &logtree_core::Record<'_>, _: &mut String) -> Result<(), logtree_core::FormatError> {
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}

#[test]
fn the_hint_is_exact_and_leaves_spans_on_where_they_are_read() {
    let hint = |level: Level, reads_spans: bool| {
        let formatter: Arc<dyn logtree_core::Formatter> =
            if reads_spans { Arc::new(ReadsAll) } else { Arc::new(NoSpans) };
        let entry = Arc::new(HandlerEntry::new("test", Box::new(Remember::default()), formatter));
        let layer = TreeLayer::new(tree(&entry, &[("root", level)]), Mode::Exclusive);
        Layer::<Registry>::max_level_hint(&layer)
    };
    for (level, expected) in [
        (Level(1), LevelFilter::TRACE),
        (Level::TRACE, LevelFilter::TRACE),
        (Level(6), LevelFilter::DEBUG),
        (Level::INFO, LevelFilter::INFO),
        (Level(21), LevelFilter::WARN),
        (Level::ERROR, LevelFilter::ERROR),
        // A critical record is an event of level ERROR with a field.
        (Level::CRITICAL, LevelFilter::ERROR),
    ] {
        assert_eq!(hint(level, false), Some(expected), "{level:?}");
        assert_eq!(hint(level, true), Some(LevelFilter::TRACE), "{level:?}");
    }
}
