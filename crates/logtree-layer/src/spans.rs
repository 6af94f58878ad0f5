//! What spans add to the records inside them.

use std::sync::Arc;

use arc_swap::ArcSwap;
use logtree_core::{FieldsBuf, SpansBuf};
use tracing_core::span::{Attributes, Record as Values};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::visit::SpanVisitor;

/// One span's name and fields, encoded as records carry them.
///
/// It is inserted when the span is made and from then on only looked at through shared access: values recorded later
/// are swapped in. A write lock on the span's extensions that another thread held during a `fork` would stop the child
/// at its first event for ever.
pub(crate) struct SpanText {
    /// The layer that records into it. Several layers over one registry find the same text and must not add to it twice.
    owner: usize,
    recorded: ArcSwap<Recorded>,
}

struct Recorded {
    fields: FieldsBuf,
    encoded: SpansBuf,
}

impl Recorded {
    fn new(name: &str, fields: FieldsBuf) -> Self {
        let mut encoded = SpansBuf::default();
        encoded.push(name, &fields);
        Self { fields, encoded }
    }
}

/// Keeps the fields of a new span.
pub(crate) fn on_new_span<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, attributes: &Attributes<'_>, owner: usize) {
    // User code runs here, and the extensions are not yet locked.
    let mut fields = FieldsBuf::default();
    attributes.record(&mut SpanVisitor(&mut fields));
    let text = SpanText { owner, recorded: ArcSwap::from_pointee(Recorded::new(span.name(), fields)) };
    let mut extensions = span.extensions_mut();
    if extensions.get_mut::<SpanText>().is_none() {
        extensions.insert(text);
    }
}

/// Adds fields that were recorded after the span was made.
pub(crate) fn on_record<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, values: &Values<'_>, owner: usize) {
    let mut later = FieldsBuf::default();
    values.record(&mut SpanVisitor(&mut later));
    if let Some(text) = span.extensions().get::<SpanText>()
        && text.owner == owner
    {
        text.recorded.rcu(|recorded| {
            let mut fields = recorded.fields.clone();
            fields.extend(later.as_fields());
            Arc::new(Recorded::new(span.name(), fields))
        });
    }
}

/// Appends a span to the spans of a record.
pub(crate) fn append<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, spans: &mut SpansBuf) {
    if let Some(text) = span.extensions().get::<SpanText>() {
        spans.extend(text.recorded.load().encoded.as_spans());
    }
}
