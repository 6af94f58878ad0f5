//! How much a queue takes in, and what becomes of the rest: the keys that every queue's dict may have.

use std::time::Duration;

use crate::{ArgumentError, Kwargs, Level};

/// What a config says of the size of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// `maxsize`: how many records may wait; 0 for as many as `capacity` holds.
    pub maxsize: u32,
    /// `capacity`: how many bytes may wait. Behind a cross-process queue this is for each thread; a record that is larger
    /// by itself waits in a file, see `logtree_os::MAX_SPILLED_BYTES`.
    pub capacity_bytes: usize,
    /// `overflow` and `timeout`: what is done with a record for which there is no room.
    pub overflow: Overflow,
    /// `reserve_above`: only records of this level and above may use the last eighth of the capacity.
    pub reserve_above: Option<Level>,
}

/// What is done with a record for which there is no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It is dropped and counted.
    #[default]
    Drop,
    /// Its thread waits, all waits of one outage together no longer than this; then it is dropped and counted.
    Block(Duration),
}

/// Less is no queue.
const LEAST_BYTES: usize = 32 << 10;

impl Default for QueueLimits {
    fn default() -> Self {
        Self { maxsize: 0, capacity_bytes: 16 << 20, overflow: Overflow::Drop, reserve_above: None }
    }
}

impl QueueLimits {
    /// Takes the arguments `maxsize`, `capacity`, `overflow`, `timeout` and `reserve_above`.
    ///
    /// # Errors
    /// If one is of the wrong type or out of its range.
    pub fn from_kwargs(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        let mut limits = Self::default();
        if let Some(maxsize) = kwargs.int("maxsize")? {
            // Python takes zero and everything below for "no limit".
            limits.maxsize = u32::try_from(maxsize.max(0)).unwrap_or(u32::MAX);
        }
        if let Some(bytes) = kwargs.bytes("capacity")? {
            limits.capacity_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        }
        if limits.capacity_bytes < LEAST_BYTES {
            return Err(ArgumentError::new("ValueError", "capacity must be at least 32 KiB").at("capacity"));
        }
        let timeout = kwargs.seconds("timeout")?.unwrap_or(Duration::from_secs(1));
        limits.overflow = match kwargs.string("overflow")?.as_deref() {
            None | Some("drop") => Overflow::Drop,
            Some("block") => Overflow::Block(timeout),
            Some(other) => {
                let message = format!("overflow must be 'drop' or 'block', not '{other}'");
                return Err(ArgumentError::new("ValueError", message).at("overflow").expected("'drop' or 'block'"));
            }
        };
        limits.reserve_above = kwargs.level("reserve_above")?;
        Ok(limits)
    }

    /// Whether a record may use what is reserved for those that matter.
    #[inline]
    pub fn is_urgent(&self, level: Level) -> bool {
        self.reserve_above.is_none_or(|least| level >= least)
    }
}
