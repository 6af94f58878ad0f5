//! Watching over claims that somebody removes from outside: a cleaner of old files, an operator's `rm`.
//!
//! Whoever listens to a queue looks some times a second whether its claims are still there, and puts back what is missing.
//! Until then a newcomer must not take the file for nobody's. So each name that is watched is marked by a lock on its
//! directory, which no removal of a name takes away: an open file description lock, fcntl(2), for reading, on the one byte
//! whose number is the name's hash. A standby inherits its descriptor, and with it the lock: it ends with the last of those who
//! have it, in whatever namespace.
//!
//! Anybody who may read the directory may lock it so. The mark says that it is worth waiting for a moment, and no more.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, IntoRawFd as _, OwnedFd, RawFd};
use rustix::fs::{Mode, OFlags, Stat, fstat, lstat, openat, stat};
use rustix::io::Errno;

use super::key::{FileKey, Place};
use super::text::fnv1a;
use super::{THREADS, file};
use crate::ofd_lock::{self, Kind};

/// The claims that a listener watches over, of one segment.
///
/// It keeps descriptors open: two for each log file, which a standby is to [keep](Watch::descriptors).
#[derive(Debug, Default)]
pub struct Watch(Vec<Watched>);

#[derive(Clone, Debug)]
struct Watched {
    log: PathBuf,
    key: FileKey,
    claim: PathBuf,
    directory: Option<Held>,
    /// The claim, [attended](file::attend), and how it looked then.
    attended: Option<(Held, Look)>,
    /// Its directory is another one by now, and this process has no file open there.
    is_away: bool,
}

/// A file at one moment: any change of it, or another one in its place, makes another look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    device: u64,
    inode: u64,
    changed: (i64, u64),
}

impl Look {
    fn of(stat: &Stat) -> Self {
        #[allow(clippy::unnecessary_cast, clippy::cast_sign_loss)]
        Self { device: stat.st_dev, inode: stat.st_ino, changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u64) }
    }
}

impl Watch {
    /// Watches over the claims of these log files from now on, and over no others.
    pub fn over(&mut self, logs: &[&Path]) {
        let is_over = |watched: &Watched| logs.contains(&&*watched.log);
        self.0.iter().filter(|watched| !is_over(watched)).for_each(|watched| watched.mark(Kind::Free));
        self.retain(is_over);
        for log in logs {
            if self.0.iter().any(|watched| watched.log == **log) {
                continue;
            }
            // What is no regular file has no claim.
            let Ok(Some(place)) = Place::of(log) else { continue };
            self.0.push(Watched::new(log, place));
        }
    }

    /// Whether all claims are there and name this segment. Each that looks as before costs one system call; a new one is read
    /// and [attended](super::Claim::is_attended). Where a directory is another one by now, the claim in that is watched from the
    /// moment on in which this process has the log file there open; a handler that goes on in the file that it has needs none.
    pub fn look(&mut self, segment_id: u128) -> bool {
        if self.0.iter().all(Watched::is_unchanged) {
            return true;
        }
        // Closing a claim frees the locks of this process on it: not while a thread of it is at a meeting.
        let Some(_threads) = THREADS.try_lock() else { return true };
        self.0.iter_mut().for_each(Watched::follow);
        let mut is_there = true;
        for watched in self.0.iter_mut().filter(|watched| !watched.is_away && !watched.is_unchanged()) {
            is_there &= watched.attend(segment_id);
        }
        is_there
    }

    /// The log files whose claims are watched.
    #[must_use]
    pub fn logs(&self) -> Vec<&Path> {
        self.0.iter().filter(|watched| !watched.is_away).map(|watched| &*watched.log).collect()
    }

    /// What a child must keep open to [inherit](Watch::inherited) it.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let held = |watched: &Watched| {
            let attended = watched.attended.as_ref().map(|(claim, _)| claim.number);
            [watched.directory.as_ref().map(|directory| directory.number), attended]
        };
        // SAFETY: each was open when it was made. If the host has closed it, it is another file's by now, or none, which is found
        // out before each use.
        self.0.iter().flat_map(held).flatten().map(|number| unsafe { BorrowedFd::borrow_raw(number) })
    }

    /// The same watch, in a child that has kept its [descriptors](Watch::descriptors).
    #[must_use]
    pub fn inherited(&self) -> Self {
        Self(self.0.clone())
    }

    /// Newcomers are not to wait any more, neither for this listener nor for those who have inherited the watch.
    pub fn end(&self) {
        self.0.iter().for_each(|watched| watched.mark(Kind::Free));
    }

    fn retain(&mut self, stays: impl Fn(&Watched) -> bool) {
        if !self.0.iter().all(&stays) {
            // As in `look`.
            let _threads = THREADS.lock();
            self.0.retain(stays);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.retain(|_| false);
    }
}

impl Watched {
    fn new(log: &Path, place: Place) -> Self {
        let directory = open_directory(&place).ok().and_then(Held::new);
        let claim = place.directory_path.join(place.claim_name());
        let watched = Self { log: log.to_path_buf(), key: place.key, claim, directory, attended: None, is_away: false };
        watched.mark(Kind::Shared);
        watched
    }

    /// Goes over to the directory that is under the name by now, once this process writes there.
    fn follow(&mut self) {
        let Ok(Some(place)) = Place::of(&self.log) else { return };
        self.is_away = place.key != self.key;
        if self.is_away && is_open(&self.log) {
            self.mark(Kind::Free);
            *self = Self::new(&self.log, place);
        }
    }

    fn is_unchanged(&self) -> bool {
        let Some((_, look)) = &self.attended else { return false };
        lstat(&self.claim).is_ok_and(|found| Look::of(&found) == *look)
    }

    fn attend(&mut self, segment_id: u128) -> bool {
        self.attended = None;
        let Ok(Some(place)) = Place::of(&self.log) else { return false };
        let claim = file::attend(&place, |text| text.segment_id() == segment_id);
        self.attended = claim.and_then(|claim| {
            let look = Look::of(&fstat(&claim).ok()?);
            Some((Held::new(claim)?, look))
        });
        self.attended.is_some()
    }

    /// Locks or frees the byte. Without such locks on this file system newcomers do not wait.
    fn mark(&self, kind: Kind) {
        if let Some(directory) = self.directory.as_ref().filter(|directory| directory.is_open()) {
            let _ = ofd_lock::lock(directory.number, byte_of(self.key.name()), kind);
        }
    }
}

/// Whether somebody watches over a claim.
pub(super) fn is_watched(place: &Place) -> bool {
    let Ok(directory) = open_directory(place) else { return false };
    ofd_lock::is_locked(directory.as_raw_fd(), byte_of(place.key.name())).unwrap_or(false)
}

/// Whether this process has the file open that is under this name.
fn is_open(path: &Path) -> bool {
    let (Ok(named), Ok(open)) = (stat(path), std::fs::read_dir("/proc/self/fd")) else { return false };
    let is_it = |found: Stat| (found.st_dev, found.st_ino) == (named.st_dev, named.st_ino);
    open.flatten().any(|entry| stat(entry.path()).is_ok_and(is_it))
}

/// The place's directory, as a file that can be locked.
fn open_directory(place: &Place) -> Result<OwnedFd, Errno> {
    openat(&place.directory, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// The byte of a directory that stands for a name in it.
fn byte_of(name: &OsStr) -> u64 {
    fnv1a(name.as_bytes())
}

/// An open file. Its host may close the descriptor at any time, and open another file under the same number.
#[derive(Clone, Debug)]
struct Held {
    number: RawFd,
    device: u64,
    inode: u64,
}

impl Held {
    fn new(file: OwnedFd) -> Option<Self> {
        let found = fstat(&file).ok()?;
        Some(Self { number: file.into_raw_fd(), device: found.st_dev, inode: found.st_ino })
    }

    fn is_open(&self) -> bool {
        // SAFETY: borrowed for one call; a number that is no descriptor is refused.
        let found = fstat(unsafe { BorrowedFd::borrow_raw(self.number) });
        found.is_ok_and(|found| (found.st_dev, found.st_ino) == (self.device, self.inode))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.is_open() {
            // SAFETY: the number still names this file, which nobody else was given.
            drop(unsafe { OwnedFd::from_raw_fd(self.number) });
        }
    }
}
