//! The road from `tracing` into the logger tree.
//!
//! [`TreeLayer`] is a [`Layer`](tracing_subscriber::Layer): it makes a [`Record`](logtree_core::Record) of each event
//! and hands it to the route of its target. It is one plain layer that does all routing itself, because per-layer
//! filters of tracing-subscriber share a thread-local verdict that a panic or a refused callsite can leave behind
//! (tracing #2519).
//!
//! What a callsite's records have in common is gathered once ([`callsite`](self)), fields are encoded as they are
//! visited, span fields when the span is made; no user code runs while anything is locked.
#![forbid(unsafe_code)]

mod callsite;
mod handle;
mod layer;
mod leaving;
#[cfg(feature = "log")]
mod log_records;
mod named;
mod origin;
mod place;
mod scratch;
mod span_events;
mod span_times;
mod spans;
mod verdicts;
mod visit;
#[cfg(feature = "fmt")]
mod writer;

pub use handle::TreeHandle;
pub use layer::{Mode, TreeLayer};
pub use leaving::Leaving;
#[cfg(feature = "log")]
pub use log_records::{LogEvents, LogRecords};
pub use scratch::{SetAside, abandon_handling, set_aside};
#[cfg(feature = "fmt")]
pub use writer::{HandlerWriter, RecordWriter};
