//! What a process may not: open more files, or these.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::for_each_class;
use crate::child::{assert_passed, test_process};

#[test]
fn no_descriptor_is_left() {
    assert_passed(&test_process("failures::limits::without_descriptors").output().unwrap());
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn without_descriptors() {
    for_each_class(|log| {
        assert!(log.log(0));
        let limit = getrlimit(Resource::Nofile);
        let limited = |most| Rlimit { current: Some(most), maximum: limit.maximum };
        setrlimit(Resource::Nofile, limited(3)).unwrap();
        // What is open is written to; that it cannot be rolled is an error at each record.
        let written = log.log_all(1..120).len();
        assert_eq!(written, if log.class.rolls() { 99 } else { 119 }, "{:?}", log.class);
        setrlimit(Resource::Nofile, limit).unwrap();
        assert_eq!(log.log_all(120..130).len(), 10);
        assert_eq!(log.numbers(), (0..130).collect::<Vec<_>>(), "{:?}", log.class);
        // What is not open is not opened.
        log.entry.handler.reopen();
        setrlimit(Resource::Nofile, limited(3)).unwrap();
        assert!(log.log_all(130..140).is_empty());
        setrlimit(Resource::Nofile, limit).unwrap();
        assert_eq!(log.log_all(140..150).len(), 10);
        assert_eq!(log.numbers(), (0..130).chain(140..150).collect::<Vec<_>>(), "{:?}", log.class);
    });
}

#[test]
fn rights_that_are_lost_and_come_back() {
    let mut test = test_process("failures::limits::without_rights");
    if rustix::process::geteuid().is_root() {
        // Root has every right. The number of `nobody` as good as anywhere.
        test.uid(65534).gid(65534);
    }
    match test.output() {
        Err(error) => println!("passed over: another user may not run this test: {error}"),
        Ok(output) => assert_passed(&output),
    }
}

#[test]
#[ignore = "the test above runs it as a user who has not every right"]
fn without_rights() {
    for_each_class(|log| {
        let class = log.class;
        let change = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let directory = log.path.parent().unwrap();
        assert_eq!(log.log_all(0..90).len(), 90);
        // A directory in which nothing can be renamed, or even seen: what is open is written to.
        for (mode, numbers) in [(0o500, 90..120), (0, 120..130)] {
            change(directory, mode);
            let written = log.log_all(numbers.clone());
            let expected = if class.rolls() { numbers.start..100 } else { numbers };
            assert_eq!(written, expected.collect::<Vec<_>>(), "{class:?}, {mode:o}");
        }
        // Nor can it be opened anew.
        log.entry.handler.reopen();
        assert!(log.log_all(130..140).is_empty());
        change(directory, 0o700);
        assert_eq!(log.log_all(140..150).len(), 10, "{class:?}");
        assert_eq!(log.numbers(), (0..130).chain(140..150).collect::<Vec<_>>(), "{class:?}");
        // The same with a file that may not be opened.
        change(&log.path, 0);
        assert_eq!(log.log_all(150..160).len(), 10);
        log.entry.handler.reopen();
        assert!(log.log_all(160..170).is_empty());
        change(&log.path, 0o600);
        assert_eq!(log.log_all(170..180).len(), 10);
        assert_eq!(log.numbers(), (0..130).chain(140..160).chain(170..180).collect::<Vec<_>>(), "{class:?}");
    });
}
