//! What becomes of every handler of files when the system fails it: each line that cannot be written is an error, none is
//! torn, nothing waits, and writing goes on by itself as soon as it can.
//!
//! A small file system in memory stands for the disk; where the test may not mount one, it says so and is passed over.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree_core::{Direct, EmitError, Handler, HandlerEntry, set_report_hook};
use logtree_handlers::{
    FileHandler, FileHandlerConfig, RotatingFileHandler, RotatingFileHandlerConfig, TimedRotatingFileHandler,
    TimedRotatingFileHandlerConfig, WatchedFileHandler, When,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::child::{assert_passed, test_process};
use crate::cpython;
use crate::specimen::{Brackets, lines, with_record};

/// A class of handlers of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    File,
    Watched,
    Rotating,
    Timed,
    /// It keeps so many old files that it does not look at the file at each record.
    RotatingMany,
}

impl Class {
    const ALL: [Self; 5] = [Self::File, Self::Watched, Self::Rotating, Self::Timed, Self::RotatingMany];

    fn rolls(self) -> bool {
        matches!(self, Self::Rotating | Self::Timed | Self::RotatingMany)
    }
}

/// Those that roll do so behind a hundred lines.
const LINE_BYTES: u64 = 100;
const MAX_BYTES: u64 = 100 * LINE_BYTES + 1;

/// A handler, as a config binds it, and its file.
struct Log {
    class: Class,
    entry: HandlerEntry,
    path: PathBuf,
}

impl Log {
    /// The handler, and its file open.
    fn open(class: Class, path: &Path) -> Self {
        let log = Self::closed(class, path);
        log.entry.handler.open().unwrap();
        log
    }

    /// The handler alone: the file is opened at the first record.
    fn closed(class: Class, path: &Path) -> Self {
        // What is said of errors goes nowhere.
        set_report_hook(|_| {});
        let (file, backup_count) = (FileHandlerConfig::new(path), 3);
        let handler: Box<dyn Handler> = match class {
            Class::File => Box::new(FileHandler::new(file).unwrap()),
            Class::Watched => Box::new(WatchedFileHandler::new(file).unwrap()),
            Class::Rotating | Class::RotatingMany => {
                let backup_count = if class == Class::Rotating { backup_count } else { 20_000 };
                let config = RotatingFileHandlerConfig::new(path);
                let config = RotatingFileHandlerConfig { max_bytes: MAX_BYTES, backup_count, ..config };
                Box::new(RotatingFileHandler::new(config).unwrap())
            }
            Class::Timed => {
                // One interval is all of the test: what it rolls for is the size.
                let config = TimedRotatingFileHandlerConfig::new(path);
                let config = TimedRotatingFileHandlerConfig { when: When::Days, interval_s: 1 << 40, ..config };
                let config = TimedRotatingFileHandlerConfig { max_bytes: MAX_BYTES, backup_count, ..config };
                Box::new(TimedRotatingFileHandler::new(config).unwrap())
            }
        };
        let entry = HandlerEntry::new("file", handler, Arc::new(Brackets));
        Self { class, entry, path: path.to_owned() }
    }

    /// Logs a line of a hundred bytes; whether that was no error.
    fn log(&self, number: u32) -> bool {
        let errors = self.entry.errors.count();
        with_record(&format!("{number:097}"), |record| self.entry.handle(record, &mut Direct));
        let more = self.entry.errors.count() - errors;
        assert!(more <= 1, "a record is one error at most");
        more == 0
    }

    /// What was done to its file it is to see by now: see `RotatingFileHandler`.
    fn wait_until_it_sees(&self) {
        if self.class.rolls() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Logs these; which ones were no error.
    fn log_all(&self, numbers: std::ops::Range<u32>) -> Vec<u32> {
        numbers.filter(|number| self.log(*number)).collect()
    }

    /// The log and what it was rolled to.
    fn files(&self) -> Vec<PathBuf> {
        let base = self.path.file_name().unwrap().as_bytes();
        let is_its = |path: &PathBuf| path.is_file() && path.file_name().unwrap().as_bytes().starts_with(base);
        let Ok(entries) = fs::read_dir(self.path.parent().unwrap()) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).filter(is_its).collect()
    }

    /// The numbers in all files, each of which has whole lines in the order in which they came.
    fn numbers(&self) -> Vec<u32> {
        let number = |line: String| line.strip_prefix('<').unwrap().strip_suffix('>').unwrap().parse().unwrap();
        let mut files: Vec<Vec<u32>> =
            self.files().iter().map(|path| lines(path).into_iter().map(number).collect()).collect();
        files.sort_unstable();
        files.concat()
    }
}

/// Does something for each class, in a directory of its own.
fn for_each_class(mut check: impl FnMut(Log)) {
    for class in Class::ALL {
        let directory = tempfile::tempdir().unwrap();
        check(Log::open(class, &directory.path().join("app.log")));
    }
}

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
    on_a_small_disk("failures::on_a_disk_that_fills");
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
fn a_disk_that_takes_no_more_files() {
    on_a_small_disk("failures::on_a_disk_without_inodes");
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
        fs::remove_file(&names[0]).unwrap();
        assert_eq!(log.log_all(120..150).len(), 30, "{:?}", log.class);
        assert_eq!(log.numbers(), (0..150).collect::<Vec<_>>(), "{:?}", log.class);
        assert_eq!(log.files().len(), 1 + usize::from(log.class.rolls()));
    });
}

#[test]
fn a_disk_that_is_read_only_for_a_while() {
    on_a_small_disk("failures::on_a_disk_that_is_read_only");
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
fn no_descriptor_is_left() {
    assert_passed(&test_process("failures::without_descriptors").output().unwrap());
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
    let mut test = test_process("failures::without_rights");
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

#[test]
fn devices_are_written_and_never_rolled() {
    for class in Class::ALL {
        let null = Log::open(class, Path::new("/dev/null"));
        assert_eq!(null.log_all(0..250).len(), 250);
        let full = Log::open(class, Path::new("/dev/full"));
        assert_eq!((full.log_all(0..250), full.entry.errors.count()), (Vec::new(), 250));
    }
    let beside = |entry: fs::DirEntry| {
        let name = entry.file_name();
        name.as_bytes().starts_with(b"null.") || name.as_bytes().starts_with(b"full.")
    };
    assert!(!fs::read_dir("/dev").unwrap().flatten().any(beside));
}

#[test]
fn a_named_pipe_is_never_waited_for() {
    for class in Class::ALL {
        // Whoever waits, waits for ever.
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            write_to_a_pipe(class);
            sender.send(()).unwrap();
        });
        receiver.recv_timeout(Duration::from_secs(30)).unwrap();
    }
}

fn write_to_a_pipe(class: Class) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let log = Log::closed(class, &path);
    // Python waits for a reader, whatever it is that logs.
    let began = Instant::now();
    assert!(log.entry.handler.open().is_err());
    assert!(log.log_all(0..100).is_empty());
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    let open = || {
        let reader = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK;
        fs::File::from(rustix::fs::open(&path, reader, rustix::fs::Mode::empty()).unwrap())
    };
    let reader = open();
    assert_eq!(log.log_all(100..150).len(), 50, "{class:?}");
    assert_eq!(read(&reader), (100..150).collect::<Vec<_>>());
    drop(reader);
    // A child that another test has just forked has the reader for a moment longer, and what is written for it stays.
    let began = Instant::now();
    while !log.log_all(150..160).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20), "{class:?}");
    }
    let reader = open();
    assert_eq!(log.log_all(160..170).len(), 10, "{class:?}");
    assert!(read(&reader).ends_with(&(160..170).collect::<Vec<_>>()));
    // A reader who stands still is waited for once, for a second.
    let began = Instant::now();
    let written = log.log_all(1000..3000);
    assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
    assert!((500..1000).contains(&written.len()), "{}", written.len());
    assert_eq!(read(&reader), written, "{class:?}");
    assert_eq!(log.log_all(3000..3010).len(), 10);
    assert_eq!(read(&reader), (3000..3010).collect::<Vec<_>>(), "{class:?}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

/// The numbers of whole lines that stand in a pipe; half a line has its own.
fn read(pipe: &fs::File) -> Vec<u32> {
    let mut bytes = vec![0; 1 << 20];
    let mut length = 0;
    while let Ok(more @ 1..) = rustix::io::read(pipe, &mut bytes[length..]) {
        length += more;
    }
    let text = std::str::from_utf8(&bytes[..length]).unwrap();
    let number = |line: &str| line.strip_prefix('<')?.strip_suffix('>')?.parse().ok();
    text.lines().filter(|line| line.len() + 1 == LINE_BYTES as usize).map(|line| number(line).unwrap()).collect()
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

#[test]
fn errors_are_said_once_a_second_as_python_says_them() {
    let output = test_process("failures::for_more_than_a_second").arg("--nocapture").output().unwrap();
    assert_passed(&output);
    let said = String::from_utf8(output.stderr).unwrap();
    let reports: Vec<&str> = said.split("--- Logging error ---\n").collect();
    assert!((3..=4).contains(&reports.len()) && reports[0].is_empty(), "{said}");
    // CPython 3.13's lines but for the traceback, and the handler's with how often it was.
    let expected = "OSError: [Errno 28] No space left on device\n\
         Handler: \"file\" (1 errors so far)\nLogged from file , line 0\nMessage: \"";
    assert!(reports[1].starts_with(expected), "{}", reports[1]);
    let count = |report: &str| report.split(['(', ' ']).find_map(|word| word.parse::<u64>().ok());
    assert!(reports[2..].iter().all(|report| count(report) > Some(100)), "{said}");
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn for_more_than_a_second() {
    let handler = FileHandler::new(FileHandlerConfig::new("/dev/full")).unwrap();
    let entry = HandlerEntry::new("file", Box::new(handler), Arc::new(Brackets));
    let began = Instant::now();
    let mut logged = 0;
    while began.elapsed() < Duration::from_millis(1500) {
        with_record("m", |record| entry.handle(record, &mut Direct));
        logged += 1;
        std::thread::sleep(Duration::from_micros(100));
    }
    assert_eq!(entry.errors.count(), logged);
}

#[test]
fn errors_of_the_system_are_called_as_in_cpython() {
    let Some(mut python) = cpython::python() else {
        println!("passed over: there is no CPython 3.13");
        return;
    };
    let script = "import os\nfor n in range(1, 134): e = OSError(n, os.strerror(n)); print(f'{type(e).__name__}: {e}')";
    let output = python.args(["-c", script]).output().unwrap();
    let theirs = String::from_utf8(output.stdout).unwrap();
    assert_eq!(theirs.lines().count(), 133);
    for (number, theirs) in (1..).zip(theirs.lines()) {
        let ours = EmitError::from(std::io::Error::from_raw_os_error(number)).to_string();
        // What std has no kind for is none that writing a file can meet: ESRCH, ECHILD, ESHUTDOWN, EALREADY, EINPROGRESS.
        let is_other = [3, 10, 108, 114, 115].contains(&number);
        assert!(ours == theirs || is_other, "{ours}; CPython: {theirs}");
    }
}
