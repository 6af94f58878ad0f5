//! What is counted of a batch for the segment's whole life.
//!
//! That it counts is part of the plan of the batch, as is what the log will have [told](crate::reports): so each record counts
//! once, whoever is killed in between.

use logtree_core::side;
use logtree_os::{Segment, Told};

use crate::words;

/// The counts of one batch.
#[derive(Debug)]
pub(crate) struct Counts {
    /// Records that reach their handlers.
    pub(crate) handled: u64,
    late: u64,
    unreadable: u64,
    newest_ns: u64,
}

impl Counts {
    /// Nothing yet.
    pub(crate) fn begin(segment: &Segment) -> Self {
        Self { handled: 0, late: 0, unreadable: 0, newest_ns: segment.word(words::NEWEST).unwrap_or_default() }
    }

    /// Counts a record that was made then; it is late if one that was made after it came before it.
    pub(crate) fn count(&mut self, time_ns: u64) {
        self.handled += 1;
        self.late += u64::from(time_ns < self.newest_ns);
        self.newest_ns = self.newest_ns.max(time_ns);
    }

    /// It could not be read.
    pub(crate) fn count_unreadable(&mut self) {
        self.unreadable += 1;
    }

    /// What the segment's words will be then. Only the listener changes them.
    pub(crate) fn told(&self, segment: &Segment) -> impl Iterator<Item = Told> {
        let value = |word: usize| segment.word(word).unwrap_or_default();
        let risen = [
            (words::HANDLED, self.handled),
            (words::LATE, self.late),
            (words::UNREADABLE, self.unreadable),
            // What handlers made of these records, and nobody kept: a successor has them make it again, or counts it.
            (words::OWN_DROPPED, side::take_dropped()),
        ];
        let risen = risen.map(|(word, more)| (word, value(word), value(word).saturating_add(more)));
        let newest = (words::NEWEST, value(words::NEWEST), self.newest_ns);
        let changed = risen.into_iter().chain([newest]).filter(|(_, before, then)| before != then);
        changed.map(|(word, _, then)| Told::word(word, then))
    }
}
