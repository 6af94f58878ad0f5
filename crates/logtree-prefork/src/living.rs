//! Joining a queue that lives, although somebody has its claims and does not let go of them: a listener that is stopped while it
//! looks whether it can leave, or a process that is stopped while it joins.
//!
//! The claims keep two processes from making two queues. Who finds one that all its claims name needs them for nothing: that
//! it does not close under a newcomer is seen to by the [segment](Segment::attach), and that one listens by the seat. Where
//! there is no such queue, or something is to be written into a claim, there is no way but to wait.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use logtree_os::claim::{ClaimText, FileKey};
use logtree_os::election::is_vacant;
use logtree_os::{Segment, SegmentId, SegmentState};

use crate::config::Shared;
use crate::helpers;
use crate::join::{Joining, Unjoined, start_handlers};
use crate::process::ProcessSide;
use crate::publish::publish_config;
use crate::queue::Queue;

/// Joins the queue that the claims of all these files name; `None` if there is none, or it has to change for this one.
pub(crate) fn join(queue: &Arc<Queue>, files: &[&Path]) -> Result<Option<Joining>, Unjoined> {
    let Some(segment) = named_by_all(queue, files) else { return Ok(None) };
    let shared = Shared::of(&segment);
    if queue.configured.as_ref().is_some_and(|mine| mine.config.is_newer_than(&shared)) {
        return Ok(None);
    }
    start_handlers(&queue.listener.handlers, &|_| false)?;
    let process = match ProcessSide::attach(&segment, queue.options.limits.capacity_bytes) {
        Ok(process) => process,
        Err(error) if error.is_full() => return Err(Unjoined::Shortage(error.to_string())),
        Err(_) => return Ok(None),
    };
    if is_vacant(segment.seat())
        && !queue.is_service()
        && let Err(why) = helpers::begin(queue, &segment)
    {
        process.attachment.leave();
        return Err(Unjoined::Shortage(why.to_string()));
    }
    // It has it, or a newer one.
    publish_config(queue, &segment, Duration::ZERO, |_| Ok(())).inspect_err(|_| process.attachment.leave())?;
    Ok(Some(Joining::of(segment, process, true)))
}

fn named_by_all(queue: &Queue, files: &[&Path]) -> Option<Arc<Segment>> {
    let mut found: Option<ClaimText> = None;
    for file in files {
        // What is no regular file has no claim.
        if FileKey::of(file).ok()?.is_none() {
            continue;
        }
        let text = ClaimText::peek(file)?;
        if found.as_ref().is_some_and(|found| found.segment_id() != text.segment_id()) {
            return None;
        }
        found = Some(text);
    }
    let text = found.filter(|text| queue.options.name.as_deref().is_none_or(|name| name == text.queue()))?;
    let id = SegmentId(text.segment_id());
    let segment = match Segment::open(text.segment()) {
        Err(error) if error.is_absent() => Segment::open_removed(text.segment(), id),
        outcome => outcome.ok(),
    };
    segment.filter(|segment| segment.id() == id && segment.state() != SegmentState::Closed)
}
