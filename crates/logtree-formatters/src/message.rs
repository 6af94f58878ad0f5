//! What stands in `%(message)s`, and what stands below the line.

use std::fmt::Write as _;

use logtree_core::{FormatError, Record, Source, Spans, Value};

use crate::conversion::{Operand, error, push_str};
use crate::json::escape::{is_plain, push_string};

/// Appends the message; for records of `tracing` and `log` followed by ` key=value` for each field of the event that
/// the format does not name.
pub(crate) fn push_message(out: &mut String, record: &Record<'_>, named: &[Box<str>]) {
    let start = out.len();
    push_bare_message(out, record);
    if matches!(record.source, Source::Python | Source::Formatted) || record.fields.is_empty() {
        return;
    }
    for field in record.fields {
        let name = record.callsite.field_name(field.name);
        // An error stands below the line with the whole chain of its sources.
        let stands_below = match field.value {
            Value::Error(text) => has_lines(record.exc_text.unwrap_or_default(), text),
            _ => false,
        };
        // Most that are as long begin otherwise, which saves a call.
        let is_name = |known: &str| {
            known.len() == name.len() && known.as_bytes().first() == name.as_bytes().first() && known == name
        };
        if stands_below || named.iter().any(|known| is_name(known)) {
            continue;
        }
        if out.len() > start {
            out.push(' ');
        }
        out.push_str(name);
        out.push('=');
        push_field(out, field.value);
    }
}

/// Whether `lines` stand in `text`, from the start of a line to the end of one.
#[cold]
fn has_lines(text: &str, lines: &str) -> bool {
    text.match_indices(lines).any(|(at, _)| {
        let (before, behind) = (&text[..at], &text[at + lines.len()..]);
        (before.is_empty() || before.ends_with('\n')) && (behind.is_empty() || behind.starts_with('\n'))
    })
}

/// Appends the message alone (CPython's `LogRecord.getMessage`).
pub(crate) fn push_bare_message(out: &mut String, record: &Record<'_>) {
    match record.attribute("msg") {
        Some(value) => push_str(out, value),
        None => out.push_str(record.message),
    }
}

/// Appends a field's value: as `%s` has it, but text that would run into its neighbours in quotes.
// Always: it is a part of the hot path, whoever else calls it.
#[inline(always)]
fn push_field(out: &mut String, value: Value<'_>) {
    match value {
        Value::Str(text) if !needs_quotes(text) => out.push_str(text),
        Value::U64(number) => out.push_str(itoa::Buffer::new().format(number)),
        Value::Str(text) | Value::Display(text) | Value::Error(text) if needs_quotes(text) => {
            // As `Debug` has it; that of most text is the text itself.
            if is_plain(text) {
                push_string(out, text);
            } else {
                // Writing to a string does not fail.
                let _ = write!(out, "{text:?}");
            }
        }
        value => push_str(out, value),
    }
}

#[inline]
fn needs_quotes(text: &str) -> bool {
    // Nearly all text is plain, and looked at in whole without a branch for each byte.
    let is_plain_byte = |byte| matches!(byte, b'!' | b'#'..=b'~');
    let is_plain = !text.is_empty() && text.bytes().fold(true, |is_plain, byte| is_plain & is_plain_byte(byte));
    !is_plain && needs_quotes_in_unicode(text)
}

fn needs_quotes_in_unicode(text: &str) -> bool {
    text.is_empty() || text.contains(|char: char| char == '"' || char.is_whitespace() || char.is_control())
}

/// Appends the names of the spans, `outer:inner`.
pub(crate) fn push_span_path(out: &mut String, spans: Spans<'_>) {
    for (at, span) in spans.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { ":" });
        out.push_str(span.name);
    }
}

/// Appends the spans with their fields, `outer{id=7 method=GET}:inner`, as tracing-subscriber's fmt has them.
#[cold]
pub(crate) fn push_full_spans(out: &mut String, record: &Record<'_>) {
    for (at, span) in record.spans.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { ":" });
        out.push_str(span.name);
        for (at, field) in span.fields.into_iter().enumerate() {
            out.push_str(if at == 0 { "{" } else { " " });
            out.push_str(record.callsite.field_name(field.name));
            out.push('=');
            push_field(out, field.value);
        }
        out.push_str(if span.fields.is_empty() { "" } else { "}" });
    }
}

/// Appends what belongs below the line, which begins at `start` (the end of CPython's `Formatter.format`).
///
/// # Errors
/// CPython's `TypeError`, if a record says that it has something there and that is no text.
#[inline]
pub(crate) fn push_below(out: &mut String, start: usize, record: &Record<'_>) -> Result<(), FormatError> {
    let is_nothing = record.exc_text.is_none() && record.stack_info.is_none() && record.attributes.is_empty();
    if is_nothing { Ok(()) } else { push_exception(out, start, record) }
}

fn push_exception(out: &mut String, start: usize, record: &Record<'_>) -> Result<(), FormatError> {
    for (name, text) in [("exc_text", record.exc_text), ("stack_info", record.stack_info)] {
        let text = match record.attribute(name) {
            None => text.unwrap_or_default(),
            Some(value) => match value.as_str() {
                Some(text) => text,
                None if !is_truthy(value) => "",
                None => {
                    let type_name = Operand::Value(value).type_name();
                    let message = format!("can only concatenate str (not \"{type_name}\") to str");
                    return Err(error("TypeError", message));
                }
            },
        };
        if !text.is_empty() {
            if !out[start..].ends_with('\n') {
                out.push('\n');
            }
            out.push_str(text);
        }
    }
    Ok(())
}

/// Whether Python takes a value for true.
pub(crate) fn is_truthy(value: Value<'_>) -> bool {
    match value {
        Value::None | Value::Bool(false) | Value::I64(0) | Value::U64(0) | Value::I128(0) | Value::U128(0) => false,
        Value::F64(value) => value != 0.0,
        Value::Bytes(bytes) => !bytes.is_empty(),
        value => value.as_str().is_none_or(|text| !text.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_quotes_is_as_debug_has_it() {
        // Quotes, backslashes, control characters, what is not ASCII, what cannot be seen, and everything between.
        for char in ('\0'..='\u{2ff}').chain(['\u{200b}', '\u{2028}', '\u{e000}', '😀']) {
            let text = format!("a b{char}c");
            let mut out = String::new();
            push_field(&mut out, Value::Str(&text));
            assert_eq!(out, format!("{text:?}"));
        }
    }
}
