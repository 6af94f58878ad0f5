//! The behaviour tests of the whole: one binary, one module each.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a test that cannot run here, or that measures, says so")]

mod arrows;
mod broken;
mod built;
mod packages;
mod readme;
mod sqlite;
mod weight;

/// The rules by which the example judges its log. Their tests stand beside them, and are run from here, because `cargo test`
/// builds an example either for its tests or to be run.
#[cfg(target_os = "linux")]
#[path = "../../examples/prefork/drive"]
#[allow(dead_code, reason = "it is the example that uses all of it")]
mod judge {
    mod line;
    mod load;
    mod verdict;
    mod watch;
}

/// The handler of `examples/sqlite`.
#[path = "../../examples/sqlite/handler.rs"]
#[allow(dead_code, reason = "it is the example that uses all of it")]
mod sqlite_handler;

/// The service of `examples/prefork`, started and judged from outside.
#[cfg(target_os = "linux")]
mod service {
    mod calls;
    mod faults;
    mod life;
    mod shortage;
    mod support;
}
