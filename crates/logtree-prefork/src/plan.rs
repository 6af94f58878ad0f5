//! What a batch will do to files, as it stands in a transaction.
//!
//! ```text
//! version ┃ kind │ path length │ second length │ known │ device │ inode │ size ┃ path ┃ second ┃ kind │ …
//! ```
//!
//! The second piece is the bytes that are appended, or the path that a file is renamed to; or that path and, behind a NUL, the
//! one of the file that is replaced. Everything between two heavy bars is a piece, and begins at a multiple of 8. What
//! travels is read by the same machine, so numbers stand in its own order.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use logtree_core::FileEnd;
use logtree_os::{Staging, TransactionTooLarge};

/// Raised when the meaning of a step changes. A listener refuses what it does not know; the records are read again then.
const VERSION: u64 = 3;
const APPEND: u64 = 1;
const RENAME: u64 = 2;
const DELETE: u64 = 3;
const REPLACE: u64 = 4;
/// What is known of the file: nothing, or which one it is; and that it will be a new one, behind none that is known or
/// behind the one that had its name before.
const NOTHING: u64 = 0;
const THIS: u64 = 1;
const NEW: u64 = 2;
const NEW_BEHIND: u64 = 3;
/// The longest path, PATH_MAX of limits.h.
const PATH_MAX: u64 = 4096;

/// One thing that is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// These bytes are appended.
    Append { path: &'a Path, begin: Begin, bytes: &'a [u8] },
    /// A file gets a name under which nothing is. `source` is the file, if it was there before the batch, and its end then,
    /// or `u64::MAX` if that does not count.
    Rename { from: &'a Path, to: &'a Path, source: Option<FileEnd> },
    /// A file is deleted: `victim`, if it was there before the batch.
    Delete { path: &'a Path, victim: Option<FileEnd> },
    /// What was made of a file gets a name under which nothing is, and the file is deleted: `victim`, if it was there before
    /// the batch.
    Replace { made: &'a Path, to: &'a Path, from: &'a Path, victim: Option<FileEnd> },
}

/// Where bytes begin that are appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// That is not known, or it is no regular file.
    Unknown,
    /// Where the file ended before.
    At(FileEnd),
    /// In a new file; or, if the old one could not be renamed, at its end.
    New { previous: Option<FileEnd> },
}

/// Begins a plan.
pub(crate) fn stage_version(staging: &mut Staging<'_>) -> Result<(), TransactionTooLarge> {
    staging.stage(&VERSION.to_ne_bytes())
}

impl<'a> Step<'a> {
    /// The file that it is about.
    pub(crate) fn path(&self) -> &'a Path {
        match self {
            Self::Append { path, .. } | Self::Delete { path, .. } => path,
            Self::Rename { from, .. } | Self::Replace { from, .. } => from,
        }
    }

    pub(crate) fn stage(&self, staging: &mut Staging<'_>) -> Result<(), TransactionTooLarge> {
        let known = |end: &Option<FileEnd>| end.map_or((NOTHING, None), |end| (THIS, Some(end)));
        let names;
        let (kind, path, second, (known, end)) = match self {
            Self::Append { path, begin, bytes } => {
                let begin = match begin {
                    Begin::Unknown => (NOTHING, None),
                    Begin::At(end) => (THIS, Some(*end)),
                    Begin::New { previous: None } => (NEW, None),
                    Begin::New { previous } => (NEW_BEHIND, *previous),
                };
                (APPEND, path, *bytes, begin)
            }
            Self::Rename { from, to, source } => (RENAME, from, to.as_os_str().as_bytes(), known(source)),
            Self::Delete { path, victim } => (DELETE, path, &[][..], known(victim)),
            Self::Replace { made, to, from, victim } => {
                names = [to, from].map(|name| name.as_os_str().as_bytes()).join(&0);
                (REPLACE, made, &*names, known(victim))
            }
        };
        let path = path.as_os_str().as_bytes();
        let FileEnd { device, inode, size } = end.unwrap_or(FileEnd { device: 0, inode: 0, size: 0 });
        let numbers = [kind, path.len() as u64, second.len() as u64, known, device, inode, size];
        staging.stage(numbers.map(u64::to_ne_bytes).as_flattened())?;
        staging.stage(path)?;
        staging.stage(second)
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
        let (kind, path, second, known) = (rest.number()?, rest.number()?, rest.number()?, rest.number()?);
        let end = FileEnd { device: rest.number()?, inode: rest.number()?, size: rest.number()? };
        let path = rest.path(path)?;
        let this = match known {
            NOTHING => None,
            THIS | NEW_BEHIND => Some(end),
            NEW if kind == APPEND => None,
            _ => return None,
        };
        steps.push(match (kind, known) {
            (APPEND, NEW | NEW_BEHIND) => {
                Step::Append { path, begin: Begin::New { previous: this }, bytes: rest.piece(second)? }
            }
            (APPEND, _) => {
                let begin = this.map_or(Begin::Unknown, Begin::At);
                Step::Append { path, begin, bytes: rest.piece(second)? }
            }
            (RENAME, NOTHING | THIS) => Step::Rename { from: path, to: rest.path(second)?, source: this },
            (DELETE, NOTHING | THIS) if second == 0 => Step::Delete { path, victim: this },
            (REPLACE, NOTHING | THIS) => {
                let names = rest.piece(second)?;
                let (to, from) = names.split_at(names.iter().position(|byte| *byte == 0)?);
                Step::Replace { made: path, to: as_path(to)?, from: as_path(&from[1..])?, victim: this }
            }
            _ => return None,
        });
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

    fn path(&mut self, length: u64) -> Option<&'a Path> {
        as_path((length <= PATH_MAX).then(|| self.piece(length))??)
    }

    fn piece(&mut self, length: u64) -> Option<&'a [u8]> {
        let length = usize::try_from(length).ok()?;
        let (piece, rest) = self.0.split_at_checked(length.checked_next_multiple_of(8)?)?;
        self.0 = rest;
        piece.get(..length)
    }
}

fn as_path(bytes: &[u8]) -> Option<&Path> {
    let is_path = (1..=PATH_MAX as usize).contains(&bytes.len()) && !bytes.contains(&0);
    is_path.then(|| Path::new(OsStr::from_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use logtree_os::{Segment, SegmentOptions, Transactions};

    use super::*;

    fn plan(numbers: &[u64], path: &[u8]) -> Vec<u8> {
        let numbers = numbers.iter().flat_map(|number| number.to_ne_bytes());
        numbers.chain(path.iter().copied()).collect()
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        let path = *b"/var/log";
        let whole = plan(&[3, 1, 8, 0, 1, 2, 3, 4], &path);
        let begin = Begin::At(FileEnd { device: 2, inode: 3, size: 4 });
        assert_eq!(parse(&whole), Some(vec![Step::Append { path: Path::new("/var/log"), begin, bytes: b"" }]));
        for cut in 0..whole.len() {
            // A plan of no steps is one.
            assert_eq!(parse(&whole[..cut]).is_some(), cut == 8, "{cut}");
        }
        assert_eq!(parse(&plan(&[4], b"")), None, "a later version");
        assert_eq!(parse(&plan(&[3, 9, 8, 0, 1, 2, 3, 4], &path)), None, "an unknown kind");
        assert_eq!(parse(&plan(&[3, 1, 8, 0, 4, 2, 3, 4], &path)), None, "an unknown knowledge");
        assert_eq!(parse(&plan(&[3, 1, u64::MAX, 0, 1, 2, 3, 4], &path)), None, "a path of no length");
        assert_eq!(parse(&plan(&[3, 1, 8, u64::MAX, 1, 2, 3, 4], &path)), None, "bytes of no length");
        assert_eq!(parse(&plan(&[3, 1, 0, 8, 1, 2, 3, 4], &path)), None, "no path");
        assert_eq!(parse(&plan(&[3, 1, 8, 0, 1, 2, 3, 4], b"/var\0log")), None, "no path of the system's");
        assert_eq!(parse(&plan(&[3, 2, 8, 0, 1, 2, 3, 4], &path)), None, "a name that is none");
        assert_eq!(parse(&plan(&[3, 2, 8, 8, 2, 2, 3, 4], b"/var/log/var/lib")), None, "a new file that is renamed");
        assert_eq!(parse(&plan(&[3, 3, 8, 8, 1, 2, 3, 4], b"/var/log/var/lib")), None, "deleting needs one name");
        let replacing = |names: &[u8; 8]| parse(&plan(&[3, 4, 8, 8, 1, 2, 3, 4], &[path, *names].concat())).is_some();
        assert!(replacing(b"/new\0/ol"));
        assert!(![b"/new/old", b"\0/newold", b"/newold\0", b"/n\0/o\0ld"].into_iter().any(replacing), "needs three");
    }

    #[test]
    fn every_step_is_read_as_it_was_said() {
        let directory = tempfile::tempdir().unwrap();
        let segment = Segment::create(&directory.path().join("queues"), "plan", &SegmentOptions::default()).unwrap();
        let mut transactions = Transactions::new(&segment);
        let (path, to) = (Path::new("/var/log/a.log"), Path::new("/var/log/a.log.1"));
        let end = FileEnd { device: 1, inode: 2, size: 3 };
        let begins =
            [Begin::Unknown, Begin::At(end), Begin::New { previous: None }, Begin::New { previous: Some(end) }];
        let mut steps: Vec<_> = begins.map(|begin| Step::Append { path, begin, bytes: b"one\ntwo\n" }).into();
        for known in [None, Some(end)] {
            steps.push(Step::Rename { from: path, to, source: known });
            steps.push(Step::Delete { path, victim: known });
            steps.push(Step::Replace { made: Path::new("/var/log/.a"), to, from: path, victim: known });
        }
        let mut staging = transactions.begin();
        stage_version(&mut staging).unwrap();
        steps.iter().for_each(|step| step.stage(&mut staging).unwrap());
        let committed = staging.commit([]).unwrap();
        assert_eq!(parse(segment.interrupted().unwrap().bytes()), Some(steps));
        committed.finish();
    }
}
