//! One claim file, locked.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::fs::{fchmod, fcntl_lock, flock, fstat, ftruncate, openat, statat, unlinkat};
use rustix::io::{Errno, pread, pwrite};
use rustix::process::{Flock, FlockType, fcntl_getlk, geteuid};

use super::key::Place;
use super::{ClaimError, ClaimText, watch};
use crate::beyond_standard_numbers;

/// A claim is some hundred bytes and two paths long; what is longer is none.
const LONGEST: usize = 64 * 1024;

/// The pauses between two attempts grow from the first to the last of these.
const FIRST_PAUSE: Duration = Duration::from_micros(200);
const LAST_PAUSE: Duration = Duration::from_millis(10);

/// How often a claim may be made or deleted by others at the very moment it is opened; that happens twice in a row
/// at the most, unless the file system is broken.
const ATTEMPTS: u32 = 100;

/// An open claim file that this process has locked, and that stands under its name.
#[derive(Debug)]
pub(super) struct ClaimFile {
    place: Place,
    name: OsString,
    path: PathBuf,
    file: OwnedFd,
    /// The rights of the one that stood there before, if they were others' too.
    exposed: Option<u32>,
}

impl ClaimFile {
    /// Opens or makes the claim and locks it. One that others may write says nothing that is to be believed: another one takes
    /// its place, but not as long as somebody [attends](attend) it, who will take their rights away. Where nobody can take them
    /// away, as on FAT, there is no claim.
    ///
    /// By `F_SETLK`: record locks end with the process and are not inherited by children, unlike those of flock(2), and the
    /// kernel never finds a deadlock between them and the host's own, as it does for those who wait in `F_SETLKW`.
    pub(super) fn lock(place: Place, patience: Duration) -> Result<Self, ClaimError> {
        let name = place.claim_name();
        let path = place.directory_path.join(&name);
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        let (mut file, mut exposed) = (open_or_make(&place, &name, &path)?, None);
        loop {
            let mut too_open = None;
            match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if still_named(&place, &name, &file) => {
                    too_open = exposure(&file);
                    match too_open {
                        None => return Ok(Self { place, name, path, file, exposed }),
                        Some(_) if is_attended(&file) => _ = fcntl_lock(&file, FlockOperation::Unlock),
                        Some(_) => {
                            exposed = too_open;
                            let _ = fchmod(&file, Mode::RUSR | Mode::WUSR);
                            let still_too_open = exposure(&file);
                            unlinkat(&place.directory, &name, AtFlags::empty())
                                .map_err(ClaimError::io(&path, "remove the claim file"))?;
                            if let Some(mode) = still_too_open {
                                return Err(ClaimError::no_rights(&path, mode));
                            }
                            file = open_or_make(&place, &name, &path)?;
                            continue;
                        }
                    }
                }
                // Whoever had it has deleted it: the lock keeps nobody out any more, and the name may mean a new claim.
                Ok(()) => file = open_or_make(&place, &name, &path)?,
                Err(Errno::ACCESS | Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(ClaimError::io(&path, "lock the claim file")(error)),
            }
            if started.elapsed() >= patience {
                return Err(match too_open {
                    Some(mode) => ClaimError::exposed(&path, mode),
                    None => ClaimError::timeout(&path, holder(&file)),
                });
            }
            kill_point!("meeting: claim awaited");
            std::thread::sleep(pause);
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn read(&self) -> Result<Option<ClaimText>, ClaimError> {
        let mut bytes = vec![0; LONGEST];
        let mut length = 0;
        while let Some(free) = bytes.get_mut(length..).filter(|free| !free.is_empty()) {
            match pread(&self.file, free, length as u64) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(Errno::INTR) => {}
                Err(error) => return Err(ClaimError::io(&self.path, "read the claim file")(error)),
            }
        }
        Ok(bytes.get(..length).and_then(ClaimText::from_bytes))
    }

    pub(super) fn write(&self, text: &ClaimText) -> Result<(), ClaimError> {
        let bytes = text.to_bytes();
        let mut length = 0;
        #[cfg(logtree_kill_points)]
        if crate::kill_points::is_deadly("meeting: claim half written") {
            // As pwrite(2) leaves it when its process is killed.
            let _half = pwrite(&self.file, &bytes[..bytes.len() / 2], 0);
            crate::kill_points::die();
        }
        while let Some(rest) = bytes.get(length..).filter(|rest| !rest.is_empty()) {
            match pwrite(&self.file, rest, length as u64) {
                Ok(0) => return Err(ClaimError::io(&self.path, "write the claim file")(io::ErrorKind::WriteZero)),
                Ok(written) => length += written,
                Err(Errno::INTR) => {}
                Err(error) => return Err(ClaimError::io(&self.path, "write the claim file")(error)),
            }
        }
        kill_point!("meeting: claim written");
        // The text is whole without this; it takes the end of a longer one away, for people who look.
        ftruncate(&self.file, length as u64).map_err(ClaimError::io(&self.path, "shorten the claim file"))
    }

    /// The rights of the claim that stood there before this one, and was not believed as others could write it.
    pub(super) fn exposed(&self) -> Option<u32> {
        self.exposed
    }

    /// Whether somebody [attends](attend) it.
    pub(super) fn is_attended(&self) -> bool {
        is_attended(&self.file)
    }

    /// Whether somebody [watches](super::Watch) over it.
    pub(super) fn is_watched(&self) -> bool {
        watch::is_watched(&self.place)
    }

    pub(super) fn clear(&self) -> Result<(), ClaimError> {
        let emptied = ftruncate(&self.file, 0).map_err(ClaimError::io(&self.path, "empty the claim file"));
        kill_point!("meeting: claim emptied");
        emptied
    }

    /// Takes the name away, as the last thing under the lock. Who waits for this file sees that it has none, and opens the
    /// next one. If it cannot be deleted an empty file stays, which the next meeting uses.
    pub(super) fn remove_if_empty(&self) {
        if fstat(&self.file).is_ok_and(|stat| stat.st_size == 0) && still_named(&self.place, &self.name, &self.file) {
            let _ = unlinkat(&self.place.directory, &self.name, AtFlags::empty());
            kill_point!("meeting: claim removed");
        }
    }
}

/// Attends a claim for as long as the file stays open, if it says what `is_ours` looks for; else `None`. If others have got the
/// right to write it, that is taken away before it is read.
///
/// By flock(2), which has nothing to do with the record locks of meetings.
pub(super) fn attend(place: &Place, is_ours: impl Fn(&ClaimText) -> bool) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = openat(&place.directory, place.claim_name(), flags, Mode::empty()).ok()?;
    trusted(&fstat(&file).ok()?, Path::new("")).ok()?;
    if exposure(&file).is_some() {
        fchmod(&file, Mode::RUSR | Mode::WUSR).ok()?;
    }
    let mut bytes = vec![0; LONGEST];
    let length = pread(&file, &mut bytes, 0).ok()?;
    ClaimText::from_bytes(bytes.get(..length)?).filter(is_ours)?;
    let _ = flock(&file, FlockOperation::NonBlockingLockShared);
    Some(file)
}

/// What a claim says, without a lock and so without waiting for anybody. It may be about to change.
pub(super) fn peek(place: &Place) -> Option<ClaimText> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = openat(&place.directory, place.claim_name(), flags, Mode::empty()).ok()?;
    trusted(&fstat(&file).ok()?, Path::new("")).ok()?;
    if exposure(&file).is_some() {
        return None;
    }
    let mut bytes = Vec::new();
    std::fs::File::from(file).take(LONGEST as u64).read_to_end(&mut bytes).ok()?;
    ClaimText::from_bytes(&bytes)
}

fn open_or_make(place: &Place, name: &OsString, path: &Path) -> Result<OwnedFd, ClaimError> {
    // Non-blocking for the case that someone put a pipe there.
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mode = Mode::RUSR | Mode::WUSR;
    let mut attempts = 0;
    loop {
        attempts += 1;
        // First without `CREATE`: in shared directories the kernel refuses to "make" what another user made
        // (`fs.protected_regular`), and its owner makes a clearer message.
        let mut is_made = false;
        let opened = match openat(&place.directory, name, flags, mode) {
            Err(Errno::NOENT) => {
                let made = openat(&place.directory, name, flags | OFlags::CREATE | OFlags::EXCL, mode);
                kill_point!("meeting: claim made");
                is_made = made.is_ok();
                made
            }
            opened => opened,
        };
        match opened {
            Ok(file) => {
                let file = beyond_standard_numbers(file);
                let stat = fstat(&file).map_err(ClaimError::io(path, "look at the claim file"))?;
                if stat.st_uid != geteuid().as_raw() {
                    if is_made {
                        let _ = unlinkat(&place.directory, name, AtFlags::empty());
                        return Err(ClaimError::no_owners(path, stat.st_uid));
                    }
                    // Made by one of ours perhaps, who is about to find out the same.
                    if stat.st_size == 0 && attempts < ATTEMPTS {
                        std::thread::sleep(FIRST_PAUSE);
                        continue;
                    }
                }
                return trusted(&stat, path).map(|()| file);
            }
            // Made, or deleted again, by another process in between.
            Err(Errno::EXIST | Errno::NOENT | Errno::INTR) if attempts < ATTEMPTS && directory_exists(place) => {}
            Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => return Err(ClaimError::not_regular(path)),
            Err(error) => return Err(ClaimError::io(path, "open or make the claim file")(error)),
        }
    }
}

/// A file that someone else could change must not say where this process finds its queue.
fn trusted(stat: &Stat, path: &Path) -> Result<(), ClaimError> {
    // No name any more: it was deleted just now, which the lock finds out.
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_nlink > 1 {
        return Err(ClaimError::not_regular(path));
    }
    if stat.st_uid != geteuid().as_raw() {
        return Err(ClaimError::foreign(path, stat.st_uid));
    }
    Ok(())
}

/// The file's rights, if others than its owner may write it: then it may say anything. `None` also when it cannot be looked at.
fn exposure(file: &OwnedFd) -> Option<u32> {
    let rights = fstat(file).ok()?.st_mode & 0o7777;
    Mode::from_raw_mode(rights).intersects(Mode::WGRP | Mode::WOTH).then_some(rights)
}

fn is_attended(file: &OwnedFd) -> bool {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            let _ = flock(file, FlockOperation::Unlock);
            false
        }
        Err(error) => error == Errno::WOULDBLOCK,
    }
}

/// A directory that was deleted keeps its descriptor, but nothing can be made in it.
fn directory_exists(place: &Place) -> bool {
    fstat(&place.directory).is_ok_and(|stat| stat.st_nlink > 0)
}

/// Whether the name still means this file.
fn still_named(place: &Place, name: &OsString, file: &OwnedFd) -> bool {
    let (Ok(named), Ok(held)) = (statat(&place.directory, name, AtFlags::SYMLINK_NOFOLLOW), fstat(file)) else {
        return false;
    };
    (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)
}

/// Who has the lock; `None` if it is free by now, or if the holder lives in another pid namespace.
fn holder(file: impl AsFd) -> Option<u32> {
    let held = fcntl_getlk(file, &Flock::from(FlockType::WriteLock)).ok().flatten()?;
    held.pid.map(|pid| pid.as_raw_nonzero().get().unsigned_abs())
}
