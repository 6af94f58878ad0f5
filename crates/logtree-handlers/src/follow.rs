//! Whether the file that is open still is the one under its name.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::io::Errno;

use crate::look::Look;

/// When a handler looks whether its file was moved or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Never: it is written to wherever it is.
    Never,
    /// Once in a tick of the system's coarse clock, a few milliseconds, so that the single record pays nothing for it. For a
    /// file that other processes may roll, and do not delete within a tick of that ([`Grace`](crate::grace::Grace)).
    EachTick,
    /// At each record.
    Always,
}

impl Follow {
    /// Whether its handler rolls it, and so do those of other processes.
    pub(crate) fn is_of_a_file_that_rolls(self) -> bool {
        self == Self::EachTick
    }
}

/// So long ticks are told apart.
const RESOLUTION: Duration = Duration::from_millis(1);

/// A tick of the system's coarse clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tick(u64);

impl Tick {
    /// Before all others.
    pub(crate) const NEVER: Self = Self(0);

    /// Reads the clock, without a system call.
    pub(crate) fn now() -> Self {
        Self(logtree_os::coarse_time_ms())
    }

    /// Whether the tick of now is a later one than the tick in which the system gave a file this time. It takes them from the
    /// coarse clock too, but for finer ones, which are later. A clock that steps back between the two says no.
    pub(crate) fn is_behind(time: SystemTime) -> bool {
        let now = Duration::from_nanos(logtree_os::coarse_real_time_ns().unsigned_abs());
        let since = time.duration_since(UNIX_EPOCH).ok().and_then(|time| now.checked_sub(time));
        since.is_some_and(|since| since >= RESOLUTION)
    }
}

/// The tick of the last look, which threads may take side by side.
#[derive(Debug, Default)]
pub(crate) struct LastLook(AtomicU64);

impl LastLook {
    /// It was taken in that tick.
    pub(crate) fn at(tick: Tick) -> Self {
        Self(AtomicU64::new(tick.0))
    }

    /// Whether a look is due.
    pub(crate) fn is_due(&self, now: Tick) -> bool {
        self.0.load(Ordering::Relaxed) != now.0
    }

    /// It was taken, and not only begun: other threads rely on what it has seen.
    pub(crate) fn is_taken(&self, now: Tick) {
        self.0.store(now.0, Ordering::Relaxed);
    }

    /// The next one is due in any case.
    pub(crate) fn forget(&self) {
        self.0.store(Tick::NEVER.0, Ordering::Relaxed);
    }
}

/// Whether `open` is what is under the name now. Where that cannot be seen, it is believed.
pub(crate) fn is_current(path: &Path, open: &Look) -> bool {
    match Look::at_path(path) {
        Ok(named) => named.is_same_file(open),
        Err(error) => !matches!(error, Errno::NOENT | Errno::NOTDIR),
    }
}
