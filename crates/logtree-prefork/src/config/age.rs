//! How old a config is.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use logtree_os::real_time_ns;

/// How old a config is. The order is that of age; what is greater is newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigAge {
    /// When it came to be what it is, in nanoseconds since the epoch.
    pub(super) made_ns: u64,
    /// When it was read.
    pub(super) read_ns: u64,
    /// It is not only read, but to be put in force.
    pub(super) is_act: bool,
}

impl ConfigAge {
    /// Of the config in the file at `path`, to be asked for before that is read.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        Self { made_ns: changed_ns(path), read_ns: now_ns(), is_act: false }
    }

    /// Of a config that is part of this program.
    #[must_use]
    pub fn of_program() -> Self {
        Self::of_file(Path::new("/proc/self/exe"))
    }

    /// Of a config that is to be put in force now.
    #[must_use]
    pub fn now() -> Self {
        let now_ns = now_ns();
        Self { made_ns: now_ns, read_ns: now_ns, is_act: true }
    }
}

fn now_ns() -> u64 {
    real_time_ns().max(0).unsigned_abs()
}

/// When the file, or the last link on the way to it, came to be what it is; 0 if nobody can tell.
fn changed_ns(path: &Path) -> u64 {
    const MAX_LINKS: usize = 40;
    let ns = |metadata: &std::fs::Metadata| {
        let seconds = metadata.ctime().max(0).unsigned_abs();
        seconds.saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec().max(0).unsigned_abs())
    };
    let mut newest = std::fs::metadata(path).map_or(0, |metadata| ns(&metadata));
    // Every prefix of the path may be a link, and lead to a path with links in its turn.
    let mut paths = vec![path.to_owned()];
    let mut links = 0;
    while let Some(path) = paths.pop() {
        for prefix in path.ancestors() {
            let Ok(metadata) = prefix.symlink_metadata() else { continue };
            // Those of the process itself are as old as the process.
            if !metadata.is_symlink() || links == MAX_LINKS || prefix.starts_with("/proc") {
                continue;
            }
            links += 1;
            newest = newest.max(ns(&metadata));
            let target = std::fs::read_link(prefix).unwrap_or_default();
            paths.push(prefix.parent().unwrap_or(Path::new("/")).join(target));
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_file_is_as_old_as_the_link_that_leads_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for release in ["one", "two"] {
            std::fs::create_dir(path(release)).unwrap();
            std::fs::write(path(release).join("logging.json"), release).unwrap();
        }
        let made = |name: &str| changed_ns(&path(name));
        let follow = |release: &str| {
            // The clock of a file system may stand still for some milliseconds.
            let before = made("two/logging.json").max(made("one/logging.json")).max(changed_ns(&path("current")));
            while changed_ns(&path("current")) <= before {
                let _ = std::fs::remove_file(path("current"));
                std::os::unix::fs::symlink(release, path("current")).unwrap();
            }
            made("current/logging.json")
        };
        let (one, two) = (follow("one"), follow("two"));
        assert!(made("one/logging.json") < one && one < two && two < follow("one"));
        assert_eq!(changed_ns(&path("nothing")), 0);
        // An old file that is moved is as old as its new name.
        std::fs::write(path("old.json"), "").unwrap();
        let (before, began) = (made("old.json"), std::time::Instant::now());
        let mut names = ["old.json", "logging.json"];
        while made(names[0]) <= before {
            assert!(began.elapsed().as_secs() < 5, "a new name leaves a file as old as it was");
            std::fs::rename(path(names[0]), path(names[1])).unwrap();
            names.reverse();
        }
    }
}
