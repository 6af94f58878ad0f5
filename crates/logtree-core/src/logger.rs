//! Loggers: the nodes of the tree.

use std::borrow::Cow;
use std::sync::Arc;

use crate::{Filter, HandlerEntry, Level, SpanEvents};

/// One logger, as a config describes it.
#[derive(Clone)]
pub struct Logger {
    /// Records below it end here; [`Level::NOTSET`] asks the parent.
    pub level: Level,
    /// Whether records go on to the handlers of the parent.
    pub propagate: bool,
    /// Whether records made by this very logger end at once.
    pub disabled: bool,
    /// At which points of their lives there are records of its spans; where it does not say it, the logger above does.
    pub span_events: Option<SpanEvents>,
    /// Looked at for records made by this very logger; all must pass.
    pub filters: Vec<Arc<dyn Filter>>,
    /// Its handlers, in order. The same one twice counts once, as with Python's `addHandler`.
    pub handlers: Vec<Arc<HandlerEntry>>,
}

impl Default for Logger {
    fn default() -> Self {
        let (filters, handlers) = Default::default();
        Self { level: Level::NOTSET, propagate: true, disabled: false, span_events: None, filters, handlers }
    }
}

/// Python's names for setting it up.
///
/// ```
/// # use logtree_core as logtree;
/// use logtree::{Level, Logger};
///
/// let mut logger = Logger::default();
/// logger.set_level(Level::DEBUG).propagate(false);
/// assert_eq!((logger.level, logger.propagate), (Level::DEBUG, false));
/// ```
impl Logger {
    /// Sets the level.
    pub fn set_level(&mut self, level: Level) -> &mut Self {
        self.level = level;
        self
    }

    /// Sets whether records go on to the handlers of the parent.
    pub fn propagate(&mut self, propagate: bool) -> &mut Self {
        self.propagate = propagate;
        self
    }

    /// Has records made of its spans, and of those of loggers below it: at their level, of their target, once they are made,
    /// entered, left or closed. What tracing-subscriber's fmt does with `with_span_events`.
    pub fn set_span_events(&mut self, events: SpanEvents) -> &mut Self {
        self.span_events = Some(events);
        self
    }

    /// Attaches a handler behind those that it has, unless it has it.
    pub fn add_handler(&mut self, handler: impl Into<Arc<HandlerEntry>>) -> &mut Self {
        let handler = handler.into();
        if !self.handlers.iter().any(|own| Arc::ptr_eq(own, &handler)) {
            self.handlers.push(handler);
        }
        self
    }

    /// Attaches a filter behind those that it has, unless it has it.
    pub fn add_filter(&mut self, filter: Arc<dyn Filter>) -> &mut Self {
        if !self.filters.iter().any(|own| Arc::ptr_eq(own, &filter)) {
            self.filters.push(filter);
        }
        self
    }
}

impl std::fmt::Debug for Logger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logger")
            .field("level", &self.level)
            .field("propagate", &self.propagate)
            .field("disabled", &self.disabled)
            .field("handlers", &self.handlers)
            .finish_non_exhaustive()
    }
}

/// The dotted name of a logger: `my_app.db.pool` for the target `my_app::db::pool`; `root` is the empty name.
pub fn logger_name(target: &str) -> Cow<'_, str> {
    match target {
        "root" => Cow::Borrowed(""),
        _ if target.contains("::") => Cow::Owned(target.replace("::", ".")),
        _ => Cow::Borrowed(target),
    }
}
