//! Records cut to fit where there is no place for all of them.

use crate::codec::Encoded;
use crate::{Fields, FieldsBuf, Record, Spans, SpansBuf, Value};

/// A budget below this is taken for this: so much has every record beside its texts.
pub const LEAST_CUT_BYTES: usize = 4 << 10;

/// The most that is left of the logger's and of the function's name.
const NAME_BYTES: usize = 400;

impl Record<'_> {
    /// Lends the record with its texts cut so far that it is encoded in `most_bytes`, or in [`LEAST_CUT_BYTES`] if that is
    /// more. Its message, which gets half of that, ends with a mark that tells how long the whole record was; of the fields,
    /// the spans and the error those are left, and so much of each, as fits into the rest.
    pub fn with_cut<R>(&self, most_bytes: usize, use_it: impl FnOnce(&Record<'_>) -> R) -> R {
        let whole: u64 = Encoded::new(self, 0).slices().iter().map(|piece| piece.len() as u64).sum();
        let mark = format!("… [cut by logtree: the whole record had {whole} bytes]");
        // For the names, the mark and what every record has.
        let texts = most_bytes.max(LEAST_CUT_BYTES) - LEAST_CUT_BYTES / 4;
        let mut message = start_of(self.message, texts / 2).to_owned();
        message.push_str(&mark);
        let mut fields = FieldsBuf::default();
        push_cut(&mut fields, self.fields, texts / 8);
        let mut attributes = FieldsBuf::default();
        push_cut(&mut attributes, self.attributes, texts / 16);
        let spans = cut_spans(self.spans, texts / 16);
        let text = |text| start_of(text, texts / 8);
        use_it(&Record {
            name: start_of(self.name, NAME_BYTES),
            message: &message,
            fields: fields.as_fields(),
            spans: spans.as_spans(),
            function: self.function.map(|function| start_of(function, NAME_BYTES)),
            exc_text: self.exc_text.map(text),
            stack_info: self.stack_info.map(text),
            attributes: attributes.as_fields(),
            ..*self
        })
    }
}

/// So much of a text as fits, whole characters.
#[inline]
pub(crate) fn start_of(text: &str, most_bytes: usize) -> &str {
    if text.len() <= most_bytes {
        return text;
    }
    // A character has four bytes at most.
    let end = (0..=most_bytes).rev().take(4).find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[..end]
}

/// Appends fields, their texts cut, as long as they fit.
fn push_cut(out: &mut FieldsBuf, fields: Fields<'_>, most_bytes: usize) {
    let short = |text| start_of(text, most_bytes / 4);
    for field in fields {
        let value = match field.value {
            Value::Str(text) => Value::Str(short(text)),
            Value::Debug(text) => Value::Debug(short(text)),
            Value::Display(text) => Value::Display(short(text)),
            Value::Error(text) => Value::Error(short(text)),
            Value::Bytes(bytes) => Value::Bytes(&bytes[..bytes.len().min(most_bytes / 4)]),
            value => value,
        };
        let mut one = FieldsBuf::default();
        one.push(field.name, value);
        if out.as_fields().as_bytes().len() + one.as_fields().as_bytes().len() <= most_bytes {
            out.extend(one.as_fields());
        }
    }
}

/// The spans from the outermost on, as long as they fit.
fn cut_spans(spans: Spans<'_>, most_bytes: usize) -> SpansBuf {
    let mut out = SpansBuf::default();
    for span in spans.iter() {
        let mut fields = FieldsBuf::default();
        push_cut(&mut fields, span.fields, most_bytes / 4);
        let mut one = SpansBuf::default();
        one.push(start_of(span.name, NAME_BYTES), &fields);
        if out.as_spans().as_bytes().len() + one.as_spans().as_bytes().len() <= most_bytes {
            out.extend(one.as_spans());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::decode;
    use crate::{Callsite, FieldName, Level, LevelNames, Origin, Source, Timestamp};

    fn encoded(record: &Record<'_>) -> Vec<u8> {
        Encoded::new(record, 0).slices().concat()
    }

    #[test]
    fn whatever_is_long_is_cut_to_fit_and_marked() {
        let long = "ä€😀x".repeat(10_000);
        let mut fields = FieldsBuf::default();
        let names = [FieldName::Index(3), FieldName::Inline("text"), FieldName::Inline(&long)];
        for name in names {
            let values = [Value::Str(&long), Value::Debug(&long), Value::Bytes(long.as_bytes()), Value::I128(-7)];
            values.into_iter().for_each(|value| fields.push(name, value));
        }
        let mut spans = SpansBuf::default();
        (0..5).for_each(|_| spans.push(&long, &fields));
        let (callsite, origin) = (Callsite::default(), Origin::default());
        let record = Record {
            callsite: &callsite,
            name: &long,
            level: Level::ERROR,
            level_names: LevelNames::STANDARD,
            created: Timestamp(17),
            origin: &origin,
            message: &long,
            fields: fields.as_fields(),
            spans: spans.as_spans(),
            function: Some(&long),
            exc_text: Some(&long),
            stack_info: Some(&long),
            source: Source::Python,
            attributes: fields.as_fields(),
        };
        let whole = encoded(&record).len();
        for most in [0, LEAST_CUT_BYTES, 8 << 10, 64 << 10, 128 << 10] {
            record.with_cut(most, |cut| {
                let bytes = encoded(cut);
                assert!(bytes.len() <= most.max(LEAST_CUT_BYTES), "{} of {most}", bytes.len());
                assert!(bytes.len() > most / 2, "{} of {most}", bytes.len());
                assert!(decode(&bytes).is_ok());
                let mark = format!("… [cut by logtree: the whole record had {whole} bytes]");
                let message = cut.message.strip_suffix(&*mark);
                assert!(message.is_some_and(|start| long.starts_with(start) && start.len() >= most / 3));
                assert!(cut.exc_text.is_some_and(|text| !text.is_empty() && long.starts_with(text)));
                // What is short stays.
                assert!(cut.fields.iter().any(|field| field.value == Value::I128(-7)));
                assert_eq!((cut.level, cut.created, cut.source), (Level::ERROR, Timestamp(17), Source::Python));
            });
        }
    }
}
