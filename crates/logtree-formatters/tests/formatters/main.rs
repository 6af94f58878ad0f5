//! The behaviour of formatters: one module a question.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod corpus;
mod cpython;
mod specimen;
mod steady_state;
mod tracing_records;
mod zones;
