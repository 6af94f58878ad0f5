//! Records of spans that are made, entered, left and closed, where a logger has them.

use std::fmt::Write as _;

use logtree_core::{FieldName, Record, Route, SpanEvents, Timestamp, Value};
use logtree_os::real_time_ns;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::callsite::KnownCallsite;
use crate::handle::TreeHandle;
use crate::scratch::{self, Scratch, with_scratch};
use crate::{origin, span_times, spans};

/// A span was made, and what it says is kept.
#[cold]
pub(crate) fn on_new<'a, S: LookupSpan<'a>>(tree: &TreeHandle, layer: usize, span: &SpanRef<'a, S>) {
    let (tree_now, known) = (tree.load(), KnownCallsite::find(span.metadata()));
    if events_of(tree_now.route(known.route_index(&tree_now)), known).contains(SpanEvents::CLOSE) {
        span_times::begin(span, layer);
    }
    make_record(tree, layer, span, SpanEvents::NEW, "new");
}

#[cold]
pub(crate) fn on_enter<'a, S: LookupSpan<'a>>(tree: &TreeHandle, layer: usize, span: Option<SpanRef<'a, S>>) {
    if let Some(span) = span {
        span_times::count(&span, layer, false);
        make_record(tree, layer, &span, SpanEvents::ENTER, "enter");
    }
}

#[cold]
pub(crate) fn on_exit<'a, S: LookupSpan<'a>>(tree: &TreeHandle, layer: usize, span: Option<SpanRef<'a, S>>) {
    if let Some(span) = span {
        span_times::count(&span, layer, true);
        make_record(tree, layer, &span, SpanEvents::EXIT, "exit");
    }
}

#[cold]
pub(crate) fn on_close<'a, S: LookupSpan<'a>>(tree: &TreeHandle, layer: usize, span: Option<SpanRef<'a, S>>) {
    if let Some(span) = span {
        span_times::count(&span, layer, false);
        make_record(tree, layer, &span, SpanEvents::CLOSE, "close");
    }
}

/// What the span's logger wants records of, if it wants any at the span's level.
fn events_of(route: &Route, known: &KnownCallsite) -> SpanEvents {
    if route.wants(known.level) { route.span_events() } else { SpanEvents::NONE }
}

/// Hands a record of one moment of the span's life to its logger: of its target and level, inside itself.
fn make_record<'a, S: LookupSpan<'a>>(
    tree: &TreeHandle,
    layer: usize,
    span: &SpanRef<'a, S>,
    event: SpanEvents,
    message: &str,
) {
    let (tree, known) = (tree.load(), KnownCallsite::find(span.metadata()));
    let route = known.route_index(&tree);
    if !events_of(tree.route(route), known).contains(event) {
        return;
    }
    with_scratch(|Scratch { text, spans }| {
        if tree.route(route).needs().spans {
            spans::append_all(span, Some(layer), None, spans);
        } else {
            // Else nothing would say which span it is.
            text.fields.push(FieldName::Inline("span"), Value::Str(span.name()));
        }
        if event == SpanEvents::CLOSE
            && let Some((busy, idle)) = span_times::of(span, layer)
        {
            for (name, time) in [("time.busy", busy), ("time.idle", idle)] {
                text.message.clear();
                let _ = write!(text.message, "{time}");
                text.fields.push(FieldName::Inline(name), Value::Display(&text.message));
            }
        }
        let origin = origin::current();
        let record = Record {
            level_names: tree.level_names(),
            fields: text.fields.as_fields(),
            spans: spans.as_spans(),
            function: Some(span.name()),
            ..Record::new(&known.callsite, &origin, known.level, Timestamp(real_time_ns()), message)
        };
        scratch::handle(&tree, route, &record);
    });
}
