//! The order of records: each lane's own, and between lanes the time at which they were made.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use logtree_os::{LaneHead, LaneIndex, LaneReader, LaneRecord, LaneState, Segment, SlotIndex};

/// The lanes of a segment, read in the order of time.
pub(crate) struct Merge {
    segment: Arc<Segment>,
    readers: Vec<LaneReader>,
    open: HashSet<LaneIndex>,
    /// Lanes whose bytes make no sense, to be given up once what was read from them before has been handled.
    corrupt: Vec<LaneIndex>,
    /// The next record of each lane that has one: its time, then the lane's place in `readers`.
    heads: BinaryHeap<Reverse<(u64, usize)>>,
    /// From then on, a record lies so far in the future that the clock went back behind it.
    future_ns: u64,
}

/// So far in the future lies no record, unless the clock went back. Such a one goes first: in its turn, all that is logged until
/// the clock is there again would go before it.
const FUTURE: Duration = Duration::from_secs(1);

impl Merge {
    pub(crate) fn new(segment: &Arc<Segment>) -> Self {
        Self {
            segment: Arc::clone(segment),
            readers: Vec::new(),
            open: HashSet::new(),
            corrupt: Vec::new(),
            heads: BinaryHeap::new(),
            future_ns: u64::MAX,
        }
    }

    /// Looks for lanes that were claimed since, and for records in all of them; `now_ns` is the time of day. What was read
    /// before must have been handled and its heads published.
    pub(crate) fn look(&mut self, now_ns: u64) {
        self.future_ns = now_ns.saturating_add(FUTURE.as_nanos() as u64);
        self.retire_corrupt();
        for lane in self.segment.lanes() {
            if matches!(lane.state, LaneState::Claimed | LaneState::Detached)
                && !self.open.contains(&lane.lane)
                && let Some(reader) = LaneReader::open(&self.segment, lane.lane)
            {
                self.open.insert(lane.lane);
                self.readers.push(reader);
            }
        }
        self.heads.clear();
        for at in 0..self.readers.len() {
            self.look_into(at);
        }
    }

    /// The time of the next record, if there is one.
    pub(crate) fn next_time_ns(&self) -> Option<u64> {
        self.heads.peek().map(|Reverse((time_ns, _))| *time_ns)
    }

    /// Reads the next record. Its bytes replace what is in `bytes`.
    pub(crate) fn read(&mut self, bytes: &mut Vec<u8>) -> Option<(LaneRecord, SlotIndex)> {
        let Reverse((_, at)) = self.heads.pop()?;
        bytes.clear();
        let reader = self.readers.get_mut(at)?;
        let slot = reader.process();
        match reader.read(bytes) {
            Ok(Some(record)) => {
                self.look_into(at);
                Some((record, slot))
            }
            // It is tried again in the next round.
            Ok(None) => None,
            Err(_) => {
                self.corrupt.push(reader.lane());
                None
            }
        }
    }

    /// The heads that [`publish_heads`](Self::publish_heads) would change.
    pub(crate) fn unpublished_heads(&self) -> impl Iterator<Item = LaneHead> {
        self.readers.iter().filter_map(LaneReader::unpublished_head)
    }

    /// Declares everything that was read done.
    pub(crate) fn publish_heads(&mut self) {
        self.readers.iter_mut().for_each(LaneReader::publish_head);
    }

    /// The lanes that are read.
    pub(crate) fn readers(&self) -> &[LaneReader] {
        &self.readers
    }

    /// Stops reading a lane, because it is being reclaimed.
    pub(crate) fn close(&mut self, lane: LaneIndex) {
        self.readers.retain(|reader| reader.lane() != lane);
        self.open.remove(&lane);
        // They name places in `readers`.
        self.heads.clear();
    }

    fn look_into(&mut self, at: usize) {
        let Some(reader) = self.readers.get_mut(at) else { return };
        match reader.peek() {
            Ok(Some(head)) if head.time_ns < self.future_ns => self.heads.push(Reverse((head.time_ns, at))),
            Ok(Some(_)) => self.heads.push(Reverse((0, at))),
            Ok(None) => {}
            Err(_) => self.corrupt.push(reader.lane()),
        }
    }

    /// Gives up lanes. The segment counts them; their processes get an error and take other lanes.
    fn retire_corrupt(&mut self) {
        for lane in std::mem::take(&mut self.corrupt) {
            self.open.remove(&lane);
            if let Some(at) = self.readers.iter().position(|reader| reader.lane() == lane) {
                self.readers.swap_remove(at).retire();
            }
        }
    }
}
