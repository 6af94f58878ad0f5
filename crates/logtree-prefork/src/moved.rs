//! Names that are given and files that are deleted, once and not twice.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use logtree_core::{FileEnd, sync_name};
use logtree_os::kill_point;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::appended::Completed;

/// Gives a file a name under which nothing is.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that cannot promise it, or a filter of system calls.
        Err(Errno::INVAL | Errno::NOSYS | Errno::PERM) if to.symlink_metadata().is_err() => std::fs::rename(from, to),
        outcome => Ok(outcome?),
    }
}

/// Gives a file the name back that it had. `source` is what had it, if that is known.
pub(crate) fn take_back(from: &Path, to: &Path, source: Option<FileEnd>) -> io::Result<()> {
    let found = look(to).ok_or(io::ErrorKind::NotFound)?;
    match source.is_none_or(|source| is_same(&found, &source)) {
        true => rename(to, from),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// Deletes a file, if it is there.
pub(crate) fn delete(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// Gives another form of a file its name, under which nothing is; if it has it, on the disk where that is asked for, the file
/// is deleted.
pub(crate) fn replace(made: &Path, to: &Path, from: &Path, is_synced: bool) -> io::Result<()> {
    rename(made, to)?;
    kill_point!("batch: replacing");
    if is_synced {
        sync_name(to)?;
    }
    delete(from)
}

/// What is said of it.
pub(crate) fn failed(what: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {what} '{}': {error}", path.display()))
}

/// Finishes a rename, which may have been done already. `source` is what had the name, and its size then.
pub(crate) fn complete_rename(from: &Path, to: &Path, source: Option<FileEnd>) -> Completed {
    let is_source = |found: &FileEnd| source.is_none_or(|source| is_same(found, &source));
    let completed = match (look(from), look(to)) {
        (None, Some(_)) => Completed::Whole,
        (_, Some(there)) if source.is_some() && is_source(&there) => Completed::Whole,
        // What was appended behind its end was appended because the rename had failed: then it stays.
        (Some(here), None) if is_source(&here) && source.is_some_and(|source| here.size > source.size) => {
            Completed::Whole
        }
        (Some(here), None) if is_source(&here) => match rename(from, to) {
            Ok(()) => Completed::Whole,
            // Lines go on into the old file.
            Err(_) => Completed::Disturbed,
        },
        _ => Completed::Disturbed,
    };
    kill_point!("recovery: renamed");
    completed
}

/// Finishes deleting a file, if it still is the one.
pub(crate) fn complete_delete(path: &Path, victim: Option<FileEnd>) -> Completed {
    let completed = match (look(path), victim) {
        (None, _) => Completed::Whole,
        (Some(found), Some(victim)) if !is_same(&found, &victim) => Completed::Disturbed,
        (Some(_), _) => delete(path).map_or(Completed::Disturbed, |()| Completed::Whole),
    };
    kill_point!("recovery: deleted");
    completed
}

/// Finishes replacing a file by another form of it.
pub(crate) fn complete_replace(made: &Path, to: &Path, from: &Path, victim: Option<FileEnd>) -> Completed {
    // Nobody but the listener gives a name to what was made: where it is gone, it has its name.
    let has_name = match (look(made), look(to)) {
        (Some(_), None) => rename(made, to).is_ok(),
        (None, Some(_)) => true,
        _ => false,
    };
    // Whether that is asked for the plan does not say, and this is rare.
    let has_name = has_name && sync_name(to).is_ok();
    kill_point!("recovery: replacing");
    let completed = match (look(from), victim) {
        (None, _) if has_name => Completed::Whole,
        (Some(found), Some(victim)) if has_name && is_same(&found, &victim) => {
            delete(from).map_or(Completed::Disturbed, |()| Completed::Whole)
        }
        // Both stay, and whoever compresses next sees to it.
        _ => Completed::Disturbed,
    };
    kill_point!("recovery: replaced");
    completed
}

fn is_same(one: &FileEnd, other: &FileEnd) -> bool {
    (one.device, one.inode) == (other.device, other.inode)
}

fn look(path: &Path) -> Option<FileEnd> {
    let metadata = path.symlink_metadata().ok()?;
    Some(FileEnd { device: metadata.dev(), inode: metadata.ino(), size: metadata.len() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_rename_is_finished_from_wherever_it_stopped() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("a"), directory.path().join("a.1"));
        std::fs::write(&from, "one\n").unwrap();
        let source = look(&from);
        assert_eq!(complete_rename(&from, &to, source), Completed::Whole);
        assert!(!from.exists() && to.exists());
        // Done already; and done already with a new file under the old name.
        assert_eq!(complete_rename(&from, &to, source), Completed::Whole);
        std::fs::write(&from, "two\n").unwrap();
        assert_eq!(complete_rename(&from, &to, source), Completed::Whole);
        assert_eq!(std::fs::read_to_string(&to).unwrap(), "one\n");
        // Something else is in its place.
        assert_eq!(complete_rename(&from, &to, look(&from)), Completed::Disturbed);
        assert_eq!(complete_rename(&from, &directory.path().join("b"), source), Completed::Disturbed);
        assert_eq!(std::fs::read_to_string(&from).unwrap(), "two\n");
    }

    #[test]
    fn a_rename_that_was_given_up_is_not_tried_again() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("a"), directory.path().join("a.1"));
        std::fs::write(&from, "one\ntwo\n").unwrap();
        let source = look(&from).map(|end| FileEnd { size: 4, ..end });
        assert_eq!(complete_rename(&from, &to, source), Completed::Whole);
        assert!(from.exists() && !to.exists());
    }

    #[test]
    fn a_file_is_replaced_from_wherever_that_stopped_and_never_without_its_other_form() {
        let directory = tempfile::tempdir().unwrap();
        let [made, to, from] = ["made", "to", "from"].map(|name| directory.path().join(name));
        std::fs::write(&made, "short").unwrap();
        std::fs::write(&from, "long").unwrap();
        let other = directory.path().join("other");
        std::fs::write(&other, "another").unwrap();
        let victim = look(&from);
        let complete = || complete_replace(&made, &to, &from, victim);
        assert_eq!(complete(), Completed::Whole);
        assert!(!made.exists() && !from.exists() && std::fs::read(&to).unwrap() == b"short");
        assert_eq!(complete(), Completed::Whole, "done already");
        // Another file has come to that name since: it is not the one.
        std::fs::rename(&other, &from).unwrap();
        std::fs::rename(&to, &made).unwrap();
        assert_eq!((complete(), from.exists(), to.exists()), (Completed::Disturbed, true, true));
        // Another file has the name.
        std::fs::write(&made, "short").unwrap();
        let victim = look(&from);
        let complete = || complete_replace(&made, &to, &from, victim);
        assert_eq!((complete(), from.exists(), made.exists()), (Completed::Disturbed, true, true));
        assert!(replace(&made, &to, &from, true).is_err() && from.exists());
        // What was made is gone, and nothing has the name.
        std::fs::remove_file(&made).unwrap();
        std::fs::remove_file(&to).unwrap();
        assert_eq!((complete(), from.exists()), (Completed::Disturbed, true));
    }

    #[test]
    fn a_file_is_deleted_only_if_it_is_the_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        std::fs::write(&path, "").unwrap();
        let victim = look(&path);
        let other = victim.map(|end| FileEnd { inode: end.inode + 1, ..end });
        assert_eq!(complete_delete(&path, other), Completed::Disturbed);
        assert!(path.exists());
        assert_eq!(
            (complete_delete(&path, victim), complete_delete(&path, victim)),
            (Completed::Whole, Completed::Whole)
        );
        assert!(!path.exists());
    }
}
