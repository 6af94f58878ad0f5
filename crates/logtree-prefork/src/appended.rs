//! What stands in a file of the bytes that were to be appended to it.
//!
//! A listener that was killed around its write(2) has written all, nothing, or a beginning of them; others may have appended
//! before and after. So the bytes are looked for, from where the file had ended on, wherever a line begins. A line of
//! another writer that is the same, byte for byte, cannot be told from ours.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use logtree_core::FileEnd;
use logtree_os::{beyond_standard_numbers, kill_point};
use rustix::fs::OFlags;

use crate::plan::Begin;

/// So much of others' is looked through besides what was to be written.
const OTHERS_BYTES: u64 = 4 << 20;

/// What a look found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// So many of the bytes, from the first on, stand there.
    pub(crate) bytes: usize,
    /// They end with half a line, at the file's end: it can be completed.
    pub(crate) is_open: bool,
}

/// How appending what was missing went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completed {
    /// Everything stands there once.
    Whole,
    /// The file was replaced or cut meanwhile, or is none that can be compared: what did not stand there was written.
    Disturbed,
}

/// Appends what is missing of `bytes`, which were to be appended from `begin` on.
///
/// # Errors
/// Those of opening, reading and writing the file; then this can be tried again.
pub(crate) fn complete(path: &Path, begin: Begin, bytes: &[u8]) -> io::Result<Completed> {
    // Without NONBLOCK a pipe with a name would be waited for. A log need not be readable for its writer.
    let open = |read| {
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        let file =
            OpenOptions::new().read(read).append(true).create(true).mode(0o666).custom_flags(flags).open(path)?;
        io::Result::Ok(File::from(beyond_standard_numbers(file.into())))
    };
    let (mut file, is_readable) = match open(true) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => (open(false)?, false),
        outcome => (outcome?, true),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() || !is_readable {
        // Nothing can be compared. At least once, then.
        file.write_all(bytes)?;
        return Ok(Completed::Disturbed);
    }
    let end = match begin {
        Begin::Unknown => None,
        Begin::At(end) => Some(end),
        Begin::New { previous } => {
            let is_previous = |end: &FileEnd| (end.device, end.inode) == (metadata.dev(), metadata.ino());
            let new = FileEnd { device: metadata.dev(), inode: metadata.ino(), size: 0 };
            Some(previous.filter(is_previous).unwrap_or(new))
        }
    };
    let is_same =
        end.is_none_or(|end| (end.device, end.inode) == (metadata.dev(), metadata.ino()) && end.size <= metadata.len());
    let standing = look(&file, if is_same { end } else { None }, bytes)?;
    let missing = &bytes[standing.bytes..];
    #[cfg(logtree_kill_points)]
    if logtree_os::kill_points::is_deadly("recovery: half written") {
        file.write_all(&missing[..missing.len() / 2])?;
        logtree_os::kill_points::die();
    }
    file.write_all(missing)?;
    kill_point!("recovery: completed");
    Ok(if is_same { Completed::Whole } else { Completed::Disturbed })
}

/// How many of the bytes, in whole lines, stand behind `end`: for a file that is written through its handler, which does not
/// go on in half a line.
///
/// # Errors
/// Those of opening and reading the file.
pub(crate) fn whole_lines(path: &Path, end: FileEnd, bytes: &[u8]) -> io::Result<usize> {
    let file = File::open(path)?;
    let standing = look(&file, Some(end), bytes)?;
    Ok(if standing.is_open { line_start(bytes, standing.bytes) } else { standing.bytes })
}

/// Looks for the bytes from `end` on, or, if that is not known, where they can stand at most before the file's end.
fn look(file: &File, end: Option<FileEnd>, bytes: &[u8]) -> io::Result<Standing> {
    let size = file.metadata()?.len();
    let most = bytes.len() as u64 + OTHERS_BYTES;
    let start = end.map_or(size.saturating_sub(most), |end| end.size);
    let length = size.saturating_sub(start);
    let mut region = vec![0; length.min(most) as usize];
    file.read_exact_at(&mut region, start)?;
    Ok(find(&region, bytes, length <= most))
}

/// Finds the bytes in a region: one run of them, or several with others' lines in between.
fn find(region: &[u8], bytes: &[u8], is_to_end: bool) -> Standing {
    let (mut at, mut found) = (0, 0);
    while found < bytes.len() {
        let wanted = &bytes[found..];
        let starts = (at..region.len()).filter(|&start| start == 0 || region[start - 1] == b'\n');
        let runs = starts.map(|start| (common(&region[start..], wanted), start));
        // Of equal ones the first: what follows others' is looked for behind it.
        let Some((run, start)) = runs.rev().max_by_key(|(run, _)| *run) else { break };
        if start + run == region.len() && is_to_end && run > 0 {
            return Standing { bytes: found + run, is_open: run < wanted.len() };
        }
        let whole = if run == wanted.len() { run } else { line_start(wanted, run) };
        if whole == 0 {
            break;
        }
        (at, found) = (start + whole, found + whole);
    }
    Standing { bytes: found, is_open: false }
}

/// How many bytes both begin with.
fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Where the line begins that `at` is in.
fn line_start(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn found(region: &str, bytes: &str) -> (usize, bool) {
        let standing = find(region.as_bytes(), bytes.as_bytes(), true);
        (standing.bytes, standing.is_open)
    }

    #[test]
    fn bytes_are_found_wherever_others_wrote() {
        let ours = "one\ntwo\nthree\n";
        assert_eq!(found("", ours), (0, false));
        assert_eq!(found(ours, ours), (14, false));
        assert_eq!(found("theirs\none\ntwo\nthree\ntheirs\n", ours), (14, false));
        // Torn at the end: it can be completed where it is.
        assert_eq!(found("one\ntw", ours), (6, true));
        assert_eq!(found("theirs\none\ntwo\n", ours), (8, true));
        // Torn, with others' lines behind: the torn line is written anew, what was whole is not.
        assert_eq!(found("one\ntwtheirs\n", ours), (4, false));
        // Completed by a successor that was killed in it, behind others' lines.
        assert_eq!(found("one\ntheirs\ntwo\nth", ours), (10, true));
        // What begins like ours is not ours.
        assert_eq!(found("only\ntheirs\n", ours), (0, false));
        assert_eq!(found("theirs: one\n", ours), (0, false), "not where a line begins");
    }

    #[test]
    fn what_is_missing_is_written_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let (before, ours) = ("two\nbefore\n", "one\ntwo\n");
        for behind in ["", "o", "one\n", "one\ntwo", "one\ntwo\n"] {
            std::fs::write(&path, format!("{before}{behind}")).unwrap();
            let metadata = path.metadata().unwrap();
            let end = FileEnd { device: metadata.dev(), inode: metadata.ino(), size: before.len() as u64 };
            assert_eq!(complete(&path, Begin::At(end), ours.as_bytes()).unwrap(), Completed::Whole);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{before}{ours}"), "{behind:?}");
            assert_eq!(whole_lines(&path, end, ours.as_bytes()).unwrap(), ours.len());
        }
    }

    #[test]
    fn what_was_for_a_new_file_is_found_in_it_or_at_the_end_of_the_old_one() {
        let directory = tempfile::tempdir().unwrap();
        let (path, old) = (directory.path().join("a.log"), directory.path().join("a.log.1"));
        std::fs::write(&path, "old\none\n").unwrap();
        let metadata = path.metadata().unwrap();
        let previous = FileEnd { device: metadata.dev(), inode: metadata.ino(), size: 4 };
        let begin = Begin::New { previous: Some(previous) };
        // It could not be renamed, and was appended to.
        assert_eq!(complete(&path, begin, b"one\ntwo\n").unwrap(), Completed::Whole);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old\none\ntwo\n");
        std::fs::rename(&path, &old).unwrap();
        for _ in 0..2 {
            assert_eq!(complete(&path, begin, b"one\ntwo\n").unwrap(), Completed::Whole);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        }
    }

    #[test]
    fn a_file_that_was_cut_or_replaced_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        std::fs::write(&path, "").unwrap();
        let metadata = path.metadata().unwrap();
        let end = FileEnd { device: metadata.dev(), inode: metadata.ino(), size: 100 };
        assert_eq!(complete(&path, Begin::At(end), b"one\n").unwrap(), Completed::Disturbed, "cut");
        let end = FileEnd { inode: metadata.ino() + 1, size: 0, ..end };
        assert_eq!(complete(&path, Begin::At(end), b"two\n").unwrap(), Completed::Disturbed, "replaced");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }
}
