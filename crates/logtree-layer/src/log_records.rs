//! Records of the `log` crate, with their own target, file, line and key-values.
//!
//! Where logtree is alone, [`LogRecords`] is the program's logger and takes them at first hand: the way through
//! `tracing` would lose their key-values (tracing-log 0.2). Where other layers stand beside it, they come as events of
//! tracing-log and are taken for what they were.

use std::fmt::Write as _;

use logtree_core::{
    Callsite, FieldName, Fields, FieldsBuf, Level, Record, Source, SpansBuf, Timestamp, Tree, Value, logger_name,
};
use tracing_core::field::Visit;
use tracing_core::{Event, Field, dispatcher};
use tracing_log::{AsTrace as _, NormalizeEvent as _};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

use crate::callsite::{last_segment, level_of};
use crate::scratch::{self, Scratch, with_scratch};
use crate::visit::EventText;
use crate::{TreeHandle, origin, spans};

/// The logger of the `log` crate that hands its records to a tree.
#[derive(Debug)]
pub struct LogRecords {
    tree: TreeHandle,
}

impl LogRecords {
    /// Makes `tree` the destination of all `log` records of the program, and has `log`'s own threshold follow it.
    ///
    /// # Errors
    /// If the program has a logger already.
    pub fn install(tree: TreeHandle) -> Result<(), log::SetLoggerError> {
        log::set_boxed_logger(Box::new(Self { tree: tree.clone() }))?;
        tree.take_log_records();
        Ok(())
    }
}

impl log::Log for LogRecords {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        self.tree.tree().find(metadata.target()).wants(level_of(metadata.level().as_trace()))
    }

    fn log(&self, log: &log::Record<'_>) {
        let place = Place {
            target: log.target(),
            level: level_of(log.level().as_trace()),
            module_path: log.module_path(),
            file: log.file(),
            line: log.line(),
        };
        place.handle(&self.tree.tree(), |text| {
            let _ = text.message.write_fmt(*log.args());
            let _ = log.key_values().visit(&mut KeyValues(&mut text.fields));
        });
    }

    fn flush(&self) {}
}

/// Handles an event that tracing-log made of a `log` record.
pub(crate) fn on_event(tree: &Tree, event: &Event<'_>) {
    let Some(metadata) = event.normalized_metadata() else { return };
    let place = Place {
        target: metadata.target(),
        level: level_of(*metadata.level()),
        module_path: metadata.module_path(),
        file: metadata.file(),
        line: metadata.line(),
    };
    place.handle(tree, |text| event.record(&mut MessageOnly(&mut text.message)));
}

/// Where a `log` record comes from; unlike a callsite of `tracing` it does not outlive the record.
struct Place<'a> {
    target: &'a str,
    level: Level,
    module_path: Option<&'a str>,
    file: Option<&'a str>,
    line: Option<u32>,
}

impl Place<'_> {
    fn handle(&self, tree: &Tree, fill: impl FnOnce(&mut EventText)) {
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
                name: name.into(),
                pathname: self.file.unwrap_or_default().into(),
                module: last_segment(self.module_path.unwrap_or_default()).into(),
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
                source: Source::Log,
                attributes: Fields::EMPTY,
            };
            scratch::handle(tree, route, &record);
        });
    }
}

/// Takes the message; the other fields of tracing-log's events are the place, told as fields.
struct MessageOnly<'a>(&'a mut String);

impl Visit for MessageOnly<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
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

/// The key-values of a record, as fields named inline.
struct KeyValues<'a>(&'a mut FieldsBuf);

impl<'kvs> log::kv::VisitSource<'kvs> for KeyValues<'_> {
    fn visit_pair(&mut self, key: log::kv::Key<'kvs>, value: log::kv::Value<'kvs>) -> Result<(), log::kv::Error> {
        let name = FieldName::Inline(key.as_str());
        if let Some(value) = value.to_bool() {
            self.0.push(name, Value::Bool(value));
        } else if let Some(value) = value.to_i64() {
            self.0.push(name, Value::I64(value));
        } else if let Some(value) = value.to_u64() {
            self.0.push(name, Value::U64(value));
        } else if let Some(value) = value.to_i128() {
            self.0.push(name, Value::I128(value));
        } else if let Some(value) = value.to_u128() {
            self.0.push(name, Value::U128(value));
        } else if let Some(value) = value.to_f64() {
            self.0.push(name, Value::F64(value));
        } else if let Some(value) = value.to_borrowed_str() {
            self.0.push(name, Value::Str(value));
        } else {
            self.0.push(name, Value::Display(&value.to_string()));
        }
        Ok(())
    }
}
