//! How Python prints values, for messages that are to be the same.

use std::fmt::Write as _;

/// `repr` of a string (CPython's `unicode_repr`): single quotes unless only they occur in it.
pub(crate) fn repr_str(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for char in text.chars() {
        // Writing to a String cannot fail.
        let _ = match char {
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            _ if char == quote => write!(out, "\\{quote}"),
            '\0'..=' ' if char != ' ' => write!(out, "\\x{:02x}", char as u32),
            '\u{7f}'..='\u{a0}' | '\u{ad}' => write!(out, "\\x{:02x}", char as u32),
            _ if char > '\u{ad}' && is_unprintable(char) => match char as u32 {
                code @ ..=0xffff => write!(out, "\\u{code:04x}"),
                code => write!(out, "\\U{code:08x}"),
            },
            _ => out.write_char(char),
        };
    }
    out.push(quote);
    out
}

/// Separators, format characters and what is not assigned. Rust's `escape_debug` escapes the same, if a letter stands
/// in front for marks that combine, which Python prints.
fn is_unprintable(char: char) -> bool {
    let text = String::from_iter(['a', char]);
    char.is_whitespace() || text.escape_debug().count() > 2
}

/// `repr` of a float (CPython's `float_repr`): the shortest digits that read back as the same number, with an
/// exponent below 1e-4 and from 1e16 on.
pub(crate) fn repr_float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent @ (..-4 | 16..)) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => format!("{value:?}"),
    }
}

/// Whether Python's `str.strip` takes it away.
pub(crate) fn is_space(char: char) -> bool {
    char.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&char)
}

/// Python's `str.strip`.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_print_as_in_python() {
        // CPython 3.13: print(repr(s)) of each.
        let cases = [
            ("zz", "'zz'"),
            ("it's", "\"it's\""),
            ("it's \"so\"", r#"'it\'s "so"'"#),
            ("a\tb\n\\", r"'a\tb\n\\'"),
            ("\u{0}\u{7f}\u{a0}\u{ad}", r"'\x00\x7f\xa0\xad'"),
            ("요청 é", "'요청 é'"),
            ("\u{2028}\u{200b}\u{3000}", r"'\u2028\u200b\u3000'"),
            ("e\u{301}\u{301}", "'e\u{301}\u{301}'"),
            ("\u{e0001}😀", "'\\U000e0001😀'"),
        ];
        for (text, expected) in cases {
            assert_eq!(repr_str(text), expected);
        }
    }

    #[test]
    fn floats_print_as_in_python() {
        // CPython 3.13: print(repr(x)) of each.
        let cases = [
            (1.0, "1.0"),
            (10.5, "10.5"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (f64::INFINITY, "inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(repr_float(value), expected);
        }
    }
}
