//! What a filter looks at: an attribute under Python's name, else a field.

use std::fmt::{self, Write};
use std::hash::{Hash as _, Hasher};

use logtree_core::{ArgumentError, Kwargs, LevelName, Record, Value};

/// Something that a record says, by the name that a format would give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(Kind, Box<str>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Name,
    LevelName,
    LevelNo,
    Message,
    Pathname,
    Filename,
    Module,
    LineNo,
    FuncName,
    Process,
    ProcessName,
    Thread,
    ThreadName,
    Field,
}

impl Subject {
    /// The attribute or field of this name.
    pub fn new(name: &str) -> Self {
        let kind = match name {
            "name" => Kind::Name,
            "levelname" => Kind::LevelName,
            "levelno" => Kind::LevelNo,
            "message" | "msg" => Kind::Message,
            "pathname" => Kind::Pathname,
            "filename" => Kind::Filename,
            "module" => Kind::Module,
            "lineno" => Kind::LineNo,
            "funcName" => Kind::FuncName,
            "process" => Kind::Process,
            "processName" => Kind::ProcessName,
            "thread" => Kind::Thread,
            "threadName" => Kind::ThreadName,
            _ => Kind::Field,
        };
        Self(kind, name.into())
    }

    /// Takes one name or a list of them; none if nothing was given.
    pub(super) fn list(kwargs: &mut Kwargs, keyword: &str) -> Result<Vec<Self>, ArgumentError> {
        Ok(kwargs.strings(keyword)?.iter().map(|name| Self::new(name)).collect())
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.1
    }

    /// Whether it is a field, of the event or of a span.
    pub(super) fn is_field(&self) -> bool {
        self.0 == Kind::Field
    }

    /// Whether it is the logger's name.
    pub(super) fn is_logger_name(&self) -> bool {
        self.0 == Kind::Name
    }

    /// Whether it is the level as a number.
    pub(super) fn is_level_number(&self) -> bool {
        self.0 == Kind::LevelNo
    }

    /// What the record says.
    pub(super) fn of<'a>(&self, record: &Record<'a>) -> Option<Value<'a>> {
        if let Some(value) = record.attribute(&self.1) {
            return Some(value);
        }
        let text = |text: &'a str| Some(Value::Str(text));
        match self.0 {
            Kind::Field => record.field(&self.1),
            Kind::Name => text(record.name),
            Kind::LevelName => match record.level_name() {
                LevelName::Named(name) => text(name),
                LevelName::Number(level) => Some(level.0.into()),
            },
            Kind::LevelNo => Some(record.level.0.into()),
            Kind::Message => text(record.message),
            Kind::Pathname => text(&record.callsite.pathname),
            Kind::Filename => text(record.callsite.filename()),
            Kind::Module => text(&record.callsite.module),
            Kind::LineNo => Some(record.callsite.line.into()),
            Kind::FuncName => record.function.map(Value::Str),
            Kind::Process => Some(record.origin.process.into()),
            Kind::ProcessName => text(&record.origin.process_name),
            Kind::Thread => Some(record.origin.thread.into()),
            Kind::ThreadName => text(&record.origin.thread_name),
        }
    }
}

/// Feeds a value to a hash: numbers that are the same are the same whatever their type, and so are texts.
pub(super) fn hash_value(value: Value<'_>, state: &mut impl Hasher) {
    match value {
        Value::None => 0_u8.hash(state),
        Value::Bool(value) => value.hash(state),
        Value::I64(value) => i128::from(value).hash(state),
        Value::U64(value) => i128::from(value).hash(state),
        Value::I128(value) => value.hash(state),
        Value::U128(value) => value.hash(state),
        Value::F64(value) => value.to_bits().hash(state),
        Value::Bytes(bytes) => bytes.hash(state),
        Value::Str(text) | Value::Debug(text) | Value::Display(text) | Value::Error(text) => text.hash(state),
    }
}

/// A value as text, for messages and patterns: lends text as it is, numbers as they are written.
pub(super) fn with_text<R>(value: &Value<'_>, use_it: impl FnOnce(&str) -> R) -> R {
    let mut number = Short { bytes: [0; 48], len: 0 };
    // It is long enough for every number but floats that are written in hundreds of digits.
    let _ = match value {
        Value::None => number.write_str("None"),
        Value::Bool(value) => write!(number, "{value}"),
        Value::I64(value) => write!(number, "{value}"),
        Value::U64(value) => write!(number, "{value}"),
        Value::I128(value) => write!(number, "{value}"),
        Value::U128(value) => write!(number, "{value}"),
        Value::F64(value) => write!(number, "{value}").or_else(|_| {
            number.len = 0;
            write!(number, "{value:e}")
        }),
        Value::Bytes(_) => Ok(()),
        Value::Str(text) | Value::Debug(text) | Value::Display(text) | Value::Error(text) => return use_it(text),
    };
    use_it(number.text())
}

/// A number's text, on the stack.
struct Short {
    bytes: [u8; 48],
    len: usize,
}

impl Short {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// FNV-1a, finished as splitmix64 is: the same in every process and every build, and no defence against whoever
/// chooses what is hashed.
pub(super) struct StableHasher(u64);

impl Default for StableHasher {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        mix(self.0)
    }
}

/// The finish of splitmix64: each bit of the number decides about all bits of the answer.
pub(super) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
