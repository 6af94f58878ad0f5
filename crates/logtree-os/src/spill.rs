//! Spill files: records that are larger than their lane may ever hold.
//!
//! Such a record is written whole into a file of its own on the segment's file system, and only then does the lane get a
//! small record that stands for it. The file's name follows from the lane and the small record's place in it, so that no
//! process tells another one a path. The listener deletes the file once the record has reached its handlers; a file that no
//! lane waits for any more (its producer was killed before it published, its listener before it deleted) is
//! [swept](Segment::sweep_spills) by the next listener, when its lane is reclaimed, or with the segment.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{AtFlags, Dir, FallocateFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::beyond_standard_numbers;
use crate::index::LaneIndex;
use crate::lane::{LaneState, Position};
use crate::limits::{Limited, limit_of};
use crate::segment::Segment;
use crate::sync::Ordering;

/// The largest record that is spilled.
pub const MAX_SPILLED_BYTES: u64 = 64 << 20;

/// How often a call that the host's signals interrupt is taken up again.
const INTERRUPTIONS: usize = 64;

/// How many files are looked at in one sweep.
const LOOKS: usize = 4096;

/// Whose record a file holds: the lane's `sequence`-th since it was claimed for the `generation`-th time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SpillName {
    pub(crate) lane: LaneIndex,
    pub(crate) generation: u32,
    pub(crate) sequence: u32,
}

/// What came of reading a spilled record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spilled {
    /// Its bytes were appended.
    Read,
    /// There is no such file, or it is not what the lane says.
    Lost,
    /// This process cannot open or read it now, for want of descriptors or memory.
    NotNow,
}

impl Segment {
    /// Writes a record's pieces, `length` bytes in all, to a file; `false`, with nothing left, if it cannot be.
    pub(crate) fn spill(&self, name: SpillName, pieces: &[&[u8]], length: u64) -> bool {
        // Where the path leads to another segment, or to none, the listener would never find the file.
        if !self.is_linked() {
            return false;
        }
        let written = self.spill_directory(true).and_then(|directory| {
            let file_name = self.spill_file(name);
            let written = write_whole(&directory, &file_name, pieces, length);
            if written.is_err() {
                let _removed = rustix::fs::unlinkat(&directory, &file_name, AtFlags::empty());
            }
            written
        });
        written.is_ok()
    }

    /// Appends a spilled record's bytes to `into`, or leaves it as it was.
    pub(crate) fn read_spill(&self, name: SpillName, length: u64, into: &mut Vec<u8>) -> Spilled {
        let before = into.len();
        let read = self.spill_directory(false).and_then(|directory| {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            let file = rustix::fs::openat(&directory, self.spill_file(name), flags, Mode::empty())?;
            let found = rustix::fs::fstat(&file)?;
            let is_ours = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
                && found.st_uid == geteuid().as_raw()
                && u64::try_from(found.st_size) == Ok(length)
                && length <= MAX_SPILLED_BYTES;
            if !is_ours {
                return Err(io::ErrorKind::InvalidData.into());
            }
            into.reserve_exact(length as usize);
            std::fs::File::from(file).take(length).read_to_end(into)
        });
        match read {
            Ok(read) if read as u64 == length => Spilled::Read,
            outcome => {
                into.truncate(before);
                let error = outcome.err().and_then(|error| Errno::from_io_error(&error));
                let may_pass = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::INTR];
                if error.is_some_and(|error| may_pass.contains(&error)) { Spilled::NotNow } else { Spilled::Lost }
            }
        }
    }

    pub(crate) fn remove_spill(&self, name: SpillName) {
        if let Ok(directory) = self.spill_directory(false) {
            let _removed = rustix::fs::unlinkat(&directory, self.spill_file(name), AtFlags::empty());
        }
    }

    /// Deletes spill files that no lane waits for, and those of a segment that had this one's name before. Only for the
    /// holder of the [seat](Segment::seat), when it has finished what was [interrupted](Segment::interrupted), and after
    /// lanes were reclaimed.
    pub fn sweep_spills(&self) {
        let is_linked = self.is_linked();
        self.remove_spills(|name| name.map_or(!is_linked, |name| self.waits_for(name)));
    }

    /// Deletes every spill file of this segment, and their directory.
    pub(crate) fn remove_all_spills(&self) {
        self.remove_spills(|name| name.is_none());
        // It stays where another segment that got this one's name has files in it.
        let _removed = rustix::fs::rmdir(self.spill_path());
    }

    /// Deletes files that are not to be kept; one without a name in the lanes is none of this segment's.
    fn remove_spills(&self, keep: impl Fn(Option<SpillName>) -> bool) {
        let Ok(directory) = self.spill_directory(false) else { return };
        let Ok(entries) = Dir::read_from(&directory) else { return };
        for entry in entries.take(LOOKS).flatten() {
            let file_name = entry.file_name().to_bytes();
            if !file_name.starts_with(b".") && !keep(self.parse_spill_file(file_name)) {
                let _removed = rustix::fs::unlinkat(&directory, entry.file_name(), AtFlags::empty());
                kill_point!("spill: swept");
            }
        }
    }

    /// Whether a record is in its lane still, or may be about to be published there.
    fn waits_for(&self, name: SpillName) -> bool {
        let Some(lane) = self.lane_view(name.lane) else { return false };
        let head = Position::unpack(self.lane(name.lane).consumer.head.load(Ordering::Acquire));
        matches!(lane.state, LaneState::Claimed | LaneState::Detached)
            && lane.generation == name.generation
            && Position { sequence: name.sequence, ..head }.records_since(head).is_some()
    }

    /// Beside the segment, and called after it.
    fn spill_path(&self) -> PathBuf {
        let mut name = OsString::from("spill-");
        name.push(self.path().file_name().unwrap_or_default());
        self.path().with_file_name(name)
    }

    fn spill_directory(&self, make: bool) -> io::Result<OwnedFd> {
        let path = self.spill_path();
        if make {
            match rustix::fs::mkdir(&path, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = rustix::fs::open(&path, flags, Mode::empty())?;
        let found = rustix::fs::fstat(&directory)?;
        let others = Mode::from_raw_mode(found.st_mode).intersects(Mode::RWXG | Mode::RWXO);
        if found.st_uid != geteuid().as_raw() || others {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(directory)
    }

    fn spill_file(&self, name: SpillName) -> String {
        format!("{}-{}-{}-{}", self.id(), name.lane.number(), name.generation, name.sequence)
    }

    /// `None` for what is no spill file of this segment.
    fn parse_spill_file(&self, file_name: &[u8]) -> Option<SpillName> {
        let mut parts = std::str::from_utf8(file_name).ok()?.split('-');
        let is_ours = parts.next() == Some(&*self.id().to_string());
        let name = SpillName {
            lane: LaneIndex::new(parts.next()?.parse().ok()?)?,
            generation: parts.next()?.parse().ok()?,
            sequence: parts.next()?.parse().ok()?,
        };
        (is_ours && parts.next().is_none()).then_some(name)
    }
}

/// Makes a file that holds these pieces, with memory behind all of it before the first is written.
fn write_whole(directory: &OwnedFd, file_name: &str, pieces: &[&[u8]], length: u64) -> io::Result<()> {
    // Above the limit the kernel would send SIGXFSZ, which kills by default.
    if limit_of(Limited::FileSize).is_some_and(|limit| length > limit) {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    // One that a push before this one left, which was refused then, is overwritten.
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, file_name, flags, Mode::RUSR | Mode::WUSR)?;
    let file = beyond_standard_numbers(file);
    // The umask may have taken rights away.
    rustix::fs::fchmod(&file, Mode::RUSR | Mode::WUSR)?;
    let mut allocated = Err(Errno::INTR);
    for _ in 0..INTERRUPTIONS {
        if allocated == Err(Errno::INTR) {
            allocated = rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, length);
        }
    }
    allocated?;
    let mut file = std::fs::File::from(file);
    pieces.iter().try_for_each(|piece| file.write_all(piece))
}
