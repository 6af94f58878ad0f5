//! The end of a lane's life: back to FREE.

use super::{LaneOwner, LaneState};
use crate::index::LaneIndex;
use crate::segment::Segment;
use crate::sync::Ordering;
use crate::units::Tag;

impl Segment {
    /// Frees a lane whose thread is gone, with all its units. For the listener alone, once it has read what the lane holds
    /// ([`crate::LaneReader::is_finished`], or [`is_drained`](crate::LaneReader::is_drained) and the process dead) and
    /// told of its drops: both are forgotten here.
    ///
    /// `owner_is_dead` must be a certainty, never a guess: without it a lane that its thread did not detach stays. `false`
    /// if the lane was left alone.
    pub fn reclaim_lane(&self, lane: LaneIndex, owner_is_dead: bool) -> bool {
        let word = &self.lane(lane).consumer.owner;
        let found = word.load(Ordering::Acquire);
        let Some(owner) = LaneOwner::unpack(found) else {
            return false;
        };
        let abandoned = match owner.state {
            LaneState::Detached | LaneState::Reclaiming => true,
            LaneState::Claimed | LaneState::Retired => owner_is_dead,
            LaneState::Free => false,
        };
        let reclaiming = owner.with(LaneState::Reclaiming);
        let ours =
            abandoned && word.compare_exchange(found, reclaiming.pack(), Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if ours {
            self.clear_lane(lane, reclaiming);
        }
        ours
    }

    /// Each step can be repeated by a successor, who finds the lane RECLAIMING until the last.
    fn clear_lane(&self, lane: LaneIndex, owner: LaneOwner) {
        kill_point!("reclaim: lane marked");
        self.units().release_all(Tag::lane(lane));
        kill_point!("reclaim: units freed");
        let cell = self.lane(lane);
        let (producer, consumer) = (&cell.producer, &cell.consumer);
        for counter in producer.drops.iter().chain(&consumer.reported) {
            counter.store(0, Ordering::Relaxed);
        }
        for word in [&consumer.head, &consumer.returning, &producer.tail] {
            word.store(0, Ordering::Relaxed);
        }
        for word in [&consumer.anchor, &consumer.spare, &consumer.passed, &producer.ordinal] {
            word.store(0, Ordering::Relaxed);
        }
        kill_point!("reclaim: words cleared");
        // Release: whoever claims the lane next sees all of the above.
        consumer.owner.store(owner.with(LaneState::Free).pack(), Ordering::Release);
        kill_point!("reclaim: lane freed");
    }

    /// Finishes what a killed listener had begun to reclaim.
    pub(crate) fn finish_reclaiming_lanes(&self) {
        let half_done = self.lanes().filter(|lane| lane.state == LaneState::Reclaiming);
        for lane in half_done {
            self.reclaim_lane(lane.lane, false);
        }
    }
}
