//! The system's real-time clock.

/// Nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted (clock_gettime(2), `CLOCK_REALTIME`).
///
/// What [`SystemTime::now`](std::time::SystemTime::now) says, 18 ns sooner: that calculates a duration, and may have to say
/// that there is none. By the C library, as rustix finds the kernel's clock by itself and does not live under valgrind
/// then.
#[inline]
#[must_use]
#[allow(clippy::unnecessary_cast, reason = "elsewhere they have 32 bits")]
pub fn real_time_ns() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is that of a `timespec` of our own, which the call writes and does not keep.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now) };
    // It fails for a clock that the system does not have, and this one every system has: it would be 1970.
    (now.tv_sec as i64).saturating_mul(1_000_000_000).saturating_add(now.tv_nsec as i64)
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
}
