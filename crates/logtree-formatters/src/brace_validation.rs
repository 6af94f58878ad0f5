//! Whether a `{` format is one that CPython's `StrFormatStyle.validate` lets pass.

use std::borrow::Cow;

use crate::decimal::digit;
use crate::markup::Pieces;
use crate::repr::push_repr;

/// Looks at every field, though not at those within specs.
///
/// # Errors
/// CPython's words behind `invalid format: `.
pub(crate) fn validate(format: &str) -> Result<(), Cow<'static, str>> {
    let mut has_fields = false;
    for piece in Pieces::new(format) {
        let Some(field) = piece.map_err(Cow::Borrowed)?.field else { continue };
        if !field.name.is_empty() {
            if !is_name(field.name) {
                return Err(about("invalid field name/expression: ", field.name));
            }
            has_fields = true;
        }
        if let Some(conversion) = field.conversion.filter(|conversion| !"rsa".contains(*conversion)) {
            return Err(about("invalid conversion: ", conversion.encode_utf8(&mut [0; 4])));
        }
        if !field.spec.is_empty() && !is_spec(field.spec) {
            return Err(about("bad specifier: ", field.spec));
        }
    }
    if has_fields { Ok(()) } else { Err(Cow::Borrowed("no fields")) }
}

fn about(what: &str, text: &str) -> Cow<'static, str> {
    let mut message = String::from(what);
    push_repr(&mut message, text);
    Cow::Owned(message)
}

/// CPython's pattern `^(\d+|\w+)(\.\w+|\[[^]]+\])*$`.
fn is_name(text: &str) -> bool {
    let Some(mut rest) = strip_word(text) else { return false };
    loop {
        let attribute = || strip_word(rest.strip_prefix('.')?);
        let item = || rest.strip_prefix('[')?.split_once(']').filter(|(key, _)| !key.is_empty()).map(|(_, rest)| rest);
        match attribute().or_else(item) {
            Some(behind) => rest = behind,
            None => return is_end(rest),
        }
    }
}

/// CPython's pattern `^(.?[<>=^])?[+ -]?#?0?(\d+|{\w+})?[,_]?(\.(\d+|{\w+}))?[bcdefgnosx%]?$`, in any case.
///
/// It does not know `z`, which only a format that is not validated can have.
fn is_spec(text: &str) -> bool {
    let is_align = |char: char| "<>=^".contains(char);
    let mut chars = text.chars();
    let rest = match (chars.next(), chars.next()) {
        (Some(fill), Some(align)) if fill != '\n' && is_align(align) => chars.as_str(),
        (Some(align), _) if is_align(align) => &text[1..],
        _ => text,
    };
    let rest = strip_one(rest, "+ -");
    let rest = strip_one(strip_one(rest, "#"), "0");
    let rest = strip_count(rest).unwrap_or(rest);
    let rest = strip_one(rest, ",_");
    let rest = rest.strip_prefix('.').and_then(strip_count).unwrap_or(rest);
    // The long s is an s in another case.
    is_end(strip_one(rest, "bcdefgnosx%BCDEFGNOSX\u{17f}"))
}

/// Python's `$` is the end, and the place before a newline that ends the text.
fn is_end(rest: &str) -> bool {
    matches!(rest, "" | "\n")
}

fn strip_one<'a>(text: &'a str, chars: &str) -> &'a str {
    text.strip_prefix(|char| chars.contains(char)).unwrap_or(text)
}

/// Takes digits, or a name in braces, off the beginning.
fn strip_count(text: &str) -> Option<&str> {
    let behind = text.trim_start_matches(|char| digit(char).is_some());
    if behind.len() < text.len() {
        return Some(behind);
    }
    strip_word(text.strip_prefix('{')?)?.strip_prefix('}')
}

/// Takes Python's `\w+` off the beginning.
fn strip_word(text: &str) -> Option<&str> {
    let behind = text.trim_start_matches(|char: char| char.is_alphanumeric() || char == '_');
    (behind.len() < text.len()).then_some(behind)
}
