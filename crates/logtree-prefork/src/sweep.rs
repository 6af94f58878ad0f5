//! Removing what nobody will ever come back for.
//!
//! A queue whose processes were all killed stays in memory until the next process with the same queue comes and has
//! it written. If there is nothing to be written it is of no use to anybody, and if its log files are gone too, nobody
//! would ever find it again; so whoever installs a queue removes such segments on the way. So he does with their claims, which
//! stay empty behind whoever was killed while he held one.

use std::fs;
use std::path::Path;
use std::time::Duration;

use logtree_os::claim::{Claim, ClaimText, Meeting};
use logtree_os::election::is_vacant;
use logtree_os::{Death, ProcessState, Segment, SegmentId, SegmentState, default_directory};

use crate::join;

/// How many files are looked at in one go.
const LOOKS: usize = 256;
/// A segment that is being made is named within milliseconds; what is older was left by a process that was killed.
const MAKING_TAKES: Duration = Duration::from_secs(60);

/// Removes segments that hold nothing and belong to nobody, and claims that name none.
pub(crate) fn sweep() {
    let directory = default_directory();
    let Ok(entries) = fs::read_dir(&directory) else { return };
    for path in entries.flatten().map(|entry| entry.path()).take(LOOKS) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("queue-") {
            remove_if_empty(&path);
        } else if let Some(segment) = name.strip_prefix('.').and_then(|name| name.strip_suffix(".logtree")) {
            remove_claim_of_none(&directory.join(segment));
        } else if name.strip_prefix("spill-").is_some_and(|segment| !directory.join(segment).exists()) && is_old(&path)
        {
            // Of a segment that was removed by another than its last listener, and that nobody has used for long.
            let _ = fs::remove_dir_all(&path);
        } else if name.starts_with('.') && name.ends_with(".new") && is_old(&path) {
            let _ = fs::remove_file(&path);
        }
    }
}

/// Closes and removes a segment if nobody listens to it, is attached to it, or has left a record in it.
fn remove_if_empty(path: &Path) {
    let Ok(segment) = Segment::open(path) else { return };
    let is_closed = || segment.state() == SegmentState::Closed;
    if !is_closed() && join::is_used(&segment) {
        return;
    }
    // Whoever makes a segment of this name has locked its claim. So none is made between the look at whose name it is and the
    // removal, which would take the new one's.
    let Ok(mut meeting) = Meeting::lock(&[path], Duration::ZERO) else { return };
    let is_left = is_closed() || is_vacant(segment.seat()) && segment.try_abandon(|process| is_gone(&segment, process));
    if is_left && segment.unlink().is_ok() {
        let _ = meeting.remove_if(segment.id().0);
    }
}

/// Removes the claim of a segment that is not there, unless somebody has it still, or is about to make it: whoever has just made
/// the claim, and not locked it yet, finds out when he does.
fn remove_claim_of_none(segment: &Path) {
    if segment.exists() {
        return;
    }
    let Ok(mut meeting) = Meeting::lock(&[segment], Duration::ZERO) else { return };
    let is_nobodys = |claim: &Claim, text: &ClaimText| {
        let is_open = || Segment::open_removed(text.segment(), SegmentId(text.segment_id())).is_some();
        !text.segment().exists() && !claim.is_attended() && !is_open()
    };
    let named = meeting.claims().iter().find_map(|claim| Some((claim, claim.text()?)));
    let nobodys = named.filter(|(claim, text)| is_nobodys(claim, text)).map(|(_, text)| text.segment_id());
    if let Some(id) = nobodys {
        let _ = meeting.remove_if(id);
    }
    // One that says nothing goes as the meeting ends.
}

/// Whether a process will put nothing into a segment any more, for certain.
pub(crate) fn is_gone(segment: &Segment, process: &logtree_os::ProcessView) -> bool {
    match process.state {
        ProcessState::Attached | ProcessState::Detached => {
            segment.has_left(process) || segment.is_over(process) || process.identity.death() == Death::Dead
        }
        ProcessState::Attaching => segment.is_over(process),
        ProcessState::Free | ProcessState::Clearing => true,
    }
}

/// Whether others have come or gone long after a file was made. The kernel has written both times: this process's clock may
/// have been set forward since the file was made, or be one that only it goes by.
fn is_old(path: &Path) -> bool {
    let modified = |path: &Path| fs::symlink_metadata(path).and_then(|found| found.modified()).ok();
    let times = path.parent().and_then(modified).zip(modified(path));
    times.and_then(|(changed, made)| changed.duration_since(made).ok()).is_some_and(|age| age > MAKING_TAKES)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_clock_that_was_set_forward_makes_nothing_old() {
        let directory = tempfile::tempdir().unwrap();
        let made = directory.path().join(".0123.new");
        let file = fs::File::create(&made).unwrap();
        // A segment is being made, and then the clock of whoever sweeps is set forward by an hour.
        let before = SystemTime::now() - Duration::from_secs(3600);
        file.set_modified(before).unwrap();
        fs::File::open(directory.path()).unwrap().set_modified(before).unwrap();
        assert!(!is_old(&made), "it was made a moment ago");
        // Others have come and gone meanwhile.
        fs::File::create(directory.path().join("queue-0")).unwrap();
        assert!(is_old(&made), "whoever made it was killed an hour ago");
    }
}
