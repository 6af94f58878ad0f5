//! Steps: what a handler does to files, said before it is done.
//!
//! A handler whose effect is a file does not write; it says what shall be written, to whoever runs it. In this
//! process that is [`Direct`], which does it at once. Behind a cross-process queue it is the listener, which gathers
//! the steps of a batch, so that many records cost one `write(2)` and a successor can take up what a killed listener
//! had begun. Handlers know nothing of queues and queues nothing of files' rules: this is all they share.

use std::io;
use std::path::Path;
use std::sync::Arc;

/// A file that grows at its end.
pub trait AppendFile: Send + Sync {
    /// Where it is.
    fn path(&self) -> &Path;

    /// Appends bytes, all of them or none that a reader could take for a whole line.
    ///
    /// # Errors
    /// Those of opening and writing the file.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Where the next append would begin, if nobody else appends before; `None` if it is no regular file, and so has no
    /// end. Opens the file if it is not open.
    ///
    /// # Errors
    /// Those of opening the file.
    fn end(&self) -> io::Result<Option<FileEnd>>;
}

/// The end of a file, and which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileEnd {
    /// stat(2)'s `st_dev`.
    pub device: u64,
    /// stat(2)'s `st_ino`.
    pub inode: u64,
    /// In bytes.
    pub size: u64,
}

/// Takes the steps of a handler.
pub trait Steps {
    /// Appends bytes to a file: at once, or together with what the batch holds for that file already.
    ///
    /// # Errors
    /// Those of writing, where the step is done at once.
    fn append(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8]) -> io::Result<()>;
}

/// Does each step at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Direct;

impl Steps for Direct {
    fn append(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8]) -> io::Result<()> {
        file.append(bytes)
    }
}
