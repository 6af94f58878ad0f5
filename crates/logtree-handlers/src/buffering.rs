//! `buffering`: many records in one write.

mod buffer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree_core::{
    ArgumentError, BuildError, EmitError, Formatter, Handler, HandlerEntry, HandlerPlan, Kwargs, Level, Needs, Record,
    StdStream, Steps,
};

use self::buffer::{Buffer, Held};

/// A handler whose lines are held back and written together: one write(2) for as many as fit into
/// [`bytes`](BufferingConfig::bytes).
///
/// - What is held back stands in this process's memory: a process that is killed loses it, up to so many bytes. A record of
///   [`flush_level`](BufferingConfig::flush_level) is written at once, with all that came before it.
/// - Lines are held back until others fill the buffer, unless [`flush_interval`](BufferingConfig::flush_interval) says how
///   long at most. Flushing and the end of the program write them.
/// - The buffer ends between two lines: a reader of the file sees whole lines.
/// - A file that rolls by its size rolls where it would without a buffer, as long as nobody else writes to it. Each other process
///   that does may make it larger by what its buffer holds, where it could by a record without one.
/// - What cannot be written stays, and is tried again with the next record; records that find no room then are lost, and
///   counted.
/// - A child of `fork` begins with an empty buffer: what its parent held back, the parent writes.
/// - Behind a queue between processes nothing is held back, as the listener writes many records at once anyway. Nor is it
///   for a pipe or a device.
pub struct Buffering {
    inner: Box<dyn Handler>,
    buffer: Arc<Buffer>,
}

/// How much is held back, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferingConfig {
    /// `buffering`: so many bytes at most.
    pub bytes: usize,
    /// `flushLevel`: nothing is held back behind a record of this level; ERROR.
    pub flush_level: Level,
    /// `flushInterval`: nothing is held back for longer; a thread sees to that. Not set.
    pub flush_interval: Option<Duration>,
}

impl BufferingConfig {
    /// A buffer of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self { bytes, flush_level: Level::ERROR, flush_interval: None }
    }

    /// Takes the arguments `buffering`, `flushLevel` and `flushInterval`; `None` if there is to be no buffer.
    ///
    /// # Errors
    /// If one is of the wrong type.
    pub fn from_kwargs(kwargs: &mut Kwargs) -> Result<Option<Self>, ArgumentError> {
        let bytes = match kwargs.bytes("buffering")? {
            // The other two are then arguments that nobody knows.
            None => return Ok(None),
            Some(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
        };
        let mut config = Self::new(bytes);
        if let Some(level) = kwargs.level("flushLevel")? {
            config.flush_level = level;
        }
        config.flush_interval = kwargs.seconds("flushInterval")?;
        Ok((bytes > 0).then_some(config))
    }
}

/// A class of handlers of files, with the arguments of a buffer.
pub(crate) fn buffered(
    plan: fn(Kwargs) -> Result<HandlerPlan, ArgumentError>,
) -> impl Fn(Kwargs) -> Result<HandlerPlan, ArgumentError> + Send + Sync + 'static {
    move |mut kwargs| {
        let Some(config) = BufferingConfig::from_kwargs(&mut kwargs)? else { return plan(kwargs) };
        let name = kwargs.entry().to_owned();
        let inner = plan(kwargs)?;
        Ok(Box::new(move |children| Ok(Box::new(Buffering::new(config, name, inner(children)?)))))
    }
}

impl Buffering {
    /// A buffer before a handler of a file; `name` is the handler's in the config, for messages.
    pub fn new(config: BufferingConfig, name: impl Into<String>, inner: Box<dyn Handler>) -> Self {
        Self { inner, buffer: Arc::new(Buffer::new(config, name.into())) }
    }
}

impl Handler for Buffering {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        if steps.is_gathering() {
            // What was not well with what stands before the record is not its fault.
            let handed_on = self.buffer.hand_on(steps);
            return self.inner.emit(record, formatter, steps).and(Ok(handed_on?));
        }
        self.inner.emit(record, formatter, &mut Held { buffer: &self.buffer, steps })?;
        if record.level >= self.buffer.config.flush_level {
            self.buffer.hand_on(steps)?;
        }
        Ok(())
    }

    fn open(&self) -> Result<(), BuildError> {
        self.inner.open()
    }

    fn start(&self) -> Result<(), BuildError> {
        self.inner.start()
    }

    fn flush(&self, deadline: Instant) -> bool {
        let is_written = self.buffer.write_before(deadline);
        self.inner.flush(deadline) && is_written
    }

    fn settle(&self, steps: &mut dyn Steps) -> Result<(), EmitError> {
        self.buffer.hand_on(steps)?;
        self.inner.settle(steps)
    }

    fn is_unsettled(&self) -> bool {
        self.inner.is_unsettled()
    }

    fn errors_aside(&self) -> u64 {
        self.buffer.errors.count() + self.inner.errors_aside()
    }

    fn reopen(&self) {
        self.buffer.write();
        self.inner.reopen();
    }

    fn roll(&self, steps: &mut dyn Steps) -> Result<(), EmitError> {
        self.buffer.hand_on(steps)?;
        self.inner.roll(steps)
    }

    fn close(&self) {
        self.buffer.close();
        self.inner.close();
    }

    fn file(&self) -> Option<&Path> {
        self.inner.file()
    }

    fn std_stream(&self) -> Option<StdStream> {
        self.inner.std_stream()
    }

    fn children(&self) -> &[Arc<HandlerEntry>] {
        self.inner.children()
    }

    fn hands_on(&self, child: &HandlerEntry, level: Level) -> bool {
        self.inner.hands_on(child, level)
    }

    fn needs(&self) -> Needs {
        self.inner.needs()
    }
}

impl Drop for Buffering {
    /// Writes what is left, and has the thread end.
    fn drop(&mut self) {
        self.buffer.close();
    }
}

impl fmt::Debug for Buffering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffering").field("config", &self.buffer.config).finish_non_exhaustive()
    }
}
