//! The system's clocks.

use std::time::{Duration, Instant};

/// Nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted (clock_gettime(2), `CLOCK_REALTIME`).
///
/// What [`SystemTime::now`](std::time::SystemTime::now) says, 18 ns sooner: that calculates a duration, and may have to say
/// that there is none. By the C library, as rustix finds the kernel's clock by itself, does not live under valgrind then, and
/// takes half of its time to compile for that.
#[inline]
#[must_use]
pub fn real_time_ns() -> i64 {
    ns(libc::CLOCK_REALTIME)
}

/// So long after a moment. What lies beyond what clocks can say is as far as a century, which nobody waits for.
#[must_use]
pub fn later(than: Instant, by: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    than.checked_add(by).unwrap_or_else(|| than + CENTURY)
}

/// Milliseconds of a clock that is never set, in the system's ticks, which are a few of them each (clock_gettime(2),
/// `CLOCK_MONOTONIC_COARSE`; elsewhere `CLOCK_MONOTONIC`).
#[inline]
#[must_use]
#[allow(clippy::unnecessary_cast, reason = "elsewhere they have 32 bits")]
pub fn coarse_time_ms() -> u64 {
    #[cfg(target_os = "linux")]
    let clock = libc::CLOCK_MONOTONIC_COARSE;
    #[cfg(not(target_os = "linux"))]
    let clock = libc::CLOCK_MONOTONIC;
    let now = read(clock);
    (now.tv_sec as u64).wrapping_mul(1000).wrapping_add(now.tv_nsec as u64 / 1_000_000)
}

/// [`real_time_ns`] in the system's ticks, which are a few milliseconds each (clock_gettime(2), `CLOCK_REALTIME_COARSE`;
/// elsewhere `CLOCK_REALTIME`).
#[must_use]
pub fn coarse_real_time_ns() -> i64 {
    #[cfg(target_os = "linux")]
    let clock = libc::CLOCK_REALTIME_COARSE;
    #[cfg(not(target_os = "linux"))]
    let clock = libc::CLOCK_REALTIME;
    ns(clock)
}

#[inline]
#[allow(clippy::unnecessary_cast, reason = "elsewhere they have 32 bits")]
fn ns(clock: libc::clockid_t) -> i64 {
    let now = read(clock);
    (now.tv_sec as i64).saturating_mul(1_000_000_000).saturating_add(now.tv_nsec as i64)
}

#[inline]
fn read(clock: libc::clockid_t) -> libc::timespec {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is that of a `timespec` of our own, which the call writes and does not keep.
    unsafe { libc::clock_gettime(clock, &raw mut now) };
    // It fails for a clock that the system does not have, and these every system has: it would be 1970.
    now
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn it_is_the_standard_librarys_clock() {
        let standard = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
        let (before, now, after) = (standard(), real_time_ns(), standard());
        assert!((before..=after).contains(&now), "{before} {now} {after}");
    }

    #[test]
    fn the_coarse_clock_runs_behind_the_fine_one() {
        let fine = || {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
            (now.tv_sec * 1000 + now.tv_nsec / 1_000_000).unsigned_abs()
        };
        // Its ticks are some milliseconds; how late one comes on a machine with other work nobody promises.
        let (before, now, after) = (fine(), coarse_time_ms(), fine());
        assert!((before.saturating_sub(1000)..=after).contains(&now), "{before} {now} {after}");
        let (before, now, after) = (real_time_ns(), coarse_real_time_ns(), real_time_ns());
        assert!((before - 1_000_000_000..=after).contains(&now), "{before} {now} {after}");
    }
}
