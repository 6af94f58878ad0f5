//! The behaviour of formatters: one module a question.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod corpus;
mod cpython;
mod long_formats;
mod specimen;
mod steady_state;
mod third_party;
mod tracing_records;
mod zones;
