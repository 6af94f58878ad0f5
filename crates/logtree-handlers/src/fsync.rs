//! When a log file is brought to the disk itself: the key `fsync`.

use std::str::FromStr;

use logtree_core::ArgumentError;
use rustix::fd::BorrowedFd;
use rustix::io;

/// What stands in a file survives the end of the program; what was brought to the disk also that of the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// `never`: when the system sees fit.
    #[default]
    Never,
    /// `rotate`: when a file is full, before the next one is begun.
    Rotate,
    /// `each`: at each record, which then takes as long as the disk does.
    Each,
}

impl FromStr for Fsync {
    type Err = ArgumentError;

    /// # Errors
    /// For any other word.
    fn from_str(word: &str) -> Result<Self, ArgumentError> {
        match word {
            "never" => Ok(Self::Never),
            "rotate" => Ok(Self::Rotate),
            "each" => Ok(Self::Each),
            _ => {
                let expected = "'never', 'rotate' or 'each'";
                let message = format!("'fsync' must be {expected}, not '{word}'");
                Err(ArgumentError::new("ValueError", message).at("fsync").expected(expected))
            }
        }
    }
}

/// Brings what stands in a file to the disk itself.
///
/// # Errors
/// Those of fdatasync(2); of `F_FULLFSYNC` (fcntl(2)) on macOS, where fsync(2) stops at the disk's own memory.
pub(crate) fn sync_data(file: BorrowedFd<'_>) -> io::Result<()> {
    #[cfg(target_vendor = "apple")]
    return io::retry_on_intr(|| rustix::fs::fcntl_fullfsync(file));
    #[cfg(not(target_vendor = "apple"))]
    io::retry_on_intr(|| rustix::fs::fdatasync(file))
}
