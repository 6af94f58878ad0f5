//! Python's logging for Rust's tracing: the logger tree, dictConfig, and many processes writing one log with nothing lost.
#![forbid(unsafe_code)]
