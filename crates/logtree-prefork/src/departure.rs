//! Leaving a queue: what its last ones do with its claims and its segment, so that whoever comes at that moment finds either a
//! queue that somebody reads or none.

use std::path::{Path, PathBuf};
use std::time::Duration;

use logtree_os::Segment;
use logtree_os::claim::{Claim, ClaimError, Meeting};

use crate::config::Shared;
use crate::join::meeting_places;
use crate::queue::Queue;

/// The claims, locked until a listener has left its seat; or why they cannot be locked at all.
pub(crate) struct Left(Result<Meeting, ClaimError>);

impl Left {
    /// Whether the next process of the queue finds it by a claim. Those that this one may not read may say so: it can have given
    /// up the rights with which the queue was made, and the next one has them again.
    fn is_claimed(&self, segment: &Segment) -> bool {
        let is_its = |claim: &Claim| claim.text().is_some_and(|text| text.segment_id() == segment.id().0);
        match &self.0 {
            Ok(meeting) => meeting.claims().iter().any(is_its),
            Err(error) => error.is_not_permitted() || error.is_foreign(),
        }
    }
}

/// What a listener can do that nobody needs, and that cannot write the records that it has.
pub(crate) enum LeaveBehind {
    /// It may leave its seat: the next process with the same queue finds the records, and has them written.
    Leave(Left),
    /// Nobody would ever find them.
    Lose,
    /// Somebody is about to join.
    Stay,
}

/// Looks whether records can be left in a segment that stays; `is_needed` is asked while nobody can join.
pub(crate) fn leave_behind(queue: &Queue, segment: &Segment, is_needed: impl FnOnce() -> bool) -> LeaveBehind {
    let Some(left) = lock_to_leave(queue, segment) else { return LeaveBehind::Stay };
    if is_needed() {
        LeaveBehind::Stay
    } else if !segment.is_removed() && (left.is_claimed(segment) || queue.options.name.is_some()) {
        LeaveBehind::Leave(left)
    } else {
        LeaveBehind::Lose
    }
}

/// Closes a segment that nobody needs, and removes its name and claims; `false` if somebody needs it.
pub(crate) fn leave(queue: &Queue, segment: &Segment, close: impl FnOnce() -> bool) -> bool {
    let Some(Left(mut meeting)) = lock_to_leave(queue, segment) else { return false };
    if !close() {
        return false;
    }
    if let Ok(meeting) = &mut meeting {
        // A claim that stays is recognised as stale by whoever reads it: its segment is gone.
        let _ = meeting.remove_if(segment.id().0);
    }
    let _ = segment.unlink();
    // Not before: another segment of this name could be made, and its name be taken away instead.
    drop(meeting);
    true
}

/// The claims of a queue for a listener that is about to leave; `None` if somebody holds them, who is about to join.
fn lock_to_leave(queue: &Queue, segment: &Segment) -> Option<Left> {
    const PATIENCE: Duration = Duration::from_millis(20);
    // This process may have another config than the listener had.
    let mut files = meeting_places(queue);
    files.extend(Shared::of(segment).files);
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let mut locked = Meeting::lock(&files, PATIENCE);
    if locked.as_ref().is_err_and(ClaimError::is_out_of_descriptors) {
        // What its handlers have open they open again, should somebody come.
        queue.listener.handlers.iter().for_each(|entry| entry.reopen());
        locked = Meeting::lock(&files, PATIENCE);
    }
    match locked {
        // Its listener takes others' rights away at its next look.
        Err(error) if error.is_timeout() || error.is_exposed() => None,
        // Where they cannot be locked at all, the segment says enough.
        outcome => Some(Left(outcome)),
    }
}
