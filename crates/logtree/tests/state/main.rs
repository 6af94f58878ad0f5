//! Logging that changes while a program runs.
//!
//! A program installs logging once. So each test is the life of a program, in a child of `fork` to itself, which libtest's
//! threads would not allow. A word on the command line asks for the tests whose names contain it.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod changes;
mod child;
mod code;
#[cfg(feature = "compress")]
mod compressing;
mod differential;
mod environment;
mod load;
mod queue;

use crate::child::in_a_child;

/// A test's name and the life that it is.
type Life = (&'static str, fn());

fn main() {
    let asked = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let is_asked = |name: &str| name.contains(&asked);
    let lives = [
        changes::LIVES,
        code::LIVES,
        #[cfg(feature = "compress")]
        compressing::LIVES,
        environment::LIVES,
        load::LIVES,
        queue::LIVES,
    ];
    let lives: Vec<Life> = lives.concat();
    let mut passed = 0;
    for (name, life) in lives.into_iter().filter(|(name, _)| is_asked(name)) {
        println!("test {name} ...");
        in_a_child(life);
        passed += 1;
    }
    // It makes children of its own.
    if is_asked("as_cpython") {
        differential::as_cpython();
        passed += 1;
    }
    println!("\ntest result: ok. {passed} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}
