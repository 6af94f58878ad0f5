//! A compressed file while it is made.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use logtree_core::{AppendFile as _, Direct, Names as _};
use logtree_os::{ForkGeneration, beyond_standard_numbers, kill_point};
use rustix::fs::{FlockOperation, Gid, Mode, OFlags, Timespec, Timestamps, Uid, fchown, flock, fstatvfs, futimens};
use rustix::io::Errno;

use super::{Compress, compressor, directory};
use crate::LogFile;
use crate::look::Look;

/// After so much that was written it is looked whether there still is room.
const LOOK_BYTES: usize = 1 << 20;
/// Such a part of a disk is left to others.
const LEFT_PART: u64 = 64;

/// Deletes what processes that were killed had begun of the files that this one was rolled to.
///
/// # Errors
/// Those of reading the directory, and the first of deleting: what cannot be deleted keeps nothing else.
pub(crate) fn sweep(file: &LogFile) -> io::Result<()> {
    let sweep = |path: PathBuf| match Made::sweep(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io::Error::new(error.kind(), format!("cannot delete '{}': {error}", path.display())))
        }
        _ => Ok(()),
    };
    begun(file)?.into_iter().map(sweep).fold(Ok(()), io::Result::and)
}

/// What was begun and has not its place, whoever makes it.
///
/// # Errors
/// Those of reading the directory.
pub(super) fn begun(file: &LogFile) -> io::Result<Vec<PathBuf>> {
    let is_begun = |name: &OsStr| {
        let base = file.path().file_name().unwrap_or_default();
        let number = name.as_bytes().strip_prefix(b".")?.strip_prefix(base.as_bytes())?.strip_prefix(b".")?;
        let number = std::str::from_utf8(number).ok()?.strip_suffix(".part")?;
        let forms = [Compress::Gzip, Compress::Zstd].map(Compress::extension);
        let number = forms.iter().find_map(|form| number.strip_suffix(form)?.strip_suffix('.'))?;
        number.parse().ok().filter(|inode: &u64| inode.to_string() == number)
    };
    let directory = directory(file);
    let names = Direct.list(directory)?.into_iter();
    Ok(names.filter(|name| is_begun(name).is_some()).map(|name| directory.join(name)).collect())
}

/// A compressed file that has not its place yet. Whoever has locked it (flock(2)) makes it; unlocked, its maker was killed.
pub(super) struct Made {
    path: PathBuf,
    file: File,
    generation: ForkGeneration,
    /// Device and inode of what it is made from.
    pub(super) source: (u64, u64),
    /// So much of that is in it.
    pub(super) bytes: u64,
}

impl Made {
    /// Begins, in place of whoever may have been killed at it; `None` if another process makes it.
    ///
    /// # Errors
    /// Those of opening the file.
    pub(super) fn begin(path: &Path, source: &Metadata) -> io::Result<Option<Self>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let descriptor = rustix::fs::open(path, flags, Mode::from_raw_mode(0o600))?;
        let descriptor = beyond_standard_numbers(descriptor);
        let Some(made) = Self::locked(path, descriptor.into(), source)? else { return Ok(None) };
        made.file.set_len(0)?;
        kill_point!("compression: begun");
        Ok(Some(made))
    }

    /// Deletes what somebody had begun who was killed.
    ///
    /// # Errors
    /// Those of opening and deleting it.
    pub(super) fn sweep(path: &Path) -> io::Result<()> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let metadata = file.metadata()?;
        Self::locked(path, file, &metadata)?.map_or(Ok(()), Self::discard)
    }

    fn locked(path: &Path, file: File, source: &Metadata) -> io::Result<Option<Self>> {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::AGAIN) => return Ok(None),
            outcome => outcome?,
        }
        let made = Self {
            path: path.to_owned(),
            file,
            generation: ForkGeneration::current(),
            source: (source.dev(), source.ino()),
            bytes: 0,
        };
        let look = Look::at(made.file.as_fd())?;
        if !look.is_regular {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // Whoever had it locked before may have given it its place, or deleted it.
        Ok(made.is_there().then_some(made))
    }

    /// Whether its name is still its own.
    pub(super) fn is_there(&self) -> bool {
        let look = Look::at(self.file.as_fd());
        look.is_ok_and(|look| Look::at_path(&self.path).is_ok_and(|named| named.is_same_file(&look)))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Compresses what `source` holds from where it was read to.
    ///
    /// # Errors
    /// Those of reading and writing; `StorageFull` if there would be too little room left.
    pub(super) fn go_on(&mut self, kind: Compress, source: &mut File, is_over: &IsOver<'_>) -> io::Result<()> {
        loop {
            let mut counted = Counted { read: source, bytes: 0, is_over };
            compressor::encode(kind, &mut counted, Roomy { file: &self.file, unlooked: 0 })?;
            self.bytes += counted.bytes;
            // It was the last of it, or a late process has written since.
            if self.bytes >= source.metadata()?.len() {
                return Ok(());
            }
        }
    }

    /// Gives it rights, owner and times of what it is made from, and brings it to the disk if that is asked for.
    ///
    /// # Errors
    /// Those of fchmod(2) and fdatasync(2).
    pub(super) fn finish(&self, source: &Metadata, is_synced: bool) -> io::Result<()> {
        let (owner, group) = (Uid::from_raw(source.uid()), Gid::from_raw(source.gid()));
        // Who may not give files away has made his own.
        let _ = fchown(&self.file, Some(owner), Some(group));
        self.file.set_permissions(source.permissions())?;
        let time = |seconds, nanoseconds| Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
        let times = Timestamps {
            last_access: time(source.atime(), source.atime_nsec()),
            last_modification: time(source.mtime(), source.mtime_nsec()),
        };
        let _ = futimens(&self.file, &times);
        if is_synced {
            self.file.sync_all()?;
        }
        kill_point!("compression: written");
        Ok(())
    }

    /// Deletes it, unless its name is another's by now.
    ///
    /// # Errors
    /// Those of unlink(2).
    pub(super) fn discard(self) -> io::Result<()> {
        if self.is_there() { std::fs::remove_file(&self.path) } else { Ok(()) }
    }

    /// The same where there is nobody to tell: whoever compresses next sweeps.
    pub(super) fn give_up(self) {
        let _ = self.discard();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // A child that was forked meanwhile has the descriptor too: its closing it is not to free the lock, and the parent's
        // alone would not.
        if self.generation == ForkGeneration::current() {
            let _ = flock(&self.file, FlockOperation::Unlock);
        }
    }
}

/// Whether it is to be given up.
pub(super) type IsOver<'a> = dyn Fn() -> bool + Sync + 'a;

/// Counts what is read, and ends when it is to.
struct Counted<'a> {
    read: &'a mut File,
    bytes: u64,
    is_over: &'a IsOver<'a>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if (self.is_over)() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let length = self.read.read(buffer)?;
        self.bytes += length as u64;
        Ok(length)
    }
}

/// Leaves room on the disk.
struct Roomy<'a> {
    file: &'a File,
    unlooked: usize,
}

impl Write for Roomy<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.unlooked == 0 {
            let disk = fstatvfs(self.file)?;
            if disk.f_bavail.saturating_mul(LEFT_PART) < disk.f_blocks {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        let written = self.file.write(bytes)?;
        self.unlooked = if self.unlooked + written < LOOK_BYTES { self.unlooked + written } else { 0 };
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
