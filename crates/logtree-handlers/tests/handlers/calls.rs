//! What handlers ask of the system, as strace(1) sees it; where there is none, that is said and passed over.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use logtree_core::{Direct, Handler};
use logtree_handlers::{
    Access, Buffering, BufferingConfig, FileHandler, FileHandlerConfig, Fsync, Retention, RotatingFileHandler,
    RotatingFileHandlerConfig, TimedRotatingFileHandler, TimedRotatingFileHandlerConfig,
};

use rustix::time::ClockId;

use crate::child::{assert_passed, test_process};
use crate::specimen::{Brackets, lines, with_record};

/// Where the test in a process of its own has its files.
const PLACE: &str = "LOGTREE_TEST_PLACE";

/// The calls of these names that the ignored test `name` makes, one a line, with the paths behind descriptors; other calls are
/// not held up. `None` if they cannot be traced here.
fn calls_of(name: &str, calls: &str) -> Option<Vec<String>> {
    calls_with(&[], name, calls, tempfile::tempdir().unwrap().path())
}

/// The same with more arguments of strace's.
pub(crate) fn calls_with(arguments: &[&str], name: &str, calls: &str, place: &Path) -> Option<Vec<String>> {
    let calls = format!("trace={calls}");
    let trace = traced(&[&["--seccomp-bpf", "-y", "-e", &calls], arguments].concat(), name, place)?;
    let logs = place.join("logs");
    let own = |line: &&str| line.contains(logs.to_str().unwrap()) && !line.contains("= -1");
    Some(trace.lines().filter(own).map(str::to_owned).collect())
}

/// What strace sees of the ignored test `name`, which has its files in the directory `logs` of `place`.
fn traced(arguments: &[&str], name: &str, place: &Path) -> Option<String> {
    let (trace, logs) = (place.join("trace"), place.join("logs"));
    let test = test_process(name);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "signal=none"]).args(arguments).arg("-o").arg(&trace);
    strace.arg(test.get_program()).args(test.get_args()).env(PLACE, &logs);
    fs::create_dir(logs).unwrap();
    let Some(output) = strace.output().ok().filter(|output| !output.stdout.is_empty()) else {
        println!("passed over: no strace");
        return None;
    };
    assert_passed(&output);
    Some(fs::read_to_string(trace).unwrap())
}

pub(crate) fn log() -> PathBuf {
    PathBuf::from(std::env::var_os(PLACE).unwrap()).join("app.log")
}

fn rotating(fsync: Fsync, backup_count: u32) -> RotatingFileHandlerConfig {
    let file = FileHandlerConfig { fsync, ..FileHandlerConfig::new(log()) };
    RotatingFileHandlerConfig { file, max_bytes: 1000, backup_count, ..RotatingFileHandlerConfig::new("") }
}

fn emit(handler: &RotatingFileHandler, message: &str) {
    with_record(message, |record| handler.emit(record, &Brackets, &mut Direct)).unwrap();
}

#[test]
fn a_file_has_its_rights_before_its_first_line() {
    let Some(lines) = calls_of("calls::records_of_secrets", "?fchmod,?pwrite64") else { return };
    let seen = order(&lines, &[("rights", ["fchmod(", "0600"]), ("line", ["pwrite64(", ">"])]);
    assert_eq!(seen, ["rights", "line", "rights", "line", "rights", "line"]);
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn records_of_secrets() {
    let config = rotating(Fsync::Never, 9);
    let access = Access { permissions: Some(0o600), ..Access::default() };
    let config = RotatingFileHandlerConfig { file: FileHandlerConfig { access, ..config.file }, ..config };
    let handler = RotatingFileHandler::new(config).unwrap();
    (0..3).for_each(|_| emit(&handler, &"x".repeat(990)));
}

const RECORDS: usize = 10_000;

/// What each of so many records asks of the system, where no file is begun: each handler in turn.
const ORDINARY: usize = 100;

/// Nothing is under this name; but who asks for it is seen.
const MARK: &str = "/logtree between two handlers";

#[test]
fn a_record_into_a_file_that_rolls_asks_for_nothing_more_than_one_into_any_file() {
    let place = tempfile::tempdir().unwrap();
    let arguments = ["-y", "-ttt", "-e", "trace=all"];
    let Some(trace) = traced(&arguments, "calls::ordinary_records", place.path()) else { return };
    let marks: Vec<&str> = trace.lines().filter(|line| line.contains(MARK)).collect();
    let thread = marks[0].split(' ').next().unwrap();
    let calls: Vec<(f64, &str)> = trace.lines().filter_map(|line| call(thread, line)).collect();
    let handlers: Vec<_> = calls.split(|(_, call)| call.contains(MARK)).filter(|calls| !calls.is_empty()).collect();
    let handlers = &handlers[1..4];
    let tick = rustix::time::clock_getres(ClockId::MonotonicCoarse);
    let tick_s = tick.tv_sec as f64 + tick.tv_nsec as f64 / 1e9;
    for (which, calls) in handlers.iter().enumerate() {
        let names: Vec<_> = calls.iter().map(|(_, call)| call.split('(').next().unwrap()).collect();
        let mut records: Vec<_> = names.split_inclusive(|name| *name == "pwrite64").collect();
        // Behind a record that a tick ended in: whether the file was deleted by then.
        records.retain(|record| *record != ["statx"]);
        let looks: Vec<_> = records.iter().filter(|record| **record != ["lseek", "pwrite64"]).collect();
        assert_eq!(records.len(), ORDINARY);
        // Of a file that rolls, at each tick: its size, whether it still is this one, and which one has its name.
        let look = ["statx", "lseek", "newfstatat", "pwrite64"];
        assert!(
            looks.iter().all(|record| **record == look || record[1..] == look && record[0] == "statx"),
            "{looks:?}"
        );
        let ticks = (calls[calls.len() - 1].0 - calls[0].0) / tick_s;
        assert!(looks.len() as f64 <= if which == 0 { 0.0 } else { ticks + 2.0 }, "{looks:?} in {ticks} ticks");
    }
}

/// When a thread made a call, and which one, of a line of strace's.
fn call<'a>(thread: &str, line: &'a str) -> Option<(f64, &'a str)> {
    let (time, call) = line.strip_prefix(thread)?.trim_start().split_once(' ')?;
    Some((time.parse().ok()?, call))
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn ordinary_records() {
    let path = |name: &str| log().with_file_name(name);
    let rotating = RotatingFileHandlerConfig::new(path("rotating.log"));
    let rotating = RotatingFileHandlerConfig { max_bytes: 1 << 30, backup_count: 9, ..rotating };
    let timed = TimedRotatingFileHandlerConfig::new(path("timed.log"));
    let timed = TimedRotatingFileHandlerConfig { max_bytes: 1 << 30, backup_count: 9, interval_s: 1 << 40, ..timed };
    let handlers: [Box<dyn Handler>; 3] = [
        Box::new(FileHandler::new(FileHandlerConfig::new(path("file.log"))).unwrap()),
        Box::new(RotatingFileHandler::new(rotating).unwrap()),
        Box::new(TimedRotatingFileHandler::new(timed).unwrap()),
    ];
    let emit = |handler: &dyn Handler| with_record("m", |record| handler.emit(record, &Brackets, &mut Direct)).unwrap();
    // What the first one has besides, as a file to open.
    handlers.iter().for_each(|handler| emit(&**handler));
    for handler in &handlers {
        assert!(!Path::new(MARK).exists());
        (0..ORDINARY).for_each(|_| emit(&**handler));
    }
    assert!(!Path::new(MARK).exists());
}

/// How often a file is rolled, of which the first times are different.
const ROLLS: usize = 20;

#[test]
fn a_roll_asks_for_what_it_needs_and_nothing_twice() {
    // What stands behind its last record, and what keeps others from rolling it too.
    let found_full =
        ["lseek", "lseek", "statx", "lseek", "newfstatat", "open", "statx", "flock", "newfstatat", "statx"];
    // Whether the last but one is there, and since when; the last one makes room.
    let last = ["statx", "statx", "unlink"];
    // Which file that is, the number that tells its seal from other processes', the seal, the limit of its size, the mark; whether
    // it was rolled meanwhile. What was open is closed if it is still ours.
    let begun = ["open", "statx", "getpid", "lseek", "prlimit64", "fcntl", "newfstatat", "lseek", "close"];
    let record = ["lseek", "pwrite64"];
    for (count, test) in [(3, "calls::rolls_of_three"), (20, "calls::rolls_of_twenty")] {
        let place = tempfile::tempdir().unwrap();
        let Some(trace) = traced(&["-e", "trace=all"], test, place.path()) else { return };
        let thread = trace.lines().find(|line| line.contains(MARK)).unwrap().split(' ').next().unwrap();
        // What the standard library asks before it closes, where it was built with assertions.
        let calls = trace.lines().filter(|line| !line.contains("F_GETFD"));
        let calls = calls.filter_map(|line| line.strip_prefix(thread)).map(str::trim_start);
        // On all architectures and behind all C libraries the same.
        let name = |call: &str| match call.split('(').next().unwrap() {
            "openat" => "open".to_owned(),
            "unlinkat" => "unlink".to_owned(),
            "renameat" | "renameat2" => "rename".to_owned(),
            name => name.to_owned(),
        };
        let calls: Vec<String> =
            calls.map(|call| if call.contains(MARK) { "mark".to_owned() } else { name(call) }).collect();
        let rolls: Vec<_> = calls.split(|call| call == "mark").skip(1).step_by(2).collect();
        let names = std::iter::repeat_n("rename", count);
        let freed = ["flock", "close"];
        let expected: Vec<_> =
            found_full.into_iter().chain(last).chain(names).chain(freed).chain(begun).chain(record).collect();
        // In some of them a tick ends, and it is looked once more.
        let fewest = rolls[..ROLLS].iter().min_by_key(|calls| calls.len()).unwrap();
        assert_eq!(*fewest, expected, "{count}");
    }
}

fn rolls(backup_count: u32) {
    let handler = RotatingFileHandler::new(rotating(Fsync::Never, backup_count)).unwrap();
    let message = "x".repeat(990);
    // Both leave less than the other takes.
    (0..=backup_count + 1).for_each(|_| emit(&handler, &message));
    for _ in 0..ROLLS {
        // So that no old file was begun in the tick of now, in which it would be looked who has the last one open.
        let now = || rustix::time::clock_gettime(ClockId::RealtimeCoarse);
        let began = now();
        while now() == began {}
        // The look of this tick.
        emit(&handler, "x");
        assert!(!Path::new(MARK).exists());
        emit(&handler, &message);
        assert!(!Path::new(MARK).exists());
    }
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn rolls_of_three() {
    rolls(3);
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn rolls_of_twenty() {
    rolls(20);
}

#[test]
fn where_much_is_kept_the_file_is_looked_at_seldom() {
    let Some(looks) = calls_of("calls::many_records", "?statx,?newfstatat,?fstat,?stat") else { return };
    // At each tick, when it may be full, and when it is opened.
    assert!(looks.len() < RECORDS / 10, "{} looks", looks.len());
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn many_records() {
    let config = RotatingFileHandlerConfig { max_bytes: 1 << 30, ..rotating(Fsync::Never, 1000) };
    let handler = RotatingFileHandler::new(config).unwrap();
    (0..RECORDS).for_each(|_| emit(&handler, "a record"));
}

/// Which of these patterns each line has, in order; other lines are left out.
fn order<'a>(lines: &[String], patterns: &[(&'a str, [&str; 2])]) -> Vec<&'a str> {
    let name = |line: &String| {
        let found = patterns.iter().find(|(_, parts)| parts.iter().all(|part| line.contains(part)));
        found.map(|(name, _)| *name)
    };
    lines.iter().filter_map(name).collect()
}

#[test]
fn a_full_file_and_the_names_of_both_are_on_the_disk_before_the_next_record() {
    let calls = "?fsync,?fdatasync,?rename,?renameat,?renameat2,?pwrite64";
    let Some(lines) = calls_of("calls::three_records", calls) else { return };
    let seen = order(
        &lines,
        &[
            ("write", ["pwrite64(", "app.log>"]),
            ("file", ["fdatasync(", "app.log>"]),
            ("rename", ["rename", "app.log.1"]),
            ("names", ["fsync(", "logs>"]),
        ],
    );
    assert_eq!(seen, ["names", "write", "write", "file", "rename", "names", "write"]);
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn three_records() {
    let handler = RotatingFileHandler::new(rotating(Fsync::Rotate, 2)).unwrap();
    ["x".repeat(400), "x".repeat(400), "x".repeat(400)].iter().for_each(|message| emit(&handler, message));
}

#[test]
fn records_are_brought_to_the_disk_each_or_never_or_with_a_full_file() {
    // A file that rolls behind two records, and then one that never does and is let go of behind two.
    let each = ["names", "record", "disk", "record", "disk", "disk", "rename", "names", "record", "disk"];
    let each = [&each[..], &["names", "record", "disk", "record", "disk", "disk"]].concat();
    let rotate = ["names", "record", "record", "disk", "rename", "names", "record"];
    let rotate = [&rotate[..], &["names", "record", "record", "disk"]].concat();
    let never = ["record", "record", "rename", "record", "record", "record"];
    for (name, expected) in [("each", each), ("rotate", rotate), ("never", never.to_vec())] {
        let calls =
            "?fsync,?fdatasync,?sync_file_range,?sync,?syncfs,?msync,?rename,?renameat,?renameat2,?write,?pwrite64";
        let Some(lines) = calls_of(&format!("calls::records_to_the_disk_{name}"), calls) else { return };
        let patterns = [
            ("record", ["pwrite64(", ".log>"]),
            ("disk", ["fdatasync(", ".log>"]),
            ("names", ["fsync(", "logs>"]),
            ("rename", ["rename", "app.log\", "]),
        ];
        assert_eq!(order(&lines, &patterns), expected, "{name}");
        assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    }
}

fn records_to_the_disk(fsync: Fsync) {
    let rolls = RotatingFileHandler::new(rotating(fsync, 1)).unwrap();
    (0..3).for_each(|_| emit(&rolls, &"x".repeat(400)));
    let config = FileHandlerConfig { fsync, ..FileHandlerConfig::new(log().with_file_name("other.log")) };
    let stays = FileHandler::new(config).unwrap();
    (0..2).for_each(|_| with_record("m", |record| stays.emit(record, &Brackets, &mut Direct)).unwrap());
    stays.reopen();
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn records_to_the_disk_each() {
    records_to_the_disk(Fsync::Each);
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn records_to_the_disk_rotate() {
    records_to_the_disk(Fsync::Rotate);
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn records_to_the_disk_never() {
    records_to_the_disk(Fsync::Never);
}

#[test]
fn a_record_that_does_not_get_to_the_disk_is_an_error_and_stands_in_the_file_once() {
    let second_and_fifth = ["-e", "inject=fdatasync:error=EIO:when=2+3"];
    let place = tempfile::tempdir().unwrap();
    calls_with(&second_and_fifth, "calls::records_for_a_bad_disk", "?fdatasync", place.path());
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn records_for_a_bad_disk() {
    let config = FileHandlerConfig { fsync: Fsync::Each, ..FileHandlerConfig::new(log()) };
    let handler = FileHandler::new(config).unwrap();
    let emit = |handler: &dyn Handler, message: &str| {
        let outcome = with_record(message, |record| handler.emit(record, &Brackets, &mut Direct));
        outcome.err().map(|error| error.to_string())
    };
    let failed = || Some("OSError: [Errno 5] Input/output error".to_owned());
    assert_eq!(["one", "two", "three"].map(|message| emit(&handler, message)), [None, failed(), None]);
    assert_eq!(lines(&log()), ["<one>", "<two>", "<three>"]);
    // Nor does a buffer write anew what stands there.
    let buffering = Buffering::new(BufferingConfig::new(1000), "b", Box::new(handler));
    let errors = ["four", "five", "six"].map(|message| {
        let error = emit(&buffering, message);
        assert!(buffering.flush(Instant::now() + Duration::from_secs(20)));
        error
    });
    assert_eq!(errors, [None, None, failed()]);
    assert_eq!(lines(&log()), ["<one>", "<two>", "<three>", "<four>", "<five>", "<six>"]);
}

#[test]
fn what_no_disk_is_behind_is_not_brought_to_one() {
    let config = FileHandlerConfig { fsync: Fsync::Each, ..FileHandlerConfig::new("/dev/null") };
    let handler = FileHandler::new(config).unwrap();
    handler.open().unwrap();
    with_record("m", |record| handler.emit(record, &Brackets, &mut Direct)).unwrap();
}

/// Behind it others hold the lock of the next file, and give the numbers to others.
#[test]
fn what_is_too_much_is_deleted_before_the_file_itself_is_renamed() {
    let calls = "?unlink,?unlinkat,?rename,?renameat,?renameat2";
    let Some(lines) = calls_of("calls::too_much", calls) else { return };
    let seen = order(
        &lines,
        &[
            ("rolled", ["rename", "app.log\", "]),
            ("renumbered", ["rename", "app.log.2\""]),
            ("deleted", ["unlink", "app.log.2\""]),
        ],
    );
    assert_eq!(seen, ["rolled", "renumbered", "deleted", "rolled"]);
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn too_much() {
    let retention = Retention { max_total_bytes: Some(1500), ..Retention::default() };
    let handler =
        RotatingFileHandler::new(RotatingFileHandlerConfig { retention, ..rotating(Fsync::Never, 9) }).unwrap();
    (0..3).for_each(|_| emit(&handler, &"x".repeat(800)));
}

#[test]
#[cfg(feature = "compress")]
fn the_name_of_a_compressed_file_is_on_the_disk_before_the_other_one_is_deleted() {
    let calls = "?fsync,?link,?linkat,?unlink,?unlinkat";
    let Some(lines) = calls_of("calls::a_compressed_file", calls) else { return };
    let seen = order(
        &lines,
        &[
            ("bytes", ["fsync(", ".part"]),
            ("name", ["link", "app.log.1.gz"]),
            ("names", ["fsync(", "logs>"]),
            ("deleted", ["unlink", "app.log.1\""]),
        ],
    );
    let made = seen.iter().position(|call| *call == "bytes").unwrap();
    assert_eq!(seen[made..], ["bytes", "name", "names", "deleted"]);
}

#[test]
#[cfg(feature = "compress")]
#[ignore = "the test above runs it in a process of its own"]
fn a_compressed_file() {
    let compress = Some(logtree_handlers::Compress::Gzip);
    let config = RotatingFileHandlerConfig { compress, ..rotating(Fsync::Rotate, 2) };
    let handler = RotatingFileHandler::new(config).unwrap();
    ["x".repeat(800), "x".repeat(800)].iter().for_each(|message| emit(&handler, message));
    let deadline = Instant::now() + Duration::from_secs(60);
    while log().with_extension("log.1").exists() {
        assert!(Instant::now() < deadline, "it is not compressed");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A server of NFS was set up anew, or a file system of FUSE was mounted again. The number stays dead.
#[test]
fn a_file_whose_file_system_has_gone_from_under_it_is_opened_anew() {
    for error in ["ESTALE", "ENOTCONN"] {
        let place = tempfile::tempdir().unwrap();
        let third = ["-e", &format!("inject=pwrite64:error={error}:when=3")];
        calls_with(&third, "calls::records_for_a_file_that_is_gone", "?pwrite64", place.path());
    }
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn records_for_a_file_that_is_gone() {
    let handler = FileHandler::new(FileHandlerConfig::new(log())).unwrap();
    let emit = |message: &str| with_record(message, |record| handler.emit(record, &Brackets, &mut Direct));
    emit("one").unwrap();
    emit("two").unwrap();
    let before = log().with_file_name("before.log");
    fs::rename(log(), &before).unwrap();
    emit("three").unwrap();
    assert_eq!((lines(&before), lines(&log())), (vec!["<one>".into(), "<two>".into()], vec!["<three>".into()]));
}
