//! What becomes of files that roll when the system fails them: each line that cannot be written is an error, none is torn,
//! and writing goes on by itself as soon as it can.
//!
//! A small file system in memory stands for the disk; where the test may not mount one, it says so and is passed over.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use logtree_core::{Direct, Handler as _};
use logtree_handlers::{RotatingFileHandler, RotatingFileHandlerConfig};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::child::{assert_passed, test_process};
use crate::specimen::{Brackets, lines, with_record};

fn handler(path: &Path) -> RotatingFileHandler {
    let config =
        RotatingFileHandlerConfig { max_bytes: 10_000, backup_count: 3, ..RotatingFileHandlerConfig::new(path) };
    let handler = RotatingFileHandler::new(config).unwrap();
    handler.open().unwrap();
    handler
}

/// A line of a hundred bytes.
fn emit(handler: &RotatingFileHandler, number: u32) -> bool {
    let message = format!("{number:097}");
    with_record(&message, |record| handler.emit(record, &Brackets, &mut Direct)).is_ok()
}

/// The numbers in a log and its old files, the oldest first.
fn numbers(path: &Path) -> Vec<u32> {
    let numbered = |number: u32| {
        let mut path = path.as_os_str().to_owned();
        path.push(format!(".{number}"));
        PathBuf::from(path)
    };
    let files = (1..=3).rev().map(numbered).chain([path.to_owned()]).filter(|path| path.exists());
    let number = |line: String| line.strip_prefix('<').unwrap().strip_suffix('>').unwrap().parse().unwrap();
    files.flat_map(|path| lines(&path)).map(number).collect()
}

/// Runs the ignored test `name` in a mount namespace of its own, with a file system of 20 KiB under the directory that it
/// gets, if that is allowed here.
fn on_a_small_disk(name: &str) {
    let directory = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=20k logtree \"$0\" && shift 0 && exec \"$@\"";
    let shell = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script]).arg(directory.path());
        command
    };
    if !shell("mount -t tmpfs -o size=20k logtree \"$0\"").output().is_ok_and(|output| output.status.success()) {
        println!("passed over: no file system can be mounted here");
        return;
    }
    let test = test_process(name);
    let output =
        shell(mount).arg(test.get_program()).args(test.get_args()).env(DISK, directory.path()).output().unwrap();
    assert_passed(&output);
}

const DISK: &str = "LOGTREE_TEST_DISK";

fn disk() -> PathBuf {
    std::env::var_os(DISK).unwrap().into()
}

#[test]
fn a_full_disk() {
    on_a_small_disk("failures::on_a_disk_that_fills");
}

#[test]
#[ignore = "the test above runs it on a small disk"]
fn on_a_disk_that_fills() {
    let path = disk().join("app.log");
    let handler = handler(&path);
    // One file is full, the second one does not get full any more.
    let written: Vec<u32> = (0..300).filter(|number| emit(&handler, *number)).collect();
    assert!((150..250).contains(&written.len()), "{}", written.len());
    assert_eq!(numbers(&path), written);
    fs::remove_file(disk().join("app.log.1")).unwrap();
    assert!(emit(&handler, 1000));
    // What was in the file that was deleted is gone; the rest is whole, and goes on.
    let left = numbers(&path);
    assert_eq!((left.len(), left.last()), (written.len() - 99 + 1, Some(&1000)));
}

#[test]
fn a_disk_that_is_read_only_for_a_while() {
    on_a_small_disk("failures::on_a_disk_that_is_read_only");
}

#[test]
#[ignore = "the test above runs it on a small disk"]
fn on_a_disk_that_is_read_only() {
    let path = disk().join("app.log");
    let handler = handler(&path);
    assert!((0..95).all(|number| emit(&handler, number)));
    let remount = |how: &str| {
        // A file that is open for writing keeps a file system from becoming read-only.
        handler.reopen();
        let status = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(disk()).status().unwrap();
        assert!(status.success());
    };
    remount("ro");
    assert!((95..105).all(|number| !emit(&handler, number)));
    remount("rw");
    assert!((105..115).all(|number| emit(&handler, number)));
    assert_eq!(numbers(&path), (0..95).chain(105..115).collect::<Vec<_>>());
}

#[test]
fn a_directory_that_is_removed_and_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("logs/app.log");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let handler = handler(&path);
    assert!((0..95).all(|number| emit(&handler, number)));
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    assert!((95..300).all(|number| !emit(&handler, number)));
    fs::create_dir(path.parent().unwrap()).unwrap();
    assert!((300..350).all(|number| emit(&handler, number)));
    assert_eq!(numbers(&path), (300..350).collect::<Vec<_>>());
}

#[test]
fn a_file_that_others_delete_or_cut() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let handler = handler(&path);
    assert!((0..50).all(|number| emit(&handler, number)));
    fs::remove_file(&path).unwrap();
    assert!((50..60).all(|number| emit(&handler, number)));
    assert_eq!(numbers(&path), (50..60).collect::<Vec<_>>());
    fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    // Its size counts anew.
    assert!((60..155).all(|number| emit(&handler, number)));
    assert_eq!(numbers(&path), (60..155).collect::<Vec<_>>());
    assert!(!directory.path().join("app.log.1").exists());
}

#[test]
fn no_descriptor_is_left() {
    assert_passed(&test_process("failures::without_descriptors").output().unwrap());
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn without_descriptors() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let handler = handler(&path);
    assert!(emit(&handler, 0));
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(3), maximum: limit.maximum }).unwrap();
    // What is open is written to; that it cannot be rolled is an error at each record.
    let written = (1..120).filter(|number| emit(&handler, *number)).count();
    assert_eq!(written, 98);
    setrlimit(Resource::Nofile, limit).unwrap();
    assert!((120..130).all(|number| emit(&handler, number)));
    assert_eq!(numbers(&path), (0..130).collect::<Vec<_>>());
}

#[test]
fn names_are_bytes() {
    for name in [&b"100%s %d.log"[..], b"caf\xe9 \xff.log", b"app.log.1", b"a b\n.log"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(OsStr::from_bytes(name));
        let handler = handler(&path);
        assert!((0..250).all(|number| emit(&handler, number)));
        assert_eq!(numbers(&path), (0..250).collect::<Vec<_>>());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    }
}
