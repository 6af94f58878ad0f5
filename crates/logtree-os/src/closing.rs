//! How a listener leaves without losing a newcomer's record, and how its successor begins.

use crate::attach::ProcessView;
use crate::lane::{LaneState, LaneView};
use crate::segment::Segment;
use crate::sync::{Ordering, fence};
use crate::units::Tag;

/// Whether processes may attach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SegmentState {
    /// They may.
    Open,
    /// The listener is looking whether it can leave: in a moment it is open or closed.
    Closing,
    /// Nobody listens, nobody will.
    Closed,
}

// The word is `turn << 2 | phase`. Each who announces that he will close has a turn of his own, so that of two who look at
// the same time neither takes the other's announcement for his.
const PHASE: u32 = 3;
const OPEN: u32 = 0;
const CLOSING: u32 = 1;
const CLOSED: u32 = 2;

impl Segment {
    /// Whether processes may attach.
    #[must_use]
    pub fn state(&self) -> SegmentState {
        match self.head().header.life.state.load(Ordering::SeqCst) & PHASE {
            OPEN => SegmentState::Open,
            CLOSING => SegmentState::Closing,
            // No other value is ever written; whoever wrote one is not to be joined.
            _ => SegmentState::Closed,
        }
    }

    /// Closes the segment if nobody needs it: no process is attached but those that `is_dead` says are, for certain, dead, and
    /// every lane is free or retired. `false`, and open again, if somebody does. For the listener alone; it
    /// [unlinks](Segment::unlink) a closed segment.
    ///
    /// A process that attaches at this moment is either seen here, or sees CLOSING and tries again: between announcing and
    /// looking there is a full fence on both sides, as in Dekker's algorithm.
    pub fn try_close(&self, is_dead: impl FnMut(&ProcessView) -> bool) -> bool {
        self.close_unless(is_dead, |lane| !matches!(lane.state, LaneState::Free | LaneState::Retired))
    }

    /// Closes a segment that its processes and listeners have left behind, as [`try_close`](Segment::try_close) does, but with
    /// lanes that nobody has freed: they must hold nothing that is to be read or told of. For whoever finds the
    /// [seat](Segment::seat) vacant, and is the only one who does so.
    pub fn try_abandon(&self, is_dead: impl FnMut(&ProcessView) -> bool) -> bool {
        self.close_unless(is_dead, |lane| lane.waiting() > 0 || !lane.drops.since(&lane.reported).is_zero())
    }

    fn close_unless(
        &self,
        mut is_dead: impl FnMut(&ProcessView) -> bool,
        is_needed: impl FnMut(LaneView) -> bool,
    ) -> bool {
        let state = &self.head().header.life.state;
        let before = state.load(Ordering::SeqCst);
        if before & PHASE == CLOSED {
            return true;
        }
        let turn = (before & !PHASE).wrapping_add(PHASE + 1);
        if state.compare_exchange(before, turn | CLOSING, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return false;
        }
        kill_point!("closing: announced");
        fence(Ordering::SeqCst);
        let needed = self.processes().any(|process| !is_dead(&process)) || self.lanes().any(is_needed);
        let decided = turn | if needed { OPEN } else { CLOSED };
        // Not if somebody else has announced himself since, or taken over: it may have been open in between, and a process may have
        // attached that was not seen here.
        let is_decided = state.compare_exchange(turn | CLOSING, decided, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        kill_point!("closing: decided");
        !needed && is_decided
    }

    /// Takes back that somebody [closes](Segment::try_close) the segment, who is stopped in it or slow: when that one goes on, it
    /// finds that it has not closed it. Looking takes microseconds; whoever has waited for longer than that may do this.
    pub fn reopen(&self) {
        let state = &self.head().header.life.state;
        let found = state.load(Ordering::SeqCst);
        if found & PHASE == CLOSING {
            // The turn stays: whoever announces himself next has another one.
            let _was = state.compare_exchange(found, found & !PHASE | OPEN, Ordering::SeqCst, Ordering::SeqCst);
        }
    }

    /// Begins a listener's time: what the last one had half done is finished, and the segment is open unless it was closed.
    /// Returns how many listeners there have been, this one included. Only for the holder of the [seat](Segment::seat).
    pub fn take_over(&self) -> u64 {
        let life = &self.head().header.life;
        self.reopen();
        kill_point!("take over: opened");
        self.finish_reclaiming_lanes();
        self.finish_releasing_processes();
        self.units().release_all(Tag::PUNCHING);
        kill_point!("take over: freed");
        self.stay_awake();
        let before = life.claim_number.fetch_add(1, Ordering::AcqRel);
        kill_point!("take over: counted");
        before + 1
    }

    /// How many listeners there have been.
    #[must_use]
    pub fn claim_number(&self) -> u64 {
        self.head().header.life.claim_number.load(Ordering::Acquire)
    }
}
