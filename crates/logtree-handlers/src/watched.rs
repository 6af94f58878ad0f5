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
/// - When the file was moved or deleted, or another has its name, the next record opens the name anew, or makes the file.
/// - Where that is impossible, as with a directory that may not be written, lines go on into the file that was moved.
///   (`DIFFERENCE`: Python loses the records.)
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
