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
use logtree_os::kill_point;
use rustix::fs::OFlags;

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

/// Appends what is missing of `bytes`, which were to be appended at `end`.
///
/// # Errors
/// Those of opening, reading and writing the file; then this can be tried again.
pub(crate) fn complete(path: &Path, end: Option<FileEnd>, bytes: &[u8]) -> io::Result<Completed> {
    // Without NONBLOCK a pipe with a name would be waited for. A log need not be readable for its writer.
    let open = |read| {
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        OpenOptions::new().read(read).append(true).create(true).mode(0o666).custom_flags(flags).open(path)
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
