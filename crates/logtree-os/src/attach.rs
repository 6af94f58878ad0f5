//! The process table: who uses a segment.
//!
//! A slot goes FREE → ATTACHING → ATTACHED → DETACHED → CLEARING → FREE. The process does the first steps, the listener the
//! last two, once the process is gone and all its lanes are free: until then its definitions are needed. The process number
//! stands in the same word as the state, so that a process killed while attaching can be found dead.
//!
//! Each attachment holds a lock that ends with the memory of its process, on a byte of the segment's file that is its own. It
//! stands in the slot that it does, so that whoever has left the machine in another pid namespace, or has become another
//! program, is known to be gone: see [`Segment::is_over`].

use std::fmt;
use std::sync::Arc;

use crate::ProcessIdentity;
use crate::closing::SegmentState;
use crate::definitions::DefinitionWriter;
use crate::index::SlotIndex;
use crate::lane::{ClaimLaneError, LaneProducer, LaneState};
use crate::layout::ProcessSlot;
use crate::segment::Segment;
use crate::sync::{self, AtomicU64, Ordering, fence};
use crate::units::Tag;

/// Where a process stands with a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProcessState {
    /// Nobody's slot.
    Free = 0,
    /// It has taken the slot and not yet said who it is: its identity is its process number alone.
    Attaching = 1,
    /// It may log.
    Attached = 2,
    /// It said goodbye; its threads may hold lanes still.
    Detached = 3,
    /// The listener is freeing what it left.
    Clearing = 4,
}

/// The owner word of a slot, taken apart: `state << 60 | generation << 32 | pid`.
#[derive(Clone, Copy)]
struct SlotOwner {
    state: ProcessState,
    generation: u32,
    pid: u32,
}

const GENERATION_MASK: u32 = (1 << 28) - 1;

impl SlotOwner {
    fn pack(self) -> u64 {
        (self.state as u64) << 60 | u64::from(self.generation & GENERATION_MASK) << 32 | u64::from(self.pid)
    }

    fn unpack(word: u64) -> Option<Self> {
        let state = match word >> 60 {
            0 => ProcessState::Free,
            1 => ProcessState::Attaching,
            2 => ProcessState::Attached,
            3 => ProcessState::Detached,
            4 => ProcessState::Clearing,
            _ => return None,
        };
        Some(Self { state, generation: (word >> 32) as u32 & GENERATION_MASK, pid: word as u32 })
    }

    fn with(self, state: ProcessState) -> Self {
        Self { state, ..self }
    }
}

/// A process could not attach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AttachError(Refusal);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refusal {
    Full,
    Closing,
    Closed,
}

impl AttachError {
    /// Whether all slots are taken.
    #[must_use]
    pub fn is_full(self) -> bool {
        self.0 == Refusal::Full
    }

    /// Whether the listener is about to leave: worth another attempt, since it may stay.
    #[must_use]
    pub fn is_closing(self) -> bool {
        self.0 == Refusal::Closing
    }

    /// Whether the segment is done with: its name, if it still has it, is to be removed and a new one made.
    #[must_use]
    pub fn is_closed(self) -> bool {
        self.0 == Refusal::Closed
    }
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Refusal::Full => "all places for processes are taken",
            Refusal::Closing => "the listener is leaving",
            Refusal::Closed => "the segment is closed",
        })
    }
}

impl std::error::Error for AttachError {}

/// A slot of the process table at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProcessView {
    /// Which slot.
    pub slot: SlotIndex,
    /// Where the process stands.
    pub state: ProcessState,
    /// How often the slot was taken, modulo 2²⁸.
    pub generation: u32,
    /// Who it is; while it is attaching, all but the process number is zero.
    pub identity: ProcessIdentity,
    /// Records that it dropped because no lane was free.
    pub drops_no_lane: u64,
    /// How many of those the log has told of: see [`Told`](crate::Told).
    pub reported_no_lane: u64,
    /// The process's words that mean something to the caller alone.
    pub words: [u64; 4],
}

/// This process's place in a segment. Dropping it does nothing, in a forked child least of all: see
/// [`Attachment::detach`].
pub struct Attachment {
    segment: Arc<Segment>,
    slot: SlotIndex,
    /// The slot's word while it is this one's.
    owner: u64,
}

impl Segment {
    /// Takes a slot for this process. A child of `fork` takes its own.
    ///
    /// # Errors
    /// All slots are taken, or the segment is [closing or closed](Segment::try_close).
    pub fn attach(self: &Arc<Self>, identity: &ProcessIdentity) -> Result<Attachment, AttachError> {
        if !sync::register_barrier() {
            self.head().header.listener.fences.store(1, Ordering::SeqCst);
        }
        let found = SlotIndex::all().find_map(|slot| {
            let attaching = take_slot(self.slot(slot), identity.pid)?;
            Some((slot, attaching))
        });
        let Some((slot, attaching)) = found else {
            self.head().header.life.refused_processes.fetch_add(1, Ordering::Relaxed);
            return Err(AttachError(Refusal::Full));
        };
        let cell = self.slot(slot);
        kill_point!("attach: slot taken");
        let attached = attaching.with(ProcessState::Attached);
        // Who is refused below takes no lock for nothing, as a rule. The model knows no locks.
        let is_open = cfg!(not(loom)) && self.state() == SegmentState::Open;
        if is_open && self.memory().hold_for_life(byte_of_life(slot, attached.generation)) {
            cell.holds.store(attached.pack(), Ordering::Release);
        }
        kill_point!("attach: life held");
        cell.start_time.store(identity.start_time, Ordering::Relaxed);
        cell.namespaces.store(identity.namespaces, Ordering::Relaxed);
        cell.nonce.store(identity.nonce, Ordering::Relaxed);
        kill_point!("attach: introduced");
        // Either the closing listener's second look sees the slot, or this look sees that it is closing.
        fence(Ordering::SeqCst);
        let refusal = match self.state() {
            SegmentState::Open => None,
            SegmentState::Closing => Some(Refusal::Closing),
            SegmentState::Closed => Some(Refusal::Closed),
        };
        if let Some(refusal) = refusal {
            clear_slot(cell, attaching);
            return Err(AttachError(refusal));
        }
        cell.owner.store(attached.pack(), Ordering::Release);
        kill_point!("attach: attached");
        Ok(Attachment { segment: Arc::clone(self), slot, owner: attached.pack() })
    }

    /// Every slot that is not free.
    pub fn processes(&self) -> impl Iterator<Item = ProcessView> + '_ {
        SlotIndex::all()
            .filter_map(|slot| self.process_view(slot))
            .filter(|process| process.state != ProcessState::Free)
    }

    /// Whether a process has left its slot, and no thread of it has a lane: what it has said is that none will claim one.
    #[must_use]
    pub fn has_left(&self, process: &ProcessView) -> bool {
        fence(Ordering::SeqCst);
        let is_its = |lane: crate::LaneView| lane.process == process.slot && lane.state == LaneState::Claimed;
        process.state == ProcessState::Detached && !self.lanes().any(is_its)
    }

    /// Whether a process is gone that had this slot, with its memory: dead, or another program since, in whatever namespace. That
    /// it is not is no proof that it lives.
    #[must_use]
    pub fn is_over(&self, process: &ProcessView) -> bool {
        let ProcessView { slot, generation, identity, .. } = process;
        let attached = SlotOwner { state: ProcessState::Attached, generation: *generation, pid: identity.pid };
        let holds = self.slot(*slot).holds.load(Ordering::Acquire) == attached.pack();
        process.state != ProcessState::Free
            && process.state != ProcessState::Clearing
            && holds
            && !self.memory().is_held(byte_of_life(*slot, *generation))
    }

    /// One slot; `None` if its words make no sense.
    #[must_use]
    pub fn process_view(&self, slot: SlotIndex) -> Option<ProcessView> {
        let cell = self.slot(slot);
        let owner = SlotOwner::unpack(cell.owner.load(Ordering::Acquire))?;
        let introduced = matches!(owner.state, ProcessState::Attached | ProcessState::Detached);
        let word = |word: &AtomicU64| if introduced { word.load(Ordering::Relaxed) } else { 0 };
        Some(ProcessView {
            slot,
            state: owner.state,
            generation: owner.generation,
            identity: ProcessIdentity {
                pid: owner.pid,
                start_time: word(&cell.start_time),
                namespaces: word(&cell.namespaces),
                nonce: word(&cell.nonce),
            },
            drops_no_lane: cell.drops_no_lane.load(Ordering::Relaxed),
            reported_no_lane: cell.reported_no_lane.load(Ordering::Relaxed),
            words: std::array::from_fn(|number| cell.words[number].load(Ordering::Acquire)),
        })
    }

    /// One of a process's 4 words that mean something to the caller alone. `None` from 4 on.
    #[must_use]
    pub fn process_word(&self, slot: SlotIndex, number: usize) -> Option<u64> {
        let word = self.slot(slot).words.get(number)?;
        Some(word.load(Ordering::Acquire))
    }

    /// Frees a slot with the definitions in it. For the listener alone, and only when the process is surely dead: `false`, and
    /// nothing done, if the slot is free or a lane of it is not.
    pub fn release_process(&self, slot: SlotIndex) -> bool {
        let cell = self.slot(slot);
        let word = cell.owner.load(Ordering::Acquire);
        let in_use = |lane: crate::LaneView| lane.process == slot && lane.state != LaneState::Free;
        let Some(owner) = SlotOwner::unpack(word) else {
            return false;
        };
        if owner.state == ProcessState::Free || self.lanes().any(in_use) {
            return false;
        }
        let clearing = owner.with(ProcessState::Clearing);
        let ours = cell.owner.compare_exchange(word, clearing.pack(), Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if ours {
            kill_point!("release: slot marked");
            self.units().release_all(Tag::process(slot));
            kill_point!("release: units freed");
            clear_slot(cell, clearing);
            kill_point!("release: slot freed");
        }
        ours
    }

    /// Finishes what a killed listener had begun to free.
    pub(crate) fn finish_releasing_processes(&self) {
        let half_done = self.processes().filter(|process| process.state == ProcessState::Clearing);
        for process in half_done {
            self.release_process(process.slot);
        }
    }
}

impl Attachment {
    /// The segment this process is attached to.
    #[must_use]
    pub fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    /// Which slot it has.
    #[must_use]
    pub fn slot(&self) -> SlotIndex {
        self.slot
    }

    /// Takes a lane for the calling thread, which may hold `capacity_bytes`, counted in units of 16 KiB.
    ///
    /// # Errors
    /// All lanes are taken, or there is no memory for the first unit.
    pub fn claim_lane(&self, capacity_bytes: usize) -> Result<LaneProducer, ClaimLaneError> {
        LaneProducer::claim(&self.segment, self.slot, capacity_bytes)
    }

    /// The writer of this process's definitions. There must be one at a time.
    #[must_use]
    pub fn definitions(&self) -> DefinitionWriter {
        DefinitionWriter::new(&self.segment, self.slot)
    }

    /// Counts a record that was dropped because its thread has no lane.
    #[cold]
    pub fn count_drop_no_lane(&self) {
        self.segment.slot(self.slot).drops_no_lane.fetch_add(1, Ordering::Relaxed);
    }

    /// Sets one of this process's 4 words for the caller; from 4 on nothing happens.
    pub fn set_word(&self, number: usize, value: u64) {
        if let Some(word) = self.segment.slot(self.slot).words.get(number) {
            word.store(value, Ordering::Release);
        }
    }

    /// The process logs no more, once the last of its threads has detached its lane.
    pub fn detach(self) {
        self.leave();
    }

    /// As [`detach`](Self::detach), for one of several owners. A lane that somebody is claiming by it just now is to be given
    /// up: see [`is_attached`](Self::is_attached).
    pub fn leave(&self) {
        let word = &self.segment.slot(self.slot).owner;
        if let Some(attached) = SlotOwner::unpack(self.owner) {
            // Only a listener that took this process for dead could have changed it: then there is nothing to say.
            let detached = attached.with(ProcessState::Detached).pack();
            let _state = word.compare_exchange(self.owner, detached, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// Whether the slot is this one's, and not left. For a thread that has just claimed a lane by it: either this sees that
    /// it was left meanwhile, or the listener, who frees the slots of who has left and has no lane, sees the lane.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        fence(Ordering::SeqCst);
        self.segment.slot(self.slot).owner.load(Ordering::Acquire) == self.owner
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment").field("slot", &self.slot).finish_non_exhaustive()
    }
}

/// The byte of the segment's file whose lock is an attachment's. It lies behind everything that a file can hold.
fn byte_of_life(slot: SlotIndex, generation: u32) -> u64 {
    1 << 60 | (slot.number() as u64) << 32 | u64::from(generation & GENERATION_MASK)
}

fn take_slot(cell: &ProcessSlot, pid: u32) -> Option<SlotOwner> {
    let word = cell.owner.load(Ordering::Relaxed);
    let free = SlotOwner::unpack(word).filter(|owner| owner.state == ProcessState::Free)?;
    let attaching = SlotOwner { state: ProcessState::Attaching, generation: free.generation.wrapping_add(1), pid };
    // Acquire: the words that were cleared are seen cleared.
    cell.owner
        .compare_exchange(word, attaching.pack(), Ordering::Acquire, Ordering::Relaxed)
        .is_ok()
        .then_some(attaching)
}

/// Each step can be repeated, by a successor of a listener killed in it.
fn clear_slot(cell: &ProcessSlot, owner: SlotOwner) {
    let words = [
        &cell.start_time,
        &cell.namespaces,
        &cell.nonce,
        &cell.definitions,
        &cell.drops_no_lane,
        &cell.reported_no_lane,
        &cell.holds,
    ];
    for word in words.into_iter().chain(&cell.words) {
        word.store(0, Ordering::Relaxed);
    }
    let free = SlotOwner { state: ProcessState::Free, pid: 0, ..owner };
    cell.owner.store(free.pack(), Ordering::Release);
}
