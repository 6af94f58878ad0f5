//! The command `logtree`.
#![forbid(unsafe_code)]

fn main() {}
