//! What can go wrong at a meeting.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::process::is_stopped;

/// Why processes could not meet at a log file.
#[derive(Debug)]
pub struct ClaimError {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Timeout { holder: Option<Holder> },
    Foreign { owner: u32 },
    Exposed { mode: u32 },
    NoRights { mode: u32 },
    NoOwners { owner: u32 },
    NotRegular,
    NotLocked,
    Io { doing: &'static str, error: io::Error },
}

/// Who does not let go of a claim.
#[derive(Debug)]
struct Holder {
    pid: u32,
    /// As `ps` shows it; empty where `/proc` does not tell.
    name: String,
    is_stopped: bool,
}

impl Holder {
    fn of(pid: u32) -> Self {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        Self { pid, name: name.trim_end().escape_default().to_string(), is_stopped: is_stopped(pid) }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, name, is_stopped } = self;
        write!(f, "process {pid}")?;
        if !name.is_empty() {
            write!(f, " ({name})")?;
        }
        f.write_str(" does not let go of the claim")?;
        match is_stopped {
            true => write!(f, ", because it is stopped: continue it with `kill -CONT {pid}`, or end it"),
            false => Ok(()),
        }
    }
}

impl ClaimError {
    /// The log file or the claim file that it is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Someone else held the claim for too long.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.kind, Kind::Timeout { .. })
    }

    /// The claim belongs to another user, whom this process does not trust.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        matches!(self.kind, Kind::Foreign { .. })
    }

    /// Others may write the claim, and somebody attends it who has not taken that right away for too long.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        matches!(self.kind, Kind::Exposed { .. })
    }

    /// This user may not make, open or write the claim.
    #[must_use]
    pub fn is_not_permitted(&self) -> bool {
        use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        matches!(&self.kind, Kind::Io { error, .. } if matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem))
    }

    /// The log file's directory does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(&self.kind, Kind::Io { error, .. } if error.kind() == io::ErrorKind::NotFound)
    }

    /// This process has as many files open as it may have.
    #[must_use]
    pub fn is_out_of_descriptors(&self) -> bool {
        matches!(&self.kind, Kind::Io { error, .. } if error.raw_os_error() == Some(Errno::MFILE.raw_os_error()))
    }

    pub(super) fn timeout(path: &Path, holder: Option<u32>) -> Self {
        Self { path: path.into(), kind: Kind::Timeout { holder: holder.map(Holder::of) } }
    }

    pub(super) fn foreign(path: &Path, owner: u32) -> Self {
        Self { path: path.into(), kind: Kind::Foreign { owner } }
    }

    pub(super) fn exposed(path: &Path, mode: u32) -> Self {
        Self { path: path.into(), kind: Kind::Exposed { mode } }
    }

    pub(super) fn no_rights(path: &Path, mode: u32) -> Self {
        Self { path: path.into(), kind: Kind::NoRights { mode } }
    }

    pub(super) fn no_owners(path: &Path, owner: u32) -> Self {
        Self { path: path.into(), kind: Kind::NoOwners { owner } }
    }

    pub(super) fn not_regular(path: &Path) -> Self {
        Self { path: path.into(), kind: Kind::NotRegular }
    }

    pub(super) fn not_locked(path: &Path) -> Self {
        Self { path: path.into(), kind: Kind::NotLocked }
    }

    /// For `map_err`: `doing` completes "cannot …".
    pub(super) fn io<E: Into<io::Error>>(path: &Path, doing: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self { path: path.into(), kind: Kind::Io { doing, error: error.into() } }
    }
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.kind {
            Kind::Timeout { holder: Some(holder) } => write!(f, "{path}: {holder}"),
            // The kernel says so of a holder in another pid namespace.
            Kind::Timeout { holder: None } => write!(
                f,
                "{path}: a process of another pid namespace does not let go of the claim; it may be stopped, and is to be \
                 continued or ended"
            ),
            Kind::Foreign { owner } => write!(f, "{path}: the claim belongs to user {owner}, who is not trusted"),
            Kind::Exposed { mode } => write!(
                f,
                "{path}: others may write the claim (its rights are {mode:03o}), so that it is not trusted; `chmod go-w` takes the \
                 right away"
            ),
            Kind::NoRights { mode } => write!(
                f,
                "{path}: the file system lets others write a claim (its rights are {mode:03o}, whatever they are set to), so \
                 that none is trusted"
            ),
            Kind::NoOwners { owner } => write!(
                f,
                "{path}: the file system gives a claim to user {owner}, whoever makes it, so that none is trusted"
            ),
            Kind::NotRegular => write!(f, "{path}: the claim is not a regular file with one name"),
            Kind::NotLocked => write!(f, "{path}: the claim is locked by the parent of this process"),
            Kind::Io { doing, error } => write!(f, "{path}: cannot {doing}: {error}"),
        }
    }
}

impl std::error::Error for ClaimError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}
