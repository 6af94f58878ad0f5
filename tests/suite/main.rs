//! The behaviour tests of the whole: one binary, one module each.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a test that cannot run here says so")]

mod arrows;
mod readme;

/// The service of `examples/prefork`, started and judged from outside.
#[cfg(target_os = "linux")]
mod service {
    mod calls;
    mod faults;
    mod life;
    mod no_memory;
    mod support;
}
