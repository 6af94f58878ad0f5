//! The lock that processes share while one of them rolls a file.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use logtree_os::beyond_standard_numbers;
use rustix::fd::{AsFd as _, BorrowedFd};
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::{Errno, retry_on_intr};

use crate::follow::is_current;
use crate::look::Look;

/// Between two attempts to take the lock.
const NAP: Duration = Duration::from_micros(50);

/// The right to give a file another name. It is a lock on the file itself, so that nothing lies beside the log; through a
/// descriptor of its own, since locks through one that a child of `fork` inherited would be the child's as well.
///
/// Who may neither write nor read the file any more, as a service that root has started and that goes on as another user, has
/// no descriptor but the inherited one. What counts for giving names is the directory: then a lock on that keeps those out
/// who have the same one, and a lock through that all others.
pub(crate) struct RollLock<'a> {
    /// Of the file, or of its directory.
    own: OwnedFd,
    /// Of the file beside it, where there is one.
    beside: Option<OwnedFd>,
    inherited: Option<BorrowedFd<'a>>,
}

impl<'a> RollLock<'a> {
    /// Waits for the lock on the file that `open` is a look at, and perhaps open behind `inherited`, and for that on the file
    /// `beside`, where others have made one; `None` if what is open is not the file under this name any more.
    ///
    /// # Errors
    /// `TimedOut` if others hold one longer than `patience`; else those of opening the files.
    pub(crate) fn take(
        path: &Path,
        open: &Look,
        inherited: Option<BorrowedFd<'a>>,
        beside: Option<&Path>,
        patience: Duration,
    ) -> io::Result<Option<Self>> {
        // Most who find a file full find that others have rolled it.
        if !is_current(path, open) {
            return Ok(None);
        }
        let (descriptor, inherited) = match (open_to_lock(path), inherited) {
            (Err(Errno::NOENT), _) => return Ok(None),
            (Err(Errno::ACCESS), Some(inherited)) => {
                let directory = path.parent().unwrap_or(Path::new("/"));
                (open_with(directory, OFlags::RDONLY | OFlags::DIRECTORY)?, Some(inherited))
            }
            (outcome, _) => (outcome?, None),
        };
        let own = beyond_standard_numbers(descriptor);
        if inherited.is_none() && !Look::at(own.as_fd())?.is_same_file(open) {
            return Ok(None);
        }
        let beside = beside.map_or(Ok(None), open_beside)?;
        let deadline = Instant::now() + patience;
        if !wait(own.as_fd(), path, open, deadline)? {
            return Ok(None);
        }
        let lock = Self { own, beside, inherited };
        if let Some(beside) = &lock.beside
            && !wait(beside.as_fd(), path, open, deadline)?
        {
            return Ok(None);
        }
        if let Some(inherited) = inherited
            && !wait(inherited, path, open, deadline)?
        {
            return Ok(None);
        }
        // Whoever held it may have moved it.
        Ok(is_current(path, open).then_some(lock))
    }
}

/// As the log is opened: whoever may write it need not be allowed to read it.
fn open_to_lock(path: &Path) -> rustix::io::Result<OwnedFd> {
    match open_with(path, OFlags::WRONLY | OFlags::APPEND) {
        Err(Errno::ACCESS) => open_with(path, OFlags::RDONLY),
        outcome => outcome,
    }
}

/// The file that others lock, if they have made it.
fn open_beside(path: &Path) -> io::Result<Option<OwnedFd>> {
    match open_to_lock(path) {
        Ok(descriptor) => Ok(Some(beyond_standard_numbers(descriptor))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => {
            let error = io::Error::from(error);
            Err(io::Error::new(error.kind(), format!("cannot open the lock '{}': {error}", path.display())))
        }
    }
}

fn open_with(path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let usual = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    retry_on_intr(|| rustix::fs::open(path, flags | usual, Mode::empty()))
}

/// Waits for a lock; answers whether the file still has its name then.
fn wait(descriptor: BorrowedFd<'_>, path: &Path, open: &Look, deadline: Instant) -> io::Result<bool> {
    loop {
        match flock(descriptor, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(Errno::INTR) => {}
            // All who wait are free as soon as it is moved, and need not have the lock one after the other.
            Err(Errno::AGAIN) if !is_current(path, open) => return Ok(false),
            Err(Errno::AGAIN) if Instant::now() < deadline => std::thread::sleep(NAP),
            Err(Errno::AGAIN) => {
                let message = "another process takes too long to roll the file";
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            // A file system without locks: whoever shares a log there has been warned by its manual.
            Err(_) => return Ok(true),
        }
    }
}

impl Drop for RollLock<'_> {
    fn drop(&mut self) {
        // A child that was forked meanwhile has the descriptors too: closing one's own would not free the lock.
        let beside = self.beside.as_ref().map(OwnedFd::as_fd);
        for descriptor in beside.into_iter().chain(self.inherited).chain([self.own.as_fd()]) {
            let _ = flock(descriptor, FlockOperation::Unlock);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::{self, File};

    use super::*;

    #[test]
    fn it_is_waited_for_and_not_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let file = File::create(&path).unwrap();
        let open = Look::at(file.as_fd()).unwrap();
        let take = |patience| RollLock::take(&path, &open, None, None, patience);
        let held = take(Duration::ZERO).unwrap().unwrap();
        let began = Instant::now();
        let patience = Duration::from_millis(50);
        assert_eq!(take(patience).err().unwrap().kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= patience);
        drop(held);
        assert!(take(Duration::ZERO).unwrap().is_some());
    }

    #[test]
    fn whoever_waits_is_free_when_the_file_is_moved_and_not_when_its_turn_has_come() {
        for _ in 0..20 {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("a.log");
            let open = Look::at(File::create(&path).unwrap().as_fd()).unwrap();
            let held = RollLock::take(&path, &open, None, None, Duration::ZERO).unwrap().unwrap();
            let (begins, has_begun) = std::sync::mpsc::channel();
            let waiting = std::thread::spawn({
                let path = path.clone();
                move || {
                    begins.send(()).unwrap();
                    RollLock::take(&path, &open, None, None, Duration::from_millis(500)).map(|lock| lock.is_some())
                }
            });
            has_begun.recv().unwrap();
            // More often than not it waits by then.
            std::thread::yield_now();
            fs::rename(&path, directory.path().join("a.log.1")).unwrap();
            assert!(!waiting.join().unwrap().unwrap());
            drop(held);
        }
    }

    #[test]
    fn whoever_sleeps_while_the_file_is_moved_and_the_lock_is_freed_does_not_have_it() {
        for _ in 0..20 {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("a.log");
            let open = Look::at(File::create(&path).unwrap().as_fd()).unwrap();
            let held = RollLock::take(&path, &open, None, None, Duration::ZERO).unwrap().unwrap();
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| RollLock::take(&path, &open, None, None, Duration::from_secs(20)));
                // Long enough that it sleeps, more often than not.
                std::thread::sleep(4 * NAP);
                fs::rename(&path, directory.path().join("a.log.1")).unwrap();
                drop(held);
                assert!(waiting.join().unwrap().unwrap().is_none());
            });
        }
    }

    #[test]
    fn what_someone_else_has_moved_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let file = File::create(&path).unwrap();
        let open = Look::at(file.as_fd()).unwrap();
        fs::rename(&path, directory.path().join("a.log.1")).unwrap();
        assert!(RollLock::take(&path, &open, None, None, Duration::ZERO).unwrap().is_none());
        File::create(&path).unwrap();
        assert!(RollLock::take(&path, &open, None, None, Duration::ZERO).unwrap().is_none());
    }
}
