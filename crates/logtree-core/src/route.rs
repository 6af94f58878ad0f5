//! Routes: what the records of one logger pass.

use std::sync::Arc;

use crate::caught::{caught, drop_each};
use crate::filter::{pass, refuse_all, say_unsaid};
use crate::{EmitError, Filter, HandlerEntry, HandlerErrors, Level, Needs, Record, SpanEvents, Steps, with_own_record};

/// Whom errors of a logger's filters are counted for.
const A_FILTER: &str = "(filter of a logger)";

/// What a record of one logger passes: a threshold, the logger's own filters, then handlers in Python's order.
pub struct Route {
    /// Below it, or at or below [`disable`](Self::disable), nothing passes.
    level: Level,
    /// What `logging.disable` was given; 0 when it never was.
    disable: Level,
    filters: Box<[Arc<dyn Filter>]>,
    /// Records lost to a filter that panicked.
    filter_errors: HandlerErrors,
    handlers: Arc<[Arc<HandlerEntry>]>,
    needs: Needs,
    span_events: SpanEvents,
}

impl Route {
    pub(crate) fn new(
        level: Level,
        disable: Level,
        filters: Box<[Arc<dyn Filter>]>,
        handlers: Arc<[Arc<HandlerEntry>]>,
        needs: Needs,
    ) -> Self {
        Self {
            level,
            disable,
            filters,
            filter_errors: HandlerErrors::default(),
            handlers,
            needs,
            span_events: SpanEvents::NONE,
        }
    }

    pub(crate) fn with_span_events(mut self, span_events: SpanEvents) -> Self {
        self.span_events = span_events;
        self
    }

    /// At which points of their lives there are records of the logger's spans.
    pub fn span_events(&self) -> SpanEvents {
        self.span_events
    }

    /// A route that lets nothing pass.
    pub(crate) fn nowhere() -> Self {
        Self::new(Level(i32::MAX), Level(i32::MAX), Box::new([]), Arc::new([]), Needs::default())
    }

    /// Whether the logger would make a record of this level at all (CPython's `Logger.isEnabledFor`).
    pub fn is_enabled_for(&self, level: Level) -> bool {
        self.is_at_level(level) && self.is_not_disabled(level)
    }

    /// Whether the level is not below the logger's.
    pub(crate) fn is_at_level(&self, level: Level) -> bool {
        level >= self.level
    }

    /// Whether `logging.disable` lets the level pass.
    pub(crate) fn is_not_disabled(&self, level: Level) -> bool {
        level > self.disable
    }

    /// Below it nothing passes.
    pub(crate) fn level(&self) -> Level {
        self.level
    }

    /// The logger's own filters.
    pub(crate) fn filters(&self) -> &[Arc<dyn Filter>] {
        &self.filters
    }

    /// Whether a record of this level could have any effect: it passes the threshold, and a handler or a filter waits.
    pub fn wants(&self, level: Level) -> bool {
        let somebody = || !self.filters.is_empty() || self.handlers.iter().any(|handler| handler.takes(level));
        self.is_enabled_for(level) && somebody()
    }

    /// The same for the logger called `name` (dots), whose route it is: whether its filters and those of the handlers do not
    /// [refuse](Filter::decides) all such records. Dearer; who asks keeps the answer.
    pub fn wants_of(&self, name: &str, level: Level) -> bool {
        let takes = |entry: &Arc<HandlerEntry>| entry.takes(level) && !refuse_all(&entry.filters, name, level);
        let somebody = || match &*self.filters {
            [] => self.handlers.iter().any(takes),
            filters => !refuse_all(filters, name, level),
        };
        self.is_enabled_for(level) && somebody()
    }

    /// The lowest level that [`wants`](Self::wants) may say yes to.
    pub fn lowest_wanted(&self) -> Option<Level> {
        let threshold = self.level.max(Level(self.disable.0.saturating_add(1)));
        if !self.filters.is_empty() {
            return Some(threshold);
        }
        self.handlers.iter().map(|handler| handler.level().max(threshold)).min()
    }

    /// Hands a record to the filters and then to each handler whose level it has (CPython's `Logger.handle` and
    /// `callHandlers`). Whether it [is enabled](Self::is_enabled_for) is the caller's to ask first.
    #[inline]
    pub fn handle(&self, record: &Record<'_>, steps: &mut dyn Steps) {
        if self.filters.is_empty() { self.call_handlers(record, steps) } else { self.filter(record, steps) }
    }

    #[inline(never)]
    fn filter(&self, record: &Record<'_>, steps: &mut dyn Steps) {
        let mut call_handlers = |record: &Record<'_>| self.call_handlers(record, steps);
        if caught(|| pass(&self.filters, record, &mut call_handlers)).is_none() {
            // DIFFERENCE: in Python the exception is the program's.
            self.filter_errors.report_place(A_FILTER, record, &EmitError::Panic);
        }
    }

    /// Handles what the logger's filters [still have to say](Filter::unsaid) of records that they held back.
    pub(crate) fn say_unsaid(&self, steps: &mut dyn Steps) {
        let mut call_handlers = |record: &Record<'_>| self.call_handlers(record, steps);
        if caught(|| say_unsaid(&self.filters, &mut call_handlers)).is_none() {
            let message = "what a filter had to say";
            with_own_record("filter", message, |record| {
                self.filter_errors.report(A_FILTER, record, &EmitError::Panic);
            });
        }
    }

    #[inline]
    fn call_handlers(&self, record: &Record<'_>, steps: &mut dyn Steps) {
        for handler in &*self.handlers {
            if handler.takes(record.level) {
                handler.handle(record, steps);
            }
        }
    }

    /// What anything on the way reads of a record beyond the event itself.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// The handlers in the order in which they are called.
    pub fn handlers(&self) -> &[Arc<HandlerEntry>] {
        &self.handlers
    }
}

impl Drop for Route {
    /// The last one that has it may be a thread that logs, and a filter's panic is not to be its.
    fn drop(&mut self) {
        drop_each(std::mem::take(&mut self.filters));
    }
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Route")
            .field("level", &self.level)
            .field("disable", &self.disable)
            .field("handlers", &self.handlers)
            .finish_non_exhaustive()
    }
}
