//! How a config is laid out in the segment.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// Numbers, and bytes behind their length.
#[derive(Default)]
pub(super) struct Pieces(pub(super) Vec<u8>);

impl Pieces {
    pub(super) fn number(&mut self, number: u64) {
        self.0.extend(number.to_ne_bytes());
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend(bytes);
    }
}

/// What was not read yet.
pub(super) struct Rest<'a>(pub(super) &'a [u8]);

impl<'a> Rest<'a> {
    pub(super) fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_ne_bytes(*number))
    }

    pub(super) fn piece(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (piece, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(piece)
    }

    pub(super) fn text(&mut self) -> Option<String> {
        String::from_utf8(self.piece()?.to_vec()).ok()
    }

    pub(super) fn path(&mut self) -> Option<PathBuf> {
        Some(OsString::from_vec(self.piece()?.to_vec()).into())
    }

    /// So many items as a number says that stands before them; what there is of bytes bounds it.
    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| item(self)).collect()
    }
}
