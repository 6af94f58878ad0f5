//! What records have of the spans around them, the first inside a span and those that follow.

use logtree_core::Level;
use logtree_layer::{Mode, TreeLayer};
use tracing::{error, info, info_span};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry};

use crate::support::{Remember, Seen, entry, span_of_another_file, tree, with_layer};

const ALL: &[(&str, Level)] = &[("root", Level::DEBUG)];

/// What so many records in a row have of their spans, which must be the same for all.
fn of_each(seen: &Remember, count: usize) -> Seen {
    for _ in 0..count {
        info!("inside");
    }
    let mut all = seen.take();
    assert_eq!(all.len(), count);
    let first = all.swap_remove(0);
    assert!(all.iter().all(|other| (&other.spans, &other.span_fields) == (&first.spans, &first.span_fields)));
    assert!(all.iter().all(|other| other.function == first.function));
    first
}

#[test]
fn all_records_inside_see_what_is_around_whatever_was_recorded_meanwhile() {
    with_layer(Mode::Exclusive, ALL, |seen, _| {
        let outer = info_span!("outer", user = "ann", late = tracing::field::Empty);
        let inners = [1, 2].map(|id| info_span!(parent: &outer, "inner", id));
        let expected = |late: &[&str], id: i32| {
            let outer = ["outer.user=Str(\"ann\")"].iter().chain(late).map(|field| (*field).to_owned());
            outer.chain([format!("inner.id=I64({id})")]).collect::<Vec<_>>()
        };
        for (inner, id) in inners.iter().zip(1..) {
            let of_inner = inner.in_scope(|| of_each(seen, 3));
            assert_eq!(
                (of_inner.spans, of_inner.span_fields),
                (vec!["outer".into(), "inner".into()], expected(&[], id))
            );
        }
        outer.record("late", 7);
        assert_eq!(inners[1].in_scope(|| of_each(seen, 3)).span_fields, expected(&["outer.late=I64(7)"], 2));
        outer.record("late", 8);
        assert_eq!(inners[1].in_scope(|| of_each(seen, 2)).span_fields, expected(&["outer.late=I64(8)"], 2));
        assert_eq!(outer.in_scope(|| of_each(seen, 2)).spans, ["outer"]);
        assert_eq!(of_each(seen, 2).spans, [""; 0]);
    });
}

#[test]
fn a_field_that_is_recorded_again_and_again_takes_no_more_memory() {
    with_layer(Mode::Exclusive, ALL, |seen, _| {
        let span = info_span!("span", first = 1, count = 0_u64, text = tracing::field::Empty);
        let record = |count: u64| {
            span.record("count", count);
            span.record("text", "x".repeat(1 + count as usize % 200));
        };
        record(0);
        let allocated = allocation_counter::measure(|| (1..=100_000).for_each(record));
        // Bytes at once, and more than at first; a value of each would be a megabyte and a half of the first field alone.
        assert!(allocated.bytes_max < 4096 && allocated.bytes_current < 512, "{allocated:?}");
        let of_span = span.in_scope(|| of_each(seen, 2)).span_fields;
        assert_eq!(of_span, ["span.first=I64(1)", "span.count=U64(100000)", "span.text=Str(\"x\")"]);
    });
}

#[test]
fn what_threads_record_into_one_span_at_a_time_is_all_there() {
    const LAST: u64 = 20_000;
    with_layer(Mode::Exclusive, ALL, |seen, _| {
        let empty = tracing::field::Empty;
        let span = info_span!("span", a = empty, b = empty, c = empty, shared = empty);
        let span = &span;
        std::thread::scope(|scope| {
            for field in ["a", "b", "c"] {
                scope.spawn(move || {
                    for number in 0..=LAST {
                        span.record(field, number);
                        span.record("shared", number);
                    }
                });
            }
        });
        let mut of_span = span.in_scope(|| of_each(seen, 2)).span_fields;
        of_span.sort();
        // Whoever is the last, his last is the last.
        let expected = ["a", "b", "c", "shared"].map(|field| format!("span.{field}=U64({LAST})"));
        assert_eq!(of_span, expected);
    });
}

#[test]
fn an_event_may_name_its_span() {
    with_layer(Mode::Exclusive, ALL, |seen, _| {
        let (one, other) = (info_span!("one"), info_span!("other"));
        one.in_scope(|| {
            for _ in 0..2 {
                info!(parent: &other, "of the other");
                info!(parent: None, "of none");
                info!("of one");
            }
        });
        let spans: Vec<String> = seen.take().iter().map(|seen| seen.spans.concat()).collect();
        assert_eq!(spans, ["other", "", "one", "other", "", "one"]);
    });
}

#[test]
fn the_function_is_the_innermost_span_of_the_events_file() {
    with_layer(Mode::Exclusive, ALL, |seen, _| {
        let outer = info_span!("outer").entered();
        let elsewhere = span_of_another_file().entered();
        assert_eq!(of_each(seen, 3).function.as_deref(), Some("outer"));
        let inner = info_span!("inner").entered();
        let inside = of_each(seen, 3);
        assert_eq!(
            (inside.spans.join(":").as_str(), inside.function.as_deref()),
            ("outer:elsewhere:inner", Some("inner"))
        );
        drop((inner, elsewhere, outer));
        assert_eq!(span_of_another_file().in_scope(|| of_each(seen, 3)).function, None);
    });
}

#[test]
fn spans_may_be_nested_deeply_and_their_fields_be_long() {
    with_layer(Mode::Exclusive, ALL, |seen, _| {
        let long = "x".repeat(300);
        for depth in 0..200 {
            let text = &long[..if depth % 2 == 0 { 3 } else { 300 }];
            std::mem::forget(info_span!("span", depth, text).entered());
            if depth % 50 == 14 || depth % 50 == 15 {
                let inside = of_each(seen, 3);
                assert_eq!(inside.span_fields.len(), 2 * (depth + 1));
                assert_eq!(inside.span_fields[2 * depth], format!("span.depth=U64({depth})"));
                assert_eq!(inside.span_fields[2 * depth + 1], format!("span.text=Str({text:?})"));
            }
        }
    });
}

#[test]
fn each_layer_has_the_spans_that_it_sees() {
    let is_shown = |hidden: &'static str| filter_fn(move |metadata| metadata.is_event() || metadata.name() != hidden);
    // One layer meets the spans first when they are made, the other when there is something to log.
    for [first_level, second_level] in [[Level::ERROR, Level::INFO], [Level::INFO, Level::ERROR]] {
        let (one, other) = (Remember::default(), Remember::default());
        let tree = |seen: &Remember, level| tree(&entry(seen.clone()), &[("root", level)]);
        let first = TreeLayer::new(tree(&one, first_level), Mode::Shared).with_filter(is_shown("b"));
        let second = TreeLayer::new(tree(&other, second_level), Mode::Shared).with_filter(is_shown("a"));
        let subscriber = Registry::default().with(first).with(second);
        tracing::subscriber::with_default(subscriber, || {
            let _a = info_span!("a").entered();
            let _b = info_span!("b").entered();
            let _both = info_span!("both", n = 1).entered();
            let log = || {
                (0..2).for_each(|_| info!("for one"));
                (0..2).for_each(|_| error!("for both"));
            };
            log();
            info_span!("b").in_scope(log);
        });
        let (one, other) = (one.take(), other.take());
        assert_eq!(one.len() + other.len(), 12);
        assert!(one.iter().all(|seen| seen.spans == ["a", "both"]), "{one:?}");
        let (outside, inside) = other.split_at(other.len() / 2);
        assert!(outside.iter().all(|seen| seen.spans == ["b", "both"]), "{other:?}");
        assert!(inside.iter().all(|seen| seen.spans == ["b", "both", "b"]), "{other:?}");
    }
}
