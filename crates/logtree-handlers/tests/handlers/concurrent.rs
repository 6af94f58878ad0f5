//! The classes of Python's concurrent-log-handler, beside processes that have the package itself.

use std::fs::{self, File};

use logtree_core::{Argument, Direct};
use rustix::fs::{FlockOperation, flock};

use crate::classes::{build, text};
use crate::specimen::{Brackets, lines, with_record};

/// concurrent-log-handler 0.9.31 holds flock(2) on this file where it writes and where it rolls (`getLockFilename`,
/// `baseLockFilename`, `_do_lock`). Two who give the same names at once would write over each other's files.
#[test]
fn nothing_is_rolled_while_a_process_of_pythons_package_has_its_lock() {
    let by_size = || vec![("backupCount", Argument::Int(9)), ("maxBytes", Argument::Int(10))];
    let by_time = || [by_size(), vec![("when", text("D"))]].concat();
    for (class, arguments, log, lock) in [
        ("concurrent_log_handler.ConcurrentRotatingFileHandler", by_size(), "a.log", ".__a.lock"),
        ("cloghandler.ConcurrentRotatingFileHandler", by_size(), "a.txt", ".__a.txt.lock"),
        ("concurrent_log_handler.ConcurrentTimedRotatingFileHandler", by_time(), "a.log", "locks/.__a.lock"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (path, lock) = (directory.path().join(log), directory.path().join(lock));
        let filename = ("filename", text(path.to_str().unwrap()));
        let mut arguments = [arguments, vec![filename]].concat();
        let locks = lock.parent().unwrap();
        if locks != directory.path() {
            arguments.push(("lock_file_directory", text(locks.to_str().unwrap())));
            fs::create_dir(locks).unwrap();
        }
        let handler = build(class, arguments, Vec::new());
        let emit = |message| with_record(message, |record| handler.emit(record, &Brackets, &mut Direct));
        let rolled = || {
            let names = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
            names.filter(|name| name.to_str().unwrap().starts_with(&format!("{log}."))).count()
        };
        let expect_lines = |messages: &[&str]| {
            let expected: Vec<_> = messages.iter().map(|message| format!("<{message}>")).collect();
            assert_eq!(lines(&path), expected, "{class}");
        };
        // No process of the package is there: there is no lock, and none is made.
        emit("first").unwrap();
        emit("second").unwrap();
        assert_eq!((rolled(), lock.exists()), (1, false), "{class}");

        let held = File::create(&lock).unwrap();
        flock(&held, FlockOperation::LockExclusive).unwrap();
        let error = emit("third").unwrap_err();
        assert!(error.to_string().contains("takes too long to roll the file"), "{class}: {error}");
        assert_eq!(rolled(), 1, "{class}");
        expect_lines(&["second", "third"]);

        flock(&held, FlockOperation::Unlock).unwrap();
        emit("fourth").unwrap();
        assert_eq!(rolled(), 2, "{class}");
        expect_lines(&["fourth"]);
        // It was given back.
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();

        // One that cannot be had keeps no line from the log.
        fs::remove_file(&lock).unwrap();
        fs::create_dir(&lock).unwrap();
        let error = emit("fifth").unwrap_err();
        assert!(error.to_string().contains(&format!("cannot open the lock '{}'", lock.display())), "{class}: {error}");
        expect_lines(&["fourth", "fifth"]);
    }
}
