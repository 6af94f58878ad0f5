//! What can go wrong, in Python's terms where Python has them.

use std::fmt;
use std::io;

/// A keyword argument that a class does not take, lacks, or cannot use.
///
/// It prints as CPython prints the exception: `TypeError: FileHandler.__init__() missing 1 required positional
/// argument: 'filename'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentError {
    /// Python's exception: `TypeError`, `ValueError`, …
    pub exception: &'static str,
    /// Its message.
    pub message: String,
    /// The keyword at fault, if it is one.
    pub keyword: Option<String>,
    /// What would have been right, in a few words; for a message of ours beside Python's.
    pub expected: Option<String>,
}

impl ArgumentError {
    /// An exception about the whole call.
    pub fn new(exception: &'static str, message: impl Into<String>) -> Self {
        Self { exception, message: message.into(), keyword: None, expected: None }
    }

    /// The same about one keyword.
    #[must_use]
    pub fn at(mut self, keyword: impl Into<String>) -> Self {
        self.keyword = Some(keyword.into());
        self
    }

    /// The same with what would have been right.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.exception, self.message)
    }
}

impl std::error::Error for ArgumentError {}

/// Why a checked config could not be brought to life: a file that does not open, a queue that does not start.
#[derive(Debug)]
pub struct BuildError {
    what: String,
    source: Option<io::Error>,
    /// The keyword whose value is at fault, if one is.
    pub keyword: Option<String>,
    /// What would have been right, in a few words.
    pub expected: Option<String>,
}

impl BuildError {
    /// An error that says all there is to say.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), source: None, keyword: None, expected: None }
    }

    /// An operating-system error, and what was being done to what.
    pub fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self { source: Some(source), ..Self::new(what) }
    }

    /// The same about one keyword.
    #[must_use]
    pub fn at(mut self, keyword: impl Into<String>) -> Self {
        self.keyword = Some(keyword.into());
        self
    }

    /// The same with what would have been right.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Python's exception: `FileNotFoundError`, `PermissionError`, …; `OSError` for all that has none of its own.
    pub fn exception(&self) -> &'static str {
        self.source.as_ref().map_or("OSError", |source| exception(source.kind()))
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{}: {source}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

/// Why a formatter could not format a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatError {
    /// Python's exception: `ValueError`, `TypeError`, …
    pub exception: &'static str,
    /// Its message.
    pub message: String,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.exception, self.message)
    }
}

impl std::error::Error for FormatError {}

/// Why a handler could not handle a record.
#[derive(Debug)]
#[non_exhaustive]
pub enum EmitError {
    /// The formatter could not format it.
    Format(FormatError),
    /// It could not be written.
    Io(io::Error),
    /// The handler, its formatter or a filter panicked.
    Panic,
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(error) => error.fmt(f),
            Self::Io(error) => write!(f, "{}: {}", exception(error.kind()), message(error)),
            Self::Panic => f.write_str("panic in a handler, formatter or filter"),
        }
    }
}

impl std::error::Error for EmitError {}

/// CPython's exception for an error of the system (PEP 3151).
fn exception(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::AlreadyExists => "FileExistsError",
        io::ErrorKind::BrokenPipe => "BrokenPipeError",
        io::ErrorKind::ConnectionAborted => "ConnectionAbortedError",
        io::ErrorKind::ConnectionRefused => "ConnectionRefusedError",
        io::ErrorKind::ConnectionReset => "ConnectionResetError",
        io::ErrorKind::Interrupted => "InterruptedError",
        io::ErrorKind::IsADirectory => "IsADirectoryError",
        io::ErrorKind::NotADirectory => "NotADirectoryError",
        io::ErrorKind::NotFound => "FileNotFoundError",
        io::ErrorKind::PermissionDenied => "PermissionError",
        io::ErrorKind::TimedOut => "TimeoutError",
        io::ErrorKind::WouldBlock => "BlockingIOError",
        _ => "OSError",
    }
}

/// As Python prints it, with the number in front where there is one.
fn message(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(number) => {
            format!("[Errno {number}] {}", text.strip_suffix(&format!(" (os error {number})")).unwrap_or(&text))
        }
        None => text,
    }
}

impl From<FormatError> for EmitError {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}

impl From<io::Error> for EmitError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
