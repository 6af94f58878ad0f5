//! `logtree.RedactFilter`: what must not be read in a log.

use std::borrow::Cow;
use std::sync::Arc;

use logtree_core::{
    ArgumentError, Callsite, FieldName, Fields, FieldsBuf, Filter, Kwargs, Level, Record, Replacement, Spans, SpansBuf,
    Value, Verdict,
};

use super::pattern::Pattern;
use super::subject::with_text;

/// Passes all records, with a replacement where a secret stands.
///
/// ```yaml
/// filters:
///   discreet:
///     (): logtree.RedactFilter
///     fields: [password, authorization, "*token*"]
///     patterns: ['(?i)(bearer )[a-z0-9._~+/-]+=*', '\b(?:\d[ -]?){12,15}(\d{4})\b']
///     replacement: "$1***"
/// ```
///
/// - `fields` are names of fields, of events and spans, in whatever case; `*` stands for any characters. Their values are
///   replaced whole, of whatever type they are, by the replacement without what it says of groups; with an error, so are all
///   errors below the line.
/// - `patterns` are looked for, one after the other, in the message, in the error and the stack below it, and in the values
///   of all fields: texts (what `Debug` wrote included) and numbers, not bytes. They need the feature `regex`.
/// - `replacement` is `***`; `$1` and `${name}` in it stand for groups of a pattern.
/// - On a handler it holds for that handler, on a logger for records of this very logger: what must never leave the process
///   belongs on every handler. Names of loggers, spans and files are not looked at.
/// - Reports of errors while logging do not say what it hides.
/// - A record in which nothing is found costs no copy.
#[derive(Clone, Debug)]
pub struct RedactFilter {
    config: RedactFilterConfig,
    /// In the place of whole values.
    plain: String,
}

/// The arguments of `logtree.RedactFilter`.
#[derive(Clone, Debug)]
pub struct RedactFilterConfig {
    /// The names of fields, in which `*` stands for any characters.
    pub fields: Vec<String>,
    /// What is replaced in texts.
    pub patterns: Vec<Pattern>,
    /// By what; `***`.
    pub replacement: String,
}

impl Default for RedactFilterConfig {
    fn default() -> Self {
        Self { fields: Vec::new(), patterns: Vec::new(), replacement: "***".to_owned() }
    }
}

impl RedactFilterConfig {
    /// Takes the arguments `fields` and `patterns` (each a string or a list of them) and `replacement`.
    ///
    /// # Errors
    /// If there are neither fields nor patterns, or an argument is not of its type.
    pub fn from_kwargs(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        let mut config = Self { fields: kwargs.strings("fields")?, ..Self::default() };
        for pattern in kwargs.strings("patterns")? {
            config.patterns.push(Pattern::new(&pattern).map_err(|error| error.at("patterns"))?);
        }
        config.replacement = kwargs.string("replacement")?.unwrap_or(config.replacement);
        if config.fields.is_empty() && config.patterns.is_empty() {
            let error = ArgumentError::new("ValueError", "neither fields nor patterns say what is to be redacted");
            return Err(error.expected("fields or patterns"));
        }
        Ok(config)
    }
}

impl RedactFilter {
    /// A filter with this config.
    pub fn new(config: RedactFilterConfig) -> Self {
        let plain = without_groups(&config.replacement);
        Self { config, plain }
    }

    /// A text without secrets, if there were any.
    fn text(&self, text: &str) -> Option<String> {
        let mut redacted: Option<String> = None;
        for pattern in &self.config.patterns {
            let now = redacted.as_deref().unwrap_or(text);
            if let Cow::Owned(replaced) = pattern.replace_all(now, &self.config.replacement) {
                redacted = Some(replaced);
            }
        }
        redacted
    }

    /// A value without secrets, if there were any.
    fn value(&self, value: &Value<'_>) -> Option<String> {
        match value {
            Value::None | Value::Bool(_) | Value::Bytes(_) => None,
            value if self.config.patterns.is_empty() => {
                let _ = value;
                None
            }
            value => with_text(value, |text| self.text(text)),
        }
    }

    fn is_secret(&self, name: &str) -> bool {
        self.config.fields.iter().any(|pattern| is_like(pattern.as_bytes(), name.as_bytes()))
    }

    /// Fields without secrets, if there were any. Names of attributes are not secret: their values stand elsewhere too.
    fn fields(&self, fields: Fields<'_>, name_of: impl Fn(FieldName<'_>) -> bool) -> Option<FieldsBuf> {
        let redacted = |field: &logtree_core::Field<'_>| match name_of(field.name) {
            true => Some(self.plain.clone()),
            false => self.value(&field.value),
        };
        if !fields.iter().any(|field| redacted(&field).is_some()) {
            return None;
        }
        let mut buffer = FieldsBuf::default();
        for field in fields {
            let text = redacted(&field);
            let value = match (&text, field.value) {
                (None, value) => value,
                (Some(text), Value::Debug(_)) => Value::Debug(text),
                (Some(text), Value::Display(_)) => Value::Display(text),
                (Some(text), Value::Error(_)) => Value::Error(text),
                (Some(text), _) => Value::Str(text),
            };
            buffer.push(field.name, value);
        }
        Some(buffer)
    }

    fn fields_of(&self, callsite: &Callsite, fields: Fields<'_>) -> Option<FieldsBuf> {
        self.fields(fields, |name| self.is_secret(callsite.field_name(name)))
    }

    /// The text of errors: the value of an error's field once more, with its sources.
    fn exc_text(&self, record: &Record<'_>, text: &str) -> Option<String> {
        let is_secret = |field: logtree_core::Field<'_>| {
            matches!(field.value, Value::Error(_)) && self.is_secret(record.callsite.field_name(field.name))
        };
        if record.fields.iter().any(is_secret) { Some(self.plain.clone()) } else { self.text(text) }
    }

    fn spans(&self, spans: Spans<'_>) -> Option<SpansBuf> {
        let callsite = Callsite::default();
        if !spans.iter().any(|span| self.fields_of(&callsite, span.fields).is_some()) {
            return None;
        }
        let mut buffer = SpansBuf::default();
        for span in spans.iter() {
            let fields = self.fields_of(&callsite, span.fields).unwrap_or_else(|| {
                let mut fields = FieldsBuf::default();
                fields.extend(span.fields);
                fields
            });
            buffer.push(span.name, &fields);
        }
        Some(buffer)
    }
}

impl Filter for RedactFilter {
    fn filter(&self, record: &Record<'_>) -> Verdict {
        let replacement = Replacement {
            message: self.text(record.message),
            fields: self.fields_of(record.callsite, record.fields),
            spans: self.spans(record.spans),
            exc_text: record.exc_text.and_then(|text| self.exc_text(record, text)),
            stack_info: record.stack_info.and_then(|text| self.text(text)),
            attributes: self.fields_of(record.callsite, record.attributes),
            ..Replacement::default()
        };
        let is_found = replacement.message.is_some()
            || replacement.fields.is_some()
            || replacement.spans.is_some()
            || replacement.exc_text.is_some()
            || replacement.stack_info.is_some()
            || replacement.attributes.is_some();
        if is_found { replacement.into() } else { Verdict::Pass }
    }

    fn decides(&self, _: &str, _: Level) -> Option<bool> {
        Some(true)
    }

    fn keeps_name_and_level(&self) -> bool {
        true
    }
}

/// Whether a name is like a pattern in which `*` stands for any bytes, in whatever case. In time that grows with the product
/// of their lengths, which both are short.
fn is_like(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on if it does not work out: behind the last star, with one more byte in the star's place.
    let mut retry: Option<(usize, usize)> = None;
    let (mut at, mut read) = (0, 0);
    while read < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                retry = Some((at + 1, read));
                at += 1;
            }
            Some(byte) if byte.eq_ignore_ascii_case(&name[read]) => {
                at += 1;
                read += 1;
            }
            _ => match retry {
                Some((behind, begin)) => {
                    retry = Some((behind, begin + 1));
                    (at, read) = (behind, begin + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// A replacement without `$1` and `${name}`; `$$` is a dollar sign.
fn without_groups(replacement: &str) -> String {
    let mut plain = String::with_capacity(replacement.len());
    let mut rest = replacement;
    while let Some((before, behind)) = rest.split_once('$') {
        plain.push_str(before);
        rest = match behind.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
            Some((_, behind)) => behind,
            None if behind.starts_with('$') => {
                plain.push('$');
                &behind[1..]
            }
            None => behind.trim_start_matches(|char: char| char.is_ascii_alphanumeric() || char == '_'),
        };
    }
    plain.push_str(rest);
    plain
}

/// The class `logtree.RedactFilter`.
pub(super) fn plan(mut kwargs: Kwargs) -> Result<Arc<dyn Filter>, ArgumentError> {
    let config = RedactFilterConfig::from_kwargs(&mut kwargs)?;
    kwargs.finish()?;
    Ok(Arc::new(RedactFilter::new(config)))
}
