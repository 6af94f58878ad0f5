//! Why there is no segment.

use std::fmt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// A segment could not be made, opened or removed.
#[derive(Clone, Debug)]
pub struct SegmentError {
    path: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Name,
    System { doing: &'static str, error: Errno },
    Exists,
    Absent,
    NotADirectory,
    NotARegularFile,
    Owner,
    Mode,
    Links,
    Size,
    Magic,
    Abi,
    NoMemory,
    FileSizeLimit,
    NoAddressSpace,
}

impl SegmentError {
    pub(super) fn new(path: &Path, kind: Kind) -> Self {
        Self { path: path.to_owned(), kind }
    }

    pub(super) fn system(path: &Path, doing: &'static str, error: Errno) -> Self {
        let kind = match error {
            Errno::NOENT => Kind::Absent,
            Errno::EXIST => Kind::Exists,
            Errno::NOSPC | Errno::DQUOT => Kind::NoMemory,
            Errno::FBIG => Kind::FileSizeLimit,
            _ => Kind::System { doing, error },
        };
        Self::new(path, kind)
    }

    /// The file or directory in question.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the name for a segment is empty, too long, begins with a dot or holds a slash.
    #[must_use]
    pub fn is_name(&self) -> bool {
        self.kind == Kind::Name
    }

    /// Whether a segment of this name was there already.
    #[must_use]
    pub fn is_exists(&self) -> bool {
        self.kind == Kind::Exists
    }

    /// Whether the file or its directory is not there.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.kind == Kind::Absent
    }

    /// Whether somebody else could have put or changed it: not a plain file or directory, another owner, other rights
    /// than the owner's, a second name.
    #[must_use]
    pub fn is_untrusted(&self) -> bool {
        let kinds = [Kind::NotADirectory, Kind::NotARegularFile, Kind::Owner, Kind::Mode, Kind::Links];
        kinds.contains(&self.kind)
    }

    /// Whether the file is not a segment, or a broken one.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.kind, Kind::Size | Kind::Magic)
    }

    /// Whether it is the segment of an incompatible version of logtree.
    #[must_use]
    pub fn is_abi(&self) -> bool {
        self.kind == Kind::Abi
    }

    /// Whether the file system has no room for it, or the process's limit for file sizes forbids it.
    #[must_use]
    pub fn is_no_memory(&self) -> bool {
        matches!(self.kind, Kind::NoMemory | Kind::FileSizeLimit)
    }

    /// Whether the process could not map it.
    #[must_use]
    pub fn is_no_address_space(&self) -> bool {
        self.kind == Kind::NoAddressSpace
    }
}

impl fmt::Display for SegmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.kind {
            Kind::Name => write!(f, "`{path}` cannot be the name of a segment"),
            Kind::System { doing, error } => write!(f, "{path}: {doing}: {error}"),
            Kind::Exists => write!(f, "{path}: the segment is there already"),
            Kind::Absent => write!(f, "{path}: there is no such file or directory"),
            Kind::NotADirectory => write!(f, "{path}: not a directory, or a symbolic link to one"),
            Kind::NotARegularFile => write!(f, "{path}: not a regular file, or a symbolic link to one"),
            Kind::Owner => write!(f, "{path}: belongs to another user"),
            Kind::Mode => write!(f, "{path}: gives others rights, or its owner too few"),
            Kind::Links => write!(f, "{path}: has been removed or has a second name"),
            Kind::Size => write!(f, "{path}: too short or too long for a segment"),
            Kind::Magic => write!(f, "{path}: not a segment"),
            Kind::Abi => write!(f, "{path}: the segment of an incompatible version of logtree"),
            Kind::NoMemory => write!(f, "{path}: no room for a segment on this file system"),
            Kind::FileSizeLimit => {
                write!(f, "{path}: the limit for the size of files (`ulimit -f`) is below a segment's")
            }
            Kind::NoAddressSpace => write!(f, "{path}: no address space to map the segment"),
        }
    }
}

impl std::error::Error for SegmentError {}
