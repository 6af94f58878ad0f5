//! A segment's bytes, mapped.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};

use super::backed::Backed;
use super::file::BackingFile;
use crate::layout::{HEAD_UNITS, SegmentHead, UNIT_BYTES, UNIT_START, UNITS, UnitHeader};
use crate::sync;

/// How many units the file grows by at once: 384 KiB. It is the slowest thing that a logging call does, some 250 µs; less at once
/// makes it more than every thousandth call of a thread whose listener stands still.
const GROWTH_UNITS: u32 = 24;

/// A shared mapping with more address space than the file has bytes: the file grows into it.
///
/// A page behind the file's end, or in a hole of it that tmpfs cannot fill, raises SIGBUS when touched. So no unit is
/// touched but those that this process has itself found within the file, and since the last hole was made in it
/// [with memory](Self::has_memory) behind them, whatever the shared words say.
pub(crate) struct Memory {
    base: NonNull<u8>,
    reserve_bytes: usize,
    /// Units that the file is known to hold, those of the head included. This process's own knowledge.
    units: AtomicU32,
    backed: Backed,
    file: BackingFile,
}

// SAFETY: the mapping belongs to no thread; what it holds is reached through atomics and copies.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Maps `reserve_bytes` of the file, which must hold the head already; or half of that, and so on, but at least
    /// `least_bytes`.
    ///
    /// # Errors
    /// mmap(2)'s; `INVAL` if the file or the reserve is too short for a head.
    pub(crate) fn map(file: BackingFile, reserve_bytes: usize, least_bytes: usize) -> Result<Self, Errno> {
        Self::map_for(ProtFlags::READ | ProtFlags::WRITE, file, reserve_bytes, least_bytes)
    }

    /// The same, to be read alone: writing to it ends the process.
    ///
    /// # Errors
    /// As [`map`](Self::map).
    pub(crate) fn map_to_read(file: BackingFile, reserve_bytes: usize) -> Result<Self, Errno> {
        Self::map_for(ProtFlags::READ, file, reserve_bytes, reserve_bytes)
    }

    fn map_for(
        protection: ProtFlags,
        file: BackingFile,
        mut reserve_bytes: usize,
        least_bytes: usize,
    ) -> Result<Self, Errno> {
        let units = file.size().map_or(0, |bytes| bytes / u64::from(UNIT_BYTES));
        if units < HEAD_UNITS.into() || least_bytes < HEAD_UNITS as usize * UNIT_BYTES as usize {
            return Err(Errno::INVAL);
        }
        let base = loop {
            reserve_bytes -= reserve_bytes % UNIT_BYTES as usize;
            match file.map(reserve_bytes, protection) {
                Err(Errno::NOMEM) if reserve_bytes / 2 >= least_bytes => reserve_bytes /= 2,
                outcome => break outcome?,
            }
        };
        // A core dump has no use for other processes' log records. Advice: nothing depends on it.
        // SAFETY: the range is the mapping just made; the advice changes no contents.
        let _advice = unsafe { rustix::mm::madvise(base.as_ptr().cast(), reserve_bytes, Advice::LinuxDontDump) };
        let memory = Self { base, reserve_bytes, units: AtomicU32::new(0), backed: Backed::new(), file };
        memory.refresh();
        Ok(memory)
    }

    pub(crate) fn file(&self) -> &BackingFile {
        &self.file
    }

    /// See [`BackingFile::hold_for_life`].
    pub(crate) fn hold_for_life(&self, byte: u64) -> bool {
        self.file.hold_for_life(byte)
    }

    /// See [`BackingFile::is_held`].
    pub(crate) fn is_held(&self, byte: u64) -> bool {
        self.file.is_held(byte)
    }

    pub(crate) fn reserve_bytes(&self) -> usize {
        self.reserve_bytes
    }

    /// How many units the mapping could ever hold.
    fn reserve_units(&self) -> u32 {
        (self.reserve_bytes / UNIT_BYTES as usize).min(UNITS) as u32
    }

    /// Header, tables and unit owners.
    #[inline]
    pub(crate) fn head(&self) -> &SegmentHead {
        // SAFETY: the mapping is page-aligned and at least HEAD_UNITS long, the file too (both checked in `map`); it lives
        // as long as `self`; `SegmentHead` consists of atomics, valid in any state and shared by reference.
        unsafe { self.base.cast::<SegmentHead>().as_ref() }
    }

    /// How many units can be touched now, those of the head included.
    #[inline]
    pub(crate) fn units(&self) -> u32 {
        self.units.load(Ordering::Relaxed)
    }

    /// The same, after a look at the file, which other processes make longer.
    pub(crate) fn units_by_now(&self) -> u32 {
        self.refresh()
    }

    /// Whether this is a unit of records or definitions that can be touched. Looks at the file again before it says no.
    #[inline]
    pub(crate) fn has_unit(&self, unit: u32) -> bool {
        unit >= HEAD_UNITS && (unit < self.units() || self.reaches(unit))
    }

    /// The header of a unit.
    #[inline]
    pub(crate) fn unit(&self, unit: u32) -> Option<&UnitHeader> {
        if !self.has_unit(unit) {
            return None;
        }
        // SAFETY: `has_unit` says that the whole unit lies within file and mapping.
        let header = unsafe { self.base.add(unit as usize * UNIT_BYTES as usize) };
        // SAFETY: in bounds as above, aligned to UNIT_BYTES, all atomics, and the mapping outlives the borrow of `self`.
        Some(unsafe { header.cast::<UnitHeader>().as_ref() })
    }

    /// Where `length` bytes of a unit's payload lie, if they lie within it.
    #[inline]
    fn payload(&self, unit: u32, offset: u32, length: usize) -> Option<NonNull<u8>> {
        let within = (UNIT_START..=UNIT_BYTES).contains(&offset)
            && length <= (UNIT_BYTES - offset) as usize
            && self.has_unit(unit);
        if !within {
            return None;
        }
        // SAFETY: `has_unit` puts the unit, and the check above the range, within the mapping.
        Some(unsafe { self.base.add(unit as usize * UNIT_BYTES as usize + offset as usize) })
    }

    /// Copies bytes into a unit's payload; `false` if they do not lie within it.
    #[inline]
    pub(crate) fn write(&self, unit: u32, offset: u32, bytes: &[u8]) -> bool {
        let Some(target) = self.payload(unit, offset, bytes.len()) else {
            return false;
        };
        // SAFETY: `payload` checked the target's bounds; `bytes` is not part of it, since no slice of the mapping is
        // ever made. Only the unit's owner writes, and nobody reads before it publishes; a process that breaks this writes
        // bytes of its own choice into ours, as any writer of a shared file can.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), target.as_ptr(), bytes.len()) };
        true
    }

    /// Copies bytes out of a unit's payload; `false` if they do not lie within it.
    #[inline]
    pub(crate) fn read(&self, unit: u32, offset: u32, into: &mut [u8]) -> bool {
        let Some(source) = self.payload(unit, offset, into.len()) else {
            return false;
        };
        sync::before_look(source.as_ptr(), into.len());
        // SAFETY: `payload` checked the source's bounds, and `into` is no part of the mapping. The copy is taken once and
        // judged afterwards: should somebody write at the same time, the bytes are arbitrary, not trusted.
        unsafe { ptr::copy_nonoverlapping(source.as_ptr(), into.as_mut_ptr(), into.len()) };
        true
    }

    /// Whether the file has grown so far that it holds this unit.
    #[cold]
    fn reaches(&self, unit: u32) -> bool {
        unit < self.reserve_units() && unit < self.refresh()
    }

    /// Looks how long the file is by now.
    #[cold]
    fn refresh(&self) -> u32 {
        let in_file = self.file.size().map_or(0, |bytes| bytes / u64::from(UNIT_BYTES));
        let units = in_file.min(self.reserve_units().into()) as u32;
        self.units.fetch_max(units, Ordering::Relaxed).max(units)
    }

    /// Makes the file longer, or notices that somebody did; `false` if there is no more room, in the reserve or on the
    /// file system, or if this process can no longer reach the file.
    #[cold]
    pub(crate) fn grow(&self) -> bool {
        let known = self.units();
        if self.refresh() > known {
            return true;
        }
        let wanted = known.saturating_add(GROWTH_UNITS).min(self.reserve_units());
        if wanted <= known {
            return false;
        }
        // The last piece may be smaller than the usual one where memory is short.
        // Not from the start: that would fill the holes.
        let until = |units: u32| self.file.allocate(position(known), position(units)).is_ok();
        let has_grown = (until(wanted) || until(known + 1)) && self.refresh() > known;
        if has_grown {
            // Most likely this process will write there: all faults at once take a fraction of what each page's own would.
            let _advice = self.populate(known, self.units() - known);
        }
        has_grown
    }

    /// Whether a unit is known to have memory. Only of a unit that does not change hands meanwhile it is still so then.
    #[inline]
    pub(crate) fn is_known(&self, unit: u32) -> bool {
        // Relaxed: whoever took the unit since it had its memory taken away has seen, by that, that this was raised.
        self.backed.knows(unit, self.head().header.life.punches.load(Ordering::Relaxed))
    }

    /// Sees to it that a unit has memory, which is to be in safe hands: nobody takes memory from a unit that belongs to
    /// somebody. `false` if there is none left.
    #[inline]
    pub(crate) fn has_memory(&self, unit: u32) -> bool {
        self.is_known(unit) || self.ask_for_memory(unit)
    }

    #[cold]
    fn ask_for_memory(&self, unit: u32) -> bool {
        let punches = self.head().header.life.punches.load(Ordering::Relaxed);
        if !self.has_unit(unit) {
            return false;
        }
        // The second way is for who may not take the first one. The first needs no descriptor.
        let has_memory = self.populate(unit, 1) || self.file.fill(position(unit), UNIT_BYTES.into());
        kill_point!("shrink: memory asked for");
        if has_memory {
            self.backed.note(unit, punches);
        }
        has_memory
    }

    /// Has the kernel touch the pages of units, which are to lie within the mapping: an error where a touch of ours would be a
    /// signal. `false` too before Linux 5.14.
    fn populate(&self, first: u32, count: u32) -> bool {
        let (offset, bytes) = (first as usize * UNIT_BYTES as usize, count as usize * UNIT_BYTES as usize);
        debug_assert!(offset + bytes <= self.reserve_bytes);
        // SAFETY: the callers' units are below `reserve_units`, so that this lies within the mapping.
        let start = unsafe { self.base.add(offset) };
        // SAFETY: the range lies within the mapping, and the advice changes no contents.
        unsafe { rustix::mm::madvise(start.as_ptr().cast(), bytes, Advice::LinuxPopulateWrite) }.is_ok()
    }

    /// Whether memory may be taken away: not where a process that has lost its descriptors could not ask for it again.
    pub(crate) fn can_punch(&self) -> bool {
        // The head's memory is never taken.
        self.populate(0, 1)
    }

    /// Takes the memory of units away, which are to be in the caller's hands.
    pub(crate) fn punch(&self, first: u32, count: u32) {
        self.file.punch(position(first), u64::from(count) * u64::from(UNIT_BYTES));
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the range is the mapping made in `map`, and every borrow of it ended with `self`.
        let _gone = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.reserve_bytes) };
    }
}

/// Where a unit begins in the file.
fn position(unit: u32) -> u64 {
    u64::from(unit) * u64::from(UNIT_BYTES)
}

impl BackingFile {
    /// Maps the file's first `bytes`, present or not.
    fn map(&self, bytes: usize, protection: ProtFlags) -> Result<NonNull<u8>, Errno> {
        let file = self.trusted().ok_or(Errno::BADF)?;
        // SAFETY: a null hint lets the kernel choose a free range, so no memory in use is touched.
        let base = unsafe {
            rustix::mm::mmap(ptr::null_mut(), bytes, protection, MapFlags::SHARED | MapFlags::NORESERVE, file, 0)
        }?;
        NonNull::new(base.cast()).ok_or(Errno::FAULT)
    }
}
