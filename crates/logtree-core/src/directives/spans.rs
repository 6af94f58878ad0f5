//! A level inside some spans, as tracing-subscriber's `EnvFilter` has it.

use super::{BadDirective, Level, LevelNames, is_or_is_below, level_in, logger_of};
use crate::SpanRef;

/// What `my_app[request{id=5}]=debug` says: that inside spans of that name, which have a field of that name and value, the records
/// of a logger and all below it are wanted from a level on, whatever else is said of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanDirective {
    /// The logger, in dots; empty for the root.
    logger: String,
    /// What the span is called; any span if it is empty.
    span: String,
    /// The fields that it must have, and their values as text.
    fields: Vec<(String, Option<String>)>,
    level: Level,
}

impl SpanDirective {
    pub(super) fn parse(directive: &str, names: &LevelNames) -> Result<Self, BadDirective> {
        let no_span = || {
            let message = format!("the directive '{directive}' names no span");
            BadDirective {
                message,
                expected: "target[span{field=value}]=level, such as [request{id=5}]=debug",
                level: None,
            }
        };
        let (target, rest) = directive.split_once('[').ok_or_else(no_span)?;
        let (span, level) = rest.rsplit_once(']').ok_or_else(no_span)?;
        let (span, fields) = match span.split_once('{') {
            None => (span, ""),
            Some((span, fields)) => (span, fields.strip_suffix('}').ok_or_else(no_span)?),
        };
        if span.contains(['[', ']', '}']) || (span.trim().is_empty() && fields.trim().is_empty()) {
            return Err(no_span());
        }
        let level = match level.trim().strip_prefix('=') {
            Some(level) => level.trim(),
            None if level.trim().is_empty() => "trace",
            None => return Err(no_span()),
        };
        let fields = fields.split(',').map(str::trim).filter(|field| !field.is_empty()).map(|field| {
            match field.split_once('=') {
                Some((name, value)) => (name.trim().to_owned(), Some(value.trim().to_owned())),
                None => (field.to_owned(), None),
            }
        });
        Ok(Self {
            logger: logger_of(target.trim(), directive)?,
            span: span.trim().to_owned(),
            fields: fields.collect(),
            level: level_in(directive, level, names)?,
        })
    }

    /// Whether records of that logger (dots) and level are wanted inside such a span.
    pub fn is_for(&self, name: &str, level: Level) -> bool {
        level >= self.level && is_or_is_below(name, &self.logger)
    }

    /// Whether it is such a span. `is_value` says whether the value of a field that the span has is written so.
    pub fn is_of(&self, span: &SpanRef<'_>, is_value: impl Fn(&crate::Value<'_>, &str) -> bool) -> bool {
        let has = |(name, wanted): &(String, Option<String>)| {
            let value = span.fields.find(name, &[]);
            value.is_some_and(|value| wanted.as_deref().is_none_or(|wanted| is_value(&value, wanted)))
        };
        (self.span.is_empty() || self.span == span.name) && self.fields.iter().all(has)
    }
}
