//! What a filter puts in a record's place.

use crate::{Fields, FieldsBuf, Level, Record, Spans, SpansBuf, Timestamp};

/// A record in the place of another one: the same but for what is said here.
///
/// It holds what differs and borrows the rest, so that a filter which takes a secret out of a message copies the message
/// and nothing else.
///
/// ```
/// # use logtree_core as logtree;
/// use logtree::{Filter, Record, Replacement, Verdict};
///
/// /// Shows no e-mail address.
/// struct Discreet;
///
/// impl Filter for Discreet {
///     fn filter(&self, record: &Record<'_>) -> Verdict {
///         if !record.message.contains('@') {
///             return Verdict::Pass;
///         }
///         let words = record.message.split(' ').map(|word| if word.contains('@') { "***" } else { word });
///         let message = words.collect::<Vec<_>>().join(" ");
///         Replacement { message: Some(message), ..Replacement::default() }.into()
///     }
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Replacement {
    /// Another logger's name. The route stays that of the logger which the record came from.
    pub name: Option<String>,
    /// Another level, which the handlers behind the filter look at.
    pub level: Option<Level>,
    /// Another time.
    pub created: Option<Timestamp>,
    /// Another message.
    pub message: Option<String>,
    /// Other fields, all of them. [`FieldName::Index`](crate::FieldName::Index) still names the callsite's.
    pub fields: Option<FieldsBuf>,
    /// Other spans, all of them.
    pub spans: Option<SpansBuf>,
    /// Another function's name; empty for none.
    pub function: Option<String>,
    /// Another text of the error; empty for none.
    pub exc_text: Option<String>,
    /// Another stack; empty for none.
    pub stack_info: Option<String>,
    /// Other values of attributes, all of them; by these anything else can be given another value.
    pub attributes: Option<FieldsBuf>,
}

impl Replacement {
    /// The record that stands in `record`'s place.
    pub fn of<'a>(&'a self, record: &Record<'a>) -> Record<'a> {
        let text = |ours: &'a Option<String>, theirs: Option<&'a str>| match ours {
            Some(text) => Some(text.as_str()).filter(|text| !text.is_empty()),
            None => theirs,
        };
        let fields =
            |ours: &'a Option<FieldsBuf>, theirs: Fields<'a>| ours.as_ref().map_or(theirs, FieldsBuf::as_fields);
        let spans: Spans<'a> = self.spans.as_ref().map_or(record.spans, SpansBuf::as_spans);
        Record {
            name: self.name.as_deref().unwrap_or(record.name),
            level: self.level.unwrap_or(record.level),
            created: self.created.unwrap_or(record.created),
            message: self.message.as_deref().unwrap_or(record.message),
            fields: fields(&self.fields, record.fields),
            spans,
            function: text(&self.function, record.function),
            exc_text: text(&self.exc_text, record.exc_text),
            stack_info: text(&self.stack_info, record.stack_info),
            attributes: fields(&self.attributes, record.attributes),
            ..*record
        }
    }
}
