//! Making, finding and removing a segment's file.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

use super::error::Kind;
use super::{Segment, SegmentError};
use crate::claim::ClaimText;
use crate::layout::{ABI, HEAD_UNITS, MAGIC, UNIT_BYTES, UNITS};
use crate::memory::{BackingFile, FileIdentity, Memory};
use crate::sync::Ordering;

const HEAD_BYTES: u64 = HEAD_UNITS as u64 * UNIT_BYTES as u64;
/// Without so many units nobody could log for long: one for definitions, one that a thread fills, the next one, and one for what
/// the listener is about to do.
const FIRST_BYTES: u64 = 4 * UNIT_BYTES as u64;
const LEAST_RESERVE_BYTES: usize = 2 * HEAD_BYTES as usize;
const FULL_RESERVE_BYTES: usize = UNITS * UNIT_BYTES as usize;
const LONGEST_NAME: usize = 200;

/// How to make a segment.
#[derive(Clone, Copy, Debug)]
pub struct SegmentOptions {
    /// The address space that each process sets aside, and so the most the segment can ever hold. No memory is used for it.
    /// Halved as often as it takes for the creator to get it; 1 GiB at most and by default.
    pub reserve_bytes: usize,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        Self { reserve_bytes: FULL_RESERVE_BYTES }
    }
}

/// Where segments lie if nothing else is said: a directory of this user's own on the system's memory file system,
/// shm_overview(7).
#[must_use]
pub fn default_directory() -> PathBuf {
    format!("/dev/shm/logtree-{}", rustix::process::geteuid().as_raw()).into()
}

impl Segment {
    /// Makes a segment. It is made aside and gets its name when it is complete, so that nobody ever sees half of one. The
    /// directory is made too, if its parent exists.
    ///
    /// # Errors
    /// A segment of that name is there (`is_exists`); the name is none (`is_name`); the directory is not this user's alone
    /// (`is_untrusted`); there is no room (`is_no_memory`) or no address space (`is_no_address_space`).
    pub fn create(directory: &Path, name: &str, options: &SegmentOptions) -> Result<Arc<Self>, SegmentError> {
        let path = directory.join(name);
        if name.is_empty() || name.starts_with('.') || name.contains('/') || name.len() > LONGEST_NAME {
            return Err(SegmentError::new(Path::new(name), Kind::Name));
        }
        let directory = open_directory(directory)?;
        let [a, b, high, low] = random_words(&path)?;
        let aside = format!(".{a:016x}{b:016x}.new");
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(&directory, &aside, flags, mode)
            .map_err(|error| SegmentError::system(&path, "create", error))?;
        kill_point!("segment: made aside");
        let segment = Self::build(file, &path, options, [high, low]).and_then(|segment| {
            kill_point!("segment: described");
            name_it(&directory, &aside, name).map_err(|error| SegmentError::system(&path, "name", error))?;
            kill_point!("segment: named");
            Ok(segment)
        });
        if segment.is_err() {
            let _removed = rustix::fs::unlinkat(&directory, &aside, AtFlags::empty());
        }
        segment.map(Arc::new)
    }

    fn build(file: OwnedFd, path: &Path, options: &SegmentOptions, id: [u64; 2]) -> Result<Self, SegmentError> {
        let system = |doing| move |error| SegmentError::system(path, doing, error);
        // The umask may have taken rights away.
        rustix::fs::fchmod(&file, Mode::RUSR | Mode::WUSR).map_err(system("set the mode"))?;
        let file = BackingFile::new(file, path.to_owned()).map_err(system("look at"))?;
        file.allocate(0, HEAD_BYTES)
            .and_then(|()| file.set_aside(HEAD_BYTES, HEAD_BYTES + FIRST_BYTES))
            .map_err(system("set memory aside"))?;
        let reserve = options.reserve_bytes.clamp(LEAST_RESERVE_BYTES, FULL_RESERVE_BYTES);
        let memory = Memory::map(file, reserve, LEAST_RESERVE_BYTES).map_err(|error| cannot_map(path, error))?;
        kill_point!("segment: mapped");
        let birth = &memory.head().header.birth;
        birth.id[0].store(id[0], Ordering::Relaxed);
        birth.id[1].store(id[1], Ordering::Relaxed);
        birth.reserve_bytes.store(memory.reserve_bytes() as u64, Ordering::Relaxed);
        birth.abi.store(ABI, Ordering::Relaxed);
        birth.magic.store(MAGIC, Ordering::Release);
        Ok(Self { memory })
    }

    /// Opens a segment that somebody made.
    ///
    /// # Errors
    /// There is none (`is_absent`); it may be somebody else's doing (`is_untrusted`); it is no segment (`is_invalid`) or one
    /// of another version (`is_abi`); it cannot be mapped (`is_no_address_space`). A closed one opens: [`Segment::attach`]
    /// tells.
    pub fn open(path: &Path) -> Result<Arc<Self>, SegmentError> {
        Self::open_for(path, OFlags::RDWR).map(Arc::new)
    }

    /// Opens a segment to read it (`OFlags::RDONLY`), or to take part in it.
    pub(super) fn open_for(path: &Path, access: OFlags) -> Result<Self, SegmentError> {
        // Without blocking: the path may by now be a FIFO.
        let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
            Errno::LOOP | Errno::ISDIR | Errno::NXIO => SegmentError::new(path, Kind::NotARegularFile),
            _ => SegmentError::system(path, "open", error),
        })?;
        Self::open_file(file, path, access, Named::Once)
    }

    /// Takes part in the segment that is in an open file.
    pub(super) fn open_file(file: OwnedFd, path: &Path, access: OFlags, named: Named) -> Result<Self, SegmentError> {
        let found = rustix::fs::fstat(&file).map_err(|error| SegmentError::system(path, "look at", error))?;
        judge_file(&found, named).map_err(|kind| SegmentError::new(path, kind))?;
        // The fixed words are read as a file first: until they are right, nothing says how much to map.
        let [magic, abi, _, _, reserve] = read_birth(&file, path)?;
        if magic != MAGIC {
            return Err(SegmentError::new(path, Kind::Magic));
        }
        if abi != ABI {
            return Err(SegmentError::new(path, Kind::Abi));
        }
        if !(LEAST_RESERVE_BYTES as u64..=FULL_RESERVE_BYTES as u64).contains(&reserve)
            || reserve % u64::from(UNIT_BYTES) != 0
            || u64::try_from(found.st_size).is_ok_and(|size| size > reserve)
        {
            return Err(SegmentError::new(path, Kind::Size));
        }
        let file =
            BackingFile::new(file, path.to_owned()).map_err(|error| SegmentError::system(path, "look at", error))?;
        let reserve = reserve as usize;
        let memory = match access.contains(OFlags::RDWR) {
            true => Memory::map(file, reserve, reserve),
            false => Memory::map_to_read(file, reserve),
        };
        Ok(Self { memory: memory.map_err(|error| cannot_map(path, error))? })
    }

    /// Takes the segment's name away, if it still is this one's, and with it what was [spilled](crate::MAX_SPILLED_BYTES).
    /// Whoever has it mapped keeps it.
    ///
    /// # Errors
    /// The system's. A name that is gone already, or is another segment's by now, is none.
    pub fn unlink(&self) -> Result<(), SegmentError> {
        let path = self.path();
        let outcome = match rustix::fs::lstat(path) {
            Ok(found) if identity(&found) == self.memory.file().identity() => {
                kill_point!("segment: to be removed");
                rustix::fs::unlink(path)
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        kill_point!("segment: removed");
        // Nobody would find them any more.
        self.remove_all_spills();
        match outcome {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(SegmentError::system(path, "remove", error)),
        }
    }

    /// The claim of the queue named `queue` that has this segment.
    #[must_use]
    pub fn claim(&self, queue: &str) -> ClaimText {
        let file = self.memory.file();
        ClaimText::new(queue, file.path(), self.id().0).on_device(file.identity().device)
    }

    /// The segment's file, for a helper that is to keep it: once its name is taken away, nobody can open it by that. `None` if
    /// the host has closed it and the path does not lead to it.
    #[must_use]
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.memory.file().trusted()
    }

    /// Whether the path still leads to this segment.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        rustix::fs::lstat(self.path()).is_ok_and(|found| identity(&found) == self.memory.file().identity())
    }

    /// Whether nobody can find this segment by its path any more. Not so only because this process cannot: it may have given its
    /// rights up since, or see another root.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        match self.memory.file().names() {
            Some(names) => names == 0,
            // The host has closed it.
            None => match rustix::fs::lstat(self.path()) {
                Ok(found) => identity(&found) != self.memory.file().identity(),
                Err(error) => matches!(error, Errno::NOENT | Errno::NOTDIR),
            },
        }
    }
}

/// Gives the new file its name, unless somebody has it.
fn name_it(directory: &OwnedFd, aside: &str, name: &str) -> Result<(), Errno> {
    match rustix::fs::renameat_with(directory, aside, directory, name, RenameFlags::NOREPLACE) {
        // An old kernel, or a filter of system calls. Between the two calls the segment has two names, and is refused by
        // whoever opens it at this moment: only here, therefore.
        Err(Errno::NOSYS | Errno::INVAL | Errno::PERM) => {
            rustix::fs::linkat(directory, aside, directory, name, AtFlags::empty())?;
            rustix::fs::unlinkat(directory, aside, AtFlags::empty())
        }
        outcome => outcome,
    }
}

fn identity(found: &Stat) -> FileIdentity {
    FileIdentity { device: found.st_dev, inode: found.st_ino }
}

fn random_words(path: &Path) -> Result<[u64; 4], SegmentError> {
    let mut bytes = [0_u8; 32];
    // So few bytes come in one piece or not at all, getrandom(2).
    getrandom(&mut bytes, GetRandomFlags::empty()).map_err(|error| SegmentError::system(path, "draw an id", error))?;
    Ok(words_of(&bytes))
}

fn words_of<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    words
}

/// Magic, ABI, both halves of the id, reserve: [`crate::layout::Birth`], which begins the file.
fn read_birth(file: &OwnedFd, path: &Path) -> Result<[u64; 5], SegmentError> {
    let mut bytes = [0_u8; 40];
    let read = rustix::io::pread(file, &mut bytes, 0).map_err(|error| SegmentError::system(path, "read", error))?;
    if read < bytes.len() {
        return Err(SegmentError::new(path, Kind::Size));
    }
    Ok(words_of(&bytes))
}

fn cannot_map(path: &Path, error: Errno) -> SegmentError {
    match error {
        Errno::NOMEM => SegmentError::new(path, Kind::NoAddressSpace),
        Errno::INVAL => SegmentError::new(path, Kind::Size),
        error => SegmentError::system(path, "map", error),
    }
}

/// The directory, made if need be, and nobody else's.
fn open_directory(path: &Path) -> Result<OwnedFd, SegmentError> {
    match rustix::fs::mkdir(path, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(SegmentError::system(path, "make the directory", error)),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        Errno::NOTDIR | Errno::LOOP => SegmentError::new(path, Kind::NotADirectory),
        _ => SegmentError::system(path, "open the directory", error),
    })?;
    let found = rustix::fs::fstat(directory.as_fd())
        .map_err(|error| SegmentError::system(path, "look at the directory", error))?;
    let kind = if found.st_uid != rustix::process::geteuid().as_raw() {
        Kind::Owner
    } else if Mode::from_raw_mode(found.st_mode).intersects(Mode::RWXG | Mode::RWXO) {
        Kind::Mode
    } else {
        return Ok(directory);
    };
    Err(SegmentError::new(path, kind))
}

/// How many names a segment's file is to have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Named {
    /// They were taken away.
    NoMore = 0,
    /// Another one would be of somebody else's making.
    Once = 1,
}

pub(super) fn judge_file(found: &Stat, named: Named) -> Result<(), Kind> {
    let mode = Mode::from_raw_mode(found.st_mode);
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        Err(Kind::NotARegularFile)
    } else if found.st_uid != rustix::process::geteuid().as_raw() {
        Err(Kind::Owner)
    } else if mode & (Mode::RWXU | Mode::RWXG | Mode::RWXO) != Mode::RUSR | Mode::WUSR {
        Err(Kind::Mode)
    } else if found.st_nlink != named as _ {
        Err(Kind::Links)
    } else if u64::try_from(found.st_size).is_ok_and(|size| size >= HEAD_BYTES) {
        Ok(())
    } else {
        Err(Kind::Size)
    }
}
