//! A thread's lane: what happens between a logging call and the moment its record is safe.

use std::cell::RefCell;
use std::sync::Arc;

use logtree_core::codec::Encoded;
use logtree_core::{Callsite, LEAST_CUT_BYTES, Level, Record, Timestamp};
use logtree_os::{DropReason, ForkGeneration, LaneProducer, Published, RecordHead, Reserve};

use crate::queue::Queue;
use crate::streams::OwnStreams;

/// Where a record cannot go whole, so much of it goes: a quarter of the capacity, but no more than this.
const CUT_BYTES: usize = 64 << 10;

/// The flags of what is no record, but asks the listener to roll files, or to let go of those that it has open.
pub(crate) const ROLL: u16 = 1 << 15;
pub(crate) const REOPEN: u16 = 1 << 14;

/// The lane of one thread in one queue.
pub(crate) struct ThreadLane {
    queue: u32,
    made_in: ForkGeneration,
    pub(crate) producer: LaneProducer,
    pub(crate) own_streams: OwnStreams,
    /// Whose definition [`origin`](Self::origin) is: process and thread.
    whose: (u32, u64),
    origin: u32,
    /// Definitions by [`Callsite::index`]; 0 where this thread has not met the callsite yet.
    callsites: Vec<u32>,
}

/// What came of a record.
pub(crate) enum Put {
    /// It is in the lane.
    Published(Published, OwnStreams),
    /// It is not, and nothing was counted yet.
    Refused(DropReason),
    /// It is not, and that was counted.
    Dropped,
    /// There is no shared memory: the record is to be handled where it was made.
    Direct,
    /// The process has no place in the segment, so that not even a drop can be counted there.
    NoPlace,
}

thread_local! {
    static LANES: Lanes = const { Lanes(RefCell::new(Vec::new())) };
}

/// The lanes of one thread; there is rarely more than one queue.
struct Lanes(RefCell<Vec<ThreadLane>>);

impl Drop for Lanes {
    fn drop(&mut self) {
        let generation = ForkGeneration::current();
        for lane in self.0.take() {
            // A lane from before a fork is the parent's.
            if lane.made_in == generation {
                lane.producer.detach();
            }
        }
    }
}

/// Puts a record into the calling thread's lane of a queue.
#[inline]
pub(crate) fn put(queue: &Arc<Queue>, record: &Record<'_>) -> Put {
    in_lane(queue, |lane| lane.push(queue, record))
}

/// Asks the listener for what the flag says, behind what the calling thread has put in.
#[cold]
pub(crate) fn put_request(queue: &Arc<Queue>, flag: u16) -> Put {
    let put = in_lane(queue, |lane| lane.push_request(flag));
    // In place of a lane that was retired the thread takes another one.
    if matches!(put, Put::Refused(DropReason::Retired)) { in_lane(queue, |lane| lane.push_request(flag)) } else { put }
}

#[inline]
fn in_lane(queue: &Arc<Queue>, push: impl Fn(&mut ThreadLane) -> Put) -> Put {
    let outcome = LANES.try_with(|lanes| {
        let mut lanes = lanes.0.try_borrow_mut().ok()?;
        let generation = ForkGeneration::current();
        let ours = |lane: &ThreadLane| lane.queue == queue.place().number && lane.made_in == generation;
        let at = match lanes.iter().position(ours) {
            Some(at) => at,
            None => {
                lanes.retain(|lane| lane.made_in == generation);
                match ThreadLane::claim(queue) {
                    Ok(lane) => lanes.push(lane),
                    Err(put) => return Some(put),
                }
                lanes.len() - 1
            }
        };
        let put = push(&mut lanes[at]);
        if matches!(put, Put::Refused(DropReason::Retired)) {
            lanes.swap_remove(at).producer.detach();
        }
        Some(put)
    });
    match outcome {
        Ok(Some(put)) => put,
        // The thread is ending, or this record was made inside the making of another: a lane for it alone.
        Ok(None) | Err(_) => in_lane_of_its_own(queue, push),
    }
}

/// Counts a record that was given up, in the lane of the calling thread.
#[cold]
pub(crate) fn count_drop(queue: &Arc<Queue>, reason: DropReason) {
    let generation = ForkGeneration::current();
    let counted = LANES.try_with(|lanes| {
        let lanes = lanes.0.try_borrow().ok()?;
        let lane = lanes.iter().find(|lane| lane.queue == queue.place().number && lane.made_in == generation)?;
        lane.producer.count_drop(reason);
        Some(())
    });
    if !matches!(counted, Ok(Some(()))) {
        queue.with_process(|process| process.attachment.count_drop_no_lane());
    }
}

#[cold]
fn in_lane_of_its_own(queue: &Arc<Queue>, push: impl Fn(&mut ThreadLane) -> Put) -> Put {
    match ThreadLane::claim(queue) {
        Ok(mut lane) => {
            let put = push(&mut lane);
            lane.producer.detach();
            put
        }
        Err(put) => put,
    }
}

impl ThreadLane {
    #[cold]
    fn claim(queue: &Arc<Queue>) -> Result<Self, Put> {
        let (producer, own_streams) = queue.claim_lane()?;
        let made_in = ForkGeneration::current();
        let callsites = Vec::new();
        // Nobody's: a record that was read from elsewhere may say that it is of process 0.
        let (whose, origin) = ((u32::MAX, u64::MAX), 0);
        Ok(Self { queue: queue.place().number, made_in, producer, own_streams, whose, origin, callsites })
    }

    /// The hot path: two look-ups, one encoding into pieces, one copy, one store.
    #[inline]
    fn push(&mut self, queue: &Arc<Queue>, record: &Record<'_>) -> Put {
        let Some(definition) = self.callsite(queue, record.callsite) else {
            return self.refuse(DropReason::NoMemory);
        };
        if self.whose != (record.origin.process, record.origin.thread) && !self.define_origin(queue, record) {
            return self.refuse(DropReason::NoMemory);
        }
        if queue.options.limits.maxsize != 0 && self.is_at_maxsize(queue) {
            return Put::Refused(DropReason::Full);
        }
        if !record.level_names.is_standard() {
            // The listener's config may name no levels, or others.
            return record.with_level_name(|record| self.push_encoded(queue, record, definition));
        }
        self.push_encoded(queue, record, definition)
    }

    #[inline]
    fn push_encoded(&mut self, queue: &Queue, record: &Record<'_>, definition: u32) -> Put {
        let encoded = Encoded::new(record, self.origin);
        let time_ns = record.created.0.max(0).unsigned_abs();
        let head = RecordHead { time_ns, definition, flags: self.own_streams.0 };
        match self.producer.push(head, &encoded.slices(), reserve(queue, record.level)) {
            Ok(published) => Put::Published(published, self.own_streams),
            Err(error) => self.push_otherwise(queue, record, head, error.reason()),
        }
    }

    fn push_request(&mut self, flag: u16) -> Put {
        let time_ns = Timestamp::now().0.max(0).unsigned_abs();
        let head = RecordHead { time_ns, definition: 0, flags: flag };
        match self.producer.push(head, &[], Reserve::Urgent) {
            Ok(published) => Put::Published(published, OwnStreams::default()),
            Err(error) => Put::Refused(error.reason()),
        }
    }

    /// A record that is larger than its lane goes by way of a file; where there is no memory for so much, the start of it
    /// goes.
    #[cold]
    fn push_otherwise(&mut self, queue: &Queue, record: &Record<'_>, head: RecordHead, why: DropReason) -> Put {
        let mut why = why;
        let reserve = reserve(queue, record.level);
        if why == DropReason::TooLarge {
            let encoded = Encoded::new(record, self.origin);
            match self.producer.push_spilled(head, &encoded.slices(), reserve) {
                Ok(published) => return Put::Published(published, self.own_streams),
                Err(error) => why = error.reason(),
            }
        }
        let most = CUT_BYTES.min(queue.options.limits.capacity_bytes / 4);
        let length: usize = Encoded::new(record, self.origin).slices().iter().map(|piece| piece.len()).sum();
        if !matches!(why, DropReason::TooLarge | DropReason::NoMemory) || length <= most.max(LEAST_CUT_BYTES) {
            return Put::Refused(why);
        }
        record.with_cut(most, |record| {
            let encoded = Encoded::new(record, self.origin);
            match self.producer.push(head, &encoded.slices(), reserve) {
                Ok(published) => {
                    self.producer.count_cut();
                    Put::Published(published, self.own_streams)
                }
                Err(error) => Put::Refused(error.reason()),
            }
        })
    }

    fn refuse(&self, reason: DropReason) -> Put {
        self.producer.count_drop(reason);
        Put::Dropped
    }

    #[inline]
    fn callsite(&mut self, queue: &Arc<Queue>, callsite: &Callsite) -> Option<u32> {
        let known = callsite.index.and_then(|index| self.callsites.get(index as usize)).copied();
        match known {
            Some(id) if id != 0 => Some(id),
            _ => self.define_callsite(queue, callsite),
        }
    }

    #[cold]
    fn define_callsite(&mut self, queue: &Arc<Queue>, callsite: &Callsite) -> Option<u32> {
        let id = queue.with_process(|process| process.define_callsite(callsite).ok())??;
        if let Some(index) = callsite.index {
            let index = index as usize;
            if self.callsites.len() <= index {
                self.callsites.resize(index + 1, 0);
            }
            self.callsites[index] = id;
        }
        Some(id)
    }

    #[cold]
    fn define_origin(&mut self, queue: &Arc<Queue>, record: &Record<'_>) -> bool {
        match queue.with_process(|process| process.define_origin(record.origin).ok()) {
            Some(Some(id)) => {
                self.origin = id;
                self.whose = (record.origin.process, record.origin.thread);
                true
            }
            _ => false,
        }
    }

    #[cold]
    fn is_at_maxsize(&self, queue: &Arc<Queue>) -> bool {
        queue.waiting_in(self.producer.lane()) >= queue.options.limits.maxsize
    }
}

/// Which part of the lane the record may use.
fn reserve(queue: &Queue, level: Level) -> Reserve {
    if queue.options.limits.is_urgent(level) { Reserve::Urgent } else { Reserve::Ordinary }
}
