//! Definitions: what a process says once and names in many records.
//!
//! Each process has a chain of units to which it appends; an id is the place of a definition in the segment, divided by 8.
//! They stand outside the lanes and are kept until the process is dead and its lanes are free, so that whoever listens
//! next can read a record whose definition the last listener had read long ago.

use std::fmt;
use std::sync::Arc;

use crate::index::SlotIndex;
use crate::lane::Position;
use crate::layout::{UNIT_BYTES, UNIT_PAYLOAD, UNIT_START};
use crate::segment::Segment;
use crate::sync::Ordering;
use crate::units::Tag;

/// Each definition begins with its length.
const LENGTH_BYTES: u32 = 8;

/// The largest definition.
pub const MAX_DEFINITION_BYTES: usize = (UNIT_PAYLOAD - LENGTH_BYTES) as usize;

/// A definition was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DefineError {
    too_large: bool,
}

impl DefineError {
    /// Whether it is larger than [`MAX_DEFINITION_BYTES`]; else memory is short.
    #[must_use]
    pub fn is_too_large(self) -> bool {
        self.too_large
    }
}

impl fmt::Display for DefineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.too_large {
            "the definition is too large"
        } else {
            "there is no shared memory left for the definition"
        })
    }
}

impl std::error::Error for DefineError {}

/// The one writer of a process's definitions.
#[derive(Debug)]
pub struct DefinitionWriter {
    segment: Arc<Segment>,
    slot: SlotIndex,
    /// Where the next definition goes: the shared word, which only this writes. Its sequence counts units here.
    tail: Position,
}

impl DefinitionWriter {
    pub(crate) fn new(segment: &Arc<Segment>, slot: SlotIndex) -> Self {
        let tail = Position::unpack(segment.slot(slot).definitions.load(Ordering::Acquire));
        // Goes on where an earlier writer of this process stopped, if that is a place at all.
        let is_place = (UNIT_START..=UNIT_BYTES).contains(&tail.offset)
            && segment.units().belongs_to(tail.unit, Tag::process(slot));
        Self { segment: Arc::clone(segment), slot, tail: if is_place { tail } else { Position::NONE } }
    }

    /// Appends a definition; it can be read once this returns. Never 0.
    ///
    /// # Errors
    /// It is too large, or memory is short.
    pub fn define(&mut self, bytes: &[u8]) -> Result<u32, DefineError> {
        if bytes.len() > MAX_DEFINITION_BYTES {
            return Err(DefineError { too_large: true });
        }
        let whole = (LENGTH_BYTES as usize + bytes.len()).next_multiple_of(8) as u32;
        let fits = self.tail.unit != 0 && whole <= UNIT_BYTES - self.tail.offset;
        let place = if fits { self.tail } else { self.new_unit()? };
        let memory = self.segment.memory();
        memory.write(place.unit, place.offset, &(bytes.len() as u64).to_ne_bytes());
        kill_point!("definition: begun");
        memory.write(place.unit, place.offset + LENGTH_BYTES, bytes);
        kill_point!("definition: written");
        self.tail = Position { offset: place.offset + whole, ..place };
        // Release: the bytes are there before anybody is told so. A record that names the id follows behind.
        self.segment.slot(self.slot).definitions.store(self.tail.pack(), Ordering::Release);
        kill_point!("definition: published");
        Ok(((u64::from(place.unit) * u64::from(UNIT_BYTES) + u64::from(place.offset)) / 8) as u32)
    }

    fn new_unit(&self) -> Result<Position, DefineError> {
        let units = self.segment.units();
        let unit =
            units.allocate(Tag::process(self.slot), self.tail.unit + 1).ok_or(DefineError { too_large: false })?;
        kill_point!("definition: unit taken");
        let sequence = self.tail.sequence.wrapping_add(1);
        if let Some(header) = units.header(unit) {
            header.ordinal.store(sequence, Ordering::Relaxed);
        }
        if let Some(full) = units.header(self.tail.unit) {
            full.end.store(self.tail.offset, Ordering::Relaxed);
            full.next.store(unit, Ordering::Relaxed);
            kill_point!("definition: chain continued");
        }
        Ok(Position { unit, offset: UNIT_START, sequence })
    }
}

impl Segment {
    /// Appends a definition of the process in `slot` to `into`; `false`, with `into` as it was, if it has published none
    /// of that id. The bytes are not trusted: an id made up by a broken process gives bytes of that process.
    pub fn definition(&self, slot: SlotIndex, id: u32, into: &mut Vec<u8>) -> bool {
        let place = u64::from(id) * 8;
        let unit = (place / u64::from(UNIT_BYTES)) as u32;
        let offset = (place % u64::from(UNIT_BYTES)) as u32;
        let tail = Position::unpack(self.slot(slot).definitions.load(Ordering::Acquire));
        if !self.units().belongs_to(unit, Tag::process(slot)) {
            return false;
        }
        let end = if unit == tail.unit {
            tail.offset
        } else {
            self.units().header(unit).map_or(0, |header| header.end.load(Ordering::Relaxed))
        };
        let mut length = [0; LENGTH_BYTES as usize];
        if !self.memory().read(unit, offset, &mut length) {
            return false;
        }
        let length = u64::from_ne_bytes(length);
        let room = u64::from(end.min(UNIT_BYTES)).checked_sub(u64::from(offset + LENGTH_BYTES));
        if room.is_none_or(|room| length > room) {
            return false;
        }
        let before = into.len();
        into.resize(before + length as usize, 0);
        let copied = self.memory().read(unit, offset + LENGTH_BYTES, &mut into[before..]);
        if !copied {
            into.truncate(before);
        }
        copied
    }
}
