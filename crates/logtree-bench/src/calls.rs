//! The logging calls: one place in the code, whoever subscribes.

use std::hint::black_box;
use std::sync::{Arc, Barrier};

use crate::round::Calls;

/// Logs requests that were answered: three fields.
#[inline(never)]
pub(crate) fn requests(count: u32) {
    for number in 0..count {
        let (user, status, took_ms) = black_box(("ann", 200_u64, f64::from(number) + 0.25));
        tracing::info!(target: "my_app::http", user, status, took_ms, "request answered");
    }
}

/// The same without a field.
#[inline(never)]
fn bare_requests(count: u32) {
    for _ in 0..count {
        tracing::info!(target: "my_app::http", "request answered");
    }
}

/// The same with ten fields, of all kinds.
#[inline(never)]
fn rich_requests(count: u32) {
    for number in 0..count {
        let (user, status, took_ms) = black_box(("ann", 200_u64, f64::from(number) + 0.25));
        let (path, bytes, retries, is_cached) = black_box(("/api/items", 4711_u64, -1_i64, true));
        let (peer, agent, shard) = black_box(("10.0.0.7:443", "curl/8.5.0 (linux)", Some(3_u8)));
        tracing::info!(
            target: "my_app::http",
            user, status, took_ms, path, bytes, retries, is_cached, %peer, agent, ?shard,
            "request answered"
        );
    }
}

/// Logs with so many fields, inside so many spans of three fields each, which stay open.
pub(crate) fn texts(fields: usize, spans: usize) -> Calls {
    for depth in 0..spans {
        let span = tracing::info_span!(target: "my_app::http", "request", depth, method = "GET", path = "/api/items");
        std::mem::forget(span.entered());
    }
    match fields {
        0 => Box::new(bare_requests),
        10 => Box::new(rich_requests),
        _ => Box::new(requests),
    }
}

/// Opens, enters, leaves and closes a span of three fields.
#[inline(never)]
pub(crate) fn spans(count: u32) {
    for number in 0..count {
        let (user, status, took_ms) = black_box(("ann", 200_u64, f64::from(number) + 0.25));
        let span = tracing::info_span!(target: "my_app::http", "request", user, status, took_ms);
        let _entered = span.enter();
    }
}

/// The loggers of [`busy_loggers`].
pub(crate) const BUSY_LOGGERS: [&str; 8] =
    ["a.busy", "b.busy", "c.busy", "d.busy", "e.busy", "f.busy", "g.busy", "h.busy"];

/// Logs without a field at eight callsites by turns, each of another logger.
#[inline(never)]
pub(crate) fn busy_loggers(count: u32) {
    for number in 0..count {
        match black_box(number % 8) {
            0 => tracing::info!(target: "a::busy", "request answered"),
            1 => tracing::info!(target: "b::busy", "request answered"),
            2 => tracing::info!(target: "c::busy", "request answered"),
            3 => tracing::info!(target: "d::busy", "request answered"),
            4 => tracing::info!(target: "e::busy", "request answered"),
            5 => tracing::info!(target: "f::busy", "request answered"),
            6 => tracing::info!(target: "g::busy", "request answered"),
            _ => tracing::info!(target: "h::busy", "request answered"),
        }
    }
}

/// Logs on so many threads at once: as many calls for each processor that the threads can have.
pub(crate) fn on_threads(threads: u32, call: fn(u32)) -> Calls {
    Box::new(move |count| {
        let processors = std::thread::available_parallelism().map_or(1, |processors| processors.get() as u32);
        let each = count * threads.min(processors) / threads;
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(move || call(each));
            }
        });
    })
}

/// Logs what nobody wants to know: three fields.
#[inline(never)]
pub(crate) fn refused(count: u32) {
    for number in 0..count {
        let (user, status, took_ms) = black_box(("ann", 200_u64, number));
        tracing::debug!(target: "my_app::http", user, status, took_ms, "request seen");
    }
}

/// Logs requests by the `log` crate, which has no fields.
#[inline(never)]
pub(crate) fn log_requests(count: u32) {
    for number in 0..count {
        let (user, status, took_ms) = black_box(("ann", 200_u64, f64::from(number) + 0.25));
        log::info!(target: "my_app::http", "request answered user={user} status={status} took_ms={took_ms}");
    }
}

/// The same by spdlog-rs's own macro.
#[inline(never)]
pub(crate) fn spdlog_requests(count: u32) {
    for number in 0..count {
        let (user, status, took_ms) = black_box(("ann", 200_u64, f64::from(number) + 0.25));
        spdlog::info!("request answered user={user} status={status} took_ms={took_ms}");
    }
}

/// The same by slog's, with fields, which are written behind the message.
#[inline(never)]
pub(crate) fn slog_requests(logger: &slog::Logger, count: u32) {
    // No literal: the 2024 edition reads one behind `#` as something else.
    const TAG: &str = "my_app::http";
    for number in 0..count {
        let (user, status, took_ms) = black_box(("ann", 200_u64, f64::from(number) + 0.25));
        slog::info!(
            logger, #TAG, "request answered";
            "user" => user, "status" => status, "took_ms" => took_ms
        );
    }
}

/// Has so many threads call it once each, and lets them live: what a thread costs that has logged.
pub(crate) fn on_threads_that_stay(call: impl Fn(u32) + Clone + Send + 'static) -> Calls {
    Box::new(move |threads| {
        let logged = Arc::new(Barrier::new(threads as usize + 1));
        for _ in 0..threads {
            let (logged, call) = (Arc::clone(&logged), call.clone());
            std::thread::spawn(move || {
                call(1);
                logged.wait();
                loop {
                    std::thread::park();
                }
            });
        }
        logged.wait();
    })
}

/// Logs on so many threads at once, each record with a number of its own.
pub(crate) fn numbered_on_threads(threads: u32, call: fn(u64)) -> Calls {
    let mut next = 0;
    Box::new(move |count| {
        let each = u64::from(count / threads);
        std::thread::scope(|scope| {
            for thread in 0..u64::from(threads) {
                let first = next + thread * each;
                scope.spawn(move || (first..first + each).for_each(call));
            }
        });
        next += u64::from(threads) * each;
    })
}

pub(crate) fn numbered_event(number: u64) {
    tracing::info!(target: "my_app::http", number, "request answered");
}

pub(crate) fn numbered_log_record(number: u64) {
    log::info!(target: "my_app::http", "request answered number={number}");
}
