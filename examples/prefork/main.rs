//! The service of the story.
#![forbid(unsafe_code)]

fn main() {}
