//! What the words of a segment mean that are the caller's, and which of them count for its whole life.

use logtree_os::{DropReason, Segment};

/// Which files are behind the standard streams of whoever made the segment: see `streams.rs`. Six words.
pub(crate) const STREAMS: usize = 0;
/// Who stands by: see `helpers.rs`. Four words.
pub(crate) const STANDBY: usize = 8;
/// Steps of killed listeners of which it cannot be known that they were done once.
pub(crate) const DISTURBED: usize = 12;
/// Batches that were written without a plan.
pub(crate) const UNPROTECTED: usize = 13;
/// The generation of the segment's config: see `config.rs`.
pub(crate) const CONFIG: usize = 6;
/// The generation of the config whose handlers the listener has.
pub(crate) const LISTENING: usize = 7;
/// The generation of a config that the listener cannot build.
pub(crate) const REFUSED: usize = 14;
/// The process that asks for the seat, and stands by for it.
pub(crate) const ASKS: usize = 24;
/// Not 0 once a listener has said that the segment's name is gone.
pub(crate) const SAID_REMOVED: usize = 25;
/// Not 0 while records are left for the next start.
pub(crate) const LEFT: usize = 15;
/// Not 0 while the listener is a thread of a process that logs, with which it ends.
pub(crate) const IN_THREAD: usize = 31;
/// Records that have reached their handlers.
pub(crate) const HANDLED: usize = 16;
/// Records of those that were older than one handled before.
pub(crate) const LATE: usize = 17;
/// Dropped records that the log has told of, by reason, then those that were cut, then those that found no lane.
pub(crate) const TOLD: usize = 18;
pub(crate) const TOLD_CUT: usize = TOLD + REASONS.len();
pub(crate) const TOLD_NO_LANE: usize = TOLD_CUT + 1;
pub(crate) const TOLD_WORDS: usize = TOLD_NO_LANE + 1 - TOLD;

/// Records whose bytes or definitions made no sense, and records that listeners made themselves and had no room for.
pub(crate) const UNREADABLE: usize = 26;
pub(crate) const OWN_DROPPED: usize = 27;
/// How many of those the log has told of.
pub(crate) const TOLD_UNREADABLE: usize = 28;
pub(crate) const TOLD_OWN_DROPPED: usize = 29;
/// When the newest record was made that has reached its handlers.
pub(crate) const NEWEST: usize = 30;

/// Why lanes drop records, in the order of the words.
pub(crate) const REASONS: [DropReason; 4] =
    [DropReason::Full, DropReason::TooLarge, DropReason::NoMemory, DropReason::Retired];

/// Raises a word. Only the listener counts, so that this needs no more than a load and a store.
pub(crate) fn count(segment: &Segment, word: usize, more: u64) {
    if more > 0 {
        segment.set_word(word, segment.word(word).unwrap_or_default().saturating_add(more));
    }
}
