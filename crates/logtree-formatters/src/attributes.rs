//! What a name in a format stands for: an attribute of the record, a field, or a default.

use logtree_core::{Argument, FormatError, LevelName, Record, Source, Value};

use crate::conversion::{self, Kind, Operand, Spec, push_str};
use crate::repr::push_repr;

/// The attributes that every record has (CPython's `LogRecord`, and what `Formatter.format` adds to it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
    /// One that is text.
    Text(Text),
    /// One that is a whole number.
    Number(Number),
    Args,
    AscTime,
    Created,
    ExcInfo,
    ExcText,
    FuncName,
    LevelName,
    LevelNo,
    Message,
    Msecs,
    RelativeCreated,
    StackInfo,
    TaskName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    FileName,
    Module,
    Msg,
    Name,
    PathName,
    ProcessName,
    ThreadName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    LineNo,
    Process,
    Thread,
}

impl Text {
    #[inline]
    pub(crate) fn of<'a>(self, record: &Record<'a>) -> &'a str {
        match self {
            Self::FileName => record.callsite.filename(),
            Self::Module => &record.callsite.module,
            Self::Msg => record.message,
            Self::Name => record.name,
            Self::PathName => &record.callsite.pathname,
            Self::ProcessName => &record.origin.process_name,
            Self::ThreadName => &record.origin.thread_name,
        }
    }
}

impl Number {
    #[inline]
    pub(crate) fn of(self, record: &Record<'_>) -> u64 {
        match self {
            Self::LineNo => record.callsite.line.into(),
            Self::Process => record.origin.process.into(),
            Self::Thread => record.origin.thread,
        }
    }
}

impl Attribute {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "args" => Self::Args,
            "asctime" => Self::AscTime,
            "created" => Self::Created,
            "exc_info" => Self::ExcInfo,
            "exc_text" => Self::ExcText,
            "filename" => Self::Text(Text::FileName),
            "funcName" => Self::FuncName,
            "levelname" => Self::LevelName,
            "levelno" => Self::LevelNo,
            "lineno" => Self::Number(Number::LineNo),
            "message" => Self::Message,
            "module" => Self::Text(Text::Module),
            "msecs" => Self::Msecs,
            "msg" => Self::Text(Text::Msg),
            "name" => Self::Text(Text::Name),
            "pathname" => Self::Text(Text::PathName),
            "process" => Self::Number(Number::Process),
            "processName" => Self::Text(Text::ProcessName),
            "relativeCreated" => Self::RelativeCreated,
            "stack_info" => Self::StackInfo,
            "taskName" => Self::TaskName,
            "thread" => Self::Number(Number::Thread),
            "threadName" => Self::Text(Text::ThreadName),
            _ => return None,
        })
    }

    fn find<'a>(self, record: &Record<'a>) -> Found<'a> {
        let text_or_none = |text: Option<&'a str>| text.map_or(Value::None, Value::Str);
        Found::Operand(Operand::Value(match self {
            Self::Text(text) => Value::Str(text.of(record)),
            Self::Number(number) => Value::U64(number.of(record)),
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
            Self::FuncName if record.source == Source::Python => text_or_none(record.function),
            Self::FuncName => Value::Str(record.function.unwrap_or("(unknown function)")),
            Self::LevelNo => Value::I64(record.level.0.into()),
            Self::Msecs => Value::F64(record.created.milliseconds().into()),
            Self::RelativeCreated => Value::F64(record.relative_created()),
            Self::StackInfo => text_or_none(record.stack_info),
        }))
    }

    /// Appends what `%s` makes of the attribute in a record to which no other was given; `compose` appends text that has to
    /// be put together.
    ///
    /// This is nearly everything in nearly all formats. What it shows is what `find` and [`conversion::push`] would show.
    ///
    /// # Errors
    /// Those of `compose`.
    #[inline]
    pub(crate) fn push(
        self,
        record: &Record<'_>,
        out: &mut String,
        compose: impl Fn(Composed<'_>, &mut String) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        match self {
            Self::Text(text) => out.push_str(text.of(record)),
            Self::Number(number) => out.push_str(itoa::Buffer::new().format(number.of(record))),
            Self::AscTime => return compose(Composed::AscTime, out),
            Self::Message => return compose(Composed::Message, out),
            Self::LevelName => match record.level_name() {
                LevelName::Named(name) => out.push_str(name),
                unnamed @ LevelName::Number(_) => return compose(Composed::LevelName(unnamed), out),
            },
            _ => {
                if let Found::Operand(operand) = self.find(record) {
                    conversion::push(out, operand, &Spec::STR)?;
                }
            }
        }
        Ok(())
    }
}

/// A name in a format, looked at once: what it will be looked for as at each record.
#[derive(Clone, Debug)]
pub(crate) struct Lookup {
    name: Box<str>,
    attribute: Option<Attribute>,
    of_tracing: Option<OfTracing>,
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
    /// The same, with their fields.
    FullSpans,
}

/// What a record of `tracing` or `log` has beyond Python's, unless it has a field of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OfTracing {
    SpanPath,
    FullSpans,
    Target,
    ModulePath,
}

impl OfTracing {
    fn named(name: &str) -> Option<Self> {
        match name {
            "spans" => Some(Self::SpanPath),
            "full_spans" => Some(Self::FullSpans),
            "target" => Some(Self::Target),
            "module_path" => Some(Self::ModulePath),
            _ => None,
        }
    }

    /// It, if the record knows it.
    fn find<'a>(self, record: &Record<'a>) -> Option<Found<'a>> {
        let text = match self {
            Self::SpanPath => return Some(Found::Composed(Composed::SpanPath)),
            Self::FullSpans => return Some(Found::Composed(Composed::FullSpans)),
            Self::Target => &*record.callsite.target,
            Self::ModulePath => &*record.callsite.module_path,
        };
        (!text.is_empty()).then_some(Found::Operand(Operand::Value(Value::Str(text))))
    }
}

impl Lookup {
    /// Looks at a name; `defaults` fill gaps.
    pub(crate) fn new(name: &str, defaults: &[(String, Argument)]) -> Self {
        Self { default: default(name, defaults).map(DefaultValue::new), ..Self::without_default(name) }
    }

    /// Looks at a name whose gaps are filled elsewhere.
    pub(crate) fn without_default(name: &str) -> Self {
        Self { name: name.into(), attribute: Attribute::named(name), of_tracing: OfTracing::named(name), default: None }
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

    /// The attribute, if the conversion shows it as `%s` does.
    pub(crate) fn plain(&self, spec: &Spec) -> Option<Attribute> {
        let is_number = matches!(self.attribute, Some(Attribute::Number(_)));
        let is_plain = matches!(spec.kind, Kind::Decimal(_) if is_number) || spec.kind == Kind::Str;
        self.attribute.filter(|_| spec.is_bare() && is_plain)
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
        self.find_field(record, record.field(&self.name))
    }

    /// The same for a name that is no attribute's, once it was looked for among the fields of `record`.
    #[inline]
    pub(crate) fn find_field<'a>(&'a self, record: &Record<'a>, value: Option<Value<'a>>) -> Found<'a> {
        match value {
            Some(value) => Found::Operand(Operand::Value(value)),
            None => self.find_no_field(record),
        }
    }

    #[inline(never)]
    fn find_no_field<'a>(&'a self, record: &Record<'a>) -> Found<'a> {
        let is_python = record.source == Source::Python;
        if let Some(found) = self.of_tracing.filter(|_| !is_python).and_then(|of_tracing| of_tracing.find(record)) {
            return found;
        }
        match &self.default {
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
pub(crate) fn push_argument_repr(out: &mut String, argument: &Argument) {
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
