//! Removing what nobody will ever come back for.
//!
//! A queue whose processes were all killed stays in memory until the next process with the same queue comes and has
//! it written. If there is nothing to be written it is of no use to anybody, and if its log files are gone too, nobody
//! would ever find it again; so whoever installs a queue removes such segments on the way.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use logtree_os::claim::Meeting;
use logtree_os::election::is_vacant;
use logtree_os::{Death, ProcessState, Segment, SegmentState, default_directory};

/// How many files are looked at in one go.
const LOOKS: usize = 256;
/// A segment that is being made is named within milliseconds; what is older was left by a process that was killed.
const MAKING_TAKES: Duration = Duration::from_secs(60);

/// Removes segments that hold nothing and belong to nobody.
///
/// One process does so at a time; who finds another one at it has nothing to do.
pub(crate) fn sweep() {
    let directory = default_directory();
    let Ok(entries) = fs::read_dir(&directory) else { return };
    let Ok(meeting) = Meeting::lock(&[&directory.join("sweep")], Duration::ZERO) else { return };
    let mut emptied = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()).take(LOOKS) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("queue-") {
            emptied.extend(close_if_empty(&path));
        } else if name.strip_prefix("spill-").is_some_and(|segment| !directory.join(segment).exists()) && is_old(&path)
        {
            // Of a segment that was removed by another than its last listener, and that nobody has used for long.
            let _ = fs::remove_dir_all(&path);
        } else if name.starts_with('.') && name.ends_with(".new") && is_old(&path) {
            let _ = fs::remove_file(&path);
        }
    }
    // A process locks one set of claims at a time.
    drop(meeting);
    for (path, id) in emptied {
        if let Ok(mut meeting) = Meeting::lock(&[&path], Duration::ZERO) {
            let _ = meeting.remove_if(id);
        }
    }
}

/// Closes and removes a segment if nobody listens to it, is attached to it, or has left a record in it.
fn close_if_empty(path: &Path) -> Option<(PathBuf, u128)> {
    let segment = Segment::open(path).ok()?;
    let is_left = segment.state() == SegmentState::Closed
        || (is_vacant(segment.seat()) && segment.try_abandon(|process| is_gone(&segment, process)));
    if !is_left {
        return None;
    }
    segment.unlink().ok()?;
    Some((path.to_owned(), segment.id().0))
}

/// Whether a process will put nothing into a segment any more, for certain.
pub(crate) fn is_gone(segment: &Segment, process: &logtree_os::ProcessView) -> bool {
    match process.state {
        ProcessState::Attached | ProcessState::Detached => {
            segment.has_left(process) || process.identity.death() == Death::Dead
        }
        ProcessState::Attaching => false,
        ProcessState::Free | ProcessState::Clearing => true,
    }
}

fn is_old(path: &Path) -> bool {
    let modified = fs::symlink_metadata(path).and_then(|found| found.modified());
    let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
    age.is_some_and(|age| age > MAKING_TAKES)
}
