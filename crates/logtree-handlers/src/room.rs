//! How much room a file that rolls still has, as far as that is known without a look at it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::look::Look;

/// What a look at a file has said of its size, and what this process has appended since.
///
/// For a process that is alone with its file both together are the size to the byte: so it rolls exactly where Python does.
/// Others may have written as well, but not less: what is found to be full by this count is full.
///
/// Threads may append side by side: each takes its room before it writes. A look is taken while none of them does.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// `None` if a look is due in any case.
    seen: Option<u64>,
    appended: AtomicU64,
}

/// A process looks again when it has appended this part of the room that it saw: the others may have appended as much each.
///
/// Of `n` processes at the same pace each look finds `1 - n/16` of the room that the look before has found, so that the last
/// records before the limit are looked at each, however large the file is: of a file of 1,000 records some 80, of one of
/// 100,000 some 160. A process that was held up behind its look, while the others filled the file, appends a 16th of the room
/// that it saw, and one record, behind the file's end at the worst. That is for a tick of the clock at the longest, as then it
/// looks in any case: what is written in one is all that a large file can be longer by. So `n` processes, all but one held up
/// at once, make a file of `limit` bytes longer by less than `(n - 1) × (limit / 16 + a record)`. A process that looks before
/// each record and then appends it is held up as easily, for a record.
///
/// With a 64th four workers that roll a small file took 6 % longer.
const PART: u64 = 16;

impl Room {
    /// As a look has just seen it. What has no end is never full, but asked each time.
    pub(crate) fn seen(look: &Look) -> Self {
        Self { seen: look.is_regular.then_some(look.size), appended: AtomicU64::new(0) }
    }

    /// This process appends so many bytes, wherever the file ends.
    pub(crate) fn append(&self, bytes: usize) -> u64 {
        self.appended.fetch_add(bytes as u64, Ordering::Relaxed)
    }

    /// This process appends so many bytes, if the file ends before `limit` for sure enough to do so without a look; answers
    /// whether it does.
    pub(crate) fn append_below(&self, bytes: usize, limit: u64) -> bool {
        let Some(left) = self.seen.map(|seen| limit.saturating_sub(seen)) else { return false };
        let before = self.append(bytes);
        let is_below = before < left && before <= left / PART;
        if !is_below {
            self.appended.fetch_sub(bytes as u64, Ordering::Relaxed);
        }
        is_below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_alone_looks_seldom_and_rolls_where_a_look_at_each_record_would_have_it_roll() {
        for (limit, record) in
            [(90_000, 90), (1 << 20, 100), (1000, 1), (1000, 999), (1000, 1000), (1000, 2000), (0, 1)]
        {
            let (mut size, mut looks, mut room) = (0, 0, Room::default());
            loop {
                if !room.append_below(record, limit) {
                    (room, looks) = (Room { seen: Some(size), ..Room::default() }, looks + 1);
                    if size > 0 && size >= limit {
                        break;
                    }
                    room.append(record);
                }
                assert!(size == 0 || size < limit, "{size} of {limit}");
                size += record as u64;
            }
            let records = size / record as u64;
            // Each look finds 15/16 of the room of the last, until that is 16 records.
            let part = PART as f64;
            let most = part + 2.0 + (records as f64 / part).max(1.0).log(part / (part - 1.0));
            assert!(f64::from(looks) <= most, "{looks} looks, {most} at most, at {records} records");
        }
    }
}
