//! `logging.handlers.WatchedFileHandler`: appends to a file, and follows its name.

use std::path::Path;

use logtree_core::{ArgumentError, BuildError, EmitError, Formatter, Handler, HandlerPlan, Kwargs, Record, Steps};

use crate::follow::Follow;
use crate::{FileHandler, FileHandlerConfig};

/// Appends each record to a file, and looks before each one whether the file still has its name.
///
/// For logs that someone else rolls, such as logrotate(8) without `copytruncate`. How the file is treated besides,
/// [`LogFile`](crate::LogFile) says. For the operator:
///
/// - **When it rolls:** never by itself. When the file was moved or deleted, or another has its name, the next record opens
///   the name anew, or makes the file.
/// - Where that is impossible, as with a directory that may not be written, lines go on into the file that was moved.
///   (`DIFFERENCE`: Python loses the records.) Of a file that was deleted each is lost then, and counted.
/// - **What is durable:** a record stands in the file when the call that logged it returns, whatever ends the program then;
///   after a crash of the system what it had written back, or with `fsync: each` each record. With `fsync` of either kind the
///   name of a file that is begun is brought to the disk too.
/// - **When the disk is full** records are lost, and counted, until there is room again; no half line stays.
/// - **How to mend it:** stderr says once a second what is wrong. Make room, make the directory anew, or give it its rights
///   back: the next record goes where it belongs. logrotate(8) needs no `postrotate` for it, and no `copytruncate`.
/// - The look is one more system call for each record; a handler that rolls its file itself does without.
#[derive(Debug)]
pub struct WatchedFileHandler(FileHandler);

impl WatchedFileHandler {
    /// A handler with this config. The file is not opened yet.
    ///
    /// # Errors
    /// If the file name is relative and the directory that the program is in cannot be found.
    pub fn new(config: FileHandlerConfig) -> Result<Self, ArgumentError> {
        Ok(Self(FileHandler::following(config, Follow::Always)?))
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Handler for WatchedFileHandler {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        self.0.emit(record, formatter, steps)
    }

    fn open(&self) -> Result<(), BuildError> {
        self.0.open()
    }

    fn start(&self) -> Result<(), BuildError> {
        self.0.start()
    }

    fn reopen(&self) {
        self.0.reopen();
    }

    fn close(&self) {
        self.0.close();
    }

    fn file(&self) -> Option<&Path> {
        Some(self.path())
    }
}

/// The class `logging.handlers.WatchedFileHandler`.
pub(crate) fn plan(kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
    let handler = WatchedFileHandler::new(FileHandlerConfig::from_kwargs(kwargs)?)?;
    Ok(Box::new(|_| Ok(Box::new(handler))))
}
