//! `logging.FileHandler`: appends to a file.

use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use logtree_core::{
    AppendFile, Argument, ArgumentError, BuildError, EmitError, FormatError, Formatter, Handler, HandlerPlan, Kwargs,
    Record, Steps,
};

use crate::access::Access;
use crate::buffer::{with_bytes, with_text};
use crate::follow::Follow;
use crate::fsync::Fsync;
use crate::log_file::Unfit;
use crate::stream::terminator;
use crate::{Encoding, EncodingErrors, LogFile, OpenMode, latest};

/// Appends each record and a terminator to a file.
///
/// How the file is treated, [`LogFile`] says. For the operator:
///
/// - **When it rolls:** never. Whoever moves the file away lets the program reopen it (`Guard::reopen`, or SIGUSR1 where that
///   was asked for), or uses a handler that watches it.
/// - `mode: w` empties the file when the handler is started or, with `delay`, at the first record; and never again.
///   (`DIFFERENCE`: Python empties it also when it is opened again after `close`.)
/// - **What is durable:** a record stands in the file when the call that logged it returns, whatever ends the program then. A
///   crash of the system may take what it had not written back, but for `fsync: each`; and a kill what `buffering` holds
///   back.
/// - **When the disk is full,** or its rights are missing, records are lost, and counted, until there is room again; no half
///   line stays.
/// - **How to mend it:** what is wrong stands on stderr, once a second, with the handler's name, and how often it was in the
///   handler's count of errors. Make room, or give the rights back: the next record is written, and nothing is to be
///   started again.
/// - A directory that does not exist is not made, as in Python, and one that was removed is to be made anew; but with
///   `makedirs` both are made, with the rights that the program's umask leaves.
pub struct FileHandler {
    file: Arc<LogFile>,
    /// The same file, as steps take it.
    appended: Arc<dyn AppendFile>,
    delay: bool,
    latest: Option<PathBuf>,
    terminator: String,
    encoding: Encoding,
    errors: EncodingErrors,
}

/// The arguments of Python's `logging.FileHandler`, and the attribute `terminator`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileHandlerConfig {
    /// Where the file is; relative to the directory in which the program is when the handler is made.
    pub filename: PathBuf,
    /// How it is opened for the first time; [`OpenMode::Append`].
    pub mode: OpenMode,
    /// How text becomes bytes; UTF-8.
    pub encoding: Encoding,
    /// Whether it is opened not before the first record; no.
    pub delay: bool,
    /// What becomes of characters that the encoding does not have.
    pub errors: EncodingErrors,
    /// What follows each record; a newline.
    pub terminator: String,
    /// Rights and owners that it is given; none.
    pub access: Access,
    /// When it is brought to the disk; never.
    pub fsync: Fsync,
    /// A symbolic link that is made to lead to the file when the handler is opened: for files whose names tell processes or
    /// days apart. A relative name is one beside the file. A link that is there is replaced, anything else is an error.
    /// None.
    pub latest: Option<PathBuf>,
    /// A file on which others who roll the log take a lock (flock(2)), as those do that have Python's concurrent-log-handler:
    /// where there is one, a handler that rolls waits for it too. No key. None.
    pub roll_lock: Option<PathBuf>,
    /// Whether the directory is made that the file is to be in, and those that this is in: when the handler is opened, and
    /// when the file is opened anew in a directory that was removed. No.
    pub makedirs: bool,
}

impl FileHandlerConfig {
    /// What Python does with a file name and nothing else.
    pub fn new(filename: impl Into<PathBuf>) -> Self {
        Self {
            filename: filename.into(),
            mode: OpenMode::Append,
            encoding: Encoding::Utf8,
            delay: false,
            errors: EncodingErrors::Strict,
            terminator: "\n".into(),
            access: Access::default(),
            fsync: Fsync::Never,
            latest: None,
            roll_lock: None,
            makedirs: false,
        }
    }

    /// Takes the arguments `filename`, `mode`, `encoding`, `delay` and `errors`, beyond Python's `permissions`, `owner`,
    /// `group`, `fsync`, `latest` and `makedirs`, and the attribute `terminator`.
    ///
    /// # Errors
    /// CPython's, for what is missing, unknown, of another type or no mode; ours for encodings that are not there.
    pub fn from_kwargs(mut kwargs: Kwargs) -> Result<Self, ArgumentError> {
        let filename = match kwargs.required("filename")? {
            Argument::Str(filename) => filename,
            other => {
                let message = format!("expected str, bytes or os.PathLike object, not {}", other.type_name());
                return Err(ArgumentError::new("TypeError", message).at("filename").expected("str"));
            }
        };
        let mut config = Self { terminator: terminator(&kwargs)?, ..Self::new(filename) };
        match kwargs.take("mode") {
            None => {}
            Some(Argument::Str(mode)) => config.mode = mode.parse()?,
            Some(other) => {
                let message = format!("open() argument 'mode' must be str, not {}", other.type_name());
                return Err(ArgumentError::new("TypeError", message).at("mode").expected("str"));
            }
        }
        if let Some(encoding) = kwargs.string("encoding")? {
            config.encoding = encoding.parse()?;
        }
        if let Some(errors) = kwargs.string("errors")? {
            config.errors = errors.parse()?;
        }
        config.access = Access::from_kwargs(&mut kwargs)?;
        if let Some(fsync) = kwargs.string("fsync")? {
            config.fsync = fsync.parse()?;
        }
        config.latest = kwargs.string("latest")?.map(PathBuf::from);
        config.makedirs = match kwargs.take("makedirs") {
            None | Some(Argument::None) => false,
            Some(Argument::Bool(makedirs)) => makedirs,
            Some(other) => return Err(kwargs.wrong_type("makedirs", &other, "true or false")),
        };
        config.delay = kwargs.truth("delay").unwrap_or(false);
        kwargs.finish()?;
        Ok(config)
    }
}

/// What is to be written of a record.
pub(crate) struct Line<'a> {
    /// The text, without its terminator.
    pub(crate) text: &'a str,
    /// Text and terminator as bytes, or which character has none.
    pub(crate) bytes: Result<&'a [u8], FormatError>,
}

impl FileHandler {
    /// A handler with this config. The file is not opened yet.
    ///
    /// # Errors
    /// If the file name is relative and the directory that the program is in cannot be found.
    pub fn new(config: FileHandlerConfig) -> Result<Self, ArgumentError> {
        Self::following(config, Follow::Never)
    }

    /// The same with a file that is looked at whether it was moved.
    pub(crate) fn following(config: FileHandlerConfig, follow: Follow) -> Result<Self, ArgumentError> {
        let path = absolute(&config.filename)?;
        let FileHandlerConfig { mode, delay, terminator, encoding, errors, access, fsync, latest, .. } = config;
        let FileHandlerConfig { roll_lock, makedirs, .. } = config;
        let roll_lock = roll_lock.as_deref().map(absolute).transpose()?;
        let file = LogFile::following(path, mode, follow).with(access, fsync, makedirs).with_roll_lock(roll_lock);
        let file = Arc::new(file);
        Ok(Self { appended: file.clone(), file, delay, latest, terminator, encoding, errors })
    }

    /// The file, as steps take it.
    pub(crate) fn appended(&self) -> &Arc<dyn AppendFile> {
        &self.appended
    }

    /// The file itself.
    pub(crate) fn log_file(&self) -> &Arc<LogFile> {
        &self.file
    }

    /// [`LogFile::renewals`].
    pub(crate) fn renewals(&self) -> u32 {
        self.file.renewals()
    }

    /// Lends what is to be written of a record.
    pub(crate) fn with_line(
        &self,
        record: &Record<'_>,
        formatter: &dyn Formatter,
        append: impl FnOnce(Line<'_>) -> Result<(), EmitError>,
    ) -> Result<(), EmitError> {
        with_text(|line| {
            formatter.format(record, line)?;
            let length = line.len();
            line.push_str(&self.terminator);
            if self.encoding.is_utf8() {
                return append(Line { text: &line[..length], bytes: Ok(line.as_bytes()) });
            }
            with_bytes(|bytes| {
                let outcome = self.encoding.encode(line, self.errors, bytes);
                append(Line { text: &line[..length], bytes: outcome.map(|()| &**bytes) })
            })
        })?;
        Ok(self.file.attend()?)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        self.file.path()
    }
}

impl Handler for FileHandler {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        self.with_line(record, formatter, |line| Ok(steps.append(&self.appended, line.bytes?)?))
    }

    fn open(&self) -> Result<(), BuildError> {
        let opened = if self.delay { self.file.prepare() } else { self.file.open_as_wanted() };
        opened.map_err(|Unfit { keyword, what, error }| {
            let expected = if keyword == "filename" { expected(self.path(), error.kind()) } else { None };
            let error = BuildError::io(what, error).at(keyword);
            expected.into_iter().fold(error, BuildError::expected)
        })?;
        let latest = self.latest.as_deref().map(|latest| latest::point(latest, self.path()));
        latest.unwrap_or(Ok(())).map_err(|error| {
            BuildError::io(format!("cannot make a link to the log file '{}'", self.path().display()), error)
                .at("latest")
        })
    }

    fn start(&self) -> Result<(), BuildError> {
        self.file.start().map_err(|error| {
            BuildError::io(format!("cannot empty the log file '{}'", self.path().display()), error).at("mode")
        })
    }

    fn reopen(&self) {
        self.file.reopen();
    }

    fn close(&self) {
        self.file.close();
    }

    fn file(&self) -> Option<&Path> {
        Some(self.path())
    }
}

impl fmt::Debug for FileHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileHandler").field("file", &self.file).field("delay", &self.delay).finish_non_exhaustive()
    }
}

/// The class `logging.FileHandler`.
pub(crate) fn plan(kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
    let handler = FileHandler::new(FileHandlerConfig::from_kwargs(kwargs)?)?;
    Ok(Box::new(|_| Ok(Box::new(handler))))
}

/// What would have been right where a file cannot be opened.
fn expected(path: &Path, error: io::ErrorKind) -> Option<String> {
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().escape_debug());
    let missing = path.ancestors().skip(1).take_while(|directory| !directory.exists()).last();
    match (error, missing) {
        (io::ErrorKind::NotFound, Some(missing)) => {
            let missing = quoted(missing);
            Some(format!("a directory that is there: {missing} is not, but `makedirs: true` would make it"))
        }
        (io::ErrorKind::NotFound, None) => {
            let target = path.read_link().ok()?;
            Some(format!("a link into a directory that is there, unlike {}", quoted(&target)))
        }
        (io::ErrorKind::IsADirectory, _) => Some("the name of a file in that directory".to_owned()),
        (io::ErrorKind::NotADirectory, _) => {
            let file = path.ancestors().skip(1).find(|ancestor| ancestor.exists())?;
            Some(format!("directories only in front of the file's name: {} is none", quoted(file)))
        }
        _ => None,
    }
}

/// Python's `os.path.abspath`: `..` takes back the component before it, whatever that is in the file system.
fn absolute(path: &Path) -> Result<PathBuf, ArgumentError> {
    let mut absolute = match path.is_absolute() {
        true => PathBuf::new(),
        false => std::env::current_dir()
            .map_err(|error| ArgumentError::new("FileNotFoundError", error.to_string()).at("filename"))?,
    };
    for component in path.components() {
        match component {
            Component::ParentDir => {
                absolute.pop();
            }
            Component::CurDir => {}
            other => absolute.push(other),
        }
    }
    Ok(absolute)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn config(arguments: Vec<(&str, Argument)>) -> Result<FileHandlerConfig, String> {
        let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        FileHandlerConfig::from_kwargs(Kwargs::new("FileHandler.__init__()", arguments))
            .map_err(|error| error.to_string())
    }

    fn text(text: &str) -> Argument {
        Argument::Str(text.into())
    }

    #[test]
    fn arguments_are_pythons() {
        let given = config(vec![
            ("filename", text("a.log")),
            ("mode", text("w")),
            ("encoding", text("latin-1")),
            ("delay", Argument::Int(1)),
            ("errors", text("replace")),
        ]);
        let expected = FileHandlerConfig {
            mode: OpenMode::Truncate,
            encoding: Encoding::Latin1,
            delay: true,
            errors: EncodingErrors::Replace,
            ..FileHandlerConfig::new("a.log")
        };
        assert_eq!(given, Ok(expected));
    }

    #[test]
    fn wrong_arguments_are_refused_in_cpythons_words() {
        // CPython 3.13: logging.FileHandler() of each.
        let message = |arguments| config(arguments).unwrap_err();
        assert_eq!(
            message(vec![]),
            "TypeError: FileHandler.__init__() missing 1 required positional argument: 'filename'"
        );
        assert_eq!(
            message(vec![("filename", Argument::Int(3))]),
            "TypeError: expected str, bytes or os.PathLike object, not int"
        );
        assert_eq!(
            message(vec![("filename", text("a")), ("maxBytes", Argument::Int(3))]),
            "TypeError: FileHandler.__init__() got an unexpected keyword argument 'maxBytes'"
        );
        assert_eq!(message(vec![("filename", text("a")), ("mode", text("q"))]), "ValueError: invalid mode: 'q'");
    }

    #[test]
    fn paths_become_absolute_as_by_abspath() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(absolute(Path::new("a/../b/./c.log")).unwrap(), here.join("b/c.log"));
        assert_eq!(absolute(Path::new("/x/../../y//z.log")).unwrap(), Path::new("/y/z.log"));
    }
}
