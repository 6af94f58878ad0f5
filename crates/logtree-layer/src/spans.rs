//! What spans add to the records inside them.

use std::cell::Cell;
use std::sync::Arc;

use arc_swap::ArcSwap;
use logtree_core::{FieldsBuf, SpansBuf};
use once_cell::race::OnceBox;
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
    made_with: SpansBuf,
    /// The same and what was recorded later, which few spans have. No lock: see above.
    grown: OnceBox<ArcSwap<SpansBuf>>,
}

thread_local! {
    /// Where the fields of a span are gathered, so that it takes the memory that it needs and no more.
    static FIELDS: Cell<FieldsBuf> = const { Cell::new(FieldsBuf::new()) };
}

/// Keeps the fields of a new span.
pub(crate) fn on_new_span<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, attributes: &Attributes<'_>, owner: usize) {
    // Lent, as user code runs here, which may open spans; and the extensions are not yet locked.
    let mut fields = FIELDS.try_with(Cell::take).unwrap_or_default();
    fields.clear();
    attributes.record(&mut SpanVisitor(&mut fields));
    let mut made_with = SpansBuf::default();
    made_with.push(span.name(), &fields);
    let _ = FIELDS.try_with(|place| place.set(fields));
    let mut extensions = span.extensions_mut();
    if extensions.get_mut::<SpanText>().is_none() {
        extensions.insert(SpanText { owner, made_with, grown: OnceBox::new() });
    }
}

/// Adds fields that were recorded after the span was made.
pub(crate) fn on_record<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, values: &Values<'_>, owner: usize) {
    let mut later = FieldsBuf::default();
    values.record(&mut SpanVisitor(&mut later));
    if let Some(text) = span.extensions().get::<SpanText>()
        && text.owner == owner
    {
        let grown = text.grown.get_or_init(|| Box::new(ArcSwap::from_pointee(text.made_with.clone())));
        grown.rcu(|before| {
            let mut fields = FieldsBuf::default();
            before.as_spans().iter().for_each(|span| fields.extend(span.fields));
            fields.extend(later.as_fields());
            let mut grown = SpansBuf::default();
            grown.push(span.name(), &fields);
            Arc::new(grown)
        });
    }
}

/// Appends a span to the spans of a record.
pub(crate) fn append<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, spans: &mut SpansBuf) {
    if let Some(text) = span.extensions().get::<SpanText>() {
        match text.grown.get() {
            None => spans.extend(text.made_with.as_spans()),
            Some(grown) => spans.extend(grown.load().as_spans()),
        }
    }
}
