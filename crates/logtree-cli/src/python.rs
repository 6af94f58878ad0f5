//! JSON as Python's `json` reads it, and how Python prints what it has read.
//!
//! serde_json decides what JSON is; its raw values keep what its own numbers would lose: integers of any size, and the
//! text of floats.

use std::collections::HashMap;
use std::fmt;

use logtree_core::Value;
use logtree_formatters::push_repr;
use serde_core::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// How deep an event may be nested; serde_json's own limit for its values.
const MAX_DEPTH: usize = 128;

/// A value that Python's `json.loads` makes of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Object {
    None,
    Bool(bool),
    /// An integer that no type of ours holds stays as it was written.
    Int(Result<i128, Box<str>>),
    Float(f64),
    Str(String),
    List(Vec<Object>),
    Dict(Vec<(String, Object)>),
}

impl Object {
    /// Reads a JSON text.
    ///
    /// # Errors
    /// If it is not JSON, is nested deeper than 128 levels, or has a string that no Rust string can hold.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| message(&error))?;
        Self::of(raw.get(), MAX_DEPTH)
    }

    /// The object of a text that serde_json has accepted.
    fn of(raw: &str, depth_left: usize) -> Result<Self, String> {
        let reject = |error: serde_json::Error| message(&error);
        Ok(match raw.as_bytes().first() {
            Some(b'{' | b'[') if depth_left == 0 => return Err(format!("nested deeper than {MAX_DEPTH} levels")),
            Some(b'{') => {
                let Members(members) = serde_json::from_str(raw).map_err(reject)?;
                let mut items: Vec<(String, Self)> = Vec::with_capacity(members.len());
                let mut places = HashMap::new();
                for (key, value) in members {
                    let value = Self::of(value.get(), depth_left - 1)?;
                    // A key that stands twice keeps its first place and its last value, as in a Python dict.
                    match places.get(&key) {
                        Some(&place) => items[place] = (key, value),
                        None => {
                            places.insert(key.clone(), items.len());
                            items.push((key, value));
                        }
                    }
                }
                Self::Dict(items)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(raw).map_err(reject)?;
                let items = items.into_iter().map(|item| Self::of(item.get(), depth_left - 1));
                Self::List(items.collect::<Result<_, _>>()?)
            }
            Some(b'"') => Self::Str(serde_json::from_str(raw).map_err(reject)?),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') => Self::None,
            // Too large is infinite and too small zero, in Rust as in Python.
            _ if raw.contains(['.', 'e', 'E']) => Self::Float(raw.parse().unwrap_or(f64::NAN)),
            _ => Self::Int(raw.parse().map_err(|_| raw.into())),
        })
    }

    /// Whether Python takes it for true.
    pub(crate) fn is_truthy(&self) -> bool {
        match self {
            Self::None | Self::Bool(false) | Self::Int(Ok(0)) => false,
            Self::Float(value) => *value != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Dict(items) => !items.is_empty(),
            Self::Bool(true) | Self::Int(_) => true,
        }
    }

    /// Python's name of its type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::List(_) => "list",
            Self::Dict(_) => "dict",
        }
    }

    /// Lends it as a value of a record. What a record has no type for goes as its `repr`, which is how it would print.
    pub(crate) fn with_value<T>(&self, use_it: impl FnOnce(Value<'_>) -> T) -> T {
        match self {
            Self::None => use_it(Value::None),
            Self::Bool(value) => use_it(Value::Bool(*value)),
            Self::Int(Ok(value)) => use_it(match i64::try_from(*value) {
                Ok(narrow) => Value::I64(narrow),
                Err(_) => Value::I128(*value),
            }),
            Self::Float(value) => use_it(Value::F64(*value)),
            Self::Str(text) => use_it(Value::Str(text)),
            Self::Int(Err(_)) | Self::List(_) | Self::Dict(_) => use_it(Value::Debug(&self.repr())),
        }
    }

    /// Python's `str` of it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Str(text) => text.clone(),
            other => other.repr(),
        }
    }

    fn repr(&self) -> String {
        let mut out = String::new();
        self.push_repr(&mut out);
        out
    }

    fn push_repr(&self, out: &mut String) {
        match self {
            Self::Int(Err(digits)) => out.push_str(digits),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    item.push_repr(out);
                }
                out.push(']');
            }
            Self::Dict(items) => {
                out.push('{');
                for (at, (key, item)) in items.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    push_repr(out, Value::Str(key));
                    out.push_str(": ");
                    item.push_repr(out);
                }
                out.push('}');
            }
            scalar => scalar.with_value(|value| push_repr(out, value)),
        }
    }
}

/// The members of an object as they stand, those that stand twice included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// serde_json's message; its line is always the first.
fn message(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_prints_as_in_python() {
        // CPython 3.13: str(json.loads(text)) of each.
        let cases = [
            ("null", "None"),
            ("[true, false, -0, -0.0, 1e400]", "[True, False, 0, -0.0, inf]"),
            ("[1e3, 0.1, 1E22, 1e-7]", "[1000.0, 0.1, 1e+22, 1e-07]"),
            (
                "[18446744073709551616, 1000000000000000000000000000000000000000000]",
                "[18446744073709551616, 1000000000000000000000000000000000000000000]",
            ),
            (r#"{"b": 1, "a": {"c": []}, "b": "it's"}"#, r#"{'b': "it's", 'a': {'c': []}}"#),
            (r#"["é\u0000\n", {}]"#, r"['é\x00\n', {}]"),
            (r#""it's""#, "it's"),
        ];
        for (text, expected) in cases {
            assert_eq!(Object::parse(text).unwrap().text(), expected, "{text}");
        }
    }

    #[test]
    fn floats_are_read_to_the_last_bit() {
        // A reader that multiplies powers of ten is off by one in the last place of these.
        for text in ["1700000000.1234567", "9007199254740993.0", "2.2250738585072011e-308"] {
            assert_eq!(Object::parse(text), Ok(Object::Float(text.parse().unwrap())));
        }
    }

    #[test]
    fn nesting_has_a_limit_and_no_stack_overflow() {
        assert!(Object::parse(&format!("{}{}", "[".repeat(128), "]".repeat(128))).is_ok());
        assert!(Object::parse(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))).is_err());
    }
}
