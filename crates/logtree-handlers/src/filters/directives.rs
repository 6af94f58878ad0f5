//! `logtree.DirectivesFilter`: levels of loggers for one handler.

use std::sync::Arc;

use logtree_core::{ArgumentError, BadDirective, Directives, Filter, Kwargs, Level, LevelNames, Record, Verdict};

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
/// The directive of the nearest logger counts. A record for whose logger there is none does not pass, as with `EnvFilter`;
/// what [`Directives`] do not have of it, they do not have here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectivesFilter {
    /// The levels.
    pub directives: Directives,
}

impl DirectivesFilter {
    /// Takes the argument `directives`.
    ///
    /// # Errors
    /// If it is missing, or one of them is no directive.
    pub fn from_kwargs(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        let text = kwargs.required_string("directives")?;
        let directives = Directives::parse(&text, LevelNames::STANDARD).map_err(|bad| {
            let messages: Vec<&str> = bad.iter().map(|BadDirective { message, .. }| message.as_str()).collect();
            let error = ArgumentError::new("ValueError", messages.join("; ")).at("directives");
            error.expected(bad.first().map_or("", |bad| bad.expected))
        })?;
        Ok(Self { directives })
    }

    fn passes(&self, name: &str, level: Level) -> bool {
        self.directives.level_of(name).is_some_and(|least| level >= least)
    }
}

impl Filter for DirectivesFilter {
    fn filter(&self, record: &Record<'_>) -> Verdict {
        self.passes(record.name, record.level).into()
    }

    fn decides(&self, name: &str, level: Level) -> Option<bool> {
        Some(self.passes(name, level))
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
