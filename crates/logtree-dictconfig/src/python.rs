//! How Python prints values, for messages that are to be the same.

use logtree_core::Value;

/// `repr` of a string (CPython's `unicode_repr`).
pub(crate) fn repr_str(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    logtree_formatters::push_repr(&mut out, Value::Str(text));
    out
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
}
