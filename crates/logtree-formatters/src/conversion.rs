//! Python's conversions: what `%5.2f`, `%-8s` or `%#x` make of a value (CPython's `unicode_format_arg`).

use logtree_core::{FormatError, Value};

use crate::float;
use crate::padding::{finish_integer, justify_text, pad_number};
use crate::repr::{push_ascii, push_bytes_repr, push_repr};

/// A conversion with all that may stand before its letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spec {
    /// `-`: padding stands on the right.
    pub(crate) left: bool,
    /// `+`: numbers that are not negative have a sign too.
    pub(crate) plus: bool,
    /// A space: they have a space in its place.
    pub(crate) blank: bool,
    /// `#`: the other form, `0x1f` or `1.`.
    pub(crate) alternate: bool,
    /// `0`: numbers are padded with zeros behind the sign.
    pub(crate) zero: bool,
    /// At least so many characters.
    pub(crate) width: usize,
    /// Of text at most so many characters; of a number so many digits.
    pub(crate) precision: Option<usize>,
    /// What is made of the value.
    pub(crate) kind: Kind,
}

/// What a conversion's letter asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `s`
    #[default]
    Str,
    /// `r`
    Repr,
    /// `a`
    Ascii,
    /// `c`
    Char,
    /// `d`, `i` or `u`, which mean the same and differ in what an error calls them.
    Decimal(char),
    /// `o`
    Octal,
    /// `x`
    LowerHex,
    /// `X`
    UpperHex,
    /// `f` or `F`
    Fixed(Case),
    /// `e` or `E`
    Scientific(Case),
    /// `g` or `G`
    General(Case),
}

/// Whether letters in a number are small or capital.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
}

impl Spec {
    /// `%s`, and nothing else said.
    pub(crate) const STR: Self = Self {
        left: false,
        plus: false,
        blank: false,
        alternate: false,
        zero: false,
        width: 0,
        precision: None,
        kind: Kind::Str,
    };

    /// Whether nothing stands between the name and the letter that could change what is printed.
    #[inline]
    pub(crate) fn is_bare(&self) -> bool {
        self.width == 0 && self.precision.is_none() && !(self.plus || self.blank || self.alternate)
    }
}

/// A value as Python would have it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand<'a> {
    /// One of ours.
    Value(Value<'a>),
    /// What a value of ours cannot be, such as a list: its `repr` and Python's name of its type.
    Other(&'a str, &'static str),
}

impl Operand<'_> {
    /// Python's name of the type, for messages.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Other(_, type_name) => type_name,
            Self::Value(Value::None) => "NoneType",
            Self::Value(Value::Bool(_)) => "bool",
            Self::Value(Value::I64(_) | Value::U64(_) | Value::I128(_) | Value::U128(_)) => "int",
            Self::Value(Value::F64(_)) => "float",
            Self::Value(Value::Bytes(_)) => "bytes",
            Self::Value(Value::Str(_) | Value::Debug(_) | Value::Display(_) | Value::Error(_)) => "str",
        }
    }

    /// The integer that it is; a boolean is one, too.
    pub(crate) fn integer(self) -> Option<Integer> {
        let Self::Value(value) = self else { return None };
        let signed = |value: i128| Integer { is_negative: value < 0, magnitude: value.unsigned_abs() };
        Some(match value {
            Value::Bool(value) => signed(value.into()),
            Value::I64(value) => signed(value.into()),
            Value::U64(value) => signed(value.into()),
            Value::I128(value) => signed(value),
            Value::U128(magnitude) => Integer { is_negative: false, magnitude },
            _ => return None,
        })
    }
}

/// An integer of any type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Integer {
    pub(crate) is_negative: bool,
    pub(crate) magnitude: u128,
}

impl Integer {
    /// The nearest floating-point number.
    pub(crate) fn as_f64(self) -> f64 {
        let magnitude = self.magnitude as f64;
        if self.is_negative { -magnitude } else { magnitude }
    }

    /// The character of this number.
    ///
    /// # Errors
    /// CPython's, if there is none, or none that could be written.
    pub(crate) fn as_char(self) -> Result<char, FormatError> {
        let code = u32::try_from(self.magnitude).ok().filter(|code| *code < 0x11_0000 && !self.is_negative);
        let code = code.ok_or_else(|| error("OverflowError", "%c arg not in range(0x110000)"))?;
        // Python's text may hold half of a surrogate pair, but nothing that it is then written to.
        char::from_u32(code).ok_or_else(|| {
            let message = format!("'utf-8' codec can't encode character '\\u{code:04x}': surrogates not allowed");
            error("UnicodeEncodeError", message)
        })
    }
}

/// Appends `operand` as `spec` says.
///
/// # Errors
/// CPython's, if the conversion is not for such a value.
#[inline]
pub(crate) fn push(out: &mut String, operand: Operand<'_>, spec: &Spec) -> Result<(), FormatError> {
    // Nearly everything in nearly all formats.
    match operand {
        Operand::Value(Value::Str(text)) if spec.kind == Kind::Str && spec.is_bare() => out.push_str(text),
        Operand::Value(Value::U64(number)) if matches!(spec.kind, Kind::Decimal(_) | Kind::Str) && spec.is_bare() => {
            out.push_str(itoa::Buffer::new().format(number));
        }
        _ => return push_any(out, operand, spec),
    }
    Ok(())
}

fn push_any(out: &mut String, operand: Operand<'_>, spec: &Spec) -> Result<(), FormatError> {
    match spec.kind {
        Kind::Str | Kind::Repr | Kind::Ascii => {
            let start = out.len();
            push_text(out, operand, spec.kind);
            justify_text(out, start, spec);
            Ok(())
        }
        Kind::Char => push_char(out, operand, spec),
        Kind::Decimal(letter) => push_decimal(out, operand, spec, letter),
        Kind::Octal | Kind::LowerHex | Kind::UpperHex => push_radix(out, operand, spec),
        Kind::Fixed(_) | Kind::Scientific(_) | Kind::General(_) => push_float(out, operand, spec),
    }
}

/// Makes of the text behind `start`, which stands there as `%s` would have it, what `spec` says.
///
/// # Errors
/// CPython's, if the conversion is for numbers.
pub(crate) fn convert_written(out: &mut String, start: usize, spec: &Spec) -> Result<(), FormatError> {
    if spec.kind == Kind::Str {
        justify_text(out, start, spec);
        return Ok(());
    }
    let text = out.split_off(start);
    push(out, Operand::Value(Value::Str(&text)), spec)
}

/// Appends Python's `str` of a value.
pub(crate) fn push_str(out: &mut String, value: Value<'_>) {
    push_text(out, Operand::Value(value), Kind::Str);
}

/// Appends Python's `repr` of a value.
pub(crate) fn push_value_repr(out: &mut String, value: Value<'_>) {
    push_text(out, Operand::Value(value), Kind::Repr);
}

/// Appends what `%s`, `%r` or `%a` makes of a value.
pub(crate) fn push_text(out: &mut String, operand: Operand<'_>, kind: Kind) {
    let value = match operand {
        Operand::Value(value) => value,
        Operand::Other(repr, _) => Value::Debug(repr),
    };
    match value {
        Value::None => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::I64(value) => out.push_str(itoa::Buffer::new().format(value)),
        Value::U64(value) => out.push_str(itoa::Buffer::new().format(value)),
        Value::I128(value) => out.push_str(itoa::Buffer::new().format(value)),
        Value::U128(value) => out.push_str(itoa::Buffer::new().format(value)),
        Value::F64(value) if value.is_finite() => {
            if value.is_sign_negative() {
                out.push('-');
            }
            float::push_shortest(out, value.abs());
        }
        Value::F64(value) if value.is_nan() => out.push_str("nan"),
        Value::F64(value) => out.push_str(if value > 0.0 { "inf" } else { "-inf" }),
        Value::Bytes(bytes) => push_bytes_repr(out, bytes),
        // An object's `Debug` is its `repr`, and its `str` as well where it has no other.
        Value::Debug(text) if kind == Kind::Ascii => push_ascii(out, text),
        Value::Debug(text) => out.push_str(text),
        Value::Str(text) | Value::Display(text) | Value::Error(text) => match kind {
            Kind::Repr => push_repr(out, text),
            Kind::Ascii => {
                let mut quoted = String::with_capacity(text.len() + 2);
                push_repr(&mut quoted, text);
                push_ascii(out, &quoted);
            }
            _ => out.push_str(text),
        },
    }
}

fn push_char(out: &mut String, operand: Operand<'_>, spec: &Spec) -> Result<(), FormatError> {
    let start = out.len();
    if let Some(integer) = operand.integer() {
        out.push(integer.as_char()?);
    } else {
        let text = match operand {
            Operand::Value(value) => value.as_str().unwrap_or_default(),
            Operand::Other(..) => "",
        };
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(char), None) => out.push(char),
            _ => return Err(error("TypeError", "%c requires int or char")),
        }
    }
    justify_text(out, start, &Spec { precision: None, ..*spec });
    Ok(())
}

fn push_decimal(out: &mut String, operand: Operand<'_>, spec: &Spec, letter: char) -> Result<(), FormatError> {
    let start = out.len();
    let is_negative = match operand {
        Operand::Value(Value::F64(value)) => {
            if value.is_nan() {
                return Err(error("ValueError", "cannot convert float NaN to integer"));
            }
            if value.is_infinite() {
                return Err(error("OverflowError", "cannot convert float infinity to integer"));
            }
            let whole = value.trunc();
            float::push_fixed(out, whole.abs(), 0, false);
            whole < 0.0
        }
        _ => {
            let wrong_type = || {
                let message = format!("%{letter} format: a real number is required, not {}", operand.type_name());
                error("TypeError", message)
            };
            let integer = operand.integer().ok_or_else(wrong_type)?;
            push_digits(out, integer.magnitude);
            integer.is_negative
        }
    };
    finish_integer(out, start, is_negative, "", spec);
    Ok(())
}

fn push_radix(out: &mut String, operand: Operand<'_>, spec: &Spec) -> Result<(), FormatError> {
    use std::fmt::Write as _;

    let start = out.len();
    let letter = match spec.kind {
        Kind::Octal => 'o',
        Kind::UpperHex => 'X',
        _ => 'x',
    };
    let wrong_type = || {
        let message = format!("%{letter} format: an integer is required, not {}", operand.type_name());
        error("TypeError", message)
    };
    let Integer { is_negative, magnitude } = operand.integer().ok_or_else(wrong_type)?;
    // Writing to a string does not fail.
    let (prefix, _) = match spec.kind {
        Kind::Octal => ("0o", write!(out, "{magnitude:o}")),
        Kind::UpperHex => ("0X", write!(out, "{magnitude:X}")),
        _ => ("0x", write!(out, "{magnitude:x}")),
    };
    finish_integer(out, start, is_negative, if spec.alternate { prefix } else { "" }, spec);
    Ok(())
}

fn push_float(out: &mut String, operand: Operand<'_>, spec: &Spec) -> Result<(), FormatError> {
    let start = out.len();
    let value = match operand {
        Operand::Value(Value::F64(value)) => value,
        _ => operand
            .integer()
            .map(Integer::as_f64)
            .ok_or_else(|| error("TypeError", format!("must be real number, not {}", operand.type_name())))?,
    };
    let is_negative = value.is_sign_negative() && !value.is_nan();
    let precision = spec.precision.unwrap_or(6);
    let absolute = value.abs();
    let (Kind::Fixed(case) | Kind::Scientific(case) | Kind::General(case)) = spec.kind else { return Ok(()) };
    let is_upper = case == Case::Upper;
    let letter = if is_upper { 'E' } else { 'e' };
    match spec.kind {
        _ if value.is_nan() => out.push_str(if is_upper { "NAN" } else { "nan" }),
        _ if value.is_infinite() => out.push_str(if is_upper { "INF" } else { "inf" }),
        Kind::Fixed(_) => float::push_fixed(out, absolute, precision, spec.alternate),
        Kind::Scientific(_) => float::push_scientific(out, absolute, precision, spec.alternate, letter),
        _ => float::push_general(out, absolute, precision, spec.alternate, letter),
    }
    pad_number(out, start, is_negative, "", spec);
    Ok(())
}

/// Appends an integer without its sign.
pub(crate) fn push_digits(out: &mut String, magnitude: u128) {
    match u64::try_from(magnitude) {
        Ok(small) => out.push_str(itoa::Buffer::new().format(small)),
        Err(_) => out.push_str(itoa::Buffer::new().format(magnitude)),
    }
}

pub(crate) fn error(exception: &'static str, message: impl Into<String>) -> FormatError {
    FormatError { exception, message: message.into() }
}
