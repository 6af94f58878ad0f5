//! How long a span was busy and idle.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// The times of one span, one for each layer that asks: several over one registry each see it entered and left.
///
/// As with what a span says, it is inserted when the span is made, and from then on only looked at through shared access.
pub(crate) struct SpanTimes(Vec<(usize, Times)>);

struct Times {
    began: Instant,
    /// Since then, in nanoseconds, when it was last entered or left.
    last_ns: AtomicU64,
    busy_ns: AtomicU64,
    idle_ns: AtomicU64,
}

/// Begins to measure a new span for the layer of that number.
pub(crate) fn begin<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, layer: usize) {
    let [last_ns, busy_ns, idle_ns] = std::array::from_fn(|_| AtomicU64::new(0));
    let times = (layer, Times { began: Instant::now(), last_ns, busy_ns, idle_ns });
    let mut extensions = span.extensions_mut();
    match extensions.get_mut::<SpanTimes>() {
        Some(all) => all.0.push(times),
        None => extensions.insert(SpanTimes(vec![times])),
    }
}

/// Counts the time until now as one that the span was idle, or busy.
pub(crate) fn count<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, layer: usize, was_busy: bool) {
    with_times(span, layer, |times| {
        let now_ns = nanoseconds(times.began.elapsed());
        let passed_ns = now_ns.saturating_sub(times.last_ns.swap(now_ns, Ordering::Relaxed));
        let counted = if was_busy { &times.busy_ns } else { &times.idle_ns };
        counted.fetch_add(passed_ns, Ordering::Relaxed);
    });
}

/// How long it was busy, and idle, if that was measured.
pub(crate) fn of<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, layer: usize) -> Option<(Shown, Shown)> {
    let shown = |nanoseconds: &AtomicU64| Shown(nanoseconds.load(Ordering::Relaxed));
    with_times(span, layer, |times| (shown(&times.busy_ns), shown(&times.idle_ns)))
}

fn with_times<'a, S: LookupSpan<'a>, R>(
    span: &SpanRef<'a, S>,
    layer: usize,
    use_them: impl FnOnce(&Times) -> R,
) -> Option<R> {
    let extensions = span.extensions();
    let all = extensions.get::<SpanTimes>()?;
    all.0.iter().find(|(of, _)| *of == layer).map(|(_, times)| use_them(times))
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A time in nanoseconds, as fmt shows it: three digits and the unit that suits (its `TimingDisplay`).
pub(crate) struct Shown(u64);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut time = self.0 as f64;
        for unit in ["ns", "µs", "ms", "s"] {
            let digits = match time {
                time if time < 10.0 => 2,
                time if time < 100.0 => 1,
                time if time < 1000.0 => 0,
                _ => {
                    time /= 1000.0;
                    continue;
                }
            };
            return write!(f, "{time:.digits$}{unit}");
        }
        write!(f, "{:.0}s", time * 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Shown;

    #[test]
    fn times_are_shown_as_fmt_shows_them() {
        // The vectors of tracing-subscriber 0.3's own test of `TimingDisplay`, `format_nanos`.
        for (nanoseconds, shown) in [
            (1, "1.00ns"),
            (12, "12.0ns"),
            (123, "123ns"),
            (1_234, "1.23µs"),
            (12_345, "12.3µs"),
            (123_456, "123µs"),
            (1_234_567, "1.23ms"),
            (12_345_678, "12.3ms"),
            (123_456_789, "123ms"),
            (1_234_567_890, "1.23s"),
            (12_345_678_901, "12.3s"),
            (123_456_789_012, "123s"),
            (1_234_567_890_123, "1235s"),
        ] {
            assert_eq!(Shown(nanoseconds).to_string(), shown);
        }
    }
}
