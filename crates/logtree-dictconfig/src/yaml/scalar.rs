//! What a scalar of YAML 1.1 stands for: PyYAML's `Resolver`, and the constructors of its `SafeConstructor`.

use crate::digits;
use crate::node::Kind;

/// The prefix of YAML's own tags, which a text writes as `!!`.
const CORE: &str = "tag:yaml.org,2002:";

/// What a scalar stands for.
#[derive(Debug, PartialEq)]
pub(super) enum Scalar {
    Value(Kind),
    /// `<<`, which means something as a key only.
    Merge,
    /// `=`, which is a string as a key and nothing elsewhere.
    Default,
}

/// Why a scalar stands for nothing.
#[derive(Debug, PartialEq)]
pub(super) enum Unreadable {
    /// A tag that `safe_load` does not know, or a text that its tag does not take.
    Wrong(String),
    /// A date, a time, or bytes: what it is.
    Unsupported(&'static str),
}

/// A scalar without a tag, which is a string if it is quoted.
pub(super) fn untagged(text: &str, is_plain: bool) -> Result<Scalar, Unreadable> {
    if !is_plain {
        return Ok(Scalar::Value(Kind::Str(text.to_owned())));
    }
    if let Some(value) = boolean(text) {
        return Ok(Scalar::Value(Kind::Bool(value)));
    }
    if is_float(text) {
        return Ok(Scalar::Value(float(text).ok_or_else(|| wrong("float", text))?));
    }
    if is_int(text) {
        return Ok(Scalar::Value(int(text).ok_or_else(|| wrong("int", text))?));
    }
    match text {
        "<<" => Ok(Scalar::Merge),
        "=" => Ok(Scalar::Default),
        "" | "~" | "null" | "Null" | "NULL" => Ok(Scalar::Value(Kind::None)),
        _ if is_timestamp(text) => Err(Unreadable::Unsupported("a date or time")),
        _ => Ok(Scalar::Value(Kind::Str(text.to_owned()))),
    }
}

/// A scalar with a tag, quoted or not.
pub(super) fn tagged(text: &str, tag: &str) -> Result<Scalar, Unreadable> {
    let name = tag.strip_prefix(CORE).ok_or_else(|| unknown_tag(tag))?;
    let value = match name {
        "str" => Some(Kind::Str(text.to_owned())),
        "null" => Some(Kind::None),
        // The words of YAML 1.1 in any case, where a plain scalar may be written in three ways only.
        "bool" => boolean(&text.to_ascii_lowercase()).map(Kind::Bool),
        "int" => int(text),
        "float" => float(text),
        "merge" => return Ok(Scalar::Merge),
        "value" => return Ok(Scalar::Default),
        "timestamp" => return Err(Unreadable::Unsupported("a date or time")),
        "binary" => return Err(Unreadable::Unsupported("bytes")),
        "seq" | "map" | "set" | "omap" | "pairs" => None,
        _ => return Err(unknown_tag(tag)),
    };
    value.map(Scalar::Value).ok_or_else(|| wrong(name, text))
}

/// What a tag makes of a collection: nothing if it is the tag that such a collection has without one.
pub(super) fn collection(tag: &str, own: &str) -> Result<(), Unreadable> {
    match tag.strip_prefix(CORE) {
        Some(name) if name == own => Ok(()),
        Some("set" | "omap" | "pairs") => Err(Unreadable::Unsupported("a set or a list of pairs")),
        Some(name @ ("str" | "null" | "bool" | "int" | "float" | "binary" | "timestamp" | "seq" | "map")) => {
            Err(Unreadable::Wrong(format!("a collection cannot be of the type !!{name}")))
        }
        _ => Err(unknown_tag(tag)),
    }
}

fn unknown_tag(tag: &str) -> Unreadable {
    Unreadable::Wrong(format!("could not determine a constructor for the tag '{tag}'"))
}

/// The same for one of YAML's own.
pub(super) fn unknown_core_tag(name: &str) -> Unreadable {
    unknown_tag(&format!("{CORE}{name}"))
}

fn wrong(name: &str, text: &str) -> Unreadable {
    Unreadable::Wrong(format!("this is no {name}: {}", text.chars().take(40).collect::<String>()))
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn is_all(text: &str, is_one: impl Fn(u8) -> bool) -> bool {
    text.bytes().all(is_one)
}

/// `[0-9][0-9_]*`
fn is_digits(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit()) && is_all(text, |byte| byte.is_ascii_digit() || byte == b'_')
}

/// What stands before and after the first `:` of a number to the base sixty, of which each part but the first is `[0-5]?[0-9]`.
fn sexagesimal(text: &str) -> Option<&str> {
    let (first, rest) = text.split_once(':')?;
    let is_part = |part: &str| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    };
    (is_digits(first) && rest.split(':').all(is_part)).then_some(first)
}

fn is_int(text: &str) -> bool {
    let text = unsigned(text);
    let is_of =
        |rest: &str, is_digit: fn(u8) -> bool| !rest.is_empty() && is_all(rest, |byte| is_digit(byte) || byte == b'_');
    match text.as_bytes() {
        [b'0'] => true,
        [b'0', b'b', ..] => is_of(&text[2..], |byte| matches!(byte, b'0' | b'1')),
        [b'0', b'x', ..] => is_of(&text[2..], |byte| byte.is_ascii_hexdigit()),
        [b'0', ..] => is_of(&text[1..], |byte| matches!(byte, b'0'..=b'7')),
        [b'1'..=b'9', ..] => is_digits(text) || sexagesimal(text).is_some(),
        _ => false,
    }
}

/// An integer, underscores and all (`construct_yaml_int`).
fn int(text: &str) -> Option<Kind> {
    let text = text.replace('_', "");
    let is_negative = text.starts_with('-');
    let digits = unsigned(&text);
    match digits.as_bytes() {
        [] => None,
        [b'0', b'b', ..] => digits::int(is_negative, &digits[2..], 2),
        [b'0', b'x', ..] => digits::int(is_negative, &digits[2..], 16),
        // What Python's `int` takes for octal may say so.
        [b'0', b'o' | b'O', ..] => digits::int(is_negative, &digits[2..], 8),
        [b'0', _, ..] => digits::int(is_negative, digits, 8),
        _ if digits.contains(':') => digits::sexagesimal(is_negative, digits.split(':')),
        _ => digits::int(is_negative, digits.trim(), 10),
    }
}

fn is_float(text: &str) -> bool {
    let number = unsigned(text);
    if matches!(text, ".nan" | ".NaN" | ".NAN") || matches!(number, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let Some((whole, fraction)) = number.split_once('.') else { return false };
    let is_fraction = |text: &str| is_all(text, |byte| byte.is_ascii_digit() || byte == b'_');
    if whole.contains(':') {
        return sexagesimal(whole).is_some() && is_fraction(fraction);
    }
    // An exponent must have its sign, so that 1e3 and 1.0e3 are strings.
    let (fraction, is_exponent) = match fraction.split_once(['e', 'E']) {
        None => (fraction, true),
        Some((fraction, exponent)) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or_default();
            (fraction, !digits.is_empty() && is_all(digits, |byte| byte.is_ascii_digit()))
        }
    };
    let is_number = match whole.is_empty() {
        // Nor is there a sign before a bare point.
        true => number.len() == text.len() && is_digits(fraction),
        false => is_digits(whole) && is_fraction(fraction),
    };
    is_number && is_exponent
}

/// A floating-point number (`construct_yaml_float`).
fn float(text: &str) -> Option<Kind> {
    let text = text.replace('_', "").to_ascii_lowercase();
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let number = unsigned(&text);
    let value = match number {
        "" => return None,
        ".inf" => f64::INFINITY,
        ".nan" => return Some(Kind::Float(f64::NAN)),
        _ if number.contains(':') => {
            let mut value = 0.0;
            let mut base = 1.0;
            for part in number.rsplit(':') {
                value += part.trim().parse::<f64>().ok()? * base;
                base *= 60.0;
            }
            value
        }
        _ => number.trim().parse().ok()?,
    };
    Some(Kind::Float(sign * value))
}

/// A date, or a date with a time.
fn is_timestamp(text: &str) -> bool {
    let Some(date_end) = text.find(['T', 't', ' ', '\t']) else {
        return matches!(*parts(text, '-'), [4, 2, 2]);
    };
    let (date, time) = (&text[..date_end], &text[date_end..]);
    if !matches!(*parts(date, '-'), [4, 1 | 2, 1 | 2]) {
        return false;
    }
    let time = match time.as_bytes().first() {
        Some(b'T' | b't') => &time[1..],
        _ => time.trim_start_matches([' ', '\t']),
    };
    let clock_end = time.find(|char: char| !char.is_ascii_digit() && char != ':').unwrap_or(time.len());
    if !matches!(*parts(&time[..clock_end], ':'), [1 | 2, 2, 2]) {
        return false;
    }
    let rest = &time[clock_end..];
    let rest = rest.strip_prefix('.').map_or(rest, |rest| rest.trim_start_matches(|char: char| char.is_ascii_digit()));
    let zone = rest.trim_start_matches([' ', '\t']);
    match zone.as_bytes().first() {
        None => rest.is_empty(),
        Some(b'Z') => zone.len() == 1,
        Some(b'+' | b'-') => matches!(*parts(&zone[1..], ':'), [1 | 2] | [1 | 2, 2]),
        Some(_) => false,
    }
}

/// The lengths of the parts between separators, if each is of digits only; else nothing.
fn parts(text: &str, separator: char) -> Vec<usize> {
    let is_digits = |part: &str| is_all(part, |byte| byte.is_ascii_digit());
    let parts = text.split(separator).map(|part| is_digits(part).then_some(part.len()));
    parts.collect::<Option<_>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value's `repr`, or what else it is.
    fn read(text: &str) -> String {
        match untagged(text, true) {
            Ok(Scalar::Value(kind)) => crate::node::Node { kind, span: None }.repr(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn plain_scalars_are_pyyamls() {
        // PyYAML 6.0: repr(yaml.safe_load(text)) of each. The corpus in tests/ has hundreds more.
        let cases = [
            ("no", "False"),
            ("On", "True"),
            ("y", "'y'"),
            ("nO", "'nO'"),
            ("010", "8"),
            ("0o10", "'0o10'"),
            ("1_000", "1000"),
            ("190:20:30", "685230"),
            ("1e3", "'1e3'"),
            ("1.0e+3", "1000.0"),
            (".5", "0.5"),
            ("-.5", "'-.5'"),
            ("-.Inf", "-inf"),
            ("190:20:30.15", "685230.15"),
            ("0x_F", "15"),
            ("18446744073709551616", "18446744073709551616"),
            ("08", "'08'"),
            ("Null", "None"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text}");
        }
        for text in ["2001-12-14", "2001-1-4t1:59:43.10-05:00", "2001-12-14 21:59:43.10 Z"] {
            assert_eq!(untagged(text, true), Err(Unreadable::Unsupported("a date or time")), "{text}");
        }
        assert_eq!(read("2001-1-4"), "'2001-1-4'");
    }
}
