//! The one place that names atomics, barriers and futexes, so that a model checker or the fuzzer can stand in for them.

#[cfg(all(fuzzing, not(loom)))]
mod changing;
#[cfg(loom)]
mod model;
#[cfg(not(loom))]
#[cfg_attr(fuzzing, allow(unused_imports, dead_code, reason = "the fuzzer has its own of some"))]
mod real;

#[cfg(all(fuzzing, not(loom)))]
pub use changing::before_looks;
#[cfg(all(fuzzing, not(loom)))]
pub(crate) use changing::*;
#[cfg(loom)]
pub(crate) use model::*;
#[cfg(not(any(fuzzing, loom)))]
pub(crate) use real::*;
