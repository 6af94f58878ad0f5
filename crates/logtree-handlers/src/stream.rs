//! `logging.StreamHandler`: writes to standard output or standard error.

use logtree_core::{
    Argument, ArgumentError, EmitError, FormatError, Formatter, Handler, HandlerPlan, Kwargs, Record, StdStream, Steps,
};
use logtree_os::streams::write_now;
use logtree_os::{ForkLock, ForkReset, limits_file_size, without_sigxfsz};
use rustix::fd::BorrowedFd;
use rustix::io::Errno;

use crate::buffer::with_text;
use crate::follow::Tick;
use crate::line_writer::{LineWriter, Unwritten};
use crate::look::Look;

/// Writes each record and a terminator to standard output or standard error.
///
/// - It writes to the descriptor itself, in one write(2), so that nothing waits in a buffer, no lock of the standard library
///   is held at a `fork`, and lines of up to 4096 bytes into a pipe never mix with those of other processes. Whatever the
///   program prints through a buffer of its own may come later than it was printed.
/// - A stream that takes no more, as its reader stands still, is waited for a second; then records are lost, and counted,
///   until it takes some again. (`DIFFERENCE`: Python waits for ever, and all that logs with it, unless someone made the
///   stream non-blocking. A terminal that stops in the middle of a line may still hold up that line.)
/// - A stream that is closed makes each record an error; the program goes on, where SIGPIPE is ignored as in Rust's programs
///   and Python's.
///
/// ```
/// # mod logtree { pub use logtree_handlers as handlers; }
/// use logtree::handlers::{StreamHandler, StreamHandlerConfig};
/// let to_stderr = StreamHandler::new(StreamHandlerConfig::default());
/// # let _ = to_stderr;
/// ```
#[derive(Clone, Debug)]
pub struct StreamHandler {
    config: StreamHandlerConfig,
}

/// The arguments of Python's `logging.StreamHandler`, and the attribute `terminator`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamHandlerConfig {
    /// Where to; standard error.
    pub stream: Stream,
    /// What follows each record; a newline.
    pub terminator: String,
}

/// Where a [`StreamHandler`] writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// A stream of the process.
    Std(StdStream),
    /// Something that is no stream, by Python's name of its type, as in `"stream": "sys.stdout"` without `ext://`.
    /// Python accepts it, and then fails at each record; so it is here.
    Invalid(&'static str),
}

impl Default for StreamHandlerConfig {
    fn default() -> Self {
        Self { stream: Stream::Std(StdStream::Stderr), terminator: "\n".into() }
    }
}

impl StreamHandlerConfig {
    /// Takes the argument `stream` and the attribute `terminator`.
    ///
    /// # Errors
    /// For an argument that nobody knows, and a terminator that is no text.
    pub fn from_kwargs(mut kwargs: Kwargs) -> Result<Self, ArgumentError> {
        let stream = match kwargs.take("stream") {
            None | Some(Argument::None) => Stream::Std(StdStream::Stderr),
            Some(Argument::Object(object)) => {
                object.downcast::<StdStream>().map_or(Stream::Invalid("object"), |stream| Stream::Std(*stream))
            }
            Some(other) => Stream::Invalid(other.type_name()),
        };
        let config = Self { stream, terminator: terminator(&kwargs)? };
        kwargs.finish()?;
        Ok(config)
    }
}

/// The attribute `terminator`, which a config may set on handlers of streams and files.
pub(crate) fn terminator(kwargs: &Kwargs) -> Result<String, ArgumentError> {
    match kwargs.attribute("terminator") {
        None => Ok("\n".into()),
        Some(Argument::Str(terminator)) => Ok(terminator.clone()),
        Some(other) => {
            let message = format!("can only concatenate str (not \"{}\") to str", other.type_name());
            Err(ArgumentError::new("TypeError", message).at("terminator").expected("str"))
        }
    }
}

impl StreamHandler {
    /// A handler with this config.
    pub fn new(config: StreamHandlerConfig) -> Self {
        Self { config }
    }
}

impl Handler for StreamHandler {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        let stream = match self.config.stream {
            Stream::Std(stream) => stream,
            Stream::Invalid(type_name) => return Err(no_stream(type_name).into()),
        };
        with_text(|text| {
            formatter.format(record, text)?;
            text.push_str(&self.config.terminator);
            let (descriptor, standard) = behind(stream);
            let outcome = standard.lock().write(descriptor, text.as_bytes());
            outcome.map_err(|Unwritten { error, .. }| error.into())
        })
    }

    fn std_stream(&self) -> Option<StdStream> {
        match self.config.stream {
            Stream::Std(stream) => Some(stream),
            Stream::Invalid(_) => None,
        }
    }
}

/// The class `logging.StreamHandler`.
pub(crate) fn plan(kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
    let config = StreamHandlerConfig::from_kwargs(kwargs)?;
    Ok(Box::new(|_| Ok(Box::new(StreamHandler::new(config)))))
}

/// What is remembered of a stream between two lines.
#[derive(Debug)]
struct Standard {
    lines: LineWriter,
    /// It was a regular file when it was looked at last: nobody reads it, and write(2) waits for nobody.
    is_regular: bool,
    /// It may be at the limit of its size.
    is_limited: bool,
    looked: Tick,
}

impl Standard {
    const NEW: Self = Self { lines: LineWriter::NEW, is_regular: false, is_limited: false, looked: Tick::NEVER };

    fn write(&mut self, descriptor: BorrowedFd<'_>, line: &[u8]) -> Result<(), Unwritten> {
        let now = Tick::now();
        if std::mem::replace(&mut self.looked, now) != now {
            self.is_regular = Look::at(descriptor).is_ok_and(|look| look.is_regular);
            self.is_limited = self.is_regular && limits_file_size();
        }
        match self.is_regular {
            true if self.is_limited => {
                let write = |bytes: &[u8]| without_sigxfsz(|| rustix::io::write(descriptor, bytes));
                self.lines.write_by(write, descriptor, line)
            }
            true => self.lines.write(descriptor, line),
            false => self.lines.write_by(
                |bytes| {
                    let errno = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
                    write_now(descriptor, bytes).map_err(errno)
                },
                descriptor,
                line,
            ),
        }
    }
}

/// A child goes on where its parent stood, as with any lines.
impl ForkReset for Standard {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self { lines: LineWriter::torn(), ..Self::NEW }
    }
}

/// A stream's descriptor, and the lock that all handlers of the stream share: a line too long for one write must not be
/// parted by another's.
fn behind(stream: StdStream) -> (BorrowedFd<'static>, &'static ForkLock<Standard>) {
    static STDOUT: ForkLock<Standard> = ForkLock::new(Standard::NEW);
    static STDERR: ForkLock<Standard> = ForkLock::new(Standard::NEW);
    match stream {
        StdStream::Stdout => (rustix::stdio::stdout(), &STDOUT),
        StdStream::Stderr => (rustix::stdio::stderr(), &STDERR),
    }
}

/// What Python says at each record.
fn no_stream(type_name: &str) -> FormatError {
    FormatError { exception: "AttributeError", message: format!("'{type_name}' object has no attribute 'write'") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use logtree_core::Object;

    use super::*;

    fn config(arguments: Vec<(&str, Argument)>) -> Result<StreamHandlerConfig, ArgumentError> {
        let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        StreamHandlerConfig::from_kwargs(Kwargs::new("StreamHandler.__init__()", arguments))
    }

    #[test]
    fn the_stream_is_stderr_unless_told() {
        let stream = |arguments| config(arguments).unwrap().stream;
        let stdout = || Argument::Object(Object::new("sys.stdout", StdStream::Stdout));
        assert_eq!(stream(vec![]), Stream::Std(StdStream::Stderr));
        assert_eq!(stream(vec![("stream", Argument::None)]), Stream::Std(StdStream::Stderr));
        assert_eq!(stream(vec![("stream", stdout())]), Stream::Std(StdStream::Stdout));
        assert_eq!(stream(vec![("stream", Argument::Str("sys.stdout".into()))]), Stream::Invalid("str"));
    }

    #[test]
    fn arguments_that_nobody_knows_are_refused() {
        // CPython 3.13: logging.StreamHandler(bogus=1).
        assert_eq!(
            config(vec![("bogus", Argument::Int(1))]).unwrap_err().to_string(),
            "TypeError: StreamHandler.__init__() got an unexpected keyword argument 'bogus'"
        );
    }

    #[test]
    fn a_terminator_comes_as_an_attribute() {
        let kwargs = |value| Kwargs::new("", Vec::new()).of_entry("h", vec![("terminator".into(), value)]);
        let given = StreamHandlerConfig::from_kwargs(kwargs(Argument::Str("\r\n".into()))).unwrap();
        assert_eq!(given.terminator, "\r\n");
        assert!(StreamHandlerConfig::from_kwargs(kwargs(Argument::Int(1))).is_err());
    }
}
