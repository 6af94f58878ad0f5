//! What a name in a format stands for: an attribute of the record, a field, or a default.

use logtree_core::{Argument, LevelName, Record, Source, Value};

use crate::conversion::{Operand, push_str};
use crate::repr::push_repr;

/// The attributes that every record has (CPython's `LogRecord`, and what `Formatter.format` adds to it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attribute {
    Args,
    AscTime,
    Created,
    ExcInfo,
    ExcText,
    FileName,
    FuncName,
    LevelName,
    LevelNo,
    LineNo,
    Message,
    Module,
    Msecs,
    Msg,
    Name,
    PathName,
    Process,
    ProcessName,
    RelativeCreated,
    StackInfo,
    TaskName,
    Thread,
    ThreadName,
}

impl Attribute {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "args" => Self::Args,
            "asctime" => Self::AscTime,
            "created" => Self::Created,
            "exc_info" => Self::ExcInfo,
            "exc_text" => Self::ExcText,
            "filename" => Self::FileName,
            "funcName" => Self::FuncName,
            "levelname" => Self::LevelName,
            "levelno" => Self::LevelNo,
            "lineno" => Self::LineNo,
            "message" => Self::Message,
            "module" => Self::Module,
            "msecs" => Self::Msecs,
            "msg" => Self::Msg,
            "name" => Self::Name,
            "pathname" => Self::PathName,
            "process" => Self::Process,
            "processName" => Self::ProcessName,
            "relativeCreated" => Self::RelativeCreated,
            "stack_info" => Self::StackInfo,
            "taskName" => Self::TaskName,
            "thread" => Self::Thread,
            "threadName" => Self::ThreadName,
            _ => return None,
        })
    }

    fn find<'a>(self, record: &Record<'a>) -> Found<'a> {
        let text_or_none = |text: Option<&'a str>| text.map_or(Value::None, Value::Str);
        Found::Operand(Operand::Value(match self {
            Self::Args => return Found::Operand(Operand::Other("()", "tuple")),
            Self::AscTime => return Found::Composed(Composed::AscTime),
            Self::Message => return Found::Composed(Composed::Message),
            Self::LevelName => match record.level_name() {
                LevelName::Named(name) => Value::Str(name),
                unnamed @ LevelName::Number(_) => return Found::Composed(Composed::LevelName(unnamed)),
            },
            Self::Created => Value::F64(record.created.seconds()),
            Self::ExcInfo | Self::TaskName => Value::None,
            Self::ExcText => text_or_none(record.exc_text),
            Self::FileName => Value::Str(record.callsite.filename()),
            Self::FuncName if record.source == Source::Python => text_or_none(record.function),
            Self::FuncName => Value::Str(record.function.unwrap_or("(unknown function)")),
            Self::LevelNo => Value::I64(record.level.0.into()),
            Self::LineNo => Value::U64(record.callsite.line.into()),
            Self::Module => Value::Str(&record.callsite.module),
            Self::Msecs => Value::F64(record.created.milliseconds().into()),
            Self::Msg => Value::Str(record.message),
            Self::Name => Value::Str(record.name),
            Self::PathName => Value::Str(&record.callsite.pathname),
            Self::Process => Value::U64(record.origin.process.into()),
            Self::ProcessName => Value::Str(&record.origin.process_name),
            Self::RelativeCreated => Value::F64(record.relative_created()),
            Self::StackInfo => text_or_none(record.stack_info),
            Self::Thread => Value::U64(record.origin.thread),
            Self::ThreadName => Value::Str(&record.origin.thread_name),
        }))
    }
}

/// A name in a format, looked at once: what it will be looked for as at each record.
#[derive(Clone, Debug)]
pub(crate) struct Lookup {
    name: Box<str>,
    attribute: Option<Attribute>,
    default: Option<DefaultValue>,
}

/// What was found under a name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    /// A value.
    Operand(Operand<'a>),
    /// Text that is yet to be put together.
    Composed(Composed<'a>),
    /// A field that the record happens not to have: nothing is printed.
    Nothing,
    /// Nothing, where something must be.
    Missing,
}

/// Text that has to be put together.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Composed<'a> {
    /// The message, and the fields that the format does not name.
    Message,
    /// The time.
    AscTime,
    /// The name of a level that has none.
    LevelName(LevelName<'a>),
    /// The names of the spans around the record.
    SpanPath,
}

/// The name that stands for the path of spans, unless a record has a field of that name.
const SPANS: &str = "spans";

impl Lookup {
    /// Looks at a name; `defaults` fill gaps.
    pub(crate) fn new(name: &str, defaults: &[(String, Argument)]) -> Self {
        Self { default: default(name, defaults).map(DefaultValue::new), ..Self::without_default(name) }
    }

    /// Looks at a name whose gaps are filled elsewhere.
    pub(crate) fn without_default(name: &str) -> Self {
        Self { name: name.into(), attribute: Attribute::named(name), default: None }
    }

    /// The name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a field's name.
    pub(crate) fn is_field(&self) -> bool {
        self.attribute.is_none()
    }

    /// Whether a span around the record may hold the answer.
    pub(crate) fn needs_spans(&self) -> bool {
        matches!(self.attribute, None | Some(Attribute::FuncName))
    }

    /// The value that the name has in `record`.
    pub(crate) fn find<'a>(&'a self, record: &Record<'a>) -> Found<'a> {
        // `Formatter.format` sets these two whatever they were.
        let is_made_here = matches!(self.attribute, Some(Attribute::AscTime | Attribute::Message));
        if !is_made_here && let Some(value) = record.attribute(&self.name) {
            return Found::Operand(Operand::Value(value));
        }
        if let Some(attribute) = self.attribute {
            return attribute.find(record);
        }
        if let Some(value) = record.field(&self.name) {
            return Found::Operand(Operand::Value(value));
        }
        let is_python = record.source == Source::Python;
        match &self.default {
            _ if *self.name == *SPANS && !is_python => Found::Composed(Composed::SpanPath),
            Some(default) => Found::Operand(default.as_operand()),
            None if is_python => Found::Missing,
            None => Found::Nothing,
        }
    }
}

/// What fills a gap: as in a Python dict, the last of equal keys counts.
pub(crate) fn default<'a>(name: &str, defaults: &'a [(String, Argument)]) -> Option<&'a Argument> {
    defaults.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// A value that fills a gap.
#[derive(Clone, Debug)]
pub(crate) enum DefaultValue {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Box<str>),
    /// The `repr` of what a value of ours cannot be, and the name of its type.
    Other(Box<str>, &'static str),
}

impl DefaultValue {
    pub(crate) fn new(argument: &Argument) -> Self {
        match argument {
            Argument::None => Self::None,
            Argument::Bool(value) => Self::Bool(*value),
            Argument::Int(value) => Self::Int(*value),
            Argument::Float(value) => Self::Float(*value),
            Argument::Str(text) => Self::Str(text.as_str().into()),
            other => {
                let mut text = String::new();
                push_argument_repr(&mut text, other);
                Self::Other(text.into(), other.type_name())
            }
        }
    }

    pub(crate) fn as_operand(&self) -> Operand<'_> {
        Operand::Value(match self {
            Self::None => Value::None,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::I64(*value),
            Self::Float(value) => Value::F64(*value),
            Self::Str(text) => Value::Str(text),
            Self::Other(repr, type_name) => return Operand::Other(repr, type_name),
        })
    }
}

/// Appends Python's `repr` of an argument.
fn push_argument_repr(out: &mut String, argument: &Argument) {
    match argument {
        Argument::Str(text) => push_repr(out, text),
        Argument::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                push_argument_repr(out, item);
            }
            out.push(']');
        }
        Argument::Map(items) => {
            out.push('{');
            for (at, (key, item)) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                push_repr(out, key);
                out.push_str(": ");
                push_argument_repr(out, item);
            }
            out.push('}');
        }
        Argument::Object(object) => out.push_str(object.name()),
        Argument::Handler(name) => out.push_str(name),
        Argument::None => push_str(out, Value::None),
        Argument::Bool(value) => push_str(out, Value::Bool(*value)),
        Argument::Int(value) => push_str(out, Value::I64(*value)),
        Argument::Float(value) => push_str(out, Value::F64(*value)),
    }
}
