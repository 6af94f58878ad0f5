//! Records of spans that are made, entered, left and closed.

use std::time::{Duration, Instant};

use logtree_core::{Explanation, HandlerEntry, Level, Logger, SpanEvents, Stage, Tree};
use logtree_layer::{Mode, TreeHandle, TreeLayer};
use tracing::{debug_span, info, info_span};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{Remember, Seen, entry};

const APP: &[(&str, SpanEvents)] = &[("app", SpanEvents::FULL)];

fn tree(seen: &Remember, events: &[(&str, SpanEvents)]) -> Tree {
    let mut builder = Tree::builder();
    builder.logger("root", Logger { level: Level::INFO, ..Logger::default() });
    builder.logger_mut("root").handlers.push(entry(seen.clone()));
    for (name, events) in events {
        builder.logger_mut(name).set_span_events(*events);
    }
    builder.build()
}

fn with_events(mode: Mode, events: &[(&str, SpanEvents)], body: impl FnOnce(&Remember, &TreeHandle)) {
    let seen = Remember::default();
    let layer = TreeLayer::new(tree(&seen, events).into(), mode);
    let handle = layer.handle();
    tracing::subscriber::with_default(Registry::default().with(layer), || body(&seen, &handle));
}

/// Logger, message, and the names of the fields.
fn brief(seen: &Remember) -> Vec<String> {
    let brief = |seen: Seen| {
        let names = seen.fields.iter().map(|field| field.split('=').next().unwrap().to_owned());
        [vec![seen.name, seen.message], names.collect()].concat().join(" ")
    };
    seen.take().into_iter().map(brief).collect()
}

#[test]
fn each_moment_of_a_span_is_a_record_inside_it() {
    for mode in [Mode::Exclusive, Mode::Shared] {
        with_events(mode, APP, |seen, _| {
            let outer = info_span!(target: "app", "outer", id = 1);
            let _in_outer = outer.enter();
            seen.take();
            let line = line!() + 1;
            let span = info_span!(target: "app::db", "query", rows = 3);
            let made = seen.one();
            assert_eq!((&*made.name, made.level, &*made.message), ("app.db", Level::INFO, "new"));
            assert_eq!(made.spans, ["outer", "query"]);
            assert_eq!(made.function.as_deref(), Some("query"));
            assert_eq!(made.place, (file!().to_owned(), "span_events".to_owned(), line));
            assert!(made.fields.is_empty(), "{:?}", made.fields);
            span.in_scope(|| info!(target: "app", "inside"));
            span.in_scope(|| ());
            drop(span);
            let expected = [
                "app.db enter",
                "app inside",
                "app.db exit",
                "app.db enter",
                "app.db exit",
                "app.db close time.busy time.idle",
            ];
            assert_eq!(brief(seen), expected);
        });
    }
}

#[test]
fn a_logger_has_what_the_nearest_above_it_has_and_each_name_stands_for_its_moments() {
    let once = |events: &[(&str, SpanEvents)], target_is_below: bool| {
        let mut all = Vec::new();
        with_events(Mode::Exclusive, events, |seen, _| {
            match target_is_below {
                true => info_span!(target: "app::db", "s").in_scope(|| ()),
                false => info_span!(target: "other", "s").in_scope(|| ()),
            }
            all = seen.messages();
        });
        all
    };
    assert_eq!(once(&[("app", SpanEvents::CLOSE)], true), ["close"]);
    assert_eq!(once(&[("root", SpanEvents::ACTIVE)], true), ["enter", "exit"]);
    assert_eq!(once(&[("root", SpanEvents::FULL)], false), ["new", "enter", "exit", "close"]);
    assert_eq!(once(&[("root", SpanEvents::FULL), ("app", SpanEvents::NEW | SpanEvents::EXIT)], true), ["new", "exit"]);
    assert!(once(&[("root", SpanEvents::FULL), ("app", SpanEvents::NONE)], true).is_empty());
    assert!(once(&[("app", SpanEvents::FULL)], false).is_empty());
}

#[test]
fn a_span_below_its_loggers_level_has_no_records_and_is_there_all_the_same() {
    with_events(Mode::Exclusive, APP, |seen, _| {
        debug_span!(target: "app", "quiet").in_scope(|| info!(target: "app", "inside"));
        let seen = seen.one();
        assert_eq!((&*seen.message, seen.spans), ("inside", vec!["quiet".to_owned()]));
    });
}

/// `3.21ms` in nanoseconds, as far as it says.
fn nanoseconds(fields: &[String], name: &str) -> f64 {
    let shown = fields.iter().find_map(|field| field.strip_prefix(&format!("{name}=Display(\""))).unwrap();
    let shown = shown.strip_suffix("\")").unwrap();
    let (number, unit) = shown.split_at(shown.find(|char: char| char.is_alphabetic()).unwrap());
    let factor = match unit {
        "ns" => 1.0,
        "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        other => panic!("{other}"),
    };
    number.parse::<f64>().unwrap() * factor
}

#[test]
fn busy_and_idle_times_are_those_inside_and_outside() {
    with_events(Mode::Exclusive, &[("app", SpanEvents::CLOSE)], |seen, _| {
        let (busy, idle) = (Duration::from_millis(20), Duration::from_millis(50));
        let began = Instant::now();
        let span = info_span!(target: "app", "s");
        span.in_scope(|| spin(busy));
        spin(idle);
        span.in_scope(|| spin(busy));
        drop(span);
        let all = began.elapsed().as_nanos() as f64;
        let fields = seen.one().fields;
        let (was_busy, was_idle) = (nanoseconds(&fields, "time.busy"), nanoseconds(&fields, "time.idle"));
        // Three digits are shown.
        assert!(was_busy * 1.01 >= 2.0 * busy.as_nanos() as f64, "{fields:?}");
        assert!(was_idle * 1.01 >= idle.as_nanos() as f64, "{fields:?}");
        assert!((was_busy + was_idle) * 0.98 <= all, "{fields:?} of {all} ns");
    });
}

fn spin(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[test]
fn several_layers_measure_each_for_itself() {
    let (one, other) = (Remember::default(), Remember::default());
    let [first, second] = [&one, &other].map(|seen| tree(seen, &[("app", SpanEvents::CLOSE)]).into());
    let subscriber = Registry::default().with(TreeLayer::new(first, Mode::Shared));
    let subscriber = subscriber.with(TreeLayer::new(second, Mode::Shared));
    tracing::subscriber::with_default(subscriber, || {
        let began = Instant::now();
        let span = info_span!(target: "app", "s");
        span.in_scope(|| spin(Duration::from_millis(5)));
        drop(span);
        let all = began.elapsed().as_nanos() as f64;
        for seen in [one.one(), other.one()] {
            let busy = nanoseconds(&seen.fields, "time.busy");
            // Counted once, not once for each layer.
            assert!(busy >= 4.9e6 && busy * 0.98 <= all, "{:?} of {all} ns", seen.fields);
        }
    });
}

#[test]
fn where_nobody_reads_spans_a_field_says_which_it_is() {
    struct Bare;
    impl logtree_core::Formatter for Bare {
        fn format(&self, _: &logtree_core::Record<'_>, _: &mut String) -> Result<(), logtree_core::FormatError> {
            Ok(())
        }

        fn needs(&self) -> logtree_core::Needs {
            logtree_core::Needs::default()
        }
    }
    let seen = Remember::default();
    let mut builder = Tree::builder();
    let handler = HandlerEntry::new("h", Box::new(seen.clone()), std::sync::Arc::new(Bare));
    builder.logger_mut("app").set_level(Level::INFO).set_span_events(SpanEvents::CLOSE).add_handler(handler);
    let layer = TreeLayer::new(builder.build().into(), Mode::Exclusive);
    tracing::subscriber::with_default(Registry::default().with(layer), || {
        info_span!(target: "app", "query", rows = 3).in_scope(|| ());
        let seen = seen.one();
        assert_eq!(seen.fields[0], "span=Str(\"query\")");
        assert_eq!((seen.fields.len(), seen.spans.len()), (3, 0));
    });
}

#[test]
fn another_tree_holds_at_once_also_for_spans_that_are_open() {
    with_events(Mode::Exclusive, &[], |seen, handle| {
        let mut silent = tree(seen, &[]).source().clone();
        // Spans are of use either way.
        silent.logger_mut("root").set_level(Level::INFO);
        let span = info_span!(target: "app", "s");
        handle.swap(tree(seen, APP).into());
        span.in_scope(|| ());
        drop(span);
        // What was not measured is not said.
        assert_eq!(brief(seen), ["app enter", "app exit", "app close"]);
        handle.swap(silent.into_tree().into());
        info_span!(target: "app", "s").in_scope(|| ());
        assert!(seen.messages().is_empty());
    });
}

#[test]
fn an_explanation_tells_which_records_there_are_of_spans() {
    let events =
        [("app", SpanEvents::FULL), ("app.db", SpanEvents::NONE), ("app.web", SpanEvents::NEW | SpanEvents::EXIT)];
    let told = |explanation: &Explanation| {
        let said = |stage: &Stage| match stage {
            Stage::SpanEvents { events, of } => Some((*events, of.clone())),
            _ => None,
        };
        let (events, of) = explanation.stages.iter().find_map(said).unwrap_or_default();
        let is_reached = !explanation.reached().is_empty();
        (if is_reached { events.names().collect() } else { Vec::new() }, of)
    };
    with_events(Mode::Exclusive, &events, |seen, handle| {
        let tree = handle.tree();
        let hold = |target: &str, level, of: &str| {
            let happened: Vec<String> = seen.messages();
            let (moments, told_of) = told(&tree.explain(target, level));
            assert_eq!((happened, &*told_of), (moments.into_iter().map(str::to_owned).collect(), of), "{target}");
        };
        info_span!(target: "app::core", "s").in_scope(|| ());
        hold("app::core", Level::INFO, "app");
        debug_span!(target: "app::core", "s").in_scope(|| ());
        hold("app::core", Level::DEBUG, "app");
        info_span!(target: "app::db::pool", "s").in_scope(|| ());
        hold("app::db::pool", Level::INFO, "");
        info_span!(target: "app::web", "s").in_scope(|| ());
        hold("app::web", Level::INFO, "app.web");
        info_span!(target: "other", "s").in_scope(|| ());
        hold("other", Level::INFO, "");
    });
}
