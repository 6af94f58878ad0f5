//! `tracing-appender`'s writers, and any writer of `tracing-subscriber`, as handlers.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use logtree_core::{
    Argument, ArgumentError, BuildError, EmitError, Formatter, Handler, HandlerErrors, HandlerPlan, Kwargs, Record,
    Registry, StdStream, Steps, with_own_record,
};
use logtree_os::{ForkGeneration, ForkLock, ForkReset};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::fmt::MakeWriter;

/// Writes each record and a newline to what makes writers for `tracing-subscriber`.
///
/// What locks the writer takes, and what a child of `fork` may do with it, are the writer's affair.
///
/// ```
/// use logtree::WriterHandler;
/// let to_stdout = logtree::handler("stdout", WriterHandler::new(std::io::stdout), None);
/// // For tests: what it prints stands in the report of a test that fails, and nowhere else.
/// let to_report = logtree::handler("report", WriterHandler::new(tracing_subscriber::fmt::TestWriter::new()), None);
/// # let _ = (to_stdout, to_report);
/// ```
#[derive(Debug)]
pub struct WriterHandler<M>(M);

impl<M> WriterHandler<M>
where
    M: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    /// A handler that writes there.
    pub fn new(make_writer: M) -> Self {
        Self(make_writer)
    }
}

impl<M> Handler for WriterHandler<M>
where
    M: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        // Not into memory of the thread: the writer is somebody else's, and may log.
        let mut line = String::new();
        formatter.format(record, &mut line)?;
        line.push('\n');
        Ok(self.0.make_writer().write_all(line.as_bytes())?)
    }

    fn flush(&self, _: Instant) -> bool {
        self.0.make_writer().flush().is_ok()
    }
}

/// Registers the classes of `tracing-appender`.
pub(crate) fn register(registry: &mut Registry) {
    registry
        .handler("tracing_appender.rolling.RollingFileAppender", rolling)
        .handler("tracing_appender.non_blocking.NonBlocking", non_blocking);
}

/// The class `tracing_appender.rolling.RollingFileAppender`: `directory`, `filename_prefix`, `filename_suffix`, `rotation`
/// (`minutely`, `hourly`, `daily`, `weekly` or `never`, as by default), `max_log_files` and `latest_symlink`, as its builder
/// has them.
fn rolling(mut kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
    let config = RollingConfig::from_kwargs(&mut kwargs)?;
    kwargs.finish()?;
    Ok(Box::new(move |_| Ok(Box::new(WriterHandler::new(config.build()?)))))
}

/// The class `tracing_appender.non_blocking.NonBlocking`: `stream`, or the arguments of a `RollingFileAppender`; and
/// `buffered_lines_limit`, `lossy` and `thread_name`, as its builder has them.
fn non_blocking(mut kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
    let mut builder = NonBlockingBuilder::default();
    if let Some(limit) = kwargs.int("buffered_lines_limit")? {
        builder = builder.buffered_lines_limit(usize::try_from(limit).unwrap_or(0).max(1));
    }
    if let Some(is_lossy) = kwargs.truth("lossy") {
        builder = builder.lossy(is_lossy);
    }
    if let Some(name) = kwargs.string("thread_name")? {
        builder = builder.thread_name(&name);
    }
    let stream = match kwargs.take("stream") {
        None => None,
        Some(argument) => match argument {
            Argument::Object(ref object) if object.downcast::<StdStream>().is_some() => {
                object.downcast::<StdStream>().copied()
            }
            other => return Err(kwargs.wrong_type("stream", &other, "ext://sys.stdout or ext://sys.stderr")),
        },
    };
    let rolling = if stream.is_none() { Some(RollingConfig::from_kwargs(&mut kwargs)?) } else { None };
    let name = kwargs.entry().to_owned();
    kwargs.finish()?;
    Ok(Box::new(move |_| {
        let writer: Box<dyn Write + Send> = match (stream, rolling) {
            (_, Some(rolling)) => Box::new(rolling.build()?),
            (Some(StdStream::Stdout), None) => Box::new(io::stdout()),
            (_, None) => Box::new(io::stderr()),
        };
        Ok(Box::new(NonBlockingHandler::new(builder, name, writer)))
    }))
}

struct RollingConfig {
    directory: String,
    filename_prefix: Option<String>,
    filename_suffix: Option<String>,
    rotation: Rotation,
    max_log_files: Option<usize>,
    latest_symlink: Option<String>,
}

impl RollingConfig {
    fn from_kwargs(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        let rotation = match kwargs.string("rotation")?.as_deref() {
            None | Some("never") => Rotation::NEVER,
            Some("minutely") => Rotation::MINUTELY,
            Some("hourly") => Rotation::HOURLY,
            Some("daily") => Rotation::DAILY,
            Some("weekly") => Rotation::WEEKLY,
            Some(other) => {
                let expected = "'minutely', 'hourly', 'daily', 'weekly' or 'never'";
                let message = format!("rotation must be {expected}, not '{other}'");
                return Err(ArgumentError::new("ValueError", message).at("rotation").expected(expected));
            }
        };
        let max_log_files = match kwargs.int("max_log_files")? {
            None => None,
            Some(count) => match usize::try_from(count) {
                Ok(count) if count > 0 => Some(count),
                _ => {
                    let error = ArgumentError::new("ValueError", "max_log_files must be 1 or more");
                    return Err(error.at("max_log_files"));
                }
            },
        };
        Ok(Self {
            directory: kwargs.required_string("directory")?,
            filename_prefix: kwargs.string("filename_prefix")?,
            filename_suffix: kwargs.string("filename_suffix")?,
            rotation,
            max_log_files,
            latest_symlink: kwargs.string("latest_symlink")?,
        })
    }

    fn build(self) -> Result<RollingFileAppender, BuildError> {
        let mut builder = RollingFileAppender::builder().rotation(self.rotation);
        builder = self.filename_prefix.into_iter().fold(builder, |builder, prefix| builder.filename_prefix(prefix));
        builder = self.filename_suffix.into_iter().fold(builder, |builder, suffix| builder.filename_suffix(suffix));
        builder = self.max_log_files.into_iter().fold(builder, |builder, count| builder.max_log_files(count));
        builder = self.latest_symlink.into_iter().fold(builder, |builder, name| builder.latest_symlink(name));
        let failed =
            |error| BuildError::new(format!("cannot open a log file in '{}': {error}", self.directory)).at("directory");
        // `tracing-appender` makes a link of the directory's name as it stands, which from within the directory leads nowhere;
        // and it looks it up anew at each roll, when the program may work elsewhere.
        let directory = std::path::absolute(&self.directory).unwrap_or_else(|_| PathBuf::from(&self.directory));
        builder.build(directory).map_err(failed)
    }
}

/// `NonBlocking`, with what it leaves open: a flush, and lines that are dropped, or cannot be written, without a word.
///
/// `tracing-appender` has no thread in a forked child; there each record is an error.
struct NonBlockingHandler {
    writer: WriterHandler<NonBlocking>,
    guard: ForkLock<Guard>,
    is_closed: AtomicBool,
    made_in: ForkGeneration,
    counter: ErrorCounter,
    sent: AtomicUsize,
    written: Arc<Written>,
    /// How many of the dropped lines were an error already.
    dropped: AtomicUsize,
}

/// Its drop stops the thread.
struct Guard(Option<WorkerGuard>);

impl ForkReset for Guard {
    fn after_fork(&mut self) {
        // The thread is the parent's; a drop would wait for it.
        std::mem::forget(self.0.take());
    }

    fn torn() -> Self {
        Self(None)
    }
}

/// What became of the lines that the thread was given.
#[derive(Default)]
struct Written {
    /// The handler's.
    name: String,
    count: AtomicUsize,
    errors: HandlerErrors,
}

/// Counts the lines that are written, and says which are not.
struct Counted<W>(W, Arc<Written>);

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    /// `NonBlocking`'s thread writes a line by one call of this, and tells nobody of an error.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Self(writer, written) = self;
        if let Err(error) = writer.write_all(bytes) {
            let error = EmitError::from(error);
            let report = |record: &Record<'_>| written.errors.report(&written.name, record, &error);
            with_own_record("appender", "a line could not be written", report);
        }
        written.count.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl NonBlockingHandler {
    fn new(builder: NonBlockingBuilder, name: String, writer: Box<dyn Write + Send>) -> Self {
        let written = Arc::new(Written { name, ..Written::default() });
        let (writer, guard) = builder.finish(Counted(writer, Arc::clone(&written)));
        Self {
            counter: writer.error_counter(),
            writer: WriterHandler::new(writer),
            guard: ForkLock::new(Guard(Some(guard))),
            is_closed: AtomicBool::new(false),
            made_in: ForkGeneration::current(),
            sent: AtomicUsize::new(0),
            written,
            dropped: AtomicUsize::new(0),
        }
    }
}

impl Handler for NonBlockingHandler {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        if self.made_in != ForkGeneration::current() {
            let message = "NonBlocking has no thread in a forked process; queue.Queue has";
            return Err(io::Error::other(message).into());
        }
        // Its channel takes lines for a moment longer, and loses them.
        if self.is_closed.load(Ordering::Acquire) {
            return Err(io::Error::other("NonBlocking was closed, and has no thread any more").into());
        }
        self.writer.emit(record, formatter, steps)?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        let dropped = self.counter.dropped_lines();
        if dropped > self.dropped.fetch_max(dropped, Ordering::Relaxed) {
            return Err(io::Error::other("NonBlocking's buffer is full: the line was dropped").into());
        }
        Ok(())
    }

    fn flush(&self, deadline: Instant) -> bool {
        const TURN: Duration = Duration::from_millis(1);
        let sent = self.sent.load(Ordering::Relaxed);
        let is_there = || self.written.count.load(Ordering::Acquire) + self.counter.dropped_lines() >= sent;
        while self.made_in == ForkGeneration::current() && !is_there() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(TURN);
        }
        true
    }

    fn errors_aside(&self) -> u64 {
        self.written.errors.count()
    }

    fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        drop(self.guard.lock().0.take());
    }
}
