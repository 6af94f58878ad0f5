//! Filters as configs name them: what passes, what is said of the rest.

mod floods;
mod looking;
mod redaction;

use std::sync::{Arc, Mutex};

use logtree_core::{
    Argument, Direct, EmitError, Field, FieldName, FieldsBuf, Filter, Formatter, Handler, HandlerEntry, Kwargs, Level,
    Record, Registry, SpansBuf, Steps, Timestamp, Value,
};

use crate::specimen::{Brackets, with_record};

/// Makes a filter as a config does.
pub(crate) fn make(class: &str, arguments: &[(&str, Argument)]) -> Result<Arc<dyn Filter>, String> {
    let mut registry = Registry::default();
    logtree_handlers::register(&mut registry);
    let arguments = arguments.iter().map(|(keyword, argument)| ((*keyword).to_owned(), argument.clone())).collect();
    let class = registry.find_filter(&format!("logtree.{class}")).unwrap().clone();
    class(Kwargs::new(format!("{class_name}()", class_name = "F"), arguments)).map_err(|error| error.to_string())
}

pub(crate) fn text(text: &str) -> Argument {
    Argument::Str(text.to_owned())
}

pub(crate) fn list(items: &[&str]) -> Argument {
    Argument::List(items.iter().map(|item| text(item)).collect())
}

/// Notes what comes out: level, logger and message, and the fields.
#[derive(Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Handler for Notes {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        let mut line = format!("{} {} {}", record.level.0, record.name, record.message);
        let write = |line: &mut String, Field { name, value }: Field<'_>| {
            line.push_str(&format!(" {}={value:?}", record.callsite.field_name(name)));
        };
        record.fields.iter().for_each(|field| write(&mut line, field));
        for span in record.spans.iter() {
            line.push_str(&format!(" | {}", span.name));
            span.fields.iter().for_each(|field| write(&mut line, field));
        }
        for text in [record.exc_text, record.stack_info].into_iter().flatten() {
            line.push_str(&format!(" ! {text}"));
        }
        self.0.lock().unwrap().push(line);
        Ok(())
    }
}

/// A handler behind a filter.
pub(crate) struct Behind {
    pub(crate) entry: HandlerEntry,
    notes: Arc<Mutex<Vec<String>>>,
}

impl Behind {
    pub(crate) fn new(filter: Arc<dyn Filter>) -> Self {
        let notes = Notes::default();
        let seen = Arc::clone(&notes.0);
        let mut entry = HandlerEntry::new("h", Box::new(notes), Arc::new(Brackets));
        entry.filters.push(filter);
        Self { entry, notes: seen }
    }

    /// A record of the second `at` by the logger `name`.
    pub(crate) fn at(&self, at: f64, name: &str, level: Level, message: &str, fields: &[(&str, Value<'_>)]) {
        with_record(message, |record| {
            let buffer = fields_of(fields);
            let (created, fields) = (Timestamp((at * 1e9) as i64), buffer.as_fields());
            self.entry.handle(&Record { created, name, level, fields, ..*record }, &mut Direct);
        });
    }

    /// One at INFO of the logger `a.b`.
    pub(crate) fn log(&self, at: f64, message: &str) {
        self.at(at, "a.b", Level::INFO, message, &[]);
    }

    /// What has come out since the last call.
    pub(crate) fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap())
    }
}

pub(crate) fn fields_of(fields: &[(&str, Value<'_>)]) -> FieldsBuf {
    let mut buffer = FieldsBuf::default();
    fields.iter().for_each(|(name, value)| buffer.push(FieldName::Inline(name), *value));
    buffer
}

pub(crate) fn spans_of(spans: &[(&str, &[(&str, Value<'_>)])]) -> SpansBuf {
    let mut buffer = SpansBuf::default();
    spans.iter().for_each(|(name, fields)| buffer.push(name, &fields_of(fields)));
    buffer
}
