//! Records that are no events of `tracing`: those of the `log` crate, and those of loggers named at run time.

use logtree_core::{Callsite, Fields, Level, Record, Source, SpansBuf, Timestamp, Tree, logger_name};
use tracing_core::dispatcher;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

use crate::scratch::{self, Scratch, with_scratch};
use crate::visit::EventText;
use crate::{origin, spans};

/// Where a record comes from that is no event; unlike a callsite of `tracing` it does not outlive the record.
pub(crate) struct Place<'a> {
    pub(crate) target: &'a str,
    pub(crate) level: Level,
    /// Python's `module`.
    pub(crate) module: &'a str,
    pub(crate) file: Option<&'a str>,
    pub(crate) line: Option<u32>,
    pub(crate) source: Source,
}

impl Place<'_> {
    pub(crate) fn handle(&self, tree: &Tree, fill: impl FnOnce(&mut EventText)) {
        let name = logger_name(self.target);
        let route = tree.route_index(&name);
        if !tree.route(route).wants(self.level) {
            return;
        }
        with_scratch(|Scratch { text, spans }| {
            fill(text);
            let function = if tree.route(route).needs().spans { current_spans(spans, self.file) } else { None };
            let callsite = Callsite {
                index: None,
                // As Python calls it.
                name: if name.is_empty() { "root".into() } else { name.into() },
                pathname: self.file.unwrap_or_default().into(),
                module: self.module.into(),
                line: self.line.unwrap_or_default(),
                field_names: Box::default(),
            };
            let record = Record {
                callsite: &callsite,
                name: &callsite.name,
                level: self.level,
                level_names: tree.level_names(),
                created: Timestamp::now(),
                origin: &origin::current(),
                message: &text.message,
                fields: text.fields.as_fields(),
                spans: spans.as_spans(),
                function,
                exc_text: None,
                stack_info: None,
                source: self.source,
                attributes: Fields::EMPTY,
            };
            scratch::handle(tree, route, &record);
        });
    }
}

/// Appends the spans that the calling thread is in; answers with the innermost of the given file.
fn current_spans(spans: &mut SpansBuf, file: Option<&str>) -> Option<&'static str> {
    dispatcher::get_default(|dispatch| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        let current = dispatch.current_span();
        let span = registry.span(current.id()?)?;
        let mut function = None;
        for span in span.scope().from_root() {
            spans::append(&span, spans);
            if span.metadata().file() == file {
                function = Some(span.metadata().name());
            }
        }
        function
    })
}
