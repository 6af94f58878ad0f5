//! The units that a transaction's bytes stand in.

use std::fmt;
use std::sync::Arc;

use super::{GRAIN, MAX_TRANSACTION_BYTES, TransactionTooLarge};
use crate::layout::{UNIT_PAYLOAD, UNIT_START};
use crate::segment::Segment;
use crate::sync::Ordering;
use crate::units::Tag;

/// So many units stay with the listener: a usual batch takes no more.
const KEPT_UNITS: usize = if cfg!(logtree_kill_points) { 2 } else { 24 };

const _: () = assert!((UNIT_PAYLOAD as usize).is_multiple_of(GRAIN));

/// A chain of units that is written from its start again for each transaction.
pub(super) struct Chain {
    segment: Arc<Segment>,
    /// In the order of the chain.
    units: Vec<u32>,
    /// How many bytes were appended since the start.
    length: usize,
    checksum: u64,
}

impl Chain {
    pub(super) fn new(segment: &Arc<Segment>) -> Self {
        Self { segment: Arc::clone(segment), units: Vec::new(), length: 0, checksum: 0 }
    }

    pub(super) fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    /// 0 if there is none.
    pub(super) fn first_unit(&self) -> u32 {
        self.units.first().copied().unwrap_or(0)
    }

    pub(super) fn checksum(&self) -> u64 {
        self.checksum
    }

    pub(super) fn rewind(&mut self) {
        (self.length, self.checksum) = (0, 0);
    }

    /// Appends a piece, filled up with zeros.
    pub(super) fn append(&mut self, piece: &[u8]) -> Result<(), TransactionTooLarge> {
        if self.length + piece.len() > MAX_TRANSACTION_BYTES {
            return Err(TransactionTooLarge(()));
        }
        let (words, rest) = piece.split_at(piece.len() - piece.len() % GRAIN);
        self.write(words)?;
        if !rest.is_empty() {
            let mut last = [0; GRAIN];
            last[..rest.len()].copy_from_slice(rest);
            self.write(&last)?;
        }
        Ok(())
    }

    fn write(&mut self, mut words: &[u8]) -> Result<(), TransactionTooLarge> {
        self.checksum = checksum_on(self.checksum, words);
        while !words.is_empty() {
            let (at, offset) = (self.length / UNIT_PAYLOAD as usize, self.length % UNIT_PAYLOAD as usize);
            let unit = match self.units.get(at) {
                Some(&unit) => unit,
                None => self.lengthen()?,
            };
            let (now, later) = words.split_at(words.len().min(UNIT_PAYLOAD as usize - offset));
            if !self.segment.memory().write(unit, UNIT_START + offset as u32, now) {
                return Err(TransactionTooLarge(()));
            }
            self.length += now.len();
            words = later;
        }
        Ok(())
    }

    fn lengthen(&mut self) -> Result<u32, TransactionTooLarge> {
        let units = self.segment.units();
        let last = self.units.last().copied();
        let unit = units.allocate(Tag::TRANSACTION, last.unwrap_or(0) + 1).ok_or(TransactionTooLarge(()))?;
        kill_point!("transaction: unit taken");
        if let Some(header) = units.header(unit) {
            header.ordinal.store(self.units.len() as u32, Ordering::Relaxed);
        }
        if let Some(header) = last.and_then(|last| units.header(last)) {
            header.next.store(unit, Ordering::Relaxed);
        }
        self.units.push(unit);
        Ok(unit)
    }

    /// Gives back what an unusually large transaction had needed, and the one that is in the chain now does not.
    pub(super) fn give_back_excess(&mut self) {
        let units = self.segment.units();
        let needed = self.length.div_ceil(UNIT_PAYLOAD as usize);
        for unit in self.units.drain(needed.max(KEPT_UNITS).min(self.units.len())..) {
            units.release(unit, units.owner(unit));
            kill_point!("transaction: unit given back");
        }
    }

    /// Gives everything back where nobody else could get a unit. Nothing may stand in the chain.
    pub(super) fn make_room(&mut self) {
        let units = self.segment.units();
        if self.units.is_empty() || units.has_another(Tag::TRANSACTION) {
            return;
        }
        for unit in self.units.drain(..) {
            units.release(unit, units.owner(unit));
            kill_point!("transaction: unit given back");
        }
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("units", &self.units).field("length", &self.length).finish_non_exhaustive()
    }
}

/// Copies `length` bytes from the chain that begins with `unit`; `None` if they are not all there.
pub(super) fn copy(segment: &Segment, mut unit: u32, length: usize) -> Option<Vec<u8>> {
    let units = segment.units();
    let mut bytes = vec![0; length];
    for (ordinal, part) in bytes.chunks_mut(UNIT_PAYLOAD as usize).enumerate() {
        // Belonging keeps others' bytes out, and is looked at before the unit is touched: nobody's may have no memory.
        // The ordinal makes a chain that bites its tail end here.
        let follows = units.belongs_to(unit, Tag::TRANSACTION)
            && units.header(unit)?.ordinal.load(Ordering::Relaxed) as usize == ordinal;
        if !follows || !segment.memory().read(unit, UNIT_START, part) {
            return None;
        }
        unit = segment.next_unit(unit);
    }
    Some(bytes)
}

/// The checksum of bytes whose number is a multiple of 8. It finds what was overwritten by accident, no more.
pub(super) fn checksum_of(bytes: &[u8]) -> u64 {
    checksum_on(0, bytes)
}

fn checksum_on(checksum: u64, bytes: &[u8]) -> u64 {
    // An odd multiplier loses no bit; the rotation brings the high ones, which all others reach, down again.
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, _) = bytes.as_chunks::<GRAIN>();
    words.iter().fold(checksum, |sum, word| (sum ^ u64::from_ne_bytes(*word)).wrapping_mul(MULTIPLIER).rotate_left(23))
}
