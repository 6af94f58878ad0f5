//! What becomes of `tracing` events, spans and `log` records.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic)]

mod alone;
mod beside;
mod changing;
mod failing;
#[cfg(feature = "log")]
mod log_records;
mod records;
mod span_events;
mod spans;
mod support;
