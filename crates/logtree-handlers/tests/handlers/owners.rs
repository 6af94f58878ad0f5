//! To whom log files belong.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use logtree_core::{Direct, Handler};
use logtree_handlers::{
    Access, FileHandler, FileHandlerConfig, OpenMode, RotatingFileHandler, RotatingFileHandlerConfig,
    TimedRotatingFileHandler, TimedRotatingFileHandlerConfig, WatchedFileHandler, When,
};

use crate::child::{assert_passed, test_process};
use crate::failures::{Class, Log};
use crate::specimen::{Brackets, lines, with_record};

/// Nobody's.
const OWNER: u32 = 54_321;
const GROUP: u32 = 12_345;
/// The number of `nobody` as good as anywhere.
const NOBODY: u32 = 65_534;

fn owned(path: &Path, permissions: Option<u32>) -> FileHandlerConfig {
    let access = Access { permissions, owner: Some(OWNER), group: Some(GROUP) };
    FileHandlerConfig { access, ..FileHandlerConfig::new(path) }
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("passed over: only root may give files away");
    }
    is_root
}

/// Owner, group and rights of all that a directory has, by name.
fn seen(directory: &Path) -> Vec<(String, u32, u32, u32)> {
    let see = |entry: fs::DirEntry| {
        let (name, metadata) = (entry.file_name().into_string().unwrap(), entry.metadata().unwrap());
        (name, metadata.uid(), metadata.gid(), metadata.permissions().mode() & 0o7777)
    };
    let mut seen: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| see(entry.unwrap())).collect();
    seen.sort_unstable();
    seen
}

fn assert_owned(directory: &Path, names: &[&str]) {
    let expected: Vec<_> = names.iter().map(|name| ((*name).to_owned(), OWNER, GROUP, 0o640)).collect();
    assert_eq!(seen(directory), expected);
}

fn emit_all(handler: &dyn Handler, count: u32) {
    (0..count)
        .for_each(|number| with_record(&number.to_string(), |r| handler.emit(r, &Brackets, &mut Direct)).unwrap());
}

#[test]
fn a_file_is_given_to_its_owner_in_every_mode() {
    if !is_root() {
        return;
    }
    for mode in [OpenMode::Append, OpenMode::Truncate, OpenMode::Create] {
        for delay in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("a.log");
            let config = FileHandlerConfig { mode, delay, ..owned(&path, Some(0o640)) };
            let handler = FileHandler::new(config).unwrap();
            handler.open().unwrap();
            handler.start().unwrap();
            if !delay {
                assert_owned(directory.path(), &["a.log"]);
            }
            emit_all(&handler, 1);
            assert_owned(directory.path(), &["a.log"]);
            assert_eq!(lines(&path), ["<0>"]);
        }
    }
}

#[test]
fn each_file_that_is_begun_is_given_to_its_owner() {
    if !is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let clear = || fs::read_dir(directory.path()).unwrap().for_each(|e| fs::remove_file(e.unwrap().path()).unwrap());

    let config =
        RotatingFileHandlerConfig { file: owned(&at("a.log"), Some(0o640)), ..RotatingFileHandlerConfig::new("") };
    let rotating = RotatingFileHandlerConfig { max_bytes: 1, backup_count: 2, ..config };
    emit_all(&RotatingFileHandler::new(rotating).unwrap(), 3);
    assert_owned(directory.path(), &["a.log", "a.log.1", "a.log.2"]);
    clear();

    let config = TimedRotatingFileHandlerConfig { when: When::Days, ..TimedRotatingFileHandlerConfig::new("") };
    let file = owned(&at("a.log"), Some(0o640));
    let timed = TimedRotatingFileHandlerConfig { interval_s: 1 << 40, utc: true, max_bytes: 1, file, ..config };
    emit_all(&TimedRotatingFileHandler::new(timed).unwrap(), 3);
    let names: Vec<_> = seen(directory.path()).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names.len(), 3);
    assert_owned(directory.path(), &names.iter().map(String::as_str).collect::<Vec<_>>());
    clear();

    let watched = WatchedFileHandler::new(owned(&at("a.log"), Some(0o640))).unwrap();
    emit_all(&watched, 1);
    fs::rename(at("a.log"), at("a.log.1")).unwrap();
    emit_all(&watched, 1);
    assert_owned(directory.path(), &["a.log", "a.log.1"]);
}

#[test]
#[cfg(feature = "compress")]
fn a_compressed_file_belongs_to_whom_the_other_one_did() {
    use std::time::{Duration, Instant};

    use logtree_handlers::Compress;

    if !is_root() {
        return;
    }
    for (compress, name) in [(Compress::Gzip, "a.log.1.gz"), (Compress::Zstd, "a.log.1.zst")] {
        let directory = tempfile::tempdir().unwrap();
        let file = owned(&directory.path().join("a.log"), Some(0o640));
        let config = RotatingFileHandlerConfig { file, compress: Some(compress), ..RotatingFileHandlerConfig::new("") };
        let config = RotatingFileHandlerConfig { max_bytes: 1, backup_count: 1, ..config };
        let handler = RotatingFileHandler::new(config).unwrap();
        emit_all(&handler, 2);
        let deadline = Instant::now() + Duration::from_secs(60);
        let path = directory.path().join(name);
        while !path.exists() || fs::read_dir(directory.path()).unwrap().count() > 2 {
            assert!(Instant::now() < deadline, "it is not compressed");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_owned(directory.path(), &["a.log", name]);
    }
}

/// A service that is started by root, opens its log, and goes on as somebody else, whose the directory is. CPython 3.13 rolls too.
#[test]
fn a_file_of_the_user_of_before_is_rolled() {
    if !is_root() {
        println!("passed over: only root becomes somebody else");
        return;
    }
    assert_passed(&test_process("owners::as_somebody_who_was_root").output().unwrap());
}

#[test]
#[ignore = "the test above runs it in a process of its own, which becomes another user"]
fn as_somebody_who_was_root() {
    // That user may read the log, or may not even do that.
    let kinds = Class::ALL.into_iter().flat_map(|class| [(class, 0o644), (class, 0o600)]);
    let logs: Vec<_> = kinds
        .map(|(class, permissions)| {
            let directory = tempfile::tempdir().unwrap();
            std::os::unix::fs::chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
            let access = Access { permissions: Some(permissions), ..Access::default() };
            let path = directory.path().join("app.log");
            let log = Log::of(class, FileHandlerConfig { access, ..FileHandlerConfig::new(path) });
            assert!(log.entry.handler.open().is_ok() && log.log_all(0..50).len() == 50);
            (class, log, directory)
        })
        .collect();
    let as_somebody_else = || {
        // Of this thread alone: root has a look at the outcome.
        rustix::thread::set_thread_gid(rustix::fs::Gid::from_raw(NOBODY)).unwrap();
        rustix::thread::set_thread_uid(rustix::fs::Uid::from_raw(NOBODY)).unwrap();
        for (class, log, _) in &logs {
            assert_eq!(log.log_all(50..250).len(), 200, "{class:?}");
        }
    };
    std::thread::scope(|scope| scope.spawn(as_somebody_else).join().unwrap());
    for (class, log, directory) in &logs {
        assert_eq!(log.numbers(), (0..250).collect::<Vec<_>>(), "{class:?}");
        let owners = seen(directory.path()).into_iter().map(|(_, owner, ..)| owner);
        let begun = owners.filter(|owner| *owner == NOBODY).count();
        assert_eq!(begun, if class.rolls() { 2 } else { 0 }, "{class:?}");
    }
}

#[test]
fn a_file_that_cannot_be_given_away() {
    let mut test = test_process("owners::as_somebody_who_may_give_nothing_away");
    if rustix::process::geteuid().is_root() {
        test.uid(NOBODY).gid(NOBODY);
    }
    match test.output() {
        Err(error) => println!("passed over: another user may not run this test: {error}"),
        Ok(output) => assert_passed(&output),
    }
}

#[test]
#[ignore = "the test above runs it as a user who may give nothing away"]
fn as_somebody_who_may_give_nothing_away() {
    for class in Class::ALL {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        let log = Log::of(class, owned(&path, Some(0o600)));
        // A config finds out at its start.
        let refused = log.entry.handler.open().unwrap_err().to_string();
        let why = format!("cannot give '{}' its owner: Operation not permitted", path.display());
        assert!(refused.contains(&why), "{refused}");
        // Later each line is an error, and stands there all the same, in the file that it belongs to.
        assert_eq!((log.log_all(0..250), log.entry.errors.count()), (Vec::new(), 250), "{class:?}");
        assert_eq!(log.numbers(), (0..250).collect::<Vec<_>>(), "{class:?}");
        assert_eq!(log.files().len(), if class.rolls() { 3 } else { 1 }, "{class:?}");
        // Its rights are those that keep others out.
        assert!(seen(directory.path()).iter().all(|(.., mode)| *mode == 0o600));
        // A file that is begun after all is no error any more.
        let own = rustix::process::geteuid().as_raw();
        let access = Access { permissions: None, owner: Some(own), group: None };
        let log = Log::of(class, FileHandlerConfig { access, ..FileHandlerConfig::new(&path) });
        assert_eq!(log.log_all(250..260).len(), 10);
    }
}
