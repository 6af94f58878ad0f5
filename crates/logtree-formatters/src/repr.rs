//! `repr` and `ascii` of text and bytes, as CPython writes them (`unicode_repr`, `bytes_repr`).

use std::fmt::Write as _;

/// Appends Python's `repr` of `text`: in single quotes, unless that alone would need escapes.
pub(crate) fn push_repr(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for char in text.chars() {
        match char {
            _ if char == quote || char == '\\' => {
                out.push('\\');
                out.push(char);
            }
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            _ if is_printable(char) => out.push(char),
            _ => push_escape(out, char),
        }
    }
    out.push(quote);
}

/// Appends Python's `repr` of `bytes`: `b'x\xff'`.
pub(crate) fn push_bytes_repr(out: &mut String, bytes: &[u8]) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    out.push('b');
    out.push(char::from(quote));
    for &byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            _ if byte == quote => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..=b'~' => out.push(char::from(byte)),
            _ => push_escape(out, char::from(byte)),
        }
    }
    out.push(char::from(quote));
}

/// Appends `text` with everything outside ASCII escaped: what `ascii` makes of a `repr`.
pub(crate) fn push_ascii(out: &mut String, text: &str) {
    for char in text.chars() {
        if char.is_ascii() { out.push(char) } else { push_escape(out, char) }
    }
}

fn push_escape(out: &mut String, char: char) {
    let code = u32::from(char);
    // Writing to a string does not fail.
    let _ = match code {
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// Python's `str.isprintable`: everything but the categories "Other" and "Separator", where the space is printable.
///
/// The standard library keeps the same table for its own `Debug`, of a Unicode version of its own: the two differ in
/// characters that one of them does not know yet. Behind another character `str`'s `Debug` escapes what is not
/// printable and, what is no matter here, quotes and the like.
fn is_printable(char: char) -> bool {
    if char.is_ascii() {
        return !char.is_ascii_control();
    }
    let mut behind = [b' '; 5];
    let length = 1 + char.encode_utf8(&mut behind[1..]).len();
    std::str::from_utf8(&behind[..length]).is_ok_and(|text| text.escape_debug().nth(1) == Some(char))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repr(text: &str) -> String {
        let mut out = String::new();
        push_repr(&mut out, text);
        out
    }

    #[test]
    fn text_is_quoted_and_escaped_as_cpython_does() {
        // CPython 3.13: repr() of each.
        assert_eq!(repr("it's"), r#""it's""#);
        assert_eq!(repr(r#"it's "x""#), r#"'it\'s "x"'"#);
        assert_eq!(repr("a\\b\t\n\r\0\x7f"), r"'a\\b\t\n\r\x00\x7f'");
        // A combining mark is printable, a no-break space and a private character are not.
        assert_eq!(
            repr("e\u{301} \u{a0}\u{ad}\u{2028}\u{e000}\u{1f600}\u{10ffff}"),
            "'e\u{301} \\xa0\\xad\\u2028\\ue000\u{1f600}\\U0010ffff'"
        );
        assert_eq!(repr("가나다"), "'가나다'");
    }

    #[test]
    fn bytes_are_quoted_and_escaped_as_cpython_does() {
        // CPython 3.13: repr(b"it's\x00\xff\\").
        let mut out = String::new();
        push_bytes_repr(&mut out, b"it's\0\xff\\");
        assert_eq!(out, r#"b"it's\x00\xff\\""#);
    }
}
