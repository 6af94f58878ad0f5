//! `logtree.DirectivesFilter`: levels of loggers for one handler.

use std::sync::Arc;

use logtree_core::{
    ArgumentError, BadDirective, Directives, Filter, Kwargs, Level, LevelNames, Record, SpanDirective, Value, Verdict,
};

use super::subject::with_text;

/// Passes what directives pass, as tracing-subscriber's `EnvFilter` or `Targets` on one of several layers.
///
/// The level of a logger is for all handlers, and that of a handler for all loggers. Where a handler is to have levels of
/// loggers of its own, the loggers let through what any handler is to have, and each handler has such a filter:
///
/// ```yaml
/// env: true
/// filters:
///   console: {(): logtree.DirectivesFilter, directives: "${RUST_LOG:-warn,my_app=info}"}
///   file: {(): logtree.DirectivesFilter, directives: "info,my_app=debug,hyper=off"}
/// handlers:
///   console: {class: logging.StreamHandler, filters: [console]}
///   file: {class: logging.FileHandler, filename: app.log, filters: [file]}
/// root: {level: INFO, handlers: [console, file]}
/// loggers:
///   my_app: {level: DEBUG}
/// ```
///
/// Under `install` a callsite whose records the filters of all handlers refuse is switched off, as by its logger's level.
///
/// The directive of the nearest logger counts. A record for whose logger there is none does not pass, as with `EnvFilter`.
///
/// Directives for spans let more pass, as there: with `warn,[request{tenant=acme}]=debug` all from DEBUG on inside a span
/// `request` whose field `tenant` is `acme`, where the loggers are at DEBUG. `[request]`, `[{tenant}]` and `my_app[request]=info`
/// are such directives too.
///
/// DIFFERENCE to `EnvFilter`: names of loggers are compared by their parts, and that before a span is the record's logger, and not
/// the span's target; the span may be of whatever level, and have several fields. A value is the whole of what the field shows,
/// with or without quotes around it, and no pattern. What an event's own fields are is for [`FieldFilter`](super::FieldFilter).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectivesFilter {
    /// The levels.
    pub directives: Directives,
    /// Those inside of spans.
    pub spans: Vec<SpanDirective>,
}

impl DirectivesFilter {
    /// Takes the argument `directives`.
    ///
    /// # Errors
    /// If it is missing, or one of them is no directive.
    pub fn from_kwargs(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        let text = kwargs.required_string("directives")?;
        let (directives, spans) = Directives::parse_with_spans(&text, LevelNames::STANDARD).map_err(|bad| {
            let messages: Vec<&str> = bad.iter().map(|BadDirective { message, .. }| message.as_str()).collect();
            let error = ArgumentError::new("ValueError", messages.join("; ")).at("directives");
            error.expected(bad.first().map_or("", |bad| bad.expected))
        })?;
        Ok(Self { directives, spans })
    }

    fn passes(&self, name: &str, level: Level) -> bool {
        self.directives.level_of(name).is_some_and(|least| level >= least)
    }
}

/// Whether a value shows as that text.
fn shows(value: &Value<'_>, wanted: &str) -> bool {
    let unquoted = wanted.strip_prefix('"').and_then(|wanted| wanted.strip_suffix('"'));
    with_text(value, |text| text == wanted || Some(text) == unquoted)
}

impl Filter for DirectivesFilter {
    fn filter(&self, record: &Record<'_>) -> Verdict {
        let inside = || {
            let mut wanted = self.spans.iter().filter(|directive| directive.is_for(record.name, record.level));
            wanted.any(|directive| record.spans.iter().any(|span| directive.is_of(&span, shows)))
        };
        (self.passes(record.name, record.level) || inside()).into()
    }

    fn decides(&self, name: &str, level: Level) -> Option<bool> {
        match self.passes(name, level) {
            false if self.spans.iter().any(|directive| directive.is_for(name, level)) => None,
            passes => Some(passes),
        }
    }

    fn keeps_name_and_level(&self) -> bool {
        true
    }
}

/// The class `logtree.DirectivesFilter`.
pub(super) fn plan(mut kwargs: Kwargs) -> Result<Arc<dyn Filter>, ArgumentError> {
    let filter = DirectivesFilter::from_kwargs(&mut kwargs)?;
    kwargs.finish()?;
    Ok(Arc::new(filter))
}
