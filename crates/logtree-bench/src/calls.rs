//! The logging calls: one place in the code, whoever subscribes.

use std::hint::black_box;

/// Logs requests that were answered: three fields.
#[inline(never)]
pub(crate) fn requests(count: u32) {
    for number in 0..count {
        let (user, status, took_ms) = black_box(("ann", 200_u64, f64::from(number) + 0.25));
        tracing::info!(target: "my_app::http", user, status, took_ms, "request answered");
    }
}

/// Logs what nobody wants to know: three fields.
#[inline(never)]
pub(crate) fn refused(count: u32) {
    for number in 0..count {
        let (user, status, took_ms) = black_box(("ann", 200_u64, number));
        tracing::debug!(target: "my_app::http", user, status, took_ms, "request seen");
    }
}
