//! logtree's own JSON.

use std::cell::Cell;

use logtree_core::{Fields, FormatError, Formatter, Needs, Record, SpanRef, Value};

use super::dumps::Dumps;
use super::escape::{push_string, push_text};
use super::members::Members;
use super::moment::{DateTime, LocalTime, TimeSpec};
use super::python::lines;
use crate::attributes::{Composed, Found, Lookup};
use crate::composer::whole;
use crate::conversion::Operand;
use crate::literal::Literal;
use crate::message::{is_truthy, push_bare_message};
use crate::time::TimeFormat;

/// A formatter that writes one JSON object a record, with the fields of events and spans as what they are.
///
/// In a config it is `logtree.JsonFormatter`; [`JsonFormatterConfig`](crate::JsonFormatterConfig) has its arguments. By
/// default an object is
///
/// ```json
/// {"timestamp":"2026-01-31T12:00:00.123456Z","level":"INFO","logger":"my_app.http","message":"request answered",
///  "fields":{"user":"ann","status":200},"spans":[{"name":"connection","peer":"::1"},{"name":"request","id":7}],
///  "exc_info":"cannot write\nCaused by: broken pipe"}
/// ```
///
/// on one line. These names, their order and the types below are not going to change.
///
/// # Members
/// | in `fmt` | is |
/// |---|---|
/// | `timestamp` | when it was made, as RFC 3339: `timespec` (`seconds` to `nanoseconds`) and `utc` say how |
/// | `levelname`, `name` | the level and the logger; their keys are `level` and `logger` unless `rename_fields` says others |
/// | `message` | the message, without the fields |
/// | `fields` | an object: the event's fields; `{}` if it has none |
/// | `fields.*` | the same fields, each a member of its own |
/// | `spans` | an array: the spans around the event from the outermost to the innermost, each an object of its `name` and its fields; `[]` if there is none |
/// | `span` | the innermost of them |
/// | `spans.*`, `span.*` | their fields, each a member of its own; of one name the event's counts, then the innermost span's |
/// | `exc_info`, `stack_info` | the error with its causes, and the stack: text, or an array of lines |
/// | `levelno`, `lineno`, `process`, `threadName`, … | any other attribute of Python's records: numbers are numbers |
/// | anything else | the event's field of that name, or the nearest span's; it is then not among `fields` |
///
/// What a record lacks is left out, but for `fields` and `spans`; `defaults` fill the gap if they have something.
///
/// # Values
/// Integers are numbers with all their digits, of 128 bits too; floating-point numbers the shortest that reads back as
/// the same, and `null` if they are infinite or none. Bytes are base64 (RFC 4648, section 4); what `Debug` or `Display`
/// wrote is a string.
///
/// # Keys
/// No key stands twice in an object. Of fields with one name the last recorded counts, in the place of the first. A field
/// whose name a member of the object has already, such as one called `name` in a span, or one called `level` under
/// `fields.*`, is written with `_` behind it.
#[derive(Clone, Debug)]
pub struct JsonFormatter {
    pub(super) members: Box<[Member]>,
    /// Fields that are members by their own name.
    pub(super) named: Box<[Box<str>]>,
    /// Other keys for fields.
    pub(super) renamed: Box<[(Box<str>, Box<str>)]>,
    pub(super) asctime: Option<TimeFormat>,
    pub(super) timespec: TimeSpec,
    /// The zone of the process, if times are not in UTC.
    pub(super) zone: Option<LocalTime>,
    pub(super) exc_info_as_array: bool,
    pub(super) stack_info_as_array: bool,
}

/// One member of the object, or several in one place.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: Box<str>,
    pub(super) key: Box<str>,
    /// What stands before its value: `,"key":`.
    pub(super) lead: Literal,
    /// The same if it is the first: `{"key":`.
    pub(super) first_lead: Literal,
    pub(super) content: Content,
    /// What it is where the record lacks it, as JSON.
    pub(super) default: Option<Box<str>>,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Timestamp,
    AscTime,
    Message,
    Fields,
    FlatFields,
    Span,
    FlatSpan,
    Spans,
    FlatSpans,
    ExcInfo,
    StackInfo,
    /// An attribute or a field.
    Named(Lookup),
    /// JSON that is written already.
    Written(Box<str>),
}

impl Member {
    /// Whether it is no member itself, but a place for some.
    pub(super) fn is_flat(&self) -> bool {
        matches!(self.content, Content::FlatFields | Content::FlatSpan | Content::FlatSpans)
    }

    /// Whether it is a field by its own name.
    pub(super) fn is_field(&self) -> bool {
        matches!(&self.content, Content::Named(lookup) if lookup.is_field())
    }

    fn needs_spans(&self) -> bool {
        match &self.content {
            Content::Span | Content::FlatSpan | Content::Spans | Content::FlatSpans => true,
            Content::Named(lookup) => lookup.needs_spans(),
            _ => false,
        }
    }
}

/// So many keys are looked through one by one.
const FEW: usize = 12;

/// The fields of one object; those without a value are not written.
pub(super) type FieldMembers<'a> = Members<'a, Option<Value<'a>>>;

impl Formatter for JsonFormatter {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        whole(out, |out| self.write(record, out))
    }

    fn needs(&self) -> Needs {
        Needs { spans: self.members.iter().any(Member::needs_spans) }
    }
}

impl JsonFormatter {
    fn write(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        let start = out.len();
        for member in &self.members {
            match &member.content {
                Content::Timestamp => {
                    begin(out, start, member);
                    self.write_timestamp(record, out)?;
                }
                Content::Message => {
                    begin(out, start, member);
                    match record.attribute("msg") {
                        None => push_string(out, record.message),
                        Some(_) => Dumps::STRICT.written(out, &|text| {
                            push_bare_message(text, record);
                            Ok(())
                        })?,
                    }
                }
                Content::Named(lookup) => self.write_named(lookup, member, record, start, out)?,
                Content::Written(json) => {
                    begin(out, start, member);
                    out.push_str(json);
                }
                Content::Fields => {
                    begin(out, start, member);
                    out.push('{');
                    self.write_fields(record.fields, record, None, out)?;
                    out.push('}');
                }
                Content::Spans => {
                    begin(out, start, member);
                    out.push('[');
                    for (at, span) in record.spans.iter().enumerate() {
                        out.push_str(if at == 0 { "" } else { "," });
                        self.write_span(span, record, out)?;
                    }
                    out.push(']');
                }
                Content::Span => match record.spans.iter().last() {
                    Some(span) => {
                        begin(out, start, member);
                        self.write_span(span, record, out)?;
                    }
                    None => write_default(out, start, member),
                },
                Content::FlatFields | Content::FlatSpan | Content::FlatSpans => {
                    with_fields(|fields| {
                        self.gather_flat(&member.content, record, fields);
                        self.write_flat(out, start, fields, record)
                    })?;
                }
                Content::ExcInfo => {
                    write_text(out, start, member, record, ("exc_text", record.exc_text), self.exc_info_as_array)?;
                }
                Content::StackInfo => {
                    let stack = ("stack_info", record.stack_info);
                    write_text(out, start, member, record, stack, self.stack_info_as_array)?;
                }
                Content::AscTime => {
                    begin(out, start, member);
                    let write =
                        |text: &mut String| self.asctime.as_ref().map_or(Ok(()), |time| time.write(record, text));
                    Dumps::STRICT.written(out, &write)?;
                }
            }
        }
        out.push_str(if out.len() == start { "{}" } else { "}" });
        Ok(())
    }

    fn write_timestamp(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        let moment = match record.attribute("created") {
            None => DateTime::of(record.created),
            Some(created) => DateTime::new(created)?,
        };
        out.push('"');
        moment.push_rfc3339(out, self.timespec, self.zone.as_ref());
        out.push('"');
        Ok(())
    }

    /// Writes an attribute or a field under its own name.
    fn write_named(
        &self,
        lookup: &Lookup,
        member: &Member,
        record: &Record<'_>,
        start: usize,
        out: &mut String,
    ) -> Result<(), FormatError> {
        match lookup.find(record) {
            // An attribute that is there without a value, as `taskName`.
            Found::Operand(Operand::Value(Value::None)) if !lookup.is_field() => write_default(out, start, member),
            Found::Operand(Operand::Value(value)) => {
                begin(out, start, member);
                Dumps::STRICT.value(out, value, record.source, 1)?;
            }
            Found::Composed(Composed::LevelName(name)) => {
                begin(out, start, member);
                push_string(out, &name.to_string());
            }
            Found::Operand(Operand::Other(..)) | Found::Composed(_) | Found::Nothing | Found::Missing => {
                write_default(out, start, member);
            }
        }
        Ok(())
    }

    /// Writes a span as an object.
    fn write_span(&self, span: SpanRef<'_>, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        out.push_str("{\"name\":\"");
        push_text(out, span.name);
        out.push('"');
        self.write_fields(span.fields, record, Some("name"), out)?;
        out.push('}');
        Ok(())
    }

    /// Writes the fields of an event, or of a span behind the member `fixed`.
    #[inline]
    fn write_fields(
        &self,
        fields: Fields<'_>,
        record: &Record<'_>,
        fixed: Option<&str>,
        out: &mut String,
    ) -> Result<(), FormatError> {
        let start = out.len();
        // As long as no key comes again, each field is written as it is read.
        let mut keys = [""; FEW];
        let mut count = 0;
        for field in fields {
            let Some(key) = self.key(record.callsite.field_name(field.name), fixed.is_none()) else { continue };
            if count == FEW || keys[..count].contains(&key) {
                out.truncate(start);
                return self.write_gathered(fields, record, fixed, out);
            }
            keys[count] = key;
            let is_first = count == 0 && fixed.is_none();
            write_field(out, is_first, key, fixed.is_some_and(|fixed| is_taken(key, fixed)), field.value, record)?;
            count += 1;
        }
        Ok(())
    }

    /// The same for fields that may be many, or of one name.
    #[cold]
    fn write_gathered(
        &self,
        from: Fields<'_>,
        record: &Record<'_>,
        fixed: Option<&str>,
        out: &mut String,
    ) -> Result<(), FormatError> {
        with_fields(|fields| {
            self.add(fields, from, record, fixed.is_none(), Some);
            for (at, (key, value)) in fields.list().iter().enumerate() {
                let is_taken = fixed.is_some_and(|fixed| is_taken(key, fixed));
                write_field(out, at == 0 && fixed.is_none(), key, is_taken, value.unwrap_or(Value::None), record)?;
            }
            Ok(())
        })
    }

    /// The key of a field; none if it is a member itself, and not looked for in a span.
    #[inline]
    fn key<'a>(&'a self, name: &'a str, is_event: bool) -> Option<&'a str> {
        if is_event && self.named.iter().any(|named| **named == *name) {
            return None;
        }
        let renamed = self.renamed.iter().rev().find(|(from, _)| **from == *name);
        Some(renamed.map_or(name, |(_, to)| to))
    }

    /// Adds the fields of an event or a span; of an event only those that are no members themselves.
    #[inline]
    fn add<'a>(
        &'a self,
        fields: &mut FieldMembers<'a>,
        from: Fields<'a>,
        record: &Record<'a>,
        is_event: bool,
        value: impl Fn(Value<'a>) -> Option<Value<'a>>,
    ) {
        for field in from {
            if let Some(key) = self.key(record.callsite.field_name(field.name), is_event) {
                fields.insert(key, value(field.value));
            }
        }
    }

    /// Gathers fields that are members of the object itself.
    fn gather_flat<'a>(&'a self, content: &Content, record: &Record<'a>, fields: &mut FieldMembers<'a>) {
        if let Content::FlatFields = content {
            return self.add(fields, record.fields, record, true, Some);
        }
        let innermost = record.spans.iter().count().saturating_sub(1);
        for (at, span) in record.spans.iter().enumerate() {
            if at == innermost || matches!(content, Content::FlatSpans) {
                self.add(fields, span.fields, record, true, Some);
            }
        }
        // Those of the event stand in their own place.
        if self.members.iter().any(|member| matches!(member.content, Content::FlatFields)) {
            self.add(fields, record.fields, record, true, |_| None);
        }
    }

    fn write_flat(
        &self,
        out: &mut String,
        start: usize,
        fields: &FieldMembers<'_>,
        record: &Record<'_>,
    ) -> Result<(), FormatError> {
        for (key, value) in fields.list() {
            let Some(value) = value else { continue };
            let is_first = out.len() == start;
            if is_first {
                out.push('{');
            }
            let mut fixed = self.members.iter().filter(|member| !member.is_flat());
            write_field(out, is_first, key, fixed.any(|member| is_taken(key, &member.key)), *value, record)?;
        }
        Ok(())
    }
}

/// Writes what stands before a member's value.
#[inline]
fn begin(out: &mut String, start: usize, member: &Member) {
    if out.len() == start { member.first_lead.push(out) } else { member.lead.push(out) }
}

/// Writes a member that the record lacks, if anything takes its place.
fn write_default(out: &mut String, start: usize, member: &Member) {
    if let Some(default) = &member.default {
        begin(out, start, member);
        out.push_str(default);
    }
}

/// Writes the error or the stack, if there is one.
fn write_text(
    out: &mut String,
    start: usize,
    member: &Member,
    record: &Record<'_>,
    (name, text): (&str, Option<&str>),
    is_array: bool,
) -> Result<(), FormatError> {
    let value = record.attribute(name).or_else(|| text.map(Value::Str)).filter(|value| is_truthy(*value));
    let Some(value) = value else {
        write_default(out, start, member);
        return Ok(());
    };
    begin(out, start, member);
    match value.as_str().filter(|_| is_array) {
        Some(text) => {
            out.push('[');
            for (at, line) in lines(text).enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                push_string(out, line);
            }
            out.push(']');
        }
        None => Dumps::STRICT.value(out, value, record.source, 1)?,
    }
    Ok(())
}

/// Writes a field behind others, or as the first of its object.
// Always: where a field is read the kind of its value is known.
#[inline(always)]
fn write_field(
    out: &mut String,
    is_first: bool,
    key: &str,
    is_taken: bool,
    value: Value<'_>,
    record: &Record<'_>,
) -> Result<(), FormatError> {
    if is_first {
        out.push('"');
    } else {
        out.push_str(",\"");
    }
    push_text(out, key);
    if is_taken {
        out.push('_');
    }
    out.push_str("\":");
    match value {
        // Most of them.
        Value::Str(text) => push_string(out, text),
        Value::U64(number) => out.push_str(itoa::Buffer::new().format(number)),
        Value::I64(number) => out.push_str(itoa::Buffer::new().format(number)),
        value => return Dumps::STRICT.value(out, value, record.source, 1),
    }
    Ok(())
}

/// Whether a field would get the key of a member, or one that such a field gets.
fn is_taken(key: &str, fixed: &str) -> bool {
    key.strip_prefix(fixed).is_some_and(|rest| rest.bytes().all(|byte| byte == b'_'))
}

/// Lends a list of fields, empty, whose memory the thread keeps.
pub(super) fn with_fields<'a, T>(use_them: impl FnOnce(&mut FieldMembers<'a>) -> T) -> T {
    thread_local!(static MEMORY: Cell<Vec<(&'static str, Option<Value<'static>>)>> = const { Cell::new(Vec::new()) });
    let mut fields = Members::new(MEMORY.try_with(Cell::take).unwrap_or_default());
    let outcome = use_them(&mut fields);
    // Collected in place: the memory of a list that is empty can hold what lives longer.
    let memory = fields.into_memory().into_iter().map_while(|_| None).collect();
    let _ = MEMORY.try_with(|place| place.set(memory));
    outcome
}
