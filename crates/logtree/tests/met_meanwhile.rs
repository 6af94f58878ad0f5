//! Callsites that another thread meets for the first time while logging is installed: they are not switched off for good. A program
//! of its own, as it installs.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use logtree::{Format, Level};

/// Says whether its own callsite is on, which it has for itself.
type Callsite = fn() -> bool;

/// So many that all of them are asked for a while.
fn callsites() -> Vec<Callsite> {
    let mut all: Vec<Callsite> = Vec::new();
    macro_rules! ten {
        ($($number:literal)+) => {
            $(all.push(|| tracing::enabled!(target: concat!("met", $number), tracing::Level::INFO));)+
        };
    }
    macro_rules! hundred {
        ($($number:literal)+) => { $(let _ = $number; ten!(0 1 2 3 4 5 6 7 8 9);)+ };
    }
    macro_rules! thousand {
        ($($number:literal)+) => { $(let _ = $number; hundred!(0 1 2 3 4 5 6 7 8 9);)+ };
    }
    thousand!(0 1 2 3 4 5 6 7 8 9);
    all
}

#[test]
fn callsites_that_are_met_while_logging_is_installed_are_on() {
    let config = r#"{"version": 1, "handlers": {"null": {"class": "logging.NullHandler"}},
                     "root": {"level": "INFO", "handlers": ["null"]}}"#;
    let config = logtree::from_str(config, Format::Json).unwrap();
    let callsites = callsites();
    // As long as there was no subscriber, `tracing` looks at no callsite. Many a program has one until it has read its config.
    drop(tracing::Dispatch::new(tracing_subscriber::registry()));
    let (known, new) = callsites.split_at(300);
    assert!(!known.iter().any(|callsite| callsite()), "nothing is installed");
    let (met, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let guard = thread::scope(|scope| {
        scope.spawn(|| {
            // One after the other until they are at an end, or the installing is.
            for callsite in new.iter().take_while(|_| !is_over.load(Ordering::Relaxed)) {
                callsite();
                met.fetch_add(1, Ordering::Relaxed);
                (0..300).for_each(|_| std::hint::spin_loop());
            }
        });
        while met.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        let guard = config.install().unwrap();
        is_over.store(true, Ordering::Relaxed);
        guard
    });
    let off = callsites.iter().filter(|callsite| !callsite()).count();
    // One may be: that `tracing` without a subscriber wants nothing is what the thread may have been about to note.
    assert!(off <= 1, "{off} are off of the {met:?} met while logging was installed");
    guard.set_level("", Level::INFO);
    assert!(callsites.iter().all(|callsite| callsite()), "after the next change");
}
