//! `logtree::disable`, which holds for all of a process: a program of its own.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::thread;

use logtree::{Level, disable};

#[test]
fn of_two_calls_at_once_one_holds_everywhere() {
    let layer = |loggers: u32| {
        let mut builder = logtree::builder();
        for number in 0..loggers {
            builder.logger(&format!("a.b{number}")).level = Level::INFO;
        }
        builder.layer().unwrap()
    };
    // So many that a change of them takes its time.
    let old = layer(300);
    for _ in 0..300 {
        thread::scope(|scope| {
            for level in [Level::INFO, Level::NOTSET] {
                scope.spawn(move || disable(level));
            }
        });
        let of = |layer: &logtree::TreeLayer| layer.tree().source().disable;
        assert_eq!(of(&old), of(&layer(0)));
    }
}
