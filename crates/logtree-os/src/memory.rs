//! The bytes of a segment: mapped from a file, or, under the model checker, kept in cells that notice races.
//!
//! Both give the same safe face. The units' bytes are reached only through [`Memory::write`], [`Memory::read`] and
//! [`Memory::append`], which check bounds themselves; who may do which and when is the lanes' protocol.

mod backed;
#[cfg(not(loom))]
mod file;
#[cfg(not(loom))]
mod life;
#[cfg(not(loom))]
mod mapped;
#[cfg(loom)]
mod model;

#[cfg(not(loom))]
pub(crate) use file::{BackingFile, FileIdentity};
#[cfg(not(loom))]
pub(crate) use mapped::Memory;
#[cfg(loom)]
pub(crate) use model::Memory;
