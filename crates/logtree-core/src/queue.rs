//! Queues between a logger and its handlers: what a `QueueHandler` asks of the queue that its config names.

mod limits;

use std::sync::Arc;

use crate::{BuildError, Handler, HandlerEntry, Level, Record, Steps};

pub use limits::{Overflow, QueueLimits};

/// A queue that a config names, such as `queue.Queue` or `multiprocessing.Queue`, before it is connected.
pub trait RecordQueue: Send + Sync {
    /// Connects the queue to its listener; the answer is the handler that puts records into it.
    ///
    /// Nothing outside this process may change before [`Handler::start`].
    ///
    /// # Errors
    /// If the queue cannot be had in this build or on this system.
    fn connect(&self, listener: QueueListener) -> Result<Box<dyn Handler>, BuildError>;
}

/// The far end of a queue: Python's `QueueListener`.
#[derive(Clone, Debug, Default)]
pub struct QueueListener {
    /// The name of the `QueueHandler` in the config.
    pub name: String,
    /// Where records go that come out of the queue, in order.
    pub handlers: Vec<Arc<HandlerEntry>>,
    /// Whether a record below a handler's level is kept from it, as `logging.handlers.QueueListener` has it.
    pub respect_handler_level: bool,
}

impl QueueListener {
    /// Hands a record to the handlers (CPython's `QueueListener.handle`), of which `which` may leave some out.
    pub fn handle(&self, record: &Record<'_>, steps: &mut dyn Steps, which: impl Fn(&HandlerEntry) -> bool) {
        for entry in &self.handlers {
            if self.hands_on(entry, record.level) && which(entry) {
                entry.handle(record, steps);
            }
        }
    }

    /// Handles what filters of the handlers, and of those that these hand on to, [still have to say](crate::Filter::unsaid).
    pub fn say_unsaid(&self, steps: &mut dyn Steps) {
        self.for_each(|entry| entry.say_unsaid(steps));
    }

    /// Has the handlers [roll](Handler::roll) their files.
    pub fn roll(&self, steps: &mut dyn Steps) {
        self.handlers.iter().for_each(|entry| entry.roll(steps));
    }

    /// Whether any of those handlers has filters.
    pub fn has_filters(&self) -> bool {
        let mut has_filters = false;
        self.for_each(|entry| has_filters |= !entry.filters.is_empty());
        has_filters
    }

    /// Lends the handlers, and those that these hand on to.
    fn for_each(&self, mut use_it: impl FnMut(&HandlerEntry)) {
        let mut lent: Vec<*const HandlerEntry> = Vec::new();
        let mut to_lend: Vec<&Arc<HandlerEntry>> = self.handlers.iter().collect();
        while let Some(entry) = to_lend.pop() {
            // Handlers may share others many times over.
            if !lent.contains(&Arc::as_ptr(entry)) {
                lent.push(Arc::as_ptr(entry));
                use_it(entry);
                to_lend.extend(entry.handler.children());
            }
        }
    }

    /// Whether records of this level go to that one of the handlers (see [`Handler::hands_on`]).
    pub fn hands_on(&self, entry: &HandlerEntry, level: Level) -> bool {
        !self.respect_handler_level || entry.takes(level)
    }
}
