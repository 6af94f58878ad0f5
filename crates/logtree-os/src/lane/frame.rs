//! What stands before each record in a lane.

use crate::layout::{UNIT_BYTES, UNIT_START};

/// The largest record that any lane takes; smaller where the lane's capacity is.
pub const MAX_RECORD_BYTES: usize = 16 << 20;

pub(crate) const FRAME_HEADER: u32 = 24;

/// What a record brings along beside its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RecordHead {
    /// When it was made; the listener merges lanes by it.
    pub time_ns: u64,
    /// What [`crate::DefinitionWriter::define`] gave, or 0.
    pub definition: u32,
    /// The caller's.
    pub flags: u16,
}

/// The fixed part of a record as it stands in memory, each field in this machine's byte order:
/// `length: u32, flags: u16, kind: u16, time_ns: u64, definition: u32, sequence: u32`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FrameHeader {
    pub(crate) length: u32,
    pub(crate) kind: Kind,
    pub(crate) head: RecordHead,
    /// How many records lie before it: a check on the reader's way.
    pub(crate) sequence: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Ends in the unit where it begins.
    Whole = 1,
    /// Begins a unit of its own and fills that and the following ones to the brim, but the last.
    Spanning = 2,
    /// Stands for a record in a file, whose length its payload tells: see [`crate::spill`].
    Spilled = 3,
}

/// What the payload of a [spilled](Kind::Spilled) frame holds: a length, in this machine's byte order.
pub(crate) const SPILLED_PAYLOAD: u32 = 8;

/// How many bytes a record takes in a lane: records begin at multiples of 8.
#[inline]
pub(crate) fn frame_bytes(payload: usize) -> usize {
    (FRAME_HEADER as usize + payload).next_multiple_of(8)
}

impl FrameHeader {
    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; FRAME_HEADER as usize] {
        let mut bytes = [0; FRAME_HEADER as usize];
        bytes[0..4].copy_from_slice(&self.length.to_ne_bytes());
        bytes[4..6].copy_from_slice(&self.head.flags.to_ne_bytes());
        bytes[6..8].copy_from_slice(&(self.kind as u16).to_ne_bytes());
        bytes[8..16].copy_from_slice(&self.head.time_ns.to_ne_bytes());
        bytes[16..20].copy_from_slice(&self.head.definition.to_ne_bytes());
        bytes[20..24].copy_from_slice(&self.sequence.to_ne_bytes());
        bytes
    }

    /// Judges a copy of a frame header that was found at `offset`; `None` if no producer writes such a one there.
    pub(crate) fn parse(bytes: [u8; FRAME_HEADER as usize], offset: u32) -> Option<Self> {
        let [l0, l1, l2, l3, f0, f1, k0, k1, t0, t1, t2, t3, t4, t5, t6, t7, d0, d1, d2, d3, s0, s1, s2, s3] = bytes;
        let length = u32::from_ne_bytes([l0, l1, l2, l3]);
        if length as usize > MAX_RECORD_BYTES {
            return None;
        }
        let room = (UNIT_BYTES - offset) as usize;
        let frame = frame_bytes(length as usize);
        let kind = match u16::from_ne_bytes([k0, k1]) {
            1 if frame <= room => Kind::Whole,
            2 if offset == UNIT_START && frame > room => Kind::Spanning,
            3 if length == SPILLED_PAYLOAD && frame <= room => Kind::Spilled,
            _ => return None,
        };
        Some(Self {
            length,
            kind,
            head: RecordHead {
                time_ns: u64::from_ne_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
                definition: u32::from_ne_bytes([d0, d1, d2, d3]),
                flags: u16::from_ne_bytes([f0, f1]),
            },
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn frame(length: u32, kind: Kind) -> FrameHeader {
        FrameHeader {
            length,
            kind,
            head: RecordHead { time_ns: u64::MAX - 1, definition: 7, flags: 0xabcd },
            sequence: 3,
        }
    }

    #[test]
    fn a_frame_survives_its_bytes() {
        for frame in [frame(0, Kind::Whole), frame(99_999, Kind::Spanning), frame(SPILLED_PAYLOAD, Kind::Spilled)] {
            assert_eq!(FrameHeader::parse(frame.to_bytes(), UNIT_START), Some(frame));
        }
    }

    #[test]
    fn a_frame_that_leaves_its_unit_is_refused() {
        let room = UNIT_BYTES - 4096;
        let fits = frame(4096 - FRAME_HEADER, Kind::Whole);
        assert!(FrameHeader::parse(fits.to_bytes(), room).is_some());
        assert!(FrameHeader::parse(fits.to_bytes(), room + 8).is_none());
        assert!(FrameHeader::parse(frame(u32::MAX, Kind::Whole).to_bytes(), room).is_none());
        assert!(FrameHeader::parse(frame(u32::MAX, Kind::Spanning).to_bytes(), UNIT_START).is_none());
        assert!(FrameHeader::parse(frame(99_999, Kind::Spanning).to_bytes(), UNIT_START + 8).is_none());
        assert!(FrameHeader::parse(frame(SPILLED_PAYLOAD + 1, Kind::Spilled).to_bytes(), UNIT_START).is_none());
        assert!(FrameHeader::parse(frame(SPILLED_PAYLOAD, Kind::Spilled).to_bytes(), UNIT_BYTES - 24).is_none());
        assert!(FrameHeader::parse([0; 24], UNIT_START).is_none());
    }
}
