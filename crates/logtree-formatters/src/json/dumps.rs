//! Values as JSON: as Python's `json.dumps` prints them, or strictly as RFC 8259 has them.

use std::cell::Cell;

use logtree_core::{Argument, ArgumentError, FormatError, Source, Value};

use super::escape::{Alphabet, push_ascii_string, push_base64, push_string};
use super::literal::{Literal, Token};
use crate::conversion::{error, push_digits, push_str};
use crate::float;

/// How values print: the arguments of `json.dumps` that a formatter has.
#[derive(Clone, Debug)]
pub(crate) struct Dumps {
    /// Whether only what RFC 8259 has is written, with no blank in it: numbers that are none become `null`.
    pub(crate) is_strict: bool,
    /// What stands before each member, once for each level; without it all is one line.
    pub(crate) indent: Option<Box<str>>,
    pub(crate) ensure_ascii: bool,
    pub(crate) others: JsonOthers,
}

/// What becomes of what JSON has no type for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JsonOthers {
    /// What pythonjsonlogger's own encoder makes of it: bytes in base64, times as ISO 8601.
    #[default]
    Package,
    /// Python's `str` of it.
    Str,
    /// An error: the record is lost, as with Python's `json.JSONEncoder`.
    Refused,
}

/// Deeper, a literal is text like any other; Python's own `json` gives up at about a thousand.
const MOST_DEPTH: usize = 512;

impl Dumps {
    /// Nothing but what every reader of JSON reads.
    pub(crate) const STRICT: Self =
        Self { is_strict: true, indent: None, ensure_ascii: false, others: JsonOthers::Package };

    /// Appends a string.
    #[inline]
    pub(crate) fn string(&self, out: &mut String, text: &str) {
        if self.ensure_ascii { push_ascii_string(out, text) } else { push_string(out, text) }
    }

    /// Appends as a string what `write` writes.
    ///
    /// # Errors
    /// Those of `write`.
    pub(crate) fn written(
        &self,
        out: &mut String,
        write: &dyn Fn(&mut String) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        thread_local!(static TEXT: Cell<String> = const { Cell::new(String::new()) });
        let mut text = TEXT.try_with(Cell::take).unwrap_or_default();
        text.clear();
        let outcome = write(&mut text).map(|()| self.string(out, &text));
        let _ = TEXT.try_with(|place| place.set(text));
        outcome
    }

    /// Appends what stands before a member of a container at `level`: 1 for the outermost.
    pub(crate) fn separate(&self, out: &mut String, is_first: bool, level: usize) {
        match &self.indent {
            Some(indent) => {
                out.push_str(if is_first { "\n" } else { ",\n" });
                out.extend(std::iter::repeat_n(&**indent, level));
            }
            None if is_first => {}
            None => out.push_str(if self.is_strict { "," } else { ", " }),
        }
    }

    /// Appends a key and what stands behind it.
    pub(crate) fn key(&self, out: &mut String, key: &str) {
        self.string(out, key);
        out.push_str(if self.is_strict { ":" } else { ": " });
    }

    /// Appends the end of a container at `level`.
    pub(crate) fn close(&self, out: &mut String, is_empty: bool, level: usize, end: char) {
        if let Some(indent) = self.indent.as_ref().filter(|_| !is_empty) {
            out.push('\n');
            out.extend(std::iter::repeat_n(&**indent, level - 1));
        }
        out.push(end);
    }

    /// Appends a value of a record that stands in a container at `level`.
    ///
    /// # Errors
    /// CPython's `TypeError`, if it is of a type that is refused.
    pub(crate) fn value(
        &self,
        out: &mut String,
        value: Value<'_>,
        source: Source,
        level: usize,
    ) -> Result<(), FormatError> {
        match value {
            Value::None => out.push_str("null"),
            Value::Bool(value) => out.push_str(if value { "true" } else { "false" }),
            Value::I64(value) => out.push_str(itoa::Buffer::new().format(value)),
            Value::U64(value) => push_digits(out, value.into()),
            Value::I128(value) => out.push_str(itoa::Buffer::new().format(value)),
            Value::U128(value) => push_digits(out, value),
            Value::F64(value) => self.float(out, value),
            Value::Bytes(bytes) => match self.others {
                JsonOthers::Package if self.is_strict => push_base64(out, bytes, Alphabet::Usual),
                JsonOthers::Package => push_base64(out, bytes, Alphabet::UrlSafe),
                JsonOthers::Str => {
                    let mut text = String::new();
                    push_str(&mut text, value);
                    self.string(out, &text);
                }
                JsonOthers::Refused => return Err(not_serializable("bytes")),
            },
            Value::Debug(text) if source == Source::Python => self.literal(out, text, level),
            Value::Str(text) | Value::Debug(text) | Value::Display(text) | Value::Error(text) => self.string(out, text),
        }
        Ok(())
    }

    /// Appends what the literal stands for; if it is none, its text.
    pub(crate) fn literal(&self, out: &mut String, text: &str, level: usize) {
        let start = out.len();
        let mut literal = Literal::new(text);
        if self.literal_value(out, &mut literal, level).is_none() || !literal.is_empty() {
            out.truncate(start);
            self.string(out, text);
        }
    }

    fn literal_value(&self, out: &mut String, literal: &mut Literal<'_>, level: usize) -> Option<()> {
        let (start, end, closing) = match literal.token()? {
            Token::Str(text) => {
                self.string(out, &text);
                return Some(());
            }
            Token::Word(word) => {
                match word {
                    "None" => out.push_str("null"),
                    "True" => out.push_str("true"),
                    "False" => out.push_str("false"),
                    "nan" => self.float(out, f64::NAN),
                    "inf" => self.float(out, f64::INFINITY),
                    "-inf" => self.float(out, f64::NEG_INFINITY),
                    number => out.push_str(number),
                }
                return Some(());
            }
            Token::ListStart => ('[', "]", ']'),
            Token::DictStart => ('{', "}", '}'),
            Token::ListEnd | Token::DictEnd => return None,
        };
        if level > MOST_DEPTH {
            return None;
        }
        out.push(start);
        let mut is_first = true;
        while !literal.take(end) {
            if !is_first && !literal.take(", ") {
                return None;
            }
            self.separate(out, is_first, level + 1);
            if start == '{' {
                let Token::Str(key) = literal.token()? else { return None };
                self.key(out, &key);
                if !literal.take(": ") {
                    return None;
                }
            }
            self.literal_value(out, literal, level + 1)?;
            is_first = false;
        }
        self.close(out, is_first, level + 1, closing);
        Some(())
    }

    /// Appends an argument of a config that stands in a container at `level`.
    pub(crate) fn argument(&self, out: &mut String, argument: &Argument, level: usize) {
        match argument {
            Argument::None => out.push_str("null"),
            Argument::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Argument::Int(value) => out.push_str(itoa::Buffer::new().format(*value)),
            Argument::Float(value) => self.float(out, *value),
            Argument::Str(text) => self.string(out, text),
            Argument::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    self.separate(out, at == 0, level + 1);
                    self.argument(out, item, level + 1);
                }
                self.close(out, items.is_empty(), level + 1, ']');
            }
            Argument::Map(items) => {
                out.push('{');
                for (at, (key, item)) in items.iter().enumerate() {
                    self.separate(out, at == 0, level + 1);
                    self.key(out, key);
                    self.argument(out, item, level + 1);
                }
                self.close(out, items.is_empty(), level + 1, '}');
            }
            // DIFFERENCE: Python prints the object's `str`, with its address in memory.
            Argument::Object(object) => self.string(out, object.name()),
            Argument::Handler(name) => self.string(out, name),
        }
    }

    /// Appends a number; Python's `json` knows some that JSON does not.
    fn float(&self, out: &mut String, value: f64) {
        match value {
            _ if value.is_finite() => {
                if value.is_sign_negative() {
                    out.push('-');
                }
                float::push_shortest(out, value.abs());
            }
            _ if self.is_strict => out.push_str("null"),
            _ if value.is_nan() => out.push_str("NaN"),
            _ => out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" }),
        }
    }
}

/// Finds out whether arguments can be written.
///
/// # Errors
/// CPython's, if they hold one another too deep.
pub(crate) fn check_depth(items: &[(String, Argument)]) -> Result<(), ArgumentError> {
    fn is_deeper(argument: &Argument, depth_left: usize) -> bool {
        match argument {
            Argument::List(_) | Argument::Map(_) if depth_left == 0 => true,
            Argument::List(items) => items.iter().any(|item| is_deeper(item, depth_left - 1)),
            Argument::Map(items) => items.iter().any(|(_, item)| is_deeper(item, depth_left - 1)),
            _ => false,
        }
    }
    match items.iter().find(|(_, argument)| is_deeper(argument, MOST_DEPTH)) {
        Some((name, _)) => {
            let message = "maximum recursion depth exceeded while encoding a JSON object";
            Err(ArgumentError::new("RecursionError", message).at(name))
        }
        None => Ok(()),
    }
}

/// CPython's error about what JSON has no type for.
pub(crate) fn not_serializable(type_name: &str) -> FormatError {
    error("TypeError", format!("Object of type {type_name} is not JSON serializable"))
}
