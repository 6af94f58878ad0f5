//! The peers that take records of the `log` crate, or of macros of their own: all of them write the story's line, each by its
//! own means.

use std::cell::RefCell;
use std::error::Error;
use std::hint::black_box;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use flexi_logger::writers::LogWriter;
use flexi_logger::{DeferredNow, FileSpec, Logger};
use log::{LevelFilter, Record};
use log4rs::append::Append;
use log4rs::append::file::FileAppender;
use log4rs::config::{Appender, Root};
use log4rs::encode::Encode as _;
use log4rs::encode::pattern::PatternEncoder;
use log4rs::encode::writer::simple::SimpleWriter;
use spdlog::formatter::{PatternFormatter, pattern};
use spdlog::sink::{FileSink, Sink, WriteSink};

use crate::calls;
use crate::cases::{LOG_FILE, Running};

type Started = Result<Running, Box<dyn Error>>;

/// What a line is written into and forgotten: not `io::sink`, to which `write!` does not even format.
#[derive(Debug, Default)]
struct Memory(Vec<u8>);

impl Memory {
    /// Lends the thread's, empty.
    fn with<R>(use_it: impl FnOnce(&mut Self) -> R) -> R {
        thread_local!(static MEMORY: RefCell<Memory> = const { RefCell::new(Memory(Vec::new())) });
        MEMORY.with_borrow_mut(|memory| {
            memory.0.clear();
            let outcome = use_it(memory);
            black_box(&memory.0);
            outcome
        })
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        black_box(&self.0);
        self.0.clear();
        Ok(())
    }
}

fn log4rs(appender: Box<dyn Append>) -> Started {
    let appender = Appender::builder().build("a", appender);
    let root = Root::builder().appender("a").build(LevelFilter::Info);
    log4rs::init_config(log4rs::Config::builder().appender(appender).build(root)?)?;
    Ok(Running::direct(calls::log_requests))
}

fn log4rs_pattern() -> PatternEncoder {
    PatternEncoder::new("{d(%Y-%m-%d %H:%M:%S,%3f)} -process[{P}] -thread[{I}] -{t} - [{l}]-[{L}] - {m}{n}")
}

pub(crate) fn log4rs_sink(_: &Path) -> Started {
    /// Makes the text and forgets it.
    #[derive(Debug)]
    struct Null(PatternEncoder);

    impl Append for Null {
        fn append(&self, record: &Record<'_>) -> anyhow::Result<()> {
            Memory::with(|memory| self.0.encode(&mut SimpleWriter(memory), record))
        }

        fn flush(&self) {}
    }

    log4rs(Box::new(Null(log4rs_pattern())))
}

pub(crate) fn log4rs_file(directory: &Path) -> Started {
    let appender = FileAppender::builder().encoder(Box::new(log4rs_pattern()));
    log4rs(Box::new(appender.build(directory.join(LOG_FILE))?))
}

/// The story's line for those who leave it to the program; jiff makes the time.
fn write_story(out: &mut dyn Write, time: impl std::fmt::Display, record: &Record<'_>) -> io::Result<()> {
    write!(
        out,
        "{time} -process[{}] -thread[{:?}] -{} - [{}]-[{}] - {}",
        std::process::id(),
        std::thread::current().id(),
        record.target(),
        record.level(),
        record.line().unwrap_or_default(),
        record.args(),
    )
}

fn flexi_format(out: &mut dyn Write, now: &mut DeferredNow, record: &Record<'_>) -> io::Result<()> {
    write_story(out, now.format("%Y-%m-%d %H:%M:%S,%3f"), record)
}

pub(crate) fn flexi_sink(_: &Path) -> Started {
    struct Null;

    impl LogWriter for Null {
        fn write(&self, now: &mut DeferredNow, record: &Record<'_>) -> io::Result<()> {
            Memory::with(|memory| flexi_format(memory, now, record))
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    let handle = Logger::with(flexi_logger::LevelFilter::Info).log_to_writer(Box::new(Null)).start()?;
    Ok(Running::Here { call: Box::new(calls::log_requests), finish: Box::new(|| drop(handle)) })
}

pub(crate) fn flexi_file(directory: &Path) -> Started {
    let file = FileSpec::try_from(directory.join(LOG_FILE))?;
    let logger = Logger::with(flexi_logger::LevelFilter::Info).log_to_file(file).format(flexi_format);
    let handle = logger.start()?;
    Ok(Running::Here { call: Box::new(calls::log_requests), finish: Box::new(|| drop(handle)) })
}

fn fern(output: fern::Output) -> Started {
    let dispatch = fern::Dispatch::new().level(LevelFilter::Info).format(|out, message, record| {
        let time = jiff::Zoned::now();
        out.finish(format_args!(
            "{} -process[{}] -thread[{:?}] -{} - [{}]-[{}] - {message}",
            time.strftime("%Y-%m-%d %H:%M:%S,%3f"),
            std::process::id(),
            std::thread::current().id(),
            record.target(),
            record.level(),
            record.line().unwrap_or_default(),
        ));
    });
    dispatch.chain(output).apply()?;
    Ok(Running::direct(calls::log_requests))
}

pub(crate) fn fern_sink(_: &Path) -> Started {
    fern((Box::new(Memory::default()) as Box<dyn Write + Send>).into())
}

pub(crate) fn fern_file(directory: &Path) -> Started {
    fern(fern::log_file(directory.join(LOG_FILE))?.into())
}

fn spdlog(sink: Arc<dyn Sink>, flushed: spdlog::LevelFilter) -> Started {
    let logger = spdlog::Logger::builder().name("my_app::http").sink(sink).build()?;
    logger.set_flush_level_filter(flushed);
    spdlog::set_default_logger(Arc::new(logger));
    // Unless it flushes at each record, something may stand in its buffer at the end.
    let finish = Box::new(|| spdlog::default_logger().flush());
    Ok(Running::Here { call: Box::new(calls::spdlog_requests), finish })
}

fn spdlog_pattern() -> PatternFormatter<impl spdlog::formatter::Pattern + Clone + 'static> {
    PatternFormatter::new(pattern!(
        "{date} {time},{millisecond} -process[{pid}] -thread[{tid}] -{logger} - [{level}]-[{line}] - {payload}{eol}"
    ))
}

pub(crate) fn spdlog_sink(_: &Path) -> Started {
    let sink = WriteSink::builder().target(Memory::default()).formatter(spdlog_pattern()).build()?;
    spdlog(Arc::new(sink), spdlog::LevelFilter::All)
}

pub(crate) fn spdlog_file(directory: &Path) -> Started {
    spdlog_to_file(directory, spdlog::LevelFilter::All)
}

pub(crate) fn spdlog_at_rest(directory: &Path) -> Started {
    Ok(spdlog_file(directory)?.calling(calls::on_threads_that_stay(calls::spdlog_requests)))
}

/// Its file is buffered, 8 KiB, unless it is flushed.
pub(crate) fn spdlog_buffered_file(directory: &Path) -> Started {
    spdlog_to_file(directory, spdlog::LevelFilter::Off)
}

fn spdlog_to_file(directory: &Path, flushed: spdlog::LevelFilter) -> Started {
    let sink = FileSink::builder().path(directory.join(LOG_FILE)).formatter(spdlog_pattern()).build()?;
    spdlog(Arc::new(sink), flushed)
}
