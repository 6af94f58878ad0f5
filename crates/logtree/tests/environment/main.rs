//! The queue between processes where its host lives in no ordinary way: each line once, one listener, nothing left behind.
//!
//! Each test runs host programs, which are this one with [`HOST`] and what they are to do. What needs root, a namespace or a
//! `chroot`, is skipped where it cannot be had, and says so.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod host;
mod place;
mod tests;

use std::time::{Duration, Instant};

/// The argument that makes a host of this program.
const HOST: &str = "--host";

/// Nothing takes so long but a bug.
const DEADLINE: Duration = Duration::from_secs(60);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == HOST) {
        return host::main(&arguments[1..]);
    }
    let asked = arguments.iter().find(|argument| !argument.starts_with('-')).map_or("", String::as_str);
    let mut passed = 0;
    for (name, test) in tests::TESTS.iter().filter(|(name, _)| name.contains(asked)) {
        println!("test {name} ...");
        test();
        passed += 1;
    }
    println!("\ntest result: ok. {passed} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}

/// Polls until something is so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
