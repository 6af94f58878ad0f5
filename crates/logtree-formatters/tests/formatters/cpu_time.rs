//! Processor time, which other programs on a busy machine do not lengthen.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How much of it the calling thread takes for `work`.
pub(crate) fn cpu_time_of(work: impl FnOnce()) -> Duration {
    let start = now();
    work();
    now().saturating_sub(start)
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}
