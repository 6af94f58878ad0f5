//! What stands behind a name in a `{` format: `.attribute` and `[item]` (CPython's `FieldNameIterator`).

use logtree_core::{Argument, FormatError, Value};

use crate::attributes::DefaultValue;
use crate::composer::missing;
use crate::conversion::{Operand, error};
use crate::decimal::{self, TooManyDigits};

/// One step from a value to another.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// `.name`
    Attribute(Box<str>),
    /// `[3]`
    Index(usize),
    /// `[name]`
    Key(Box<str>),
    /// What is no step: an error once it is reached, the last of a path.
    Broken(FormatError),
}

/// Reads all that stands behind a name.
pub(crate) fn parse(mut path: &str) -> Box<[Access]> {
    let mut accesses = Vec::new();
    while !path.is_empty() {
        match parse_one(path) {
            Ok((access, rest)) => {
                accesses.push(access);
                path = rest;
            }
            Err(message) => {
                accesses.push(Access::Broken(error("ValueError", message)));
                break;
            }
        }
    }
    accesses.into()
}

fn parse_one(path: &str) -> Result<(Access, &str), &'static str> {
    let (access, rest) = if let Some(attribute) = path.strip_prefix('.') {
        let (name, rest) = attribute.split_at(attribute.find(['.', '[']).unwrap_or(attribute.len()));
        (Access::Attribute(name.into()), rest)
    } else if let Some(item) = path.strip_prefix('[') {
        let (key, rest) = item.split_once(']').ok_or("Missing ']' in format string")?;
        match decimal::number(key).map_err(|TooManyDigits| TooManyDigits::MESSAGE)? {
            Some(index) => (Access::Index(index), rest),
            None => (Access::Key(key.into()), rest),
        }
    } else {
        return Err("Only '.' or '[' may follow ']' in format field specifier");
    };
    match &access {
        Access::Attribute(name) | Access::Key(name) if name.is_empty() => Err("Empty attribute in format string"),
        _ => Ok((access, rest)),
    }
}

/// Goes from a value along a path.
///
/// Of attributes there are those of numbers that are numbers. DIFFERENCE: methods and the like, which Python prints with
/// their address in memory, are unknown.
///
/// # Errors
/// CPython's, if the value has no such thing.
pub(crate) fn walk<'a>(mut operand: Operand<'a>, path: &[Access]) -> Result<Operand<'a>, FormatError> {
    for access in path {
        operand = Operand::Value(match access {
            Access::Attribute(name) => attribute(operand, name).ok_or_else(|| {
                let message = format!("'{}' object has no attribute '{name}'", operand.type_name());
                error("AttributeError", message)
            })?,
            Access::Index(index) => item(operand, *index)?,
            Access::Key(_) => return Err(no_key(operand)),
            Access::Broken(error) => return Err(error.clone()),
        });
    }
    Ok(operand)
}

fn attribute<'a>(operand: Operand<'a>, name: &str) -> Option<Value<'a>> {
    let Operand::Value(value) = operand else { return None };
    match (value, name) {
        (Value::F64(_), "real") => Some(value),
        (Value::F64(_), "imag") => Some(Value::F64(0.0)),
        (Value::Bool(value), "real" | "numerator") => Some(Value::I64(value.into())),
        (_, "real" | "numerator") => operand.integer().map(|_| value),
        (_, "imag") => operand.integer().map(|_| Value::I64(0)),
        (_, "denominator") => operand.integer().map(|_| Value::I64(1)),
        _ => None,
    }
}

fn item(operand: Operand<'_>, index: usize) -> Result<Value<'_>, FormatError> {
    let out_of_range = |what: &str| error("IndexError", format!("{what}index out of range"));
    match operand {
        Operand::Value(Value::Bytes(bytes)) => {
            bytes.get(index).map(|byte| Value::U64((*byte).into())).ok_or_else(|| out_of_range(""))
        }
        Operand::Value(value) => match value.as_str() {
            Some(text) => {
                let (at, char) = text.char_indices().nth(index).ok_or_else(|| out_of_range("string "))?;
                Ok(Value::Str(&text[at..at + char.len_utf8()]))
            }
            None => Err(not_subscriptable(operand)),
        },
        // The only sequence that comes here is the empty tuple of `args`.
        Operand::Other(_, "tuple") => Err(out_of_range("tuple ")),
        Operand::Other(..) => Err(not_subscriptable(operand)),
    }
}

fn no_key(operand: Operand<'_>) -> FormatError {
    let message = match operand.type_name() {
        "str" => "string indices must be integers, not 'str'".to_owned(),
        "bytes" => "byte indices must be integers or slices, not str".to_owned(),
        sequence @ ("tuple" | "list") => format!("{sequence} indices must be integers or slices, not str"),
        _ => return not_subscriptable(operand),
    };
    error("TypeError", message)
}

fn not_subscriptable(operand: Operand<'_>) -> FormatError {
    error("TypeError", format!("'{}' object is not subscriptable", operand.type_name()))
}

/// Goes from a default along a path as far as it leads through lists and dicts, which no value of ours is; answers with
/// what it came to, and how many steps that took.
///
/// # Errors
/// CPython's, if there is no such item.
pub(crate) fn walk_default(mut argument: &Argument, path: &[Access]) -> Result<(DefaultValue, usize), FormatError> {
    let mut taken = 0;
    for access in path {
        argument = match (argument, access) {
            (Argument::List(items), Access::Index(index)) => {
                items.get(*index).ok_or_else(|| error("IndexError", "list index out of range"))?
            }
            // As in a Python dict, the last of equal keys counts.
            (Argument::Map(items), Access::Key(key)) => {
                let found = items.iter().rev().find(|(known, _)| **known == **key);
                found.map(|(_, value)| value).ok_or_else(|| missing(key))?
            }
            // A key that is a number is not in a dict whose keys are text.
            (Argument::Map(_), Access::Index(index)) => {
                return Err(error("ValueError", format!("Formatting field not found in record: {index}")));
            }
            _ => break,
        };
        taken += 1;
    }
    Ok((DefaultValue::new(argument), taken))
}
