//! The behaviour tests of the whole: one binary, one module each.
#![forbid(unsafe_code)]
