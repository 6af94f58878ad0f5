//! A queue over files, and records for it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use logtree_core::{
    Callsite, Direct, Handler, HandlerEntry, Level, Origin, Overflow, QueueLimits, QueueListener, Record,
    RecordQueue as _, StdStream, Timestamp,
};
use logtree_handlers::{Compress, Stream, StreamHandler, StreamHandlerConfig};
use logtree_prefork::{ListenerIn, MultiprocessingQueue, QueueOptions};

use super::handlers::{Holding, Lined, LogFile, ToFile, ToStdout};
use super::lines::padding;
use super::{DEADLINE, Logs, until};

/// What a lane of a queue over several files holds.
pub(crate) const LANE_BYTES: usize = 512 << 10;

/// A queue over one file, as a config builds it.
pub(crate) struct Queue {
    pub(crate) entry: HandlerEntry,
    pub(crate) log: PathBuf,
}

impl Queue {
    pub(crate) fn over(log: &Path, options: QueueOptions) -> Self {
        Self::before(vec![Box::new(ToFile(Arc::new(LogFile(log.to_owned()))))], log, options)
    }

    /// A queue over several files, which get the same lines.
    pub(crate) fn started_over(logs: &Logs) -> Self {
        let queue = Self::over_all(logs, ListenerIn::Process);
        queue.entry.handler.start().unwrap();
        queue
    }

    /// The same, not yet started.
    pub(crate) fn over_all(logs: &Logs, listener_in: ListenerIn) -> Self {
        let file = |log: &Path| Arc::new(LogFile(log.to_owned()));
        let holding = Holding { file: file(&logs.held), held: Mutex::default() };
        // They wait for room, so that a number that is missing is a record that was lost.
        let overflow = Overflow::Block(DEADLINE);
        let limits = QueueLimits { capacity_bytes: LANE_BYTES, overflow, ..QueueLimits::default() };
        let options = QueueOptions { limits, listener_in, ..QueueOptions::default() };
        let plain = Box::new(ToFile(file(&logs.plain)));
        let (rolled, kept) = (logs.rolling(&logs.rolled, 1000, None), logs.rolling(&logs.kept, 1, None));
        let packed = logs.rolling(&logs.packed, 1000, Some(Compress::Gzip));
        Self::before(vec![plain, Box::new(holding), rolled, kept, packed], &logs.plain, options)
    }

    /// A queue whose one handler writes to stdout.
    pub(crate) fn before_the_console(options: QueueOptions) -> Self {
        Self::before(vec![Box::new(ToStdout)], Path::new(""), options)
    }

    /// A queue before stdout, as a config builds its handler, and a file behind it.
    pub(crate) fn before_the_console_and(log: &Path) -> Self {
        let config = StreamHandlerConfig { stream: Stream::Std(StdStream::Stdout), ..StreamHandlerConfig::default() };
        let file = ToFile(Arc::new(LogFile(log.to_owned())));
        let options = QueueOptions::default();
        Self::before(vec![Box::new(StreamHandler::new(config)), Box::new(file)], log, options)
    }

    pub(crate) fn before(handlers: Vec<Box<dyn Handler>>, log: &Path, options: QueueOptions) -> Self {
        let entries = handlers.into_iter().map(|handler| HandlerEntry::new("test", handler, Arc::new(Lined)));
        let handlers = entries.map(Arc::new).collect();
        let listener = QueueListener { name: "queue".into(), handlers, respect_handler_level: true };
        let handler = MultiprocessingQueue { options }.connect(listener).unwrap();
        Self { entry: HandlerEntry::new("queue", handler, Arc::new(Lined)), log: log.to_owned() }
    }

    pub(crate) fn started(log: &Path) -> Self {
        let queue = Self::over(log, QueueOptions::default());
        queue.entry.handler.start().unwrap();
        queue
    }

    /// Logs a line that no other call logs: process, thread, number.
    pub(crate) fn log(&self, number: u32) {
        self.log_with(Level::INFO, Timestamp::now(), number);
    }

    /// The same with a line of so many bytes more.
    pub(crate) fn log_long(&self, number: u32, more: usize) {
        self.log_padded(Level::INFO, Timestamp::now(), number, more);
    }

    /// The same with a record that takes several units of a lane, from a place in the code that no other record comes from.
    #[cfg(logtree_kill_points)]
    pub(crate) fn log_bulky(&self, number: u32) {
        let thread = rustix::thread::gettid().as_raw_nonzero();
        let name = format!("test.{thread}.{number}.{}", "x".repeat(3000));
        let callsite = Callsite { index: None, name: name.into(), ..Callsite::default() };
        self.log_from(&callsite, Level::INFO, Timestamp::now(), number, 0, Some(&"trace\n".repeat(7000)));
    }

    pub(crate) fn log_with(&self, level: Level, created: Timestamp, number: u32) {
        self.log_padded(level, created, number, 0);
    }

    pub(crate) fn log_padded(&self, level: Level, created: Timestamp, number: u32, more: usize) {
        let callsite = Callsite { index: Some(0), name: "test".into(), ..Callsite::default() };
        self.log_from(&callsite, level, created, number, more, None);
    }

    pub(crate) fn log_from(
        &self,
        callsite: &Callsite,
        level: Level,
        created: Timestamp,
        number: u32,
        more: usize,
        exc_text: Option<&str>,
    ) {
        let thread = rustix::thread::gettid().as_raw_nonzero().get();
        let origin = Origin { process: std::process::id(), thread: thread.unsigned_abs().into(), ..Origin::default() };
        let message = format!("{thread} {number}{}", padding(more));
        let record = Record { name: "test", exc_text, ..Record::new(callsite, &origin, level, created, &message) };
        self.entry.handle(&record, &mut Direct);
    }

    pub(crate) fn flush(&self) -> bool {
        self.entry.handler.flush(Instant::now() + DEADLINE)
    }

    /// Waits until the helpers have left, and with them segment and claim.
    pub(crate) fn wait_until_gone(&self) {
        let claim = self.log.with_file_name(format!(".{}.logtree", self.log.file_name().unwrap().to_string_lossy()));
        until("the claim is gone", || !claim.exists());
    }
}
