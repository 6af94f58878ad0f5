//! Loggers: the nodes of the tree.

use std::borrow::Cow;
use std::sync::Arc;

use crate::{Filter, HandlerEntry, Level};

/// One logger, as a config describes it.
#[derive(Clone)]
pub struct Logger {
    /// Records below it end here; [`Level::NOTSET`] asks the parent.
    pub level: Level,
    /// Whether records go on to the handlers of the parent.
    pub propagate: bool,
    /// Whether records made by this very logger end at once.
    pub disabled: bool,
    /// Looked at for records made by this very logger; all must pass.
    pub filters: Vec<Arc<dyn Filter>>,
    /// Its handlers, in order. The same one twice counts once, as with Python's `addHandler`.
    pub handlers: Vec<Arc<HandlerEntry>>,
}

impl Default for Logger {
    fn default() -> Self {
        Self { level: Level::NOTSET, propagate: true, disabled: false, filters: Vec::new(), handlers: Vec::new() }
    }
}

/// Python's names for setting it up.
///
/// ```
/// use logtree_core::{Level, Logger};
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
