//! Python's handlers for logtree: streams and files.
#![forbid(unsafe_code)]
