//! Python's dictConfig for logtree: from text to a checked plan to a logger tree.
#![forbid(unsafe_code)]
