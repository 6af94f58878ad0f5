//! A process and an empty directory for each life of a program.

use std::time::{Duration, Instant};

use logtree::prefork::{Fork, fork};
use rustix::process::{WaitOptions, waitpid};
use tempfile::TempDir;

/// Runs a program's life in a child, in an empty directory; answers with that directory once the child has ended well.
pub(crate) fn in_a_child(life: impl FnOnce()) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    match fork().unwrap() {
        Fork::Child => {
            let live = || {
                std::env::set_current_dir(directory.path()).unwrap();
                life();
            };
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(live));
            // The parent's destructors, such as that of the directory, are not the child's to run.
            std::process::exit(i32::from(outcome.is_err()));
        }
        Fork::Parent(child) => {
            let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
            let said = std::fs::read_to_string(directory.path().join("stderr")).unwrap_or_default();
            assert_eq!(status.exit_status(), Some(0), "{said}");
            directory
        }
    }
}

/// Waits until another thread has made something true.
pub(crate) fn until(is_true: impl Fn() -> bool) {
    let too_late = Instant::now() + Duration::from_secs(60);
    while !is_true() {
        assert!(Instant::now() < too_late, "it takes too long");
        std::thread::yield_now();
    }
}

/// The lines of a file in the directory that the process is in; none if there is no such file.
pub(crate) fn lines(name: &str) -> Vec<String> {
    std::fs::read_to_string(name).unwrap_or_default().lines().map(str::to_owned).collect()
}
