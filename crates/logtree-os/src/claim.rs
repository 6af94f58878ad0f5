//! Where processes meet that write the same log file: a small claim file beside it.
//!
//! The claim of `app.log` is `.app.log.logtree` in the same directory. It says which queue writes the file, and in which
//! segment of shared memory that queue lives, in lines of text that do not depend on the program's build. Two processes
//! that were not forked from one another, or run in two containers on one volume, find each other by nothing else: a path
//! alone does not do, because of symlinked directories and mount namespaces.
//!
//! A [`Meeting`] holds the claims of all files of a config at once, locked; what it finds decides whether its process
//! joins a queue or makes one, and it writes the answer before it lets go. Locks are taken in one order by everybody, never
//! waited for in the kernel, and end with the process that held them.
//!
//! Who listens [watches](Watch) over the claims, and puts back one that was deleted.
//!
//! To mend it by hand: with no process of the service running, claim files may be deleted.

mod error;
mod file;
mod key;
mod text;
mod watch;

pub use error::ClaimError;
pub use key::FileKey;
pub use text::ClaimText;
pub use watch::Watch;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::{ForkGeneration, ForkLock, ForkLockGuard};
use file::ClaimFile;

/// Keeps the threads of this process apart: the kernel's record locks are the process', not the thread's, and closing
/// a claim in one thread would free it under another one.
static THREADS: ForkLock<()> = ForkLock::new(());

/// The claims of a set of log files, all locked by this process until the value is dropped.
///
/// There is one at a time in a process. It is to be held for the moments of joining or making a queue, not longer. In a
/// child that was forked meanwhile it is without effect, as the locks are the parent's.
///
/// ```
/// use std::time::Duration;
/// use logtree_os::claim::{ClaimText, Meeting};
///
/// # let directory = tempfile::tempdir()?;
/// # let log = directory.path().join("app.log");
/// let mut meeting = Meeting::lock(&[&log], Duration::from_secs(1))?;
/// if meeting.claims().iter().all(|claim| claim.text().is_none()) {
///     let mine = ClaimText::new("queue", "/dev/shm/logtree-0/queue", 7);
///     meeting.write(&mine)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Meeting {
    claims: Vec<Claim>,
    locked_in: ForkGeneration,
    // The last field: threads of this process are let in after the files were closed.
    _threads: ForkLockGuard<'static, ()>,
}

/// One locked claim.
#[derive(Debug)]
pub struct Claim {
    log: PathBuf,
    text: Option<ClaimText>,
    file: ClaimFile,
}

impl Claim {
    /// The log file, as it was named to [`Meeting::lock`].
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The claim file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Whether a listener or a standby that lives attends it, in whatever namespace: it keeps the claim open and locked by
    /// flock(2), which nobody but this user can. One that was killed does not.
    #[must_use]
    pub fn is_attended(&self) -> bool {
        self.file.is_attended()
    }

    /// Whether a listener or a standby that lives [watches](Watch) over it, in whatever namespace, and will put back in a
    /// moment what is not there. Another user can make it look so.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.file.is_watched()
    }

    /// The rights of the claim that stood there, if others than its owner could write it. It was not believed, and this one, which
    /// says nothing yet, has taken its place.
    #[must_use]
    pub fn was_exposed(&self) -> Option<u32> {
        self.file.exposed()
    }

    /// What it says; `None` if it was not there, was not written to the end, or is not understood.
    #[must_use]
    pub fn text(&self) -> Option<&ClaimText> {
        self.text.as_ref()
    }
}

impl Meeting {
    /// Locks the claims of the log files at `paths`, which need not exist yet; their directories must.
    ///
    /// Two paths to one file are one claim. What is no regular file (a pipe, a terminal, `/dev/null`) has none.
    ///
    /// # Errors
    ///
    /// If a claim stays locked by others for longer than `patience` ([`ClaimError::is_timeout`]), cannot be made in the
    /// directory ([`ClaimError::is_not_permitted`]), is another user's ([`ClaimError::is_foreign`]), may be
    /// written by others while somebody attends it ([`ClaimError::is_exposed`]), or is no regular file; each names the path. What was locked before is let go.
    pub fn lock(paths: &[&Path], patience: Duration) -> Result<Self, ClaimError> {
        let mut places = Vec::with_capacity(paths.len());
        for path in paths {
            if let Some(place) = key::Place::of(path)? {
                places.push((place, path.to_path_buf()));
            }
        }
        // One order for everybody, so that two processes never wait for each other crosswise.
        places.sort_by(|(one, _), (other, _)| one.key.cmp(&other.key));
        // A second descriptor of one claim would free its lock when it is closed.
        places.dedup_by(|(one, _), (other, _)| one.key == other.key);

        let started = Instant::now();
        let left = || patience.saturating_sub(started.elapsed());
        let Some(threads) = THREADS.lock_within(patience) else {
            let path = paths.first().copied().unwrap_or(Path::new(""));
            return Err(ClaimError::timeout(path, Some(std::process::id())));
        };
        let mut claims = Vec::with_capacity(places.len());
        for (place, log) in places {
            let file = ClaimFile::lock(place, left())?;
            kill_point!("meeting: claim locked");
            let text = file.read()?;
            claims.push(Claim { log, text, file });
        }
        Ok(Self { claims, locked_in: ForkGeneration::current(), _threads: threads })
    }

    /// The claims, in the order in which everybody locks them.
    #[must_use]
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// Writes `text` into all claims.
    ///
    /// A process that is killed meanwhile leaves claims that read as the former text, as this one, or as nothing.
    ///
    /// # Errors
    ///
    /// When a claim cannot be written: the disk is full, or this process is a forked child and holds no lock.
    pub fn write(&mut self, text: &ClaimText) -> Result<(), ClaimError> {
        self.write_where(text, |_| true)
    }

    /// [`write`](Self::write) into the claims of which `is_meant` is true.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_where(&mut self, text: &ClaimText, is_meant: impl Fn(&Claim) -> bool) -> Result<(), ClaimError> {
        let locked = self.is_locked();
        for claim in self.claims.iter_mut().filter(|claim| is_meant(claim)) {
            if !locked {
                return Err(ClaimError::not_locked(claim.file.path()));
            }
            // What stands there now is not known until it is written whole.
            claim.text = None;
            claim.file.write(text)?;
            claim.text = Some(text.clone());
        }
        Ok(())
    }

    /// Empties the claims that name this segment, and leaves the others. The files are deleted when the meeting ends:
    /// without its name a claim would keep nobody out.
    ///
    /// # Errors
    ///
    /// When one cannot be emptied; the others are tried all the same, and the first error is returned.
    pub fn remove_if(&mut self, segment_id: u128) -> Result<(), ClaimError> {
        let locked = self.is_locked();
        let mut result = Ok(());
        for claim in &mut self.claims {
            if claim.text.as_ref().is_none_or(|text| text.segment_id() != segment_id) {
                continue;
            }
            let emptied = if locked { claim.file.clear() } else { Err(ClaimError::not_locked(claim.file.path())) };
            match emptied {
                Ok(()) => claim.text = None,
                Err(error) => result = result.and(Err(error)),
            }
        }
        result
    }

    fn is_locked(&self) -> bool {
        self.locked_in == ForkGeneration::current()
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        if !self.is_locked() {
            return;
        }
        for claim in &self.claims {
            // A claim that was made for this meeting and never written, or emptied, says nothing to anybody.
            if claim.text.is_none() {
                claim.file.remove_if_empty();
            }
        }
    }
}
