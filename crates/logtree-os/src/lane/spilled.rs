//! Records too large for their lane, at both of its ends: see [`crate::spill`].

use super::frame::{Kind, SPILLED_PAYLOAD};
use super::view::DropReason;
use super::{LaneProducer, LaneReader, Position, Published, PushError, RecordHead, Reserve};
use crate::layout::UNIT_BYTES;
use crate::spill::{MAX_SPILLED_BYTES, SpillName, Spilled};
use crate::sync::Ordering;

/// So many times its capacity a lane may have waiting in files; one record may always.
const CAPACITIES: u64 = 4;

/// A record in a file.
#[derive(Clone, Copy)]
pub(super) struct Waiting {
    sequence: u32,
    bytes: u64,
}

impl LaneProducer {
    /// Puts a record into the lane that is [too large](PushError::is_too_large) for it, by way of a file: a few system
    /// calls, and as much memory again. It is read, in its turn, as any other.
    ///
    /// # Errors
    /// It is larger than [`MAX_SPILLED_BYTES`] (`TooLarge`); the lane is full, or holds four times its capacity in files
    /// (`Full`); the file cannot be written whole, or nobody would find it (`NoMemory`); the lane was retired. Nothing is left
    /// then, and nothing counted.
    #[cold]
    pub fn push_spilled(
        &mut self,
        head: RecordHead,
        pieces: &[&[u8]],
        reserve: Reserve,
    ) -> Result<Published, PushError> {
        let bytes = pieces.iter().map(|piece| piece.len() as u64).sum();
        if bytes > MAX_SPILLED_BYTES {
            return Err(PushError(DropReason::TooLarge));
        }
        let read = Position::unpack(self.cell().consumer.head.load(Ordering::Relaxed)).sequence;
        self.spilled.retain(|waiting| waiting.sequence.wrapping_sub(read) <= u32::MAX / 2);
        let waiting: u64 = self.spilled.iter().map(|waiting| waiting.bytes).sum();
        let most = CAPACITIES * u64::from(self.capacity_units) * u64::from(UNIT_BYTES);
        if waiting > 0 && waiting + bytes > most {
            return Err(PushError(DropReason::Full));
        }
        let sequence = self.tail.sequence;
        let name = SpillName { lane: self.lane, generation: self.generation, sequence };
        if !self.segment.spill(name, pieces, bytes) {
            return Err(PushError(DropReason::NoMemory));
        }
        kill_point!("spill: written");
        let outcome = self.push_as(Kind::Spilled, head, &[&bytes.to_ne_bytes()], reserve);
        match outcome {
            Ok(_) => self.spilled.push(Waiting { sequence, bytes }),
            Err(_) => self.segment.remove_spill(name),
        }
        outcome
    }
}

impl LaneReader {
    /// Replaces what was just copied, a length from `start` on, by the record that it stands for.
    pub(super) fn read_spilled(&mut self, start: usize, into: &mut Vec<u8>) -> Spilled {
        let mut length = [0; SPILLED_PAYLOAD as usize];
        length.copy_from_slice(&into[start..]);
        into.truncate(start);
        let outcome = self.segment().read_spill(self.spill_name(self.head.sequence), u64::from_ne_bytes(length), into);
        if outcome != Spilled::NotNow {
            self.spilled.push(self.head.sequence);
        }
        outcome
    }

    /// Deletes the files of records that nobody will read again.
    pub(super) fn remove_spilled(&mut self) {
        for sequence in std::mem::take(&mut self.spilled) {
            kill_point!("spill: handled");
            self.segment().remove_spill(self.spill_name(sequence));
            kill_point!("spill: deleted");
        }
    }

    fn spill_name(&self, sequence: u32) -> SpillName {
        SpillName { lane: self.lane, generation: self.generation, sequence }
    }
}
