//! pythonjsonlogger's `JsonFormatter` (python-json-logger 4.2).

use std::borrow::Cow;
use std::cell::Cell;

use logtree_core::{FormatError, Formatter, LevelName, Needs, Record, Source, Spans, Value};

use super::dumps::{Dumps, JsonOthers, not_serializable};
use super::literal::{dict_items, is_truthy as literal_is_truthy};
use super::members::Members;
use super::moment::DateTime;
use crate::attributes::{Composed, Found, Lookup};
use crate::composer::whole;
use crate::conversion::{Operand, error};
use crate::message::{is_truthy, push_bare_message, push_span_path};
use crate::time::TimeFormat;

/// A formatter that writes one JSON object a record, byte for byte as `pythonjsonlogger.json.JsonFormatter` does.
///
/// Made by [`PythonJsonFormatterConfig`](crate::PythonJsonFormatterConfig).
///
/// # What stands in the object, and in which order
/// The `defaults`; the names in the format (`null` where the record has none); the static fields; the error as
/// `exc_info` and the stack as `stack_info`, where there is one; the fields of the event that no format names and no
/// reserved attribute hides; the timestamp. A key that comes again keeps its first place and takes the last value.
///
/// A name in the format that no record of Python has is a field of the event, or of the nearest span that has it; `spans`
/// is the path of spans. Fields of spans that the format does not name are not in the object: for these there is
/// [`JsonFormatter`](crate::JsonFormatter).
///
/// # What no JSON has
/// As Python's `json`, it writes numbers that are none as `NaN` and `Infinity`, and integers with all their digits.
/// A record that fails, as one without a time in it, is lost for the handler, which counts it.
#[derive(Clone, Debug)]
pub struct PythonJsonFormatter {
    pub(super) prefix: Box<str>,
    pub(super) dumps: Dumps,
    /// How `asctime` prints, if the format names it.
    pub(super) time: Option<TimeFormat>,
    /// What every record begins with: defaults, the format's names and static fields.
    pub(super) known: Box<[(Box<str>, Content)]>,
    /// Attributes that are neither reserved nor named by the format.
    pub(super) attributes: Box<[(Box<str>, Lookup)]>,
    /// The same of those that are only there once a record was formatted.
    pub(super) made: Box<[(Box<str>, Lookup)]>,
    /// Names that are no extras, in order.
    pub(super) skipped: Box<[Box<str>]>,
    pub(super) renames: Box<[(Box<str>, Box<str>)]>,
    pub(super) timestamp: Option<Box<str>>,
    /// Keys that are there even if nothing bears them.
    pub(super) kept: Box<[Box<str>]>,
    pub(super) exc_info_as_array: bool,
    pub(super) stack_info_as_array: bool,
}

/// Under which key a name stands; the later one counts. Most have no renames, and the others few.
pub(super) fn renamed<'a>(renames: &'a [(Box<str>, Box<str>)], name: &'a str) -> &'a str {
    renames.iter().rev().find(|(from, _)| **from == *name).map_or(name, |(_, to)| to)
}

/// Whether the name is among these, which are in order.
pub(super) fn is_among(names: &[Box<str>], name: &str) -> bool {
    names.binary_search_by(|other| (**other).cmp(name)).is_ok()
}

/// What stands under a key whatever the record.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// JSON that is written already.
    Written(Box<str>),
    /// What the record has under a name.
    Named(Lookup),
}

/// What stands under a key in one record.
#[derive(Clone, Copy, Debug)]
enum Item<'a> {
    Written(&'a str),
    Value(Value<'a>),
    Literal(&'a str),
    /// The lines of a text, as an array.
    Lines(&'a str),
    LevelName(LevelName<'a>),
    Message,
    AscTime,
    Spans(Spans<'a>),
    Moment(DateTime),
}

impl Formatter for PythonJsonFormatter {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        whole(out, |out| self.write(record, out))
    }

    fn needs(&self) -> Needs {
        let named = self.known.iter().filter_map(|(_, content)| match content {
            Content::Named(lookup) => Some(lookup),
            Content::Written(_) => None,
        });
        let mut lookups = named.chain(self.attributes.iter().map(|(_, lookup)| lookup));
        Needs { spans: lookups.any(Lookup::needs_spans) }
    }
}

impl PythonJsonFormatter {
    fn write(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        // A message that is a dict is no text, but more members of the object.
        let dict = record.attribute("msg").filter(|_| record.source == Source::Python);
        let dict = dict.and_then(|value| match value {
            Value::Debug(text) => dict_items(text),
            _ => None,
        });
        // As Python does, it finds out first whether the time is one.
        if let Some(time) = self.time.as_ref().filter(|time| time.may_fail() || !record.attributes.is_empty()) {
            let start = out.len();
            time.write(record, out)?;
            out.truncate(start);
        }
        let moment = self.timestamp.as_ref().map(|_| moment(record)).transpose();
        with_members(|members| {
            for (key, content) in &self.known {
                members.insert(
                    key,
                    match content {
                        Content::Written(json) => Item::Written(json),
                        Content::Named(lookup) => self.item(lookup, record),
                    },
                );
            }
            self.add_message(members, record, dict.as_deref().unwrap_or_default())?;
            for (key, lookup) in &self.attributes {
                members.insert(key, self.item(lookup, record));
            }
            for field in record.fields {
                let name = record.callsite.field_name(field.name);
                if !name.starts_with('_') && !is_among(&self.skipped, name) {
                    members.insert(renamed(&self.renames, name), value_item(field.value, record.source));
                }
            }
            for (key, lookup) in &self.made {
                // DIFFERENCE: where a record was given one of these, Python has it among the fields; and it finds what an
                // earlier handler's formatter left in the record.
                if lookup.name() == "message" || record.attribute(lookup.name()).is_some() {
                    members.insert(key, self.item(lookup, record));
                }
            }
            if let (Some(key), Some(moment)) = (&self.timestamp, moment?) {
                members.insert(key, Item::Moment(moment));
            }
            for key in &self.kept {
                members.insert_missing(key, Item::Value(Value::None));
            }
            out.push_str(&self.prefix);
            out.push('{');
            for (at, (key, item)) in members.list().iter().enumerate() {
                self.dumps.separate(out, at == 0, 1);
                self.dumps.key(out, key);
                self.write_item(*item, record, dict.is_some(), out)?;
            }
            self.dumps.close(out, members.list().is_empty(), 1, '}');
            Ok(())
        })
    }

    /// What the record has under a name; unlike the fields of a format it may have nothing.
    fn item<'a>(&'a self, lookup: &'a Lookup, record: &Record<'a>) -> Item<'a> {
        if lookup.name() == "asctime" && self.time.is_none() {
            return record.attribute("asctime").map_or(Item::Value(Value::None), |v| value_item(v, record.source));
        }
        match lookup.find(record) {
            Found::Operand(Operand::Value(value)) => value_item(value, record.source),
            // The one that comes here is the empty tuple of `args`.
            Found::Operand(Operand::Other(..)) => Item::Written("[]"),
            Found::Composed(Composed::Message) => Item::Message,
            Found::Composed(Composed::AscTime) => Item::AscTime,
            Found::Composed(Composed::LevelName(name)) => Item::LevelName(name),
            Found::Composed(Composed::SpanPath | Composed::FullSpans) => Item::Spans(record.spans),
            Found::Nothing | Found::Missing => Item::Value(Value::None),
        }
    }

    /// Adds the members of a message that is a dict, the error and the stack (`BaseJsonFormatter.format`).
    ///
    /// DIFFERENCE: Python formats `exc_info` again, if it is true, and fails if that is no exception but, as from a file of
    /// events, the word for one whose text is known.
    fn add_message<'a>(
        &'a self,
        members: &mut Members<'a, Item<'a>>,
        record: &Record<'a>,
        dict: &'a [(Cow<'a, str>, &'a str)],
    ) -> Result<(), FormatError> {
        let given = |name, text: Option<&'a str>| {
            let value = record.attribute(name).or_else(|| text.map(Value::Str));
            value.filter(|value| is_truthy(*value))
        };
        let exc_info = given("exc_text", record.exc_text).map(|value| match value {
            // A text that Python itself has cached stays one.
            Value::Str(text) if self.exc_info_as_array && record.source != Source::Python => Item::Lines(text),
            value => value_item(value, record.source),
        });
        let stack_info = given("stack_info", record.stack_info).map(|value| match value.as_str() {
            Some(text) if self.stack_info_as_array => Ok(Item::Lines(text)),
            None if self.stack_info_as_array => {
                let type_name = Operand::Value(value).type_name();
                Err(error("AttributeError", format!("'{type_name}' object has no attribute 'splitlines'")))
            }
            _ => Ok(value_item(value, record.source)),
        });
        // The dict's own wins if it says anything.
        let says = |name| dict.iter().any(|(key, literal)| key == name && literal_is_truthy(literal));
        let mut rest = [
            ("exc_info", exc_info.filter(|_| !says("exc_info"))),
            ("stack_info", stack_info.filter(|_| !says("stack_info")).transpose()?),
        ];
        for (key, literal) in dict {
            let made = rest.iter_mut().find(|(name, _)| name == key).and_then(|(_, item)| item.take());
            members.insert(renamed(&self.renames, key), made.unwrap_or(Item::Literal(literal)));
        }
        for (name, item) in rest {
            if let Some(item) = item {
                members.insert(renamed(&self.renames, name), item);
            }
        }
        Ok(())
    }

    fn write_item(
        &self,
        item: Item<'_>,
        record: &Record<'_>,
        is_dict: bool,
        out: &mut String,
    ) -> Result<(), FormatError> {
        let dumps = &self.dumps;
        match item {
            Item::Written(json) => out.push_str(json),
            Item::Value(value) => dumps.value(out, value, record.source, 1)?,
            Item::Literal(literal) => dumps.literal(out, literal, 1),
            Item::Lines(text) => {
                out.push('[');
                for (at, line) in lines(text).enumerate() {
                    dumps.separate(out, at == 0, 2);
                    dumps.string(out, line);
                }
                dumps.close(out, false, 2, ']');
            }
            Item::Message if is_dict => out.push_str("\"\""),
            Item::Message => match record.attribute("msg") {
                None => dumps.string(out, record.message),
                Some(_) => dumps.written(out, &|text| {
                    push_bare_message(text, record);
                    Ok(())
                })?,
            },
            Item::AscTime => {
                dumps.written(out, &|text| self.time.as_ref().map_or(Ok(()), |time| time.write(record, text)))?
            }
            Item::LevelName(LevelName::Named(name)) => dumps.string(out, name),
            Item::LevelName(LevelName::Number(level)) => {
                out.push_str("\"Level ");
                out.push_str(itoa::Buffer::new().format(level.0));
                out.push('"');
            }
            Item::Spans(spans) => dumps.written(out, &|text| {
                push_span_path(text, spans);
                Ok(())
            })?,
            Item::Moment(moment) => {
                let separator = match dumps.others {
                    JsonOthers::Package => 'T',
                    JsonOthers::Str => ' ',
                    JsonOthers::Refused => return Err(not_serializable("datetime")),
                };
                out.push('"');
                moment.push_iso(out, separator);
                out.push('"');
            }
        }
        Ok(())
    }
}

fn value_item(value: Value<'_>, source: Source) -> Item<'_> {
    match value {
        Value::Debug(literal) if source == Source::Python => Item::Literal(literal),
        value => Item::Value(value),
    }
}

/// The moment of a record, as Python's `datetime` has it.
fn moment(record: &Record<'_>) -> Result<DateTime, FormatError> {
    DateTime::new(record.attribute("created").unwrap_or(Value::F64(record.created.seconds())))
}

/// Python's `str.splitlines`.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let is_end = |char: char| {
        matches!(char, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(is_end).unwrap_or(rest.len());
        let (line, behind) = rest.split_at(end);
        let length = behind.chars().next().map_or(0, char::len_utf8);
        rest = behind.strip_prefix("\r\n").unwrap_or(&behind[length..]);
        Some(line)
    })
}

/// Lends a list of members, empty, whose memory the thread keeps.
fn with_members<'a, T>(use_them: impl FnOnce(&mut Members<'a, Item<'a>>) -> T) -> T {
    thread_local!(static MEMORY: Cell<Vec<(&'static str, Item<'static>)>> = const { Cell::new(Vec::new()) });
    let mut members = Members::new(MEMORY.try_with(Cell::take).unwrap_or_default());
    let outcome = use_them(&mut members);
    // Collected in place: the memory of a list that is empty can hold what lives longer.
    let memory = members.into_memory().into_iter().map_while(|_| None).collect();
    let _ = MEMORY.try_with(|place| place.set(memory));
    outcome
}
