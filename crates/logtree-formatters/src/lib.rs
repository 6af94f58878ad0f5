//! Python's formatters for logtree: percent style and its time.
#![forbid(unsafe_code)]
