//! What a format spec makes of a value (CPython's `PyObject_Format`: `str.__format__`, `int.__format__`, `float.__format__`).

use std::fmt::Write as _;

use logtree_core::{FormatError, Value};

use crate::conversion::{self, Integer, Kind, Operand, error, push_text};
use crate::float;
use crate::format_spec::{Align, FormatSpec, Refusal, Sign, no_separator, shown};
use crate::padding::{fill_aligned, group_digits, truncate_text};

/// Appends `operand` as `spec`, which says something, says.
///
/// # Errors
/// CPython's, if the spec is none, or not for such a value.
pub(crate) fn push_formatted(
    out: &mut String,
    operand: Operand<'_>,
    spec: &Result<FormatSpec, Refusal>,
) -> Result<(), FormatError> {
    let start = out.len();
    let integer = operand.integer();
    match operand {
        Operand::Value(value) if value.as_str().is_some() => {
            push_text(out, operand, Kind::Str);
            format_written(out, start, spec)?;
        }
        Operand::Value(Value::F64(value)) => {
            let spec = accepted(spec, operand.type_name())?;
            match spec.kind {
                None | Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'n' | '%') => push_float(out, value, spec),
                Some(kind) => return Err(unknown_kind(kind, operand.type_name())),
            }
        }
        _ => {
            let Some(integer) = integer else {
                let message = format!("unsupported format string passed to {}.__format__", operand.type_name());
                return Err(error("TypeError", message));
            };
            let spec = accepted(spec, operand.type_name())?;
            match spec.kind {
                None | Some('b' | 'd' | 'o' | 'x' | 'X' | 'n') => push_integer(out, integer, spec)?,
                Some('c') => push_char(out, integer, spec)?,
                Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') => push_float(out, integer.as_f64(), spec),
                Some(kind) => return Err(unknown_kind(kind, operand.type_name())),
            }
        }
    }
    Ok(())
}

/// Makes of the text behind `start` what `spec` says of text.
///
/// # Errors
/// CPython's, if the spec is none, or is for numbers.
pub(crate) fn format_written(
    out: &mut String,
    start: usize,
    spec: &Result<FormatSpec, Refusal>,
) -> Result<(), FormatError> {
    let spec = accepted(spec, "str")?;
    match (spec.kind, spec.separator) {
        (Some('s'), _) | (None, None) => {}
        (Some(kind), _) => return Err(unknown_kind(kind, "str")),
        (None, Some(separator)) => return Err(no_separator(separator, 's')),
    }
    let refusal = match () {
        () if spec.sign == Some(Sign::Blank) => "Space not allowed in string format specifier",
        () if spec.sign.is_some() => "Sign not allowed in string format specifier",
        () if spec.no_negative_zero => "Negative zero coercion (z) not allowed in string format specifier",
        () if spec.alternate => "Alternate form (#) not allowed in string format specifier",
        () if spec.align == Some(Align::BehindSign) => "'=' alignment not allowed in string format specifier",
        () => "",
    };
    if !refusal.is_empty() {
        return Err(error("ValueError", refusal));
    }
    if let Some(most) = spec.precision {
        truncate_text(out, start, most);
    }
    if let Some(width) = spec.width.filter(|width| *width > 0) {
        let missing = width.saturating_sub(out[start..].chars().count());
        fill_aligned(out, start, start, missing, fill(spec), spec.align.unwrap_or(Align::Left));
    }
    Ok(())
}

fn accepted<'a>(spec: &'a Result<FormatSpec, Refusal>, type_name: &'static str) -> Result<&'a FormatSpec, FormatError> {
    spec.as_ref().map_err(|refusal| match refusal {
        Refusal::Error(error) => error.clone(),
        Refusal::Invalid(text) => {
            error("ValueError", format!("Invalid format specifier '{text}' for object of type '{type_name}'"))
        }
    })
}

fn unknown_kind(kind: char, type_name: &'static str) -> FormatError {
    error("ValueError", format!("Unknown format code '{}' for object of type '{type_name}'", shown(kind)))
}

fn push_integer(out: &mut String, integer: Integer, spec: &FormatSpec) -> Result<(), FormatError> {
    check_integer(spec)?;
    let start = out.len();
    let magnitude = integer.magnitude;
    let is_decimal = matches!(spec.kind, None | Some('d'));
    if is_decimal && spec.width.is_none() && spec.sign.is_none() && spec.separator.is_none() {
        out.push_str(if integer.is_negative { "-" } else { "" });
        conversion::push_digits(out, magnitude);
        return Ok(());
    }
    // Writing to a string does not fail.
    let (prefix, group, _) = match spec.kind {
        Some('b') => ("0b", 4, write!(out, "{magnitude:b}")),
        Some('o') => ("0o", 4, write!(out, "{magnitude:o}")),
        Some('x') => ("0x", 4, write!(out, "{magnitude:x}")),
        Some('X') => ("0X", 4, write!(out, "{magnitude:X}")),
        _ => {
            conversion::push_digits(out, magnitude);
            ("", 3, Ok(()))
        }
    };
    let digits = out.len() - start;
    let number =
        Number { is_negative: integer.is_negative, prefix: if spec.alternate { prefix } else { "" }, digits, group };
    finish_number(out, start, &number, spec);
    Ok(())
}

fn push_char(out: &mut String, integer: Integer, spec: &FormatSpec) -> Result<(), FormatError> {
    check_integer(spec)?;
    if spec.sign.is_some() {
        return Err(error("ValueError", "Sign not allowed with integer format specifier 'c'"));
    }
    if spec.alternate {
        return Err(error("ValueError", "Alternate form (#) not allowed with integer format specifier 'c'"));
    }
    let most = u128::from(i64::MAX.unsigned_abs()) + u128::from(integer.is_negative);
    if integer.magnitude > most {
        return Err(error("OverflowError", "Python int too large to convert to C long"));
    }
    let start = out.len();
    out.push(integer.as_char()?);
    finish_number(out, start, &Number { is_negative: false, prefix: "", digits: 0, group: 3 }, spec);
    Ok(())
}

fn check_integer(spec: &FormatSpec) -> Result<(), FormatError> {
    if spec.precision.is_some() {
        return Err(error("ValueError", "Precision not allowed in integer format specifier"));
    }
    if spec.no_negative_zero {
        return Err(error("ValueError", "Negative zero coercion (z) not allowed in integer format specifier"));
    }
    Ok(())
}

/// Appends a number as CPython's `format_float_internal`.
fn push_float(out: &mut String, value: f64, spec: &FormatSpec) {
    let start = out.len();
    let value = if spec.kind == Some('%') { value * 100.0 } else { value };
    let absolute = value.abs();
    let is_upper = matches!(spec.kind, Some('E' | 'F' | 'G'));
    let letter = if is_upper { 'E' } else { 'e' };
    let precision = spec.precision.unwrap_or(6);
    match (spec.kind, spec.precision) {
        _ if value.is_nan() => out.push_str(if is_upper { "NAN" } else { "nan" }),
        _ if value.is_infinite() => out.push_str(if is_upper { "INF" } else { "inf" }),
        (Some('e' | 'E'), _) => float::push_scientific(out, absolute, precision, spec.alternate, letter),
        (Some('f' | 'F' | '%'), _) => float::push_fixed(out, absolute, precision, spec.alternate),
        (Some(_), _) => float::push_general(out, absolute, precision, spec.alternate, letter),
        (None, Some(precision)) => float::push_general_fraction(out, absolute, precision, spec.alternate),
        (None, None) => {
            float::push_shortest(out, absolute);
            if spec.alternate && !out[start..].contains('.') {
                // There is an exponent then.
                out.insert(start + 1, '.');
            }
        }
    }
    let is_zero = !out[start..].contains(|char: char| char != '0' && char.is_ascii_alphanumeric() && char != letter);
    let is_negative = value.is_sign_negative() && !value.is_nan() && !(spec.no_negative_zero && is_zero);
    if spec.kind == Some('%') {
        out.push('%');
    }
    let digits = out[start..].bytes().take_while(u8::is_ascii_digit).count();
    finish_number(out, start, &Number { is_negative, prefix: "", digits, group: 3 }, spec);
}

/// What is known of a number whose digits are written.
struct Number {
    is_negative: bool,
    prefix: &'static str,
    /// So many of the written characters are digits before the point.
    digits: usize,
    /// So many of them make a group.
    group: usize,
}

/// Puts sign, prefix, separators and padding around the number behind `start` (CPython's `calc_number_widths`).
fn finish_number(out: &mut String, start: usize, number: &Number, spec: &FormatSpec) {
    let sign = match spec.sign {
        _ if number.is_negative => "-",
        Some(Sign::Always) => "+",
        Some(Sign::Blank) => " ",
        Some(Sign::Negative) | None => "",
    };
    let default_align = if spec.zero { Align::BehindSign } else { Align::Right };
    let align = spec.align.unwrap_or(default_align);
    let fill = fill(spec);
    let width = spec.width.unwrap_or(0);
    let others = sign.len() + number.prefix.len() + out[start + number.digits..].chars().count();
    let mut written = others;
    if number.digits > 0 {
        // Zeros behind the sign are digits like others, separators and all.
        let least = if fill == '0' && align == Align::BehindSign { width.saturating_sub(others) } else { 0 };
        written += group_digits(out, start, number.digits, least, spec.separator.map(|char| (char, number.group)));
    }
    let digits_at = start + sign.len() + number.prefix.len();
    if digits_at > start {
        out.insert_str(start, number.prefix);
        out.insert_str(start, sign);
    }
    fill_aligned(out, start, digits_at, width.saturating_sub(written), fill, align);
}

fn fill(spec: &FormatSpec) -> char {
    spec.fill.unwrap_or(if spec.zero { '0' } else { ' ' })
}
