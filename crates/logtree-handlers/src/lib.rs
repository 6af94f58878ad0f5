//! Python's handlers for logtree: streams, files, nothing at all, and the way into a queue; and [`filters`] beyond Python's.
//!
//! | class | handler |
//! |---|---|
//! | `logging.StreamHandler` | [`StreamHandler`] |
//! | `logging.FileHandler` | [`FileHandler`] |
//! | `logging.handlers.RotatingFileHandler` | [`RotatingFileHandler`] |
//! | `logging.handlers.TimedRotatingFileHandler` | [`TimedRotatingFileHandler`] |
//! | `logging.handlers.WatchedFileHandler` | [`WatchedFileHandler`] |
//! | `concurrent_log_handler.ConcurrentRotatingFileHandler` | [`RotatingFileHandler`], by its keyword arguments |
//! | `concurrent_log_handler.ConcurrentTimedRotatingFileHandler` | [`TimedRotatingFileHandler`], the same |
//! | `logging.NullHandler` | [`NullHandler`] |
//! | `logging.handlers.MemoryHandler` | [`MemoryHandler`] |
//! | `logging.handlers.BufferingHandler` | a [`MemoryHandler`] that has no target |
//! | `logging.handlers.QueueHandler` | whatever the queue that its config names makes of it |
//! | `queue.Queue`, `queue.SimpleQueue` | [`ThreadQueue`] |
//!
//! ```
//! use logtree_handlers::{FileHandler, FileHandlerConfig};
//!
//! let handler = FileHandler::new(FileHandlerConfig { delay: true, ..FileHandlerConfig::new("app.log") })?;
//! assert!(handler.path().is_absolute());
//! # Ok::<(), logtree_core::ArgumentError>(())
//! ```
//!
//! Processes with Python's concurrent-log-handler may write the same file as its two classes here, as those of a service do that is
//! half Python and half Rust: whoever rolls it here waits for the package's lock too, where its processes have made one. They
//! must do without `use_gzip` then, as they compress a file while others still write to it; and a queue between processes is
//! not for such a file, as its listener must be the only one that rolls.
//!
//! Every handler of files takes the keys of a [buffer](Buffering) too, and with the feature `compress` those that roll
//! [compress](Compress) what they have rolled.
//!
//! A new handler costs one file, its `mod` line and one line in [`register`].
//!
//! What all of them keep to: a record is one write(2); a line that could not be written whole never stands before
//! another one; nothing waits for more than a second; a child of `fork` can go on at once.
#![forbid(unsafe_code)]

mod access;
mod buffer;
mod buffering;
mod compression;
mod concurrent;
mod encoding;
mod file;
pub mod filters;
mod follow;
mod fsync;
mod grace;
mod latest;
mod line_writer;
mod log_file;
mod look;
mod memory;
mod mode;
mod namer;
mod null;
mod open;
mod queue;
mod retention;
mod roll_lock;
mod rolling;
mod room;
mod rotating;
mod schedule;
mod seal;
mod spawn;
mod stream;
mod thread_queue;
mod timed;
mod units;
mod watched;

use logtree_core::{Object, Registry, StdStream};

pub use access::Access;
pub use buffering::{Buffering, BufferingConfig};
pub use compression::{Compress, end_compressing};
pub use encoding::{Encoding, EncodingErrors};
pub use file::{FileHandler, FileHandlerConfig};
pub use fsync::Fsync;
pub use log_file::LogFile;
pub use memory::{MemoryHandler, MemoryHandlerConfig, Threshold};
pub use mode::OpenMode;
pub use namer::Namer;
pub use null::NullHandler;
pub use retention::Retention;
pub use rotating::{RotatingFileHandler, RotatingFileHandlerConfig};
pub use schedule::{AtTime, When};
pub use stream::{Stream, StreamHandler, StreamHandlerConfig};
pub use thread_queue::ThreadQueue;
pub use timed::{TimedRotatingFileHandler, TimedRotatingFileHandlerConfig};
pub use watched::WatchedFileHandler;

/// Registers the handlers under Python's names, logtree's own filters, and what `ext://sys.stdout`, `ext://sys.stderr` and
/// `ext://flask.logging.wsgi_errors_stream` stand for: the last, which Flask's documentation has, is stderr.
///
/// ```
/// let mut registry = logtree_core::Registry::default();
/// logtree_handlers::register(&mut registry);
/// assert!(registry.find_handler("logging.FileHandler").is_some());
/// assert!(registry.find_object("sys.stdout").is_some());
/// ```
pub fn register(registry: &mut Registry) {
    filters::register(registry);
    queue::register(registry);
    registry
        .handler("logging.StreamHandler", stream::plan)
        .handler("logging.FileHandler", buffering::buffered(file::plan))
        .handler("logging.NullHandler", null::plan)
        .handler("logging.handlers.BufferingHandler", memory::plan_buffering)
        .handler("logging.handlers.MemoryHandler", memory::plan)
        .handler("logging.handlers.QueueHandler", queue::plan)
        .handler("logging.handlers.RotatingFileHandler", buffering::buffered(rotating::plan))
        .handler("logging.handlers.TimedRotatingFileHandler", buffering::buffered(timed::plan))
        .handler("logging.handlers.WatchedFileHandler", buffering::buffered(watched::plan))
        .handler("concurrent_log_handler.ConcurrentRotatingFileHandler", concurrent::plan)
        .handler("concurrent_log_handler.ConcurrentTimedRotatingFileHandler", concurrent::plan_timed)
        .handler("cloghandler.ConcurrentRotatingFileHandler", concurrent::plan)
        .object(Object::new("sys.stdout", StdStream::Stdout))
        .object(Object::new("sys.stderr", StdStream::Stderr))
        // Within a request it is the server's `wsgi.errors`, which is stderr in all but a few servers.
        .object(Object::new("flask.logging.wsgi_errors_stream", StdStream::Stderr));
}

#[cfg(test)]
#[allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]
#[path = "../tests/handlers/cpython.rs"]
mod cpython;
