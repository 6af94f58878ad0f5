//! What becomes of every handler of files when the system fails it: each line that cannot be written is an error, none is
//! torn, nothing waits, and writing goes on by itself as soon as it can.

mod devices;
pub(crate) mod disk;
mod limits;
mod names;
mod reports;
mod signals;
mod streams;

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use logtree_core::{Direct, Handler, HandlerEntry, set_report_hook};
use logtree_handlers::{
    FileHandler, FileHandlerConfig, RotatingFileHandler, RotatingFileHandlerConfig, TimedRotatingFileHandler,
    TimedRotatingFileHandlerConfig, WatchedFileHandler, When,
};

use crate::specimen::{Brackets, lines, with_record};

/// A class of handlers of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    File,
    Watched,
    Rotating,
    Timed,
    /// It keeps so many old files that it does not look at the file at each record.
    RotatingMany,
}

impl Class {
    pub(crate) const ALL: [Self; 5] = [Self::File, Self::Watched, Self::Rotating, Self::Timed, Self::RotatingMany];

    pub(crate) fn rolls(self) -> bool {
        matches!(self, Self::Rotating | Self::Timed | Self::RotatingMany)
    }
}

/// Those that roll do so behind a hundred lines.
const LINE_BYTES: u64 = 100;
const MAX_BYTES: u64 = 100 * LINE_BYTES + 1;

/// A handler, as a config binds it, and its file.
pub(crate) struct Log {
    class: Class,
    pub(crate) entry: HandlerEntry,
    pub(crate) path: PathBuf,
}

impl Log {
    /// The handler, and its file open.
    fn open(class: Class, path: &Path) -> Self {
        let log = Self::closed(class, path);
        log.entry.handler.open().unwrap();
        log
    }

    /// The handler alone: the file is opened at the first record.
    fn closed(class: Class, path: &Path) -> Self {
        Self::of(class, FileHandlerConfig::new(path))
    }

    /// The same with more arguments.
    pub(crate) fn of(class: Class, file: FileHandlerConfig) -> Self {
        Self::behind(class, file, |handler| handler)
    }

    /// The same behind something else.
    pub(crate) fn behind(
        class: Class,
        file: FileHandlerConfig,
        wrap: impl FnOnce(Box<dyn Handler>) -> Box<dyn Handler>,
    ) -> Self {
        // What is said of errors goes nowhere.
        set_report_hook(|_| {});
        let (path, backup_count) = (file.filename.clone(), 3);
        let handler: Box<dyn Handler> = match class {
            Class::File => Box::new(FileHandler::new(file).unwrap()),
            Class::Watched => Box::new(WatchedFileHandler::new(file).unwrap()),
            Class::Rotating | Class::RotatingMany => {
                let backup_count = if class == Class::Rotating { backup_count } else { 20_000 };
                let config = RotatingFileHandlerConfig { file, ..RotatingFileHandlerConfig::new("") };
                let config = RotatingFileHandlerConfig { max_bytes: MAX_BYTES, backup_count, ..config };
                Box::new(RotatingFileHandler::new(config).unwrap())
            }
            Class::Timed => {
                // One interval is all of the test: what it rolls for is the size.
                let config = TimedRotatingFileHandlerConfig { file, ..TimedRotatingFileHandlerConfig::new("") };
                let config = TimedRotatingFileHandlerConfig { when: When::Days, interval_s: 1 << 40, ..config };
                let config = TimedRotatingFileHandlerConfig { max_bytes: MAX_BYTES, backup_count, ..config };
                Box::new(TimedRotatingFileHandler::new(config).unwrap())
            }
        };
        let entry = HandlerEntry::new("file", wrap(handler), Arc::new(Brackets));
        Self { class, entry, path }
    }

    /// Logs a line of a hundred bytes; whether that was no error.
    fn log(&self, number: u32) -> bool {
        let errors = self.entry.errors.count();
        with_record(&format!("{number:097}"), |record| self.entry.handle(record, &mut Direct));
        let more = self.entry.errors.count() - errors;
        assert!(more <= 1, "a record is one error at most");
        more == 0
    }

    /// What was done to its file it is to see by now: see `RotatingFileHandler`.
    fn wait_until_it_sees(&self) {
        if self.class.rolls() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Logs these; which ones were no error.
    pub(crate) fn log_all(&self, numbers: std::ops::Range<u32>) -> Vec<u32> {
        numbers.filter(|number| self.log(*number)).collect()
    }

    /// The log and what it was rolled to.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let base = self.path.file_name().unwrap().as_bytes();
        let is_its = |path: &PathBuf| path.is_file() && path.file_name().unwrap().as_bytes().starts_with(base);
        let Ok(entries) = fs::read_dir(self.path.parent().unwrap()) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).filter(is_its).collect()
    }

    /// The numbers in all files, each of which has whole lines in the order in which they came.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        let number = |line: String| line.strip_prefix('<').unwrap().strip_suffix('>').unwrap().parse().unwrap();
        let mut files: Vec<Vec<u32>> =
            self.files().iter().map(|path| lines(path).into_iter().map(number).collect()).collect();
        files.sort_unstable();
        files.concat()
    }
}

/// Does something for each class, in a directory of its own.
fn for_each_class(mut check: impl FnMut(Log)) {
    for class in Class::ALL {
        let directory = tempfile::tempdir().unwrap();
        check(Log::open(class, &directory.path().join("app.log")));
    }
}
