//! Heads of lanes that travel in a transaction.

use super::{LaneOwner, LaneReader, LaneState, Position};
use crate::index::LaneIndex;
use crate::layout::{UNIT_BYTES, UNIT_START};
use crate::segment::Segment;
use crate::sync::Ordering;
use crate::units::Tag;

/// Up to where a lane will have been read once a transaction is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LaneHead {
    pub(crate) lane: LaneIndex,
    pub(crate) generation: u32,
    pub(crate) head: Position,
}

impl LaneReader {
    /// Up to where this has read, if [`publish_head`](LaneReader::publish_head) would change anything.
    #[must_use]
    pub fn unpublished_head(&self) -> Option<LaneHead> {
        let published = Position::unpack(self.cell().consumer.head.load(Ordering::Relaxed));
        let head = LaneHead { lane: self.lane, generation: self.generation, head: self.head };
        (self.head != Position::NONE && self.head != published).then_some(head)
    }
}

impl Segment {
    /// Publishes the head that a killed listener had read up to, unless it is published already, or the lane is another one
    /// by now, or the place makes no sense.
    pub(crate) fn publish_lane_head(&self, head: &LaneHead) {
        let LaneHead { lane, generation, head } = *head;
        let consumer = &self.lane(lane).consumer;
        let is_same = LaneOwner::unpack(consumer.owner.load(Ordering::Acquire)).is_some_and(|owner| {
            owner.generation == generation && matches!(owner.state, LaneState::Claimed | LaneState::Detached)
        });
        let published = Position::unpack(consumer.head.load(Ordering::Acquire));
        let tail = Position::unpack(self.lane(lane).producer.tail.load(Ordering::Acquire));
        let is_onward = head.records_since(published).is_some() && tail.records_since(head).is_some();
        let is_place =
            (UNIT_START..=UNIT_BYTES).contains(&head.offset) && self.units().belongs_to(head.unit, Tag::lane(lane));
        if is_same && is_onward && is_place {
            consumer.head.store(head.pack(), Ordering::Release);
        }
    }
}
