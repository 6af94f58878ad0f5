//! The operating system under logtree: fork detection, shared memory, lanes, claims and wake-ups.

