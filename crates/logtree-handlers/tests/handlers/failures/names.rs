//! Names that others move, delete and cut, that lead elsewhere, or that are no text.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use logtree_core::{Direct, HandlerEntry};
use logtree_handlers::{TimedRotatingFileHandler, TimedRotatingFileHandlerConfig, When};

use super::{Class, Log, for_each_class};
use crate::specimen::{Brackets, lines, with_record};

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

/// Python loses each record that comes while it cannot roll.
#[test]
fn a_directory_in_the_place_of_an_old_file() {
    for class in [Class::Rotating, Class::Timed] {
        for number in 1..=3 {
            let directory = tempfile::tempdir().unwrap();
            let log = Log::open(class, &directory.path().join("app.log"));
            let make = |name: String| fs::create_dir(directory.path().join(name)).unwrap();
            let failed: Vec<u32> = match class {
                // It gives way as files do, until it is the last, which is to be deleted: then all stays as it is.
                Class::Rotating => {
                    make(format!("app.log.{number}"));
                    (300..350).collect()
                }
                // Older than all others, and so the first to be deleted: behind each roll with more than three.
                _ => {
                    (1..=number).for_each(|day| make(format!("app.log.2001-01-0{day}")));
                    (4 - number..=3).map(|roll| 100 * roll).collect()
                }
            };
            let mut written: Vec<_> = (0..350).collect();
            written.retain(|line| !failed.contains(line));
            assert_eq!(log.log_all(0..350), written, "{class:?} {number}");
            assert_eq!(log.entry.errors.count(), failed.len() as u64);
            assert_eq!(log.numbers(), (0..350).collect::<Vec<_>>());
            let entries = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
            entries.filter(|path| path.is_dir()).for_each(|path| fs::remove_dir(path).unwrap());
            // It rolls again by itself.
            let (more, first) = if class == Class::Rotating { (10, 0) } else { (60, 100) };
            assert_eq!(log.log_all(350..350 + more), (350..350 + more).collect::<Vec<_>>(), "{class:?} {number}");
            assert_eq!(log.numbers(), (first..350 + more).collect::<Vec<_>>());
            assert_eq!(lines(&log.path).len(), 10);
        }
    }
}

/// Its time has come, and the name that it would get is not free: it waits for the next interval's end, as with a file.
#[test]
fn a_directory_of_the_name_that_a_file_is_to_get() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    fs::write(&path, "<old>\n").unwrap();
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(1_577_934_245);
    fs::File::options().append(true).open(&path).unwrap().set_modified(changed).unwrap();
    let in_the_way = directory.path().join("app.log.2020-01-02_03-04-05");
    fs::create_dir(&in_the_way).unwrap();
    let config = TimedRotatingFileHandlerConfig { when: When::Seconds, ..TimedRotatingFileHandlerConfig::new(&path) };
    let config = TimedRotatingFileHandlerConfig { interval_s: 1, utc: true, ..config };
    let handler = TimedRotatingFileHandler::new(config).unwrap();
    let entry = HandlerEntry::new("file", Box::new(handler), Arc::new(Brackets));
    let log = |message: &str| with_record(message, |record| entry.handle(record, &mut Direct));
    log("one");
    assert_eq!(
        (lines(&path), fs::read_dir(directory.path()).unwrap().count()),
        (vec!["<old>".into(), "<one>".into()], 2)
    );
    std::thread::sleep(Duration::from_millis(1100));
    log("two");
    let is_other = |other: &PathBuf| *other != path && *other != in_the_way;
    let rolled = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()).find(is_other).unwrap();
    assert_eq!((lines(&rolled), lines(&path)), (vec!["<old>".into(), "<one>".into()], vec!["<two>".into()]));
    assert!(in_the_way.is_dir() && entry.errors.count() == 0);
}

#[test]
fn names_are_bytes() {
    for class in Class::ALL {
        for name in [&b"100%s %d.log"[..], b"caf\xe9 \xff.log", b"app.log.1", b"a b\n.log"] {
            let directory = tempfile::tempdir().unwrap();
            let log = Log::open(class, &directory.path().join(OsStr::from_bytes(name)));
            // Where three old files are kept the oldest two are deleted, by their names.
            let (first, files) = match class {
                Class::File | Class::Watched => (0, 1),
                Class::Rotating | Class::Timed => (200, 4),
                Class::RotatingMany => (0, 6),
            };
            assert_eq!(log.log_all(0..550).len(), 550);
            assert_eq!(log.numbers(), (first..550).collect::<Vec<_>>(), "{class:?} {name:?}");
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), files, "{class:?} {name:?}");
        }
    }
}
