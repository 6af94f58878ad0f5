//! A disk that is full, takes no more files, or is read-only for a while.
//!
//! A small file system in memory stands for it; where the test may not mount one, it says so and is passed over.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirEntryExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use logtree_core::Handler;
use logtree_handlers::{Buffering, BufferingConfig, FileHandlerConfig};

use super::{Class, Log};
use crate::child::{assert_passed, test_process};

/// Runs the ignored test `name` in a mount namespace of its own, with a file system of 20 KiB and a few files under the
/// directory that it gets, if that is allowed here.
pub(crate) fn on_a_small_disk(name: &str) {
    let directory = tempfile::tempdir().unwrap();
    const MOUNT: &str = "mount -t tmpfs -o size=20k,nr_inodes=6 logtree \"$0\"";
    let shell = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script]).arg(directory.path());
        command
    };
    if !shell(MOUNT).output().is_ok_and(|output| output.status.success()) {
        println!("passed over: no file system can be mounted here");
        return;
    }
    let test = test_process(name);
    let mut command = shell(&format!("{MOUNT} && exec \"$@\""));
    command.arg(test.get_program()).args(test.get_args()).env(DISK, directory.path());
    assert_passed(&command.output().unwrap());
}

const DISK: &str = "LOGTREE_TEST_DISK";

pub(crate) fn disk() -> PathBuf {
    std::env::var_os(DISK).unwrap().into()
}

/// Every class in turn, on an empty disk.
fn for_each_class_on_the_disk(check: impl Fn(Log)) {
    for class in Class::ALL {
        check(Log::open(class, &disk().join("app.log")));
        fs::read_dir(disk()).unwrap().for_each(|entry| fs::remove_file(entry.unwrap().path()).unwrap());
    }
}

#[test]
fn a_full_disk() {
    on_a_small_disk("failures::disk::on_a_disk_that_fills");
}

#[test]
#[ignore = "the test above runs it on a small disk"]
fn on_a_disk_that_fills() {
    for_each_class_on_the_disk(|log| {
        let ballast = disk().join("ballast");
        fs::write(&ballast, [0; 4096]).unwrap();
        // Four pages of five are left; where the log rolls, the first file takes three of them.
        let written = log.log_all(0..400);
        assert_eq!(written.len(), if log.class.rolls() { 100 + 40 } else { 163 }, "{:?}", log.class);
        assert_eq!((log.numbers(), log.entry.errors.count()), (written.clone(), 400 - written.len() as u64));
        fs::remove_file(&ballast).unwrap();
        let more = log.log_all(1000..1010);
        assert_eq!(more, (1000..1010).collect::<Vec<_>>(), "{:?}", log.class);
        assert_eq!(log.numbers(), [written, more].concat());
    });
}

#[test]
fn a_full_disk_behind_a_buffer() {
    on_a_small_disk("failures::disk::on_a_disk_that_fills_behind_a_buffer");
}

#[test]
#[ignore = "the test above runs it on a small disk"]
fn on_a_disk_that_fills_behind_a_buffer() {
    for class in Class::ALL {
        let path = disk().join("app.log");
        // Ten lines are one write.
        let buffered =
            |handler| Box::new(Buffering::new(BufferingConfig::new(1000), "file", handler)) as Box<dyn Handler>;
        let log = Log::behind(class, FileHandlerConfig::new(&path), buffered);
        log.entry.handler.open().unwrap();
        let ballast = disk().join("ballast");
        fs::write(&ballast, [0; 4096]).unwrap();
        let kept = log.log_all(0..400);
        // What is not written is held back, or counted.
        let written = log.numbers();
        assert_eq!(log.entry.errors.count() as usize, 400 - kept.len(), "{class:?}");
        assert_eq!((written.len(), &kept[..written.len()]), (kept.len() - 10, &written[..]), "{class:?}");
        assert!(!log.entry.handler.flush(Instant::now() + Duration::from_secs(20)));
        assert_eq!(log.numbers(), written);
        // There is room again.
        fs::remove_file(&ballast).unwrap();
        let more = log.log_all(1000..1010);
        assert_eq!(more, (1000..1010).collect::<Vec<_>>(), "{class:?}");
        assert!(log.entry.handler.flush(Instant::now() + Duration::from_secs(20)));
        assert_eq!(log.numbers(), [kept, more].concat(), "{class:?}");
        drop(log);
        fs::read_dir(disk()).unwrap().for_each(|entry| fs::remove_file(entry.unwrap().path()).unwrap());
    }
}

#[test]
fn a_disk_that_takes_no_more_files() {
    on_a_small_disk("failures::disk::on_a_disk_without_inodes");
}

#[test]
#[ignore = "the test above runs it on a small disk"]
fn on_a_disk_without_inodes() {
    for_each_class_on_the_disk(|log| {
        // One of the six is the directory's.
        let names = ["1", "2", "3", "4"].map(|name| disk().join(name));
        names.iter().for_each(|name| fs::write(name, "").unwrap());
        assert!(fs::write(disk().join("5"), "").is_err());
        // There is room for lines, if not for a new file: none is lost.
        log.log_all(0..120);
        assert_eq!(log.numbers(), (0..120).collect::<Vec<_>>(), "{:?}", log.class);
        assert_eq!(log.files(), [log.path.as_path()], "it has its name");
        fs::remove_file(&names[0]).unwrap();
        assert_eq!(log.log_all(120..150).len(), 30, "{:?}", log.class);
        assert_eq!(log.numbers(), (0..150).collect::<Vec<_>>(), "{:?}", log.class);
        assert_eq!(log.files().len(), 1 + usize::from(log.class.rolls()));
    });
}

#[test]
fn a_disk_that_takes_no_more_files_beside_those_that_were_rolled() {
    on_a_small_disk("failures::disk::on_a_disk_without_inodes_beside_old_files");
}

#[test]
#[ignore = "the test above runs it on a small disk"]
fn on_a_disk_without_inodes_beside_old_files() {
    for_each_class_on_the_disk(|log| {
        let names = match log.class {
            Class::Rotating | Class::RotatingMany => ["1", "2", "app.log.1", "app.log.2"],
            _ => ["1", "2", "3", "4"],
        };
        names.iter().for_each(|name| fs::write(disk().join(name), "").unwrap());
        assert_eq!(log.log_all(0..100).len(), 100);
        let inodes = || {
            let entries = fs::read_dir(disk()).unwrap().map(|entry| entry.unwrap());
            entries.map(|entry| (entry.file_name(), entry.ino())).collect::<BTreeMap<_, _>>()
        };
        let before = inodes();
        assert_eq!(before.len(), 5);
        assert_eq!(log.log_all(100..110).len(), if log.class.rolls() { 0 } else { 10 }, "{:?}", log.class);
        assert_eq!(inodes(), before, "all have their names, {:?}", log.class);
        fs::remove_file(disk().join("1")).unwrap();
        assert_eq!(log.log_all(110..120).len(), 10, "{:?}", log.class);
        assert_eq!(inodes().len(), 4 + usize::from(log.class.rolls()), "{:?}", log.class);
    });
}

#[test]
fn a_disk_that_is_read_only_for_a_while() {
    on_a_small_disk("failures::disk::on_a_disk_that_is_read_only");
}

#[test]
#[ignore = "the test above runs it on a small disk"]
fn on_a_disk_that_is_read_only() {
    for_each_class_on_the_disk(|log| {
        assert_eq!(log.log_all(0..95).len(), 95);
        let remount = |how: &str| {
            // A file that is open for writing keeps a file system from becoming read-only.
            log.entry.handler.reopen();
            let status = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(disk()).status().unwrap();
            assert!(status.success());
        };
        remount("ro");
        assert!(log.log_all(95..105).is_empty());
        remount("rw");
        assert_eq!(log.log_all(105..115).len(), 10);
        assert_eq!(log.numbers(), (0..95).chain(105..115).collect::<Vec<_>>(), "{:?}", log.class);
    });
}
