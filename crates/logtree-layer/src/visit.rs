//! Fields as `tracing` hands them over, encoded as they come.

use std::error::Error;
use std::fmt::{self, Write as _};

use logtree_core::{FieldName, FieldsBuf, Level, LevelNames, Value, write_caught};
use tracing_core::Field;
use tracing_core::field::Visit;

use crate::callsite::KnownCallsite;

/// What an event says, in buffers that are reused from event to event.
#[derive(Debug, Default)]
pub(crate) struct EventText {
    pub(crate) message: String,
    pub(crate) fields: FieldsBuf,
    pub(crate) exc_text: OptionalText,
    pub(crate) logger: OptionalText,
    pub(crate) level: Option<Level>,
}

impl EventText {
    pub(crate) fn clear(&mut self) {
        self.message.clear();
        self.fields.clear();
        self.exc_text.is_there = false;
        self.logger.is_there = false;
        self.level = None;
    }

    /// How many bytes it has memory for.
    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        let optional = self.exc_text.text.capacity() + self.logger.text.capacity();
        self.message.capacity() + self.fields.capacity() + optional
    }
}

/// Text that most events do not have, in memory that is kept for those that do.
#[derive(Debug, Default)]
pub(crate) struct OptionalText {
    is_there: bool,
    text: String,
}

impl OptionalText {
    pub(crate) fn get(&self) -> Option<&str> {
        self.is_there.then_some(&self.text)
    }

    /// Empty text, which is there from now on.
    fn begin(&mut self) -> &mut String {
        self.is_there = false;
        self.next_line()
    }

    /// The text, which is there from now on, and goes on with a line of its own.
    fn next_line(&mut self) -> &mut String {
        if self.is_there {
            self.text.push('\n');
        } else {
            self.text.clear();
        }
        self.is_there = true;
        &mut self.text
    }
}

/// Visits the fields of an event.
pub(crate) struct EventVisitor<'a> {
    pub(crate) known: &'a KnownCallsite,
    pub(crate) level_names: &'a LevelNames,
    pub(crate) text: &'a mut EventText,
}

impl EventVisitor<'_> {
    // Always: as with `FieldsBuf::push`, whoever calls it knows the kind of value.
    #[inline(always)]
    fn push(&mut self, field: &Field, value: Value<'_>) {
        if Some(field.index()) == self.known.message_field || self.known.is_routed_by_event() {
            self.push_special(field, value);
        } else {
            self.text.fields.push(name_of(field), value);
        }
    }

    #[inline(never)]
    fn push_special(&mut self, field: &Field, value: Value<'_>) {
        let at = Some(field.index());
        if at == self.known.message_field {
            // A message is text, whatever the macro was given.
            let _ = write_as_text(&mut self.text.message, value);
        } else if at == self.known.logger_field {
            self.text.logger.is_there = false;
            if let Some(name) = value.as_str() {
                self.text.logger.begin().push_str(&logtree_core::logger_name(name));
            }
        } else if at == self.known.level_field {
            self.text.level = match value {
                Value::I64(level) => i32::try_from(level).ok().map(Level),
                Value::U64(level) => i32::try_from(level).ok().map(Level),
                other => other.as_str().and_then(|name| self.level_names.parse(name)),
            };
        } else {
            self.text.fields.push(name_of(field), value);
        }
    }
}

impl Visit for EventVisitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, Value::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, Value::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, Value::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.push(field, Value::I128(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.push(field, Value::U128(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, Value::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, Value::Str(value));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.push(field, Value::Bytes(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        if Some(field.index()) == self.known.message_field {
            write_caught(&mut self.text.message, |out| write!(out, "{value}"));
        } else {
            self.text.fields.push_error(name_of(field), |out| write!(out, "{value}"));
        }
        write_caught(self.text.exc_text.next_line(), |out| write_chain(out, value, "\nCaused by: "));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if Some(field.index()) == self.known.message_field {
            write_caught(&mut self.text.message, |out| write!(out, "{value:?}"));
        } else if self.known.is_routing_field(field.index()) {
            let mut text = String::new();
            write_caught(&mut text, |out| write!(out, "{value:?}"));
            self.push(field, Value::Debug(&text));
        } else {
            self.text.fields.push_debug(name_of(field), value);
        }
    }
}

/// Visits the fields of a span. Their names stand inline: a record outlives the span, and its callsite is another.
pub(crate) struct SpanVisitor<'a>(pub(crate) &'a mut FieldsBuf);

impl Visit for SpanVisitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.push(FieldName::Inline(field.name()), Value::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.push(FieldName::Inline(field.name()), Value::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.push(FieldName::Inline(field.name()), Value::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.0.push(FieldName::Inline(field.name()), Value::I128(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.0.push(FieldName::Inline(field.name()), Value::U128(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push(FieldName::Inline(field.name()), Value::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push(FieldName::Inline(field.name()), Value::Str(value));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.0.push(FieldName::Inline(field.name()), Value::Bytes(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        // A span raises nothing: what its records have of the error is this field, so that it stands whole on one line.
        self.0.push_error(FieldName::Inline(field.name()), |out| write_chain(out, value, ": "));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_debug(FieldName::Inline(field.name()), value);
    }
}

/// An event's field by its place in the callsite's list of names.
#[inline]
fn name_of(field: &Field) -> FieldName<'static> {
    match u16::try_from(field.index()) {
        Ok(index) => FieldName::Index(index),
        Err(_) => FieldName::Inline(field.name()),
    }
}

/// Writes a value as `tracing` shows it to a visitor that does not tell types apart.
fn write_as_text(out: &mut String, value: Value<'_>) -> fmt::Result {
    match value {
        Value::None => Ok(()),
        Value::Bool(value) => write!(out, "{value}"),
        Value::I64(value) => write!(out, "{value}"),
        Value::U64(value) => write!(out, "{value}"),
        Value::I128(value) => write!(out, "{value}"),
        Value::U128(value) => write!(out, "{value}"),
        // With the point that makes it one.
        Value::F64(value) => write!(out, "{value:?}"),
        Value::Bytes(bytes) => {
            out.push('[');
            for (at, byte) in bytes.iter().enumerate() {
                write!(out, "{}{byte:02x}", if at == 0 { "" } else { " " })?;
            }
            out.push(']');
            Ok(())
        }
        Value::Str(text) | Value::Debug(text) | Value::Display(text) | Value::Error(text) => out.write_str(text),
    }
}

/// Writes an error and what caused it: a line each, as it stands below a record where Python has the traceback, or in one.
fn write_chain(out: &mut dyn fmt::Write, error: &(dyn Error + 'static), between: &str) -> fmt::Result {
    write!(out, "{error}")?;
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    // A chain that comes back to itself must not hold the program.
    for cause in causes.take(64) {
        write!(out, "{between}{cause}")?;
    }
    Ok(())
}
