//! A segment whose name was taken away, by a cleaner of /dev/shm or by hand. It lives as long as anybody has it open or
//! mapped, and cannot be linked back (linkat(2): no file that has lost its last name).

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fd::AsRawFd as _;
use rustix::fs::{Mode, OFlags, fstat, open};

use super::place::{Named, judge_file};
use super::{Segment, SegmentId};

/// How the names of logtree's own processes begin, which are the most likely to have it.
const HELPERS: &str = "logtree-";

impl Segment {
    /// Opens the segment of this id that had this path before somebody took its name away, through a process of this user
    /// and this pid namespace that has it open. `None` if there is none, or `/proc` does not show it.
    ///
    /// It is for a claim that names a segment which is not there: it may have to read the names of all open files.
    #[must_use]
    pub fn open_removed(path: &Path, id: SegmentId) -> Option<Arc<Self>> {
        let of_segment = |segment: Self| Some(Arc::new(segment)).filter(|segment| segment.id() == id);
        Self::find_removed(path, OFlags::RDWR, of_segment)
    }

    /// Asks `accept` of each segment that had this path, and is open somewhere, until it takes one.
    pub(super) fn find_removed<R>(path: &Path, access: OFlags, accept: impl Fn(Self) -> Option<R>) -> Option<R> {
        // As proc_pid_fd(5) shows it. The directory may have another name for who sees it through another mount.
        let mut shown = path.file_name()?.to_os_string();
        shown.push(" (deleted)");
        let open_in = |process: PathBuf| {
            let descriptors = std::fs::read_dir(process.join("fd")).ok()?.flatten().map(|entry| entry.path());
            descriptors
                .filter(|held| leads_to(held, &shown))
                .find_map(|held| accept(Self::open_held(&held, path, access)?))
        };
        let (helpers, others): (Vec<_>, Vec<_>) = processes().into_iter().partition(|process| is_helper(process));
        helpers.into_iter().chain(others).find_map(open_in)
    }

    /// Opens what stands behind a process's descriptor, if it is a segment without a name.
    fn open_held(held: &Path, path: &Path, access: OFlags) -> Option<Self> {
        // Whatever it is by now, looking at it does nothing to it.
        let file = open(held, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
        judge_file(&fstat(&file).ok()?, Named::NoMore).ok()?;
        let again = format!("/proc/self/fd/{}", file.as_raw_fd());
        let file = open(again, access | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty()).ok()?;
        Self::open_file(file, path, access, Named::NoMore).ok()
    }
}

fn processes() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_process = |name: OsString| name.to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    entries.filter(|entry| is_process(entry.file_name())).map(|entry| entry.path()).collect()
}

fn is_helper(process: &Path) -> bool {
    std::fs::read_to_string(process.join("comm")).is_ok_and(|name| name.starts_with(HELPERS))
}

fn leads_to(held: &Path, shown: &OsStr) -> bool {
    std::fs::read_link(held).is_ok_and(|target| target.file_name() == Some(shown))
}
