//! What a batch will do to files, as it stands in a transaction.
//!
//! ```text
//! version ┃ kind │ path length │ bytes length │ known │ device │ inode │ size ┃ path ┃ bytes ┃ kind │ …
//! ```
//!
//! Everything between two heavy bars is a piece, and begins at a multiple of 8. What travels is read by the same
//! machine, so numbers stand in its own order.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use logtree_core::FileEnd;
use logtree_os::{Staging, TransactionTooLarge};

/// Raised when the meaning of a step changes. A listener refuses what it does not know; the records are read again then.
const VERSION: u64 = 1;
/// Kinds not used yet are for renaming, creating, replacing and deleting.
const APPEND: u64 = 1;
/// The longest path, PATH_MAX of limits.h.
const PATH_MAX: u64 = 4096;

/// One thing that is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// These bytes are appended.
    Append {
        path: &'a Path,
        /// Where the file ended before; `None` if that was not known, or it is no regular file.
        end: Option<FileEnd>,
        bytes: &'a [u8],
    },
}

/// Begins a plan.
pub(crate) fn stage_version(staging: &mut Staging<'_>) -> Result<(), TransactionTooLarge> {
    staging.stage(&VERSION.to_ne_bytes())
}

impl Step<'_> {
    pub(crate) fn stage(&self, staging: &mut Staging<'_>) -> Result<(), TransactionTooLarge> {
        let Self::Append { path, end, bytes } = self;
        let path = path.as_os_str().as_bytes();
        let FileEnd { device, inode, size } = end.unwrap_or(FileEnd { device: 0, inode: 0, size: 0 });
        let known = end.is_some().into();
        let numbers = [APPEND, path.len() as u64, bytes.len() as u64, known, device, inode, size];
        staging.stage(numbers.map(u64::to_ne_bytes).as_flattened())?;
        staging.stage(path)?;
        staging.stage(bytes)
    }
}

/// Reads a plan; `None` if it is none that this version writes. The bytes are another process's and not trusted.
pub(crate) fn parse(plan: &[u8]) -> Option<Vec<Step<'_>>> {
    let mut rest = Pieces(plan);
    let mut steps = Vec::new();
    if rest.number()? != VERSION {
        return None;
    }
    while !rest.0.is_empty() {
        if rest.number()? != APPEND {
            return None;
        }
        let (path, bytes, known) = (rest.number()?, rest.number()?, rest.number()?);
        let end = FileEnd { device: rest.number()?, inode: rest.number()?, size: rest.number()? };
        let path = (1..=PATH_MAX).contains(&path).then(|| rest.piece(path))??;
        let path = (!path.contains(&0)).then(|| Path::new(OsStr::from_bytes(path)))?;
        steps.push(Step::Append { path, end: (known != 0).then_some(end), bytes: rest.piece(bytes)? });
    }
    Some(steps)
}

/// What has not been read yet.
struct Pieces<'a>(&'a [u8]);

impl<'a> Pieces<'a> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_ne_bytes(*number))
    }

    fn piece(&mut self, length: u64) -> Option<&'a [u8]> {
        let length = usize::try_from(length).ok()?;
        let (piece, rest) = self.0.split_at_checked(length.checked_next_multiple_of(8)?)?;
        self.0 = rest;
        piece.get(..length)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn plan(numbers: &[u64], path: &[u8]) -> Vec<u8> {
        let numbers = numbers.iter().flat_map(|number| number.to_ne_bytes());
        numbers.chain(path.iter().copied()).collect()
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        let path = *b"/var/log";
        let whole = plan(&[1, 1, 8, 0, 1, 2, 3, 4], &path);
        let end = Some(FileEnd { device: 2, inode: 3, size: 4 });
        assert_eq!(parse(&whole), Some(vec![Step::Append { path: Path::new("/var/log"), end, bytes: b"" }]));
        for cut in 0..whole.len() {
            // A plan of no steps is one.
            assert_eq!(parse(&whole[..cut]).is_some(), cut == 8, "{cut}");
        }
        assert_eq!(parse(&plan(&[2], b"")), None, "a later version");
        assert_eq!(parse(&plan(&[1, 9, 8, 0, 1, 2, 3, 4], &path)), None, "an unknown kind");
        assert_eq!(parse(&plan(&[1, 1, u64::MAX, 0, 1, 2, 3, 4], &path)), None, "a path of no length");
        assert_eq!(parse(&plan(&[1, 1, 8, u64::MAX, 1, 2, 3, 4], &path)), None, "bytes of no length");
        assert_eq!(parse(&plan(&[1, 1, 0, 8, 1, 2, 3, 4], &path)), None, "no path");
        assert_eq!(parse(&plan(&[1, 1, 8, 0, 1, 2, 3, 4], b"/var\0log")), None, "no path of the system's");
    }
}
