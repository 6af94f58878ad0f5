//! The heart of logtree: what a record is, where it goes, and what the parts are that it passes.
//!
//! ```text
//! Record<'_> ─► Tree: name ─► Route ─► each handler: level ► filters ► Handler::emit(record, formatter, steps)
//! ```
//!
//! - [`Record`] is borrowed from wherever it was made: a `tracing` event, a line of JSON, another process. Its fields
//!   are encoded once, as [`Fields`], and read in place; [`codec`] puts the whole of it into bytes and back.
//! - [`Tree`] holds every logger of one config and never changes once built. It answers with a [`Route`]: the
//!   threshold, the filters and the handlers that a record of that name passes, in Python's order.
//!   [`Tree::explain`] tells what is on it.
//! - [`Handler`], [`Formatter`] and [`Filter`] are what users implement; [`HandlerEntry`] binds a handler to the
//!   name, level, filters and formatter that its config gave it.
//! - [`Steps`] is the seam between files and queues: a handler says what it will do to a file, and whoever runs the
//!   handler decides when it is done.
//! - [`Registry`] maps the class names of a config to constructors, which take neutral [`Kwargs`].
//!
//! Nothing here knows of `tracing`, of an operating system or of a lock.
#![forbid(unsafe_code)]

#[cfg(not(unix))]
compile_error!("logtree is for Unix systems: Linux has all of it, others everything but the feature `prefork`");

mod caught;
pub mod codec;
mod compile;
mod cut;
mod directives;
mod error;
mod explain;
mod fields;
mod filter;
mod formatter;
mod handler;
mod held;
mod kwargs;
mod level;
mod logger;
mod outlets;
mod queue;
mod record;
mod registry;
mod replacement;
mod report;
mod route;
pub mod side;
mod span;
mod span_events;
mod step;
mod table;
mod tree;
mod tree_builder;
mod value;
mod zone;

pub use caught::{caught, write_caught};
pub use cut::LEAST_CUT_BYTES;
pub use directives::{BadDirective, Directives, SpanDirective};
pub use error::{ArgumentError, BuildError, EmitError, FormatError};
pub use explain::{Destination, Explanation, FilterStage, HandlerStage, Outcome, Stage};
pub use fields::{Field, FieldName, Fields, FieldsBuf, FieldsIter, FoundValue};
pub use filter::{Filter, NameFilter, Verdict};
pub use formatter::{Formatter, Needs};
pub use handler::{Handler, HandlerEntry, StdStream};
pub use held::HeldRecords;
pub use kwargs::{Argument, Kwargs, Object};
pub use level::{Level, LevelName, LevelNames};
pub use logger::{Logger, logger_name};
pub use outlets::Outlets;
pub use queue::{Overflow, QueueLimits, QueueListener, RecordQueue};
pub use record::{Callsite, Origin, Record, Source, Timestamp};
pub use registry::{HandlerPlan, Registry};
pub use replacement::Replacement;
pub use report::{ErrorReport, HandlerErrors, set_report_hook, with_own_record};
pub use route::Route;
pub use span::{SpanRef, Spans, SpansBuf};
pub use span_events::SpanEvents;
pub use step::{AppendFile, Direct, FileEnd, Moves, Names, Steps, sync_name};
pub use table::Table;
pub use tree::Tree;
pub use tree_builder::TreeBuilder;
pub use value::Value;
pub use zone::{Zone, ZoneTime};
