//! Handlers that write lines which can be told apart, each in its way.

use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use logtree_core::{AppendFile, EmitError, FileEnd, FormatError, Formatter, Handler, Record, StdStream, Steps};

/// Appends a record's message and a newline to a file.
pub(super) struct ToFile(pub(super) Arc<dyn AppendFile>);

pub(crate) struct LogFile(pub(crate) PathBuf);

/// A handler that appends to the file.
pub(crate) fn to_file(log: &Path) -> Box<dyn Handler> {
    Box::new(ToFile(Arc::new(LogFile(log.to_owned()))))
}

impl AppendFile for LogFile {
    fn path(&self) -> &Path {
        &self.0
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.append(true).create(true).mode(0o600).open(&self.0)?;
        #[cfg(logtree_kill_points)]
        if logtree_os::kill_points::is_deadly("file: half written") {
            // As write(2) leaves it when its process is killed.
            file.write_all(&bytes[..bytes.len() / 2])?;
            logtree_os::kill_points::die();
        }
        file.write_all(bytes)
    }

    fn end(&self) -> io::Result<Option<FileEnd>> {
        let metadata = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&self.0)?.metadata()?;
        let end = FileEnd { device: metadata.dev(), inode: metadata.ino(), size: metadata.len() };
        Ok(metadata.is_file().then_some(end))
    }
}

fn line(record: &Record<'_>) -> String {
    format!("{} {}\n", record.origin.process, record.message)
}

/// Writes to whatever is stdout where it runs.
pub(super) struct ToStdout;

impl Handler for ToStdout {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        rustix::io::write(rustix::stdio::stdout(), line(record).as_bytes()).map_err(io::Error::from)?;
        Ok(())
    }

    fn std_stream(&self) -> Option<StdStream> {
        Some(StdStream::Stdout)
    }
}

impl Handler for ToFile {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        Ok(steps.append(&self.0, line(record).as_bytes())?)
    }

    fn file(&self) -> Option<&Path> {
        Some(self.0.path())
    }
}

/// Holds lines back in its memory, for as long as it may.
pub(super) struct Holding {
    pub(super) file: Arc<dyn AppendFile>,
    pub(super) held: Mutex<String>,
}

impl Handler for Holding {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        self.held.lock().unwrap().push_str(&line(record));
        Ok(())
    }

    fn settle(&self, steps: &mut dyn Steps) -> Result<(), EmitError> {
        let held = std::mem::take(&mut *self.held.lock().unwrap());
        Ok(steps.append(&self.file, held.as_bytes())?)
    }

    fn file(&self) -> Option<&Path> {
        Some(self.file.path())
    }
}

/// What the handlers here write, without a newline.
pub(super) struct Lined;

impl Formatter for Lined {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        out.push_str(line(record).trim_end());
        Ok(())
    }
}
