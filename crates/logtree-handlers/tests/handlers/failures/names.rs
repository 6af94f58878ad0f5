//! Names that others move, delete and cut, that lead elsewhere, or that are no text.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use super::{Class, Log, for_each_class};
use crate::specimen::lines;

#[test]
fn a_directory_that_is_removed_and_comes_back() {
    for class in Class::ALL {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("logs/app.log");
        fs::create_dir(path.parent().unwrap()).unwrap();
        let log = Log::open(class, &path);
        assert_eq!(log.log_all(0..95).len(), 95);
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        if class == Class::File {
            // As in Python it goes on in the file that has no name any more, until it is told.
            assert!(log.log(95));
            log.entry.handler.reopen();
        }
        log.wait_until_it_sees();
        assert!(log.log_all(96..300).is_empty(), "{class:?}");
        fs::create_dir(path.parent().unwrap()).unwrap();
        assert_eq!(log.log_all(300..350).len(), 50, "{class:?}");
        assert_eq!(log.numbers(), (300..350).collect::<Vec<_>>());
    }
}

#[test]
fn a_file_that_others_delete_or_cut() {
    for_each_class(|log| {
        let path = &log.path;
        assert_eq!(log.log_all(0..50).len(), 50);
        fs::remove_file(path).unwrap();
        if log.class == Class::File {
            assert!(log.log(49));
            log.entry.handler.reopen();
        }
        log.wait_until_it_sees();
        assert_eq!(log.log_all(50..60).len(), 10);
        assert_eq!(log.numbers(), (50..60).collect::<Vec<_>>(), "{:?}", log.class);
        fs::File::options().write(true).open(path).unwrap().set_len(0).unwrap();
        // Its size counts anew.
        assert_eq!(log.log_all(60..155).len(), 95);
        assert_eq!((log.numbers(), log.files().len()), ((60..155).collect::<Vec<_>>(), 1), "{:?}", log.class);
    });
}

#[test]
fn a_link_to_a_file_elsewhere() {
    for class in Class::ALL {
        let directory = tempfile::tempdir().unwrap();
        let (path, target) = (directory.path().join("app.log"), directory.path().join("elsewhere"));
        fs::write(&target, "").unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
        let log = Log::open(class, &path);
        assert_eq!(log.log_all(0..250).len(), 250);
        assert_eq!(log.numbers(), (0..250).collect::<Vec<_>>(), "{class:?}");
        assert_eq!(log.files().len(), if class.rolls() { 3 } else { 1 }, "{class:?}");
        assert_eq!(lines(&target).len(), if class.rolls() { 100 } else { 250 }, "{class:?}");
    }
}

#[test]
fn names_are_bytes() {
    for class in Class::ALL {
        for name in [&b"100%s %d.log"[..], b"caf\xe9 \xff.log", b"app.log.1", b"a b\n.log"] {
            let directory = tempfile::tempdir().unwrap();
            let log = Log::open(class, &directory.path().join(OsStr::from_bytes(name)));
            assert_eq!(log.log_all(0..250).len(), 250);
            assert_eq!(log.numbers(), (0..250).collect::<Vec<_>>());
            let files = fs::read_dir(directory.path()).unwrap().count();
            assert_eq!(files, if class.rolls() { 3 } else { 1 }, "{class:?} {name:?}");
        }
    }
}
