//! What spans add to the records inside them.

use std::cell::Cell;
use std::sync::Arc;

use arc_swap::ArcSwap;
use logtree_core::{Field, FieldName, Fields, FieldsBuf, Spans, SpansBuf, Value};
use once_cell::race::OnceBox;
use tracing_core::Metadata;
use tracing_core::span::{Attributes, Record as Values};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::scratch::KEPT_BYTES;
use crate::visit::SpanVisitor;

/// One span's name and fields, encoded as records carry them, and the way to the spans around it.
///
/// It is inserted when the span is made and from then on only looked at through shared access: values recorded later
/// are swapped in. A write lock on the span's extensions that another thread held during a `fork` would stop the child
/// at its first event for ever.
struct SpanText(Arc<Node>);

struct Node {
    /// The layer that records into it. Several layers over one registry find the same text and must not add to it twice.
    owner: usize,
    metadata: &'static Metadata<'static>,
    /// Found out by the first record inside, so that those that follow look one span up in the registry, not each. A span
    /// without records pays nothing for it.
    around: OnceBox<Around>,
    made_with: Encoded,
    /// The same and what was recorded later, which few spans have. No lock: see above.
    grown: OnceBox<ArcSwap<SpansBuf>>,
}

/// One span, encoded.
enum Encoded {
    /// Most of them, without memory of their own.
    Short {
        length: usize,
        bytes: [u8; SHORT_BYTES],
    },
    Long(SpansBuf),
}

const SHORT_BYTES: usize = 120;

/// What is around a span, as its layer sees it.
struct Around {
    /// The nearest span that has a text.
    nearest: Option<Arc<Node>>,
    depth: u32,
}

/// Inside more spans than these the registry is asked for each, as the way up takes stack.
const MOST_AROUND: u32 = 64;

thread_local! {
    /// Where the fields of a span are gathered, and where it is encoded, so that it takes the memory that it needs and no more.
    static GATHERED: Cell<(FieldsBuf, SpansBuf)> = const { Cell::new((FieldsBuf::new(), SpansBuf::new())) };
}

/// Keeps the fields of a new span.
pub(crate) fn on_new_span<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, attributes: &Attributes<'_>, owner: usize) {
    // Lent, as user code runs here, which may open spans; and the extensions are not yet locked.
    let (mut fields, mut encoded) = GATHERED.try_with(Cell::take).unwrap_or_default();
    fields.clear();
    encoded.clear();
    attributes.record(&mut SpanVisitor(&mut fields));
    encoded.push(span.name(), &fields);
    let made_with = Encoded::new(&encoded);
    if fields.capacity() + encoded.capacity() <= KEPT_BYTES {
        let _ = GATHERED.try_with(|place| place.set((fields, encoded)));
    }
    let mut extensions = span.extensions_mut();
    if extensions.get_mut::<SpanText>().is_none() {
        let (around, grown) = (OnceBox::new(), OnceBox::new());
        extensions.insert(SpanText(Arc::new(Node { owner, metadata: span.metadata(), around, made_with, grown })));
    }
}

/// Adds fields that were recorded after the span was made. A field's last value takes the place of those before it, or a span
/// that lives as long as its program would grow with it.
pub(crate) fn on_record<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, values: &Values<'_>, owner: usize) {
    let mut later = FieldsBuf::default();
    values.record(&mut SpanVisitor(&mut later));
    if let Some(SpanText(text)) = span.extensions().get::<SpanText>()
        && text.owner == owner
    {
        let grown = text.grown.get_or_init(|| Box::new(ArcSwap::from_pointee(text.made_with.to_buf())));
        grown.rcu(|before| {
            let (mut fields, later) = (FieldsBuf::default(), later.as_fields());
            let before = before.as_spans().iter().next().map_or(Fields::EMPTY, |span| span.fields);
            for Field { name, value } in before {
                fields.push(name, last_of(later, name).unwrap_or(value));
            }
            for Field { name, value } in later.iter().filter(|field| last_of(before, field.name).is_none()) {
                fields.push(name, value);
            }
            let mut grown = SpansBuf::default();
            grown.push(span.name(), &fields);
            Arc::new(grown)
        });
    }
}

/// The last value of a field that is named inline, as all fields of spans are.
fn last_of<'a>(fields: Fields<'a>, name: FieldName<'_>) -> Option<Value<'a>> {
    match name {
        FieldName::Inline(name) => fields.find(name, &[]),
        FieldName::Index(_) => None,
    }
}

/// Appends a span, and before it those around it, to the spans of a record that was made in `file`; answers with the name
/// of the innermost of that file. `layer` is the one that sees these spans, if they are as it sees them.
pub(crate) fn append_all<'a, S: LookupSpan<'a>>(
    span: &SpanRef<'a, S>,
    layer: Option<usize>,
    file: Option<&str>,
    spans: &mut SpansBuf,
) -> Option<&'static str> {
    if let Some(SpanText(node)) = span.extensions().get::<SpanText>()
        && Some(node.owner) == layer
        && node.around.get().is_some_and(|around| around.depth <= MOST_AROUND)
    {
        node.append_all(spans);
        let metadata = node.inside_out().map(|node| node.metadata).find(|metadata| metadata.file() == file);
        return metadata.map(Metadata::name);
    }
    append_each(span, layer, file, spans)
}

/// The same, with each looked up.
#[cold]
fn append_each<'a, S: LookupSpan<'a>>(
    span: &SpanRef<'a, S>,
    layer: Option<usize>,
    file: Option<&str>,
    spans: &mut SpansBuf,
) -> Option<&'static str> {
    let mut function = None;
    let mut around = Around { nearest: None, depth: 0 };
    let mut is_as_seen = true;
    for span in span.scope().from_root() {
        let node = span.extensions().get().map(|SpanText(node)| Arc::clone(node));
        if span.metadata().file() == file {
            function = Some(span.metadata().name());
        }
        let Some(node) = node else { continue };
        node.append(spans);
        // Another layer may see other spans around this one.
        is_as_seen &= Some(node.owner) == layer;
        if is_as_seen {
            let depth = around.depth + 1;
            if node.around.get().is_none() {
                // Another record may have been faster, and found the same.
                let _ = node.around.set(Box::new(around));
            }
            around = Around { nearest: Some(node), depth };
        }
    }
    function
}

impl Encoded {
    fn new(encoded: &SpansBuf) -> Self {
        let spans = encoded.as_spans().as_bytes();
        let mut bytes = [0; SHORT_BYTES];
        match bytes.get_mut(..spans.len()) {
            Some(place) => {
                place.copy_from_slice(spans);
                Self::Short { length: spans.len(), bytes }
            }
            None => Self::Long(encoded.clone()),
        }
    }

    fn as_spans(&self) -> Spans<'_> {
        match self {
            Self::Short { length, bytes } => Spans::trust(&bytes[..*length]),
            Self::Long(spans) => spans.as_spans(),
        }
    }

    fn to_buf(&self) -> SpansBuf {
        let mut spans = SpansBuf::new();
        spans.extend(self.as_spans());
        spans
    }
}

impl Node {
    fn append_all(&self, spans: &mut SpansBuf) {
        if let Some(outer) = self.outer() {
            outer.append_all(spans);
        }
        self.append(spans);
    }

    fn append(&self, spans: &mut SpansBuf) {
        match self.grown.get() {
            None => spans.extend(self.made_with.as_spans()),
            Some(grown) => spans.extend(grown.load().as_spans()),
        }
    }

    fn outer(&self) -> Option<&Self> {
        self.around.get()?.nearest.as_deref()
    }

    /// It, and those around it.
    fn inside_out(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |node| node.outer())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tracing_core::span::Id;
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

    use super::*;

    struct Gathers;

    impl<S: tracing_core::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Gathers {
        fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
            super::on_new_span(&cx.span(id).unwrap(), attributes, 0);
        }
    }

    #[test]
    fn buffers_are_reused_unless_they_grew_huge() {
        let kept_bytes = || {
            let (fields, encoded) = GATHERED.take();
            let bytes = fields.capacity() + encoded.capacity();
            GATHERED.set((fields, encoded));
            bytes
        };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Gathers), || {
            drop(tracing::info_span!("usual", user = "ann"));
            assert!(kept_bytes() > 0);
            drop(tracing::info_span!("huge", text = "x".repeat(KEPT_BYTES)));
            assert!(kept_bytes() <= KEPT_BYTES);
        });
    }
}
