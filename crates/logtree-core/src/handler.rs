//! Handlers: where records end, and what a config binds to them.

use std::cell::Cell;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Instant;

use crate::caught::{caught, drop_each};
use crate::filter::{pass, say_unsaid};
use crate::{
    BuildError, EmitError, Filter, FormatError, Formatter, HandlerErrors, Level, Needs, QueueListener, Record, Steps,
    with_own_record,
};

/// Does something with a record. [`Registry::handler`](crate::Registry::handler) has a small one.
///
/// A handler lives through `open` (once, when its config is accepted), `start` (once, after every handler of the
/// config was opened), then any number of `emit`, `flush` and `reopen` from any thread, and of any process that was
/// forked in between; then `close`.
pub trait Handler: Send + Sync {
    /// Handles one record. Levels and filters have been looked at.
    ///
    /// # Errors
    /// What kept the record from being handled. The caller counts and reports it; the program goes on.
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError>;

    /// Opens what must be there before the config is accepted, such as a file.
    ///
    /// # Errors
    /// What will not open; then no handler of the config is started.
    fn open(&self) -> Result<(), BuildError> {
        Ok(())
    }

    /// Starts what works beside the program: threads, helper processes.
    ///
    /// # Errors
    /// What will not start; then the config is refused.
    fn start(&self) -> Result<(), BuildError> {
        Ok(())
    }

    /// Whether it starts the handlers that it hands records on to, when it is started itself, and whoever starts it is not to.
    fn starts_children(&self) -> bool {
        false
    }

    /// Brings everything handled so far to where it belongs, until `deadline` at the latest; answers whether it is there.
    fn flush(&self, deadline: Instant) -> bool {
        let _ = deadline;
        true
    }

    /// Hands on what it holds back in memory, such as records that wait for others, and has the handlers that it hands on
    /// to do the same. Behind a cross-process queue this comes before a batch is taken for done: a record that stood in
    /// nothing but the listener's memory would end with it. A handler to which two others hand on is asked by each of them, in the
    /// same [batch](Steps::batch).
    ///
    /// # Errors
    /// What kept it from being handed on.
    fn settle(&self, steps: &mut dyn Steps) -> Result<(), EmitError> {
        let _ = steps;
        Ok(())
    }

    /// Whether it has something to [hand on](Self::settle) though no record came. Behind a cross-process queue it is asked
    /// between two batches.
    fn is_unsettled(&self) -> bool {
        false
    }

    /// How many errors it had beside those that it has answered with: of a thread of its own, or when it was flushed. It has
    /// reported them.
    fn errors_aside(&self) -> u64 {
        0
    }

    /// How many records it dropped, which is no error, as a queue in this process does that is full.
    fn dropped(&self) -> u64 {
        0
    }

    /// Lets go of what is open and opens it again at the next record, as after a log file was moved.
    fn reopen(&self) {}

    /// Begins its files anew though they are not due (Python's `doRollover`), unless nothing stands in them. The default has
    /// the handlers that it hands on to do so.
    ///
    /// # Errors
    /// What kept the old ones from being given other names.
    fn roll(&self, steps: &mut dyn Steps) -> Result<(), EmitError> {
        self.children().iter().for_each(|child| child.roll(steps));
        Ok(())
    }

    /// Ends the handler. A record that comes later is still handled, as in Python.
    fn close(&self) {}

    /// The file it writes, if it is one with a name.
    fn file(&self) -> Option<&Path> {
        None
    }

    /// The standard stream it writes, if it is one.
    fn std_stream(&self) -> Option<StdStream> {
        None
    }

    /// The handlers it hands records on to.
    fn children(&self) -> &[Arc<HandlerEntry>] {
        &[]
    }

    /// Whether it hands records of this level on to that one of its [children](Self::children). The default hands all of
    /// them on: as in Python, a handler's level is looked at on the walk through the loggers, and by a queue's listener
    /// that was told to.
    fn hands_on(&self, child: &HandlerEntry, level: Level) -> bool {
        let _ = (child, level);
        true
    }

    /// The name of the queue that it puts records into, as configs call it, if it is a way into one.
    fn queue(&self) -> Option<&str> {
        None
    }

    /// The far end of that queue.
    fn queue_listener(&self) -> Option<&QueueListener> {
        None
    }

    /// What it reads of a record beyond the event itself, besides what its formatter reads. The default is nothing: a handler
    /// that itself looks at [`Record::spans`], or with [`Record::field`] at fields of spans, has to say so, or it finds none.
    fn needs(&self) -> Needs {
        Needs::default()
    }
}

/// One of the two output streams of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StdStream {
    /// `sys.stdout`
    Stdout,
    /// `sys.stderr`
    Stderr,
}

/// A handler as a config binds it: with its name, level, filters and formatter.
pub struct HandlerEntry {
    /// The name in the config.
    pub name: String,
    level: AtomicI32,
    /// All must pass.
    pub filters: Vec<Arc<dyn Filter>>,
    /// Makes the text of a record.
    pub formatter: Arc<dyn Formatter>,
    /// Does the work.
    pub handler: Box<dyn Handler>,
    /// What went wrong so far, but for what the handler reports itself: see [`error_count`](Self::error_count).
    pub errors: HandlerErrors,
}

impl HandlerEntry {
    /// A handler that takes every level, without filters.
    ///
    /// DIFFERENCE: one that writes a [file](Handler::file) gets the formatter
    /// [without colours](Formatter::without_colors); in Python a formatter does not know who uses it, and one that
    /// console and file share colours both.
    pub fn new(name: impl Into<String>, handler: Box<dyn Handler>, formatter: Arc<dyn Formatter>) -> Self {
        let (name, level, filters, errors) = (name.into(), AtomicI32::new(0), Vec::new(), HandlerErrors::default());
        let mut entry = Self { name, level, filters, formatter: Arc::clone(&formatter), handler, errors };
        entry.set_formatter(formatter);
        entry
    }

    /// Sets the formatter, without its colours if the handler writes a file.
    pub fn set_formatter(&mut self, formatter: Arc<dyn Formatter>) {
        let plain = self.handler.file().and_then(|_| formatter.without_colors());
        self.formatter = plain.unwrap_or(formatter);
    }

    /// Records below it are not handled, where the walk through the tree looks at it.
    #[inline]
    pub fn level(&self) -> Level {
        Level(self.level.load(Ordering::Relaxed))
    }

    /// Whether records of this level are not below its own.
    #[inline]
    pub fn takes(&self, level: Level) -> bool {
        level >= self.level()
    }

    /// Whether this one looks at the level of `child`, one of its children, before it hands a record on.
    pub fn asks_level_of(&self, child: &Self) -> bool {
        // Then a record that is just below it is kept back.
        let below = child.level().0.checked_sub(1).map(Level);
        below.is_none_or(|below| !self.handler.hands_on(child, below))
    }

    /// Sets the level, for all who share the handler. A tree that leads to it is to be built anew afterwards: what its
    /// callsites are worth may have been remembered.
    pub fn set_level(&self, level: Level) {
        self.level.store(level.0, Ordering::Relaxed);
    }

    /// What went wrong so far, in its threads too.
    pub fn error_count(&self) -> u64 {
        self.errors.count() + caught(|| self.handler.errors_aside()).unwrap_or_default()
    }

    /// How many records its handler dropped so far, none of which is an error.
    pub fn dropped_count(&self) -> u64 {
        caught(|| self.handler.dropped()).unwrap_or_default()
    }

    /// Handles a record: filters, then `emit` (CPython's `Handler.handle`). The level is the caller's to look at, as in
    /// Python: the walk does, a handler that hands on does not.
    ///
    /// Whatever goes wrong, a panic included, is counted and reported and ends here.
    #[inline]
    pub fn handle(&self, record: &Record<'_>, steps: &mut dyn Steps) {
        if self.filters.is_empty() { self.emit(record, steps) } else { self.filter(record, steps) }
    }

    #[inline(never)]
    fn filter(&self, record: &Record<'_>, steps: &mut dyn Steps) {
        let filtered = caught(|| pass(&self.filters, record, &mut |record| self.emit(record, steps)));
        if filtered.is_none() {
            self.errors.report_place(&self.name, record, &EmitError::Panic);
        }
    }

    /// Handles what its filters [still have to say](Filter::unsaid) of records that they held back.
    pub fn say_unsaid(&self, steps: &mut dyn Steps) {
        let say = || say_unsaid(&self.filters, &mut |record| self.emit(record, steps));
        if caught(say).is_none() {
            self.panicked("filter", "what a filter had to say");
        }
    }

    fn emit(&self, record: &Record<'_>, steps: &mut dyn Steps) {
        match caught(|| self.handler.emit(record, &*self.formatter, steps)) {
            Some(Ok(())) => {}
            Some(Err(error)) => self.failed(record, &error),
            None => self.failed(record, &EmitError::Panic),
        }
    }

    #[cold]
    fn failed(&self, record: &Record<'_>, error: &EmitError) {
        match self.is_before_filters() {
            true => self.errors.report_place(&self.name, record, error),
            false => self.errors.report(&self.name, record, error),
        }
    }

    /// Whether it hands records on to handlers that have filters, or that do so.
    fn is_before_filters(&self) -> bool {
        let children = caught(|| self.handler.children()).unwrap_or_default();
        children.iter().any(|child| !child.filters.is_empty() || child.is_before_filters())
    }

    /// Has the handler hand on what it [holds back](Handler::settle). Whatever goes wrong is counted and reported here.
    pub fn settle(&self, steps: &mut dyn Steps) {
        self.attempt("what the handler held back", || self.handler.settle(steps));
    }

    /// Has the handler [roll](Handler::roll) its files. Whatever goes wrong is counted and reported here.
    pub fn roll(&self, steps: &mut dyn Steps) {
        self.attempt("files to be rolled", || self.handler.roll(steps));
    }

    /// Whether the handler has something to hand on though [no record came](Handler::is_unsettled). A panic is counted and
    /// reported here.
    pub fn is_unsettled(&self) -> bool {
        caught(|| self.handler.is_unsettled()).unwrap_or_else(|| {
            self.panicked("handler", "what the handler holds back");
            false
        })
    }

    /// Has the handler [flush](Handler::flush); a panic is counted and reported here, so that others are flushed all the same.
    pub fn flush(&self, deadline: Instant) -> bool {
        caught(|| self.handler.flush(deadline)).unwrap_or_else(|| {
            self.panicked("handler", "a flush of what was logged");
            false
        })
    }

    /// Has the handler [reopen](Handler::reopen) what is open; a panic is counted and reported here.
    pub fn reopen(&self) {
        if caught(|| self.handler.reopen()).is_none() {
            self.panicked("handler", "files to be opened anew");
        }
    }

    /// [Ends](Handler::close) the handler; a panic is counted and reported here, so that others end all the same.
    pub fn close(&self) {
        if caught(|| self.handler.close()).is_none() {
            self.panicked("handler", "the end of the handler");
        }
    }

    fn attempt(&self, what: &str, attempt: impl FnOnce() -> Result<(), EmitError>) {
        if let Err(error) = caught(attempt).unwrap_or(Err(EmitError::Panic)) {
            self.report_own("handler", what, &error);
        }
    }

    fn panicked(&self, whose: &str, what: &str) {
        self.report_own(whose, what, &EmitError::Panic);
    }

    fn report_own(&self, whose: &str, what: &str, error: &EmitError) {
        with_own_record(whose, what, |record| self.errors.report(&self.name, record, error));
    }

    /// What it reads of a record beyond the event itself; what those read that it hands on to comes in addition.
    pub(crate) fn own_needs(&self) -> Needs {
        let of_filters = Needs { spans: !self.filters.is_empty() };
        self.formatter.needs().and(self.handler.needs()).and(of_filters)
    }
}

impl Drop for HandlerEntry {
    /// The last one that has it may be a thread that logs, and a panic is not to be its.
    fn drop(&mut self) {
        struct Nothing;
        impl Handler for Nothing {
            fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
                Ok(())
            }
        }
        impl Formatter for Nothing {
            fn format(&self, _: &Record<'_>, _: &mut String) -> Result<(), FormatError> {
                Ok(())
            }
        }
        let parts = Parts {
            handler: std::mem::replace(&mut self.handler, Box::new(Nothing)),
            filters: std::mem::take(&mut self.filters),
            formatter: std::mem::replace(&mut self.formatter, Arc::new(Nothing)),
        };
        parts.drop_all();
    }
}

/// What a user has written of a handler that is dropped.
struct Parts {
    handler: Box<dyn Handler>,
    filters: Vec<Arc<dyn Filter>>,
    formatter: Arc<dyn Formatter>,
}

thread_local! {
    /// What is to be dropped behind the handler that is being dropped, if one is.
    static TO_DROP: Cell<Option<Vec<Parts>>> = const { Cell::new(None) };
}

impl Parts {
    /// Drops it and the handlers that go with it, which may be a long row, without recursion.
    fn drop_all(self) {
        let mut next = Some(self);
        let _ = TO_DROP.try_with(|to_drop| {
            let all = to_drop.take().map(|mut all| {
                all.extend(next.take());
                all
            });
            to_drop.set(Some(all.unwrap_or_default()));
        });
        while let Some(parts) = next {
            drop_each([parts.handler]);
            drop_each(parts.filters);
            drop_each([parts.formatter]);
            next = TO_DROP
                .try_with(|to_drop| {
                    let mut all = to_drop.take().unwrap_or_default();
                    let next = all.pop();
                    // The last one leaves no memory behind.
                    to_drop.set(next.is_some().then_some(all));
                    next
                })
                .unwrap_or_default();
        }
    }
}

impl fmt::Debug for HandlerEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerEntry").field("name", &self.name).field("level", &self.level()).finish_non_exhaustive()
    }
}
