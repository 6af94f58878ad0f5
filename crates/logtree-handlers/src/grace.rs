//! The grace that a rolled file has before it is deleted.

use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use logtree_core::Steps;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::follow::Tick;

/// While a tick is waited for, which is over in 10 ms with any kernel.
const NAP: Duration = Duration::from_micros(200);
/// A clock that stands still is not waited for.
const PATIENCE: Duration = Duration::from_millis(100);

/// Whether other processes may still write to a file that was rolled.
///
/// They look once in a tick of the coarse clock whether their file has its name, and write to it within that tick without another
/// look; behind a record that took longer they look whether it was deleted before ([`Follow::EachTick`]). So no record is lost if no
/// file is deleted in the tick in which it was rolled, unless nobody has it open. To be rolled and deleted within a tick
/// all files that are kept must be filled in it.
///
/// Whoever has it open says so by a [mark](logtree_os::mark); where that cannot be said, by a look before each record.
///
/// [`Follow::EachTick`]: crate::follow::Follow::EachTick
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grace {
    /// They may.
    Tick,
    /// There are none.
    Unneeded,
}

impl Grace {
    /// Of what these steps delete.
    pub(crate) fn of(steps: &dyn Steps) -> Self {
        // Behind a queue one process writes, and knows what it does.
        if steps.is_gathering() { Self::Unneeded } else { Self::Tick }
    }

    /// Waits until files may be deleted that were rolled before `next` was begun; or just now, if there is none.
    pub(crate) fn wait(self, files: &[PathBuf], next: Option<&Path>) {
        let begun = next.and_then(|next| next.symlink_metadata().ok()?.created().ok());
        if self == Self::Unneeded || begun.is_some_and(Tick::is_behind) {
            return;
        }
        let (now, began) = (Tick::now(), Instant::now());
        while files.iter().any(|file| is_open(file)) && Tick::now() == now && began.elapsed() < PATIENCE {
            std::thread::sleep(NAP);
        }
    }
}

/// Whether somebody has the file open to log to it. Where that cannot be seen, it is believed.
fn is_open(path: &Path) -> bool {
    // As the log is opened: whoever may write it need not be allowed to read it.
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => logtree_os::is_marked(file.as_fd()).unwrap_or(true),
        Err(error) => error != Errno::NOENT,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::File;

    use super::*;

    /// Of so many calls nearly all are within a tick, if they do not wait for the next.
    const CALLS: usize = 300;

    /// How many of so many calls were over in another tick than they began in.
    fn waits(calls: usize, call: impl Fn()) -> usize {
        let waits = |_: &usize| {
            let began = Tick::now();
            call();
            began != Tick::now()
        };
        (0..calls).filter(waits).count()
    }

    #[test]
    fn only_what_somebody_has_open_and_was_rolled_just_now_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let [file, next] = ["a.log.1", "a.log"].map(|name| directory.path().join(name));
        let open = File::create(&file).unwrap();
        let files = [file];
        let few = |grace: Grace, next: Option<&Path>| waits(CALLS, || grace.wait(&files, next)) < CALLS / 2;
        assert!(few(Grace::Tick, None), "nobody has it open to log");
        logtree_os::mark(open.as_fd(), 1 << 40).unwrap();
        assert_eq!(waits(20, || Grace::Tick.wait(&files, None)), 20, "it was rolled just now");
        assert!(few(Grace::Unneeded, None));
        File::create(&next).unwrap();
        while !Tick::is_behind(next.metadata().unwrap().created().unwrap()) {
            std::thread::yield_now();
        }
        assert!(few(Grace::Tick, Some(&next)), "it was rolled before");
        drop(open);
        assert!(few(Grace::Tick, None), "it is closed");
    }
}
