//! How a round is timed.

use std::error::Error;
use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Logs so many times.
pub(crate) type Calls = Box<dyn FnMut(u32)>;

/// How fast the calls of a round follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// One after the other, by one thread.
    Steady { calls: u32 },
    /// The same by several threads at once.
    Threaded { calls: u32 },
    /// The same, with other threads at work meanwhile, whose instructions are not to be counted.
    Accompanied { calls: u32 },
    /// In bursts, and between them a pause in which whoever writes can catch up. Every other burst is timed call by call.
    Bursts { bursts: u32, calls: u32, pause: Duration },
    /// Not at all: what is asked is the memory, and what so many threads add to it, each of which has logged once.
    AtRest { threads: u32 },
}

/// What a round took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Round {
    /// Nanoseconds a call, on the average; at rest MiB.
    pub(crate) cost: f64,
    /// What one call in a hundred took longer than; at rest KiB a thread. NaN if it was not looked at.
    pub(crate) beside: f64,
}

impl Pace {
    /// How many calls a round makes.
    pub(crate) fn calls(self) -> u32 {
        match self {
            Self::Steady { calls } | Self::Threaded { calls } | Self::Accompanied { calls } => calls,
            Self::Bursts { bursts, calls, .. } => bursts * calls,
            Self::AtRest { threads } => threads,
        }
    }

    /// The same for a program, in words.
    pub(crate) fn arguments(self) -> Vec<String> {
        let (name, numbers) = match self {
            Self::Steady { calls } | Self::Threaded { calls } | Self::Accompanied { calls } => {
                ("steady", vec![u128::from(calls)])
            }
            Self::Bursts { bursts, calls, pause } => ("bursts", vec![bursts.into(), calls.into(), pause.as_nanos()]),
            Self::AtRest { threads } => ("at_rest", vec![threads.into()]),
        };
        std::iter::once(name.to_owned()).chain(numbers.iter().map(u128::to_string)).collect()
    }

    /// Times one round.
    pub(crate) fn time(self, call: &mut Calls) -> Round {
        match self {
            Self::Steady { calls } | Self::Threaded { calls } | Self::Accompanied { calls } => {
                Round { cost: time_ns(|| call(calls)) / f64::from(calls), beside: f64::NAN }
            }
            Self::Bursts { bursts, calls, pause } => {
                let (mut whole_ns, mut each_ns) = (0.0, Vec::new());
                for burst in 0..bursts {
                    if burst % 2 == 0 {
                        whole_ns += time_ns(|| call(calls));
                    } else {
                        each_ns.extend((0..calls).map(|_| time_ns(|| call(1))));
                    }
                    std::thread::sleep(pause);
                }
                let cost = whole_ns / f64::from(calls * bursts.div_ceil(2));
                Round { cost, beside: quantile(&mut each_ns, 0.99) - clock_ns() }
            }
            Self::AtRest { threads } => {
                call(threads);
                // Whoever asked looks for itself.
                Round { cost: f64::NAN, beside: f64::NAN }
            }
        }
    }
}

/// Does it on a thread of its own, a millisecond of pause between, until the function that it answers with is called. If it
/// fails, the contestant ends and the run with it.
pub(crate) fn again_and_again(
    mut change: impl FnMut() -> Result<(), Box<dyn Error>> + Send + 'static,
) -> impl FnOnce() + 'static {
    let is_over = Arc::new(AtomicBool::new(false));
    let thread = {
        let is_over = Arc::clone(&is_over);
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                if let Err(problem) = change() {
                    let _ = writeln!(std::io::stderr(), "{problem}");
                    std::process::exit(1);
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        })
    };
    move || {
        is_over.store(true, Ordering::Relaxed);
        // It has not panicked where the process lives.
        let _ = thread.join();
    }
}

/// The value below which that part of the values lies.
pub(crate) fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((part * last as f64).round() as usize).copied().unwrap_or(f64::NAN)
}

fn time_ns(call: impl FnOnce()) -> f64 {
    let start = Instant::now();
    call();
    start.elapsed().as_nanos() as f64
}

/// What it costs to look at the clock.
fn clock_ns() -> f64 {
    let mut nothing: Vec<f64> = (0..1000).map(|_| time_ns(|| black_box(()))).collect();
    quantile(&mut nothing, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_sorted_values() {
        let mut values = [3.0, 1.0, 2.0, 5.0, 4.0];
        assert_eq!(quantile(&mut values, 0.5), 3.0);
        assert_eq!(quantile(&mut values, 1.0), 5.0);
        assert!(quantile(&mut [], 0.5).is_nan());
    }

    #[test]
    fn every_call_is_made() {
        let made = std::rc::Rc::new(std::cell::Cell::new(0));
        let count = std::rc::Rc::clone(&made);
        let mut call: Calls = Box::new(move |calls| count.set(count.get() + calls));
        let pace = Pace::Bursts { bursts: 5, calls: 7, pause: Duration::ZERO };
        let _ = pace.time(&mut call);
        assert_eq!((made.get(), pace.calls()), (35, 35));
    }
}
