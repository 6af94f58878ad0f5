//! The peers that hand the work to a thread of their own, and slog, which slog-async stands before.
//!
//! Nothing may be lost: where a queue is full its producer waits. A round that is timed as a whole ends when the thread has
//! written all of it, so that the work is counted whoever does it.

use std::cell::RefCell;
use std::error::Error;
use std::fmt::{self, Display, Write as _};
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError, mpsc};

use ftlog::appender::FileAppender;
use ftlog::{FtLogFormat, Level, Record};
use slog::{Drain, Key, Logger, OwnedKVList, Serializer};
use slog_async::{Async, AsyncGuard, OverflowStrategy};

use crate::calls;
use crate::cases::{LOG_FILE, Running};

type Started = Result<Running, Box<dyn Error>>;

/// As many records as ftlog's queue holds as it comes.
const QUEUE_LENGTH: usize = 100_000;

/// Takes whole lines and forgets them.
struct Null;

impl Write for Null {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        black_box(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a call returns once its records are written, or as soon as they are queued.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Waits {
    UntilWritten,
    UntilQueued,
}

/// The story's line without its time, which ftlog puts before it.
struct FtStory {
    thread: std::thread::ThreadId,
    target: String,
    level: Level,
    line: u32,
    message: String,
}

impl Display for FtStory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thread, target, level, line, message } = self;
        write!(f, "-process[{}] -thread[{thread:?}] -{target} - [{level}]-[{line}] - {message}", std::process::id())
    }
}

fn ftlog(out: impl Write + Send + 'static, waits: Waits) -> Started {
    struct Format;

    impl FtLogFormat for Format {
        fn msg(&self, record: &Record<'_>) -> Box<dyn Send + Sync + Display> {
            Box::new(FtStory {
                thread: std::thread::current().id(),
                target: record.target().to_owned(),
                level: record.level(),
                line: record.line().unwrap_or_default(),
                message: record.args().to_string(),
            })
        }
    }

    let guard = ftlog::builder().format(Format).bounded(QUEUE_LENGTH, true).root(out).try_init()?;
    let call = move |count| {
        calls::log_requests(count);
        if waits == Waits::UntilWritten {
            log::logger().flush();
        }
    };
    Ok(Running::Here { call: Box::new(call), finish: Box::new(|| drop(guard)) })
}

pub(crate) fn ftlog_sink(_: &Path) -> Started {
    ftlog(Null, Waits::UntilWritten)
}

pub(crate) fn ftlog_file(directory: &Path, waits: Waits) -> Started {
    ftlog(FileAppender::builder().path(directory.join(LOG_FILE)).build(), waits)
}

/// A record with this tag is not written: by it whoever waits learns that all before it are.
const MARK: &str = "mark";

/// Writes the story's line with the fields behind the message.
struct SlogStory {
    out: Mutex<Box<dyn Write + Send>>,
    seen_mark: mpsc::SyncSender<()>,
}

impl Drain for SlogStory {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, record: &slog::Record<'_>, of_logger: &OwnedKVList) -> Result<(), slog::Never> {
        thread_local!(static LINE: RefCell<String> = const { RefCell::new(String::new()) });
        if record.tag() == MARK {
            // Whoever waited may be gone.
            let _ = self.seen_mark.send(());
            return Ok(());
        }
        LINE.with_borrow_mut(|line| {
            line.clear();
            // What fails shows in the lines that are missing.
            if format(line, record, of_logger).is_ok() {
                let _ = self.out.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
            }
        });
        Ok(())
    }
}

fn format(line: &mut String, record: &slog::Record<'_>, of_logger: &OwnedKVList) -> slog::Result {
    struct Fields<'a>(&'a mut String);

    impl Serializer for Fields<'_> {
        fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
            Ok(write!(self.0, " {key}={value}")?)
        }
    }

    write!(
        line,
        "{} -process[{}] -thread[{:?}] -{} - [{}]-[{}] - {}",
        jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S,%3f"),
        std::process::id(),
        std::thread::current().id(),
        record.tag(),
        record.level(),
        record.line(),
        record.msg(),
    )?;
    slog::KV::serialize(&record.kv(), record, &mut Fields(line))?;
    slog::KV::serialize(of_logger, record, &mut Fields(line))?;
    line.push('\n');
    Ok(())
}

fn slog(out: impl Write + Send + 'static) -> Logger {
    let (seen_mark, _) = mpsc::sync_channel(1);
    Logger::root(SlogStory { out: Mutex::new(Box::new(out)), seen_mark }, slog::o!())
}

pub(crate) fn slog_sink(_: &Path) -> Started {
    let logger = slog(Null);
    Ok(Running::direct(move |count| calls::slog_requests(&logger, count)))
}

pub(crate) fn slog_file(directory: &Path) -> Started {
    let logger = slog(File::create(directory.join(LOG_FILE))?);
    Ok(Running::direct(move |count| calls::slog_requests(&logger, count)))
}

pub(crate) fn slog_at_rest(directory: &Path) -> Started {
    let logger = slog(File::create(directory.join(LOG_FILE))?);
    let call = calls::on_threads_that_stay(move |count| calls::slog_requests(&logger, count));
    Ok(Running::Here { call, finish: Box::new(|| ()) })
}

/// The logger, what ends its thread, and what comes when a mark is written.
fn slog_async_logger(out: impl Write + Send + 'static) -> (Logger, AsyncGuard, mpsc::Receiver<()>) {
    let (seen_mark, marks) = mpsc::sync_channel(1);
    let story = SlogStory { out: Mutex::new(Box::new(out)), seen_mark };
    let queue = Async::new(story).chan_size(QUEUE_LENGTH).overflow_strategy(OverflowStrategy::Block);
    let (queue, guard) = queue.build_with_guard();
    (Logger::root(queue.ignore_res(), slog::o!()), guard, marks)
}

fn slog_async(out: impl Write + Send + 'static, waits: Waits) -> Started {
    let (logger, guard, marks) = slog_async_logger(out);
    let call = move |count| {
        calls::slog_requests(&logger, count);
        if waits == Waits::UntilWritten {
            slog::info!(logger, #MARK, "");
            // It comes unless the worker is dead, and then there is nothing to wait for.
            let _ = marks.recv();
        }
    };
    Ok(Running::Here { call: Box::new(call), finish: Box::new(|| drop(guard)) })
}

pub(crate) fn slog_async_sink(_: &Path) -> Started {
    slog_async(Null, Waits::UntilWritten)
}

pub(crate) fn slog_async_file(directory: &Path, waits: Waits) -> Started {
    slog_async(File::create(directory.join(LOG_FILE))?, waits)
}

pub(crate) fn slog_async_at_rest(directory: &Path) -> Started {
    let (logger, guard, _) = slog_async_logger(File::create(directory.join(LOG_FILE))?);
    let call = calls::on_threads_that_stay(move |count| calls::slog_requests(&logger, count));
    Ok(Running::Here { call, finish: Box::new(|| drop(guard)) })
}
