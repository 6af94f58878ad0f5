//! Handlers as writers of `tracing-subscriber`'s own fmt layer.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use logtree_core::{Callsite, Direct, HandlerEntry, Level, Record, Source, Timestamp, logger_name};
use tracing_core::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use crate::callsite::level_of;
use crate::origin;

/// A handler, or a queue, that takes the lines which `tracing-subscriber`'s fmt layer makes.
///
/// Each line is a record with the event's level and target, the line its message. So a file rolls, a queue carries lines to
/// where they are written, and level and filters of the handler hold. The handler should have no formatter: what one adds
/// to the message it adds to fmt's line.
///
/// ```
/// use std::sync::Arc;
/// # mod logtree {
/// #     pub use {logtree_core::*, logtree_layer::HandlerWriter};
/// # }
/// use logtree::{EmitError, Formatter, Handler, HandlerEntry, HandlerWriter, Record, Steps};
/// # struct Bare;
/// # impl Formatter for Bare {
/// #     fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), logtree::FormatError> {
/// #         out.push_str(record.message);
/// #         Ok(())
/// #     }
/// # }
///
/// struct Count;
/// impl Handler for Count {
///     fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
///         assert!(record.message.ends_with("hello"));
///         Ok(())
///     }
/// }
///
/// let entry = HandlerEntry::new("count", Box::new(Count), Arc::new(Bare));
/// let writer = HandlerWriter::new(Arc::new(entry));
/// let subscriber = tracing_subscriber::fmt().with_writer(writer).finish();
/// tracing::subscriber::with_default(subscriber, || tracing::info!("hello"));
/// ```
#[derive(Clone, Debug)]
pub struct HandlerWriter(Arc<HandlerEntry>);

impl HandlerWriter {
    /// A writer before a handler, which is open and started.
    pub fn new(entry: Arc<HandlerEntry>) -> Self {
        Self(entry)
    }

    /// Brings what was written so far to where it belongs, until `deadline` at the latest; answers whether it is there.
    pub fn flush(&self, deadline: Instant) -> bool {
        self.0.flush(deadline)
    }
}

impl<'a> MakeWriter<'a> for HandlerWriter {
    type Writer = RecordWriter<'a>;

    fn make_writer(&'a self) -> RecordWriter<'a> {
        RecordWriter { entry: &self.0, level: Level::INFO, target: "", pending: Vec::new() }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> RecordWriter<'a> {
        // Of an event only what lives as long as the program is known here; `log` records have targets that do not.
        let target = metadata.callsite().0.metadata().target();
        RecordWriter { entry: &self.0, level: level_of(*metadata.level()), target, pending: Vec::new() }
    }
}

/// What is written between one line's beginning and its end: a record.
#[derive(Debug)]
pub struct RecordWriter<'a> {
    entry: &'a HandlerEntry,
    level: Level,
    target: &'a str,
    /// The beginning of a line, where it does not come at once.
    pending: Vec<u8>,
}

impl RecordWriter<'_> {
    fn handle(&self, line: &[u8]) {
        static CALLSITE: LazyLock<Callsite> = LazyLock::new(Callsite::default);
        if !self.entry.takes(self.level) {
            return;
        }
        let (origin, message) = (origin::current(), String::from_utf8_lossy(line));
        let record = Record {
            name: &logger_name(self.target),
            source: Source::Formatted,
            ..Record::new(&CALLSITE, &origin, self.level, Timestamp::now(), &message)
        };
        self.entry.handle(&record, &mut Direct);
    }
}

impl Write for RecordWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match bytes.strip_suffix(b"\n") {
            // fmt writes an event whole, however many lines it has.
            Some(line) if self.pending.is_empty() => self.handle(line),
            Some(rest) => {
                self.pending.extend_from_slice(rest);
                self.flush()?;
            }
            None => self.pending.extend_from_slice(bytes),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.pending.is_empty() {
            let line = std::mem::take(&mut self.pending);
            self.handle(&line);
        }
        Ok(())
    }
}

impl Drop for RecordWriter<'_> {
    fn drop(&mut self) {
        // It does not fail.
        let _ = self.flush();
    }
}
