//! The behaviour of formatters: one module a question.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod corpus;
mod cpu_time;
mod cpython;
mod escaping;
mod json;
mod json_python;
mod json_tracing;
mod json_values;
mod long_formats;
mod properties;
mod specimen;
mod steady_state;
mod third_party;
mod tracing_records;
mod zones;
