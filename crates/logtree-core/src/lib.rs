//! The logger tree, records and the traits of logtree: no tracing, no operating system, no locks.
#![forbid(unsafe_code)]
