//! The cross-process queue of logtree: lanes in shared memory and one listener.
#![forbid(unsafe_code)]
