//! How configs are read, held against CPython.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod verdicts;
