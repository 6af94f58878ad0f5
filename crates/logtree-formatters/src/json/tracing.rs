//! tracing-subscriber's JSON (0.3: `fmt::format::Json`), for who reads its keys.

use std::sync::Arc;

use logtree_core::{ArgumentError, Field, FieldName, FormatError, Formatter, Kwargs, Level, Needs, Record, Source};
use logtree_core::{SpanRef, Value};

use super::dumps::Dumps;
use super::escape::{push_string, push_text};
use super::formatter::with_fields;
use super::moment::TimeSpec;
use crate::composer::whole;
use crate::config::{Converter, FormatterConfig};
use crate::message::push_bare_message;
use crate::time::TimeFormat;

/// The arguments of `tracing_subscriber.fmt.format.Json`, called and preset as the methods of fmt's builder.
///
/// ```
/// # mod logtree { pub use logtree_formatters as formatters; }
/// use logtree::formatters::TracingJsonFormatterConfig;
///
/// let flat = TracingJsonFormatterConfig { flatten_event: true, with_span_list: false, ..Default::default() };
/// # let _ = flat.build();
/// ```
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "They are the builder's methods.")]
pub struct TracingJsonFormatterConfig {
    /// Whether the event's fields are members of the object itself, in place of `fields`.
    pub flatten_event: bool,
    /// Whether `span`, the innermost span, is there.
    pub with_current_span: bool,
    /// Whether `spans`, from the outermost to the innermost, are there.
    pub with_span_list: bool,
    /// Whether `level` is there.
    pub with_level: bool,
    /// Whether `target` is there.
    pub with_target: bool,
    /// Whether `filename` is there, the path of the source file.
    pub with_file: bool,
    /// Whether `line_number` is there.
    pub with_line_number: bool,
    /// Whether `threadName` is there.
    pub with_thread_names: bool,
    /// Whether `threadId` is there.
    pub with_thread_ids: bool,
    /// Whether `timestamp` is not.
    pub without_time: bool,
    /// How `timestamp` prints, as this formatter would have it in `asctime`.
    pub time: FormatterConfig,
}

impl Default for TracingJsonFormatterConfig {
    fn default() -> Self {
        Self {
            flatten_event: false,
            with_current_span: true,
            with_span_list: true,
            with_level: true,
            with_target: true,
            with_file: false,
            with_line_number: false,
            with_thread_names: false,
            with_thread_ids: false,
            without_time: false,
            time: FormatterConfig {
                timespec: Some(TimeSpec::Microseconds),
                converter: Converter::GmTime,
                ..FormatterConfig::default()
            },
        }
    }
}

impl TracingJsonFormatterConfig {
    /// Takes the arguments `flatten_event`, `with_current_span`, `with_span_list`, `with_level`, `with_target`, `with_file`,
    /// `with_line_number`, `with_thread_names`, `with_thread_ids` and `without_time`; and for the time `timespec`, `utc` and
    /// `datefmt`, as formatters of lines have them, of which `utc` is on.
    ///
    /// # Errors
    /// If one is of a wrong type or value, or there are others.
    pub fn from_kwargs(mut kwargs: Kwargs) -> Result<Self, ArgumentError> {
        let mut config = Self::default();
        for (keyword, place) in [
            ("flatten_event", &mut config.flatten_event),
            ("with_current_span", &mut config.with_current_span),
            ("with_span_list", &mut config.with_span_list),
            ("with_level", &mut config.with_level),
            ("with_target", &mut config.with_target),
            ("with_file", &mut config.with_file),
            ("with_line_number", &mut config.with_line_number),
            ("with_thread_names", &mut config.with_thread_names),
            ("with_thread_ids", &mut config.with_thread_ids),
            ("without_time", &mut config.without_time),
        ] {
            *place = kwargs.truth(keyword).unwrap_or(*place);
        }
        config.time.timespec = None;
        config.time = config.time.with_time(&mut kwargs)?;
        if config.time.datefmt.is_none() {
            config.time.timespec.get_or_insert_default();
        }
        kwargs.finish()?;
        Ok(config)
    }

    /// Makes the formatter.
    pub fn build(self) -> Arc<dyn Formatter> {
        let time = (!self.without_time).then(|| TimeFormat::new(&self.time));
        Arc::new(TracingJsonFormatter { time, config: self })
    }
}

/// A formatter that writes what tracing-subscriber's `fmt().json()` writes, byte for byte.
///
/// In a config it is `tracing_subscriber.fmt.format.Json`; [`TracingJsonFormatterConfig`] has its arguments. As there, keys come
/// again if fields do, a span's fields stand in the order of their names, integers of 128 bits are text, and of an error there is
/// its own text alone.
///
/// DIFFERENCE: where fmt falls short, this does not. `spans` are those around the event, for one that was given its parent too.
/// A `log` record has its key-values among `fields`, and there not also its place as `log.target`, `log.file` and the like. An
/// error in a span has its causes. `threadId` has the system's number, which is one thread's on the whole machine.
#[derive(Clone, Debug)]
pub struct TracingJsonFormatter {
    config: TracingJsonFormatterConfig,
    time: Option<TimeFormat>,
}

impl Formatter for TracingJsonFormatter {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        whole(out, |out| self.write(record, out))
    }

    fn needs(&self) -> Needs {
        Needs { spans: self.config.with_current_span || self.config.with_span_list }
    }
}

impl TracingJsonFormatter {
    fn write(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        let (config, callsite) = (&self.config, record.callsite);
        out.push('{');
        if let Some(time) = &self.time {
            push_key(out, "timestamp");
            Dumps::STRICT.written(out, &|text| time.write(record, text))?;
        }
        if config.with_level {
            push_key(out, "level");
            push_level(out, record);
        }
        if config.flatten_event {
            push_fields(out, record)?;
        } else {
            push_key(out, "fields");
            out.push('{');
            push_fields(out, record)?;
            out.push('}');
        }
        if config.with_target {
            push_key(out, "target");
            // A logger that the event named itself is one of ours.
            let is_callsites = *record.name == *callsite.name && !callsite.target.is_empty();
            push_string(out, if is_callsites { &callsite.target } else { record.name });
        }
        if config.with_file && !callsite.pathname.is_empty() {
            push_key(out, "filename");
            push_string(out, &callsite.pathname);
        }
        if config.with_line_number && callsite.line != 0 {
            push_key(out, "line_number");
            out.push_str(itoa::Buffer::new().format(callsite.line));
        }
        if let Some(span) = record.spans.iter().last().filter(|_| config.with_current_span) {
            push_key(out, "span");
            push_span(out, span, record)?;
        }
        if config.with_span_list && !record.spans.is_empty() {
            push_key(out, "spans");
            out.push('[');
            for span in record.spans.iter() {
                push_comma(out);
                push_span(out, span, record)?;
            }
            out.push(']');
        }
        if config.with_thread_names {
            push_key(out, "threadName");
            // Python's name for it is what the record has.
            let name = &*record.origin.thread_name;
            push_string(out, if name == "MainThread" { "main" } else { name });
        }
        if config.with_thread_ids {
            push_key(out, "threadId");
            out.push_str("\"ThreadId(");
            out.push_str(itoa::Buffer::new().format(record.origin.thread));
            out.push_str(")\"");
        }
        out.push('}');
        Ok(())
    }
}

/// Appends a comma, unless it would be the first thing in its container.
fn push_comma(out: &mut String) {
    if !out.ends_with(['{', '[']) {
        out.push(',');
    }
}

/// Appends what stands before a member's value.
fn push_key(out: &mut String, key: &str) {
    push_comma(out);
    out.push('"');
    push_text(out, key);
    out.push_str("\":");
}

/// Appends the level as `tracing` calls it, or as the config calls one that `tracing` has not.
fn push_level(out: &mut String, record: &Record<'_>) {
    let name = match record.level {
        Level::TRACE => "TRACE",
        Level::DEBUG => "DEBUG",
        Level::INFO => "INFO",
        Level::WARNING => "WARN",
        Level::ERROR => "ERROR",
        _ => match record.attribute("levelname").as_ref().and_then(Value::as_str) {
            Some(name) => name,
            None => return push_string(out, &record.level_name().to_string()),
        },
    };
    push_string(out, name);
}

/// Appends the event's fields, and the message in the place that it has among them.
fn push_fields(out: &mut String, record: &Record<'_>) -> Result<(), FormatError> {
    let place = record.callsite.field_names.iter().position(|name| **name == *"message");
    // An event without a message has none, not an empty one.
    let is_there = place.is_some() || !record.message.is_empty() || record.source != Source::Tracing;
    let mut message_left = is_there.then_some(place.unwrap_or(0));
    for Field { name, value } in record.fields {
        let is_behind = |place: &mut usize| !matches!(name, FieldName::Index(index) if usize::from(index) < *place);
        if message_left.take_if(is_behind).is_some() {
            push_message(out, record)?;
        }
        push_key(out, record.callsite.field_name(name));
        push_value(out, value, record)?;
    }
    if message_left.is_some() {
        push_message(out, record)?;
    }
    Ok(())
}

fn push_message(out: &mut String, record: &Record<'_>) -> Result<(), FormatError> {
    push_key(out, "message");
    if record.attributes.is_empty() {
        push_string(out, record.message);
        return Ok(());
    }
    Dumps::STRICT.written(out, &|text| {
        push_bare_message(text, record);
        Ok(())
    })
}

/// Appends a value as tracing-serde has it: what it does not know is the text that `Debug` makes of it.
fn push_value(out: &mut String, value: Value<'_>, record: &Record<'_>) -> Result<(), FormatError> {
    match value {
        Value::F64(value) if value.is_finite() => out.push_str(zmij::Buffer::new().format_finite(value)),
        Value::I128(value) => push_string(out, itoa::Buffer::new().format(value)),
        Value::U128(value) => push_string(out, itoa::Buffer::new().format(value)),
        Value::Bytes(bytes) => {
            let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half & 0xf)]);
            out.push_str("\"[");
            for (at, byte) in bytes.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { " " });
                out.extend([digit(byte >> 4), digit(*byte)]);
            }
            out.push_str("]\"");
        }
        value => return Dumps::STRICT.value(out, value, record.source, 1),
    }
    Ok(())
}

/// Appends a span: its fields in the order of their names, of one name the last, and then its own.
fn push_span(out: &mut String, span: SpanRef<'_>, record: &Record<'_>) -> Result<(), FormatError> {
    out.push('{');
    with_fields(|fields| {
        for Field { name, value } in span.fields {
            fields.insert(record.callsite.field_name(name), Some(value));
        }
        for (name, value) in fields.sorted() {
            push_key(out, name);
            match value.unwrap_or(Value::None) {
                // What tracing-serde does not know, serde_json does.
                Value::Bytes(bytes) => {
                    out.push('[');
                    for byte in bytes {
                        push_comma(out);
                        out.push_str(itoa::Buffer::new().format(*byte));
                    }
                    out.push(']');
                }
                value => push_value(out, value, record)?,
            }
        }
        Ok(())
    })?;
    push_key(out, "name");
    push_string(out, span.name);
    out.push('}');
    Ok(())
}
