//! The tracing layer of logtree: events, spans and log records become records of the logger tree.
#![forbid(unsafe_code)]
