//! What handlers ask of the system, as strace(1) sees it; where there is none, that is said and passed over.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use logtree_core::{Direct, Handler as _};
use logtree_handlers::{FileHandlerConfig, Fsync, Retention, RotatingFileHandler, RotatingFileHandlerConfig};

use crate::child::{assert_passed, test_process};
use crate::specimen::{Brackets, with_record};

/// Where the test in a process of its own has its files.
const PLACE: &str = "LOGTREE_TEST_PLACE";

/// The calls of these names that the ignored test `name` makes, one a line, with the paths behind descriptors; other calls are
/// not held up. `None` if they cannot be traced here.
fn calls_of(name: &str, calls: &str, place: &Path) -> Option<Vec<String>> {
    let trace = place.join("trace");
    let test = test_process(name);
    let mut strace = Command::new("strace");
    strace.args(["-f", "--seccomp-bpf", "-qq", "-y", "-e", &format!("trace={calls}"), "-e", "signal=none", "-o"]);
    strace.arg(&trace).arg(test.get_program()).args(test.get_args()).env(PLACE, place.join("logs"));
    fs::create_dir(place.join("logs")).unwrap();
    let output = strace.output().ok().filter(|output| !output.stdout.is_empty())?;
    assert_passed(&output);
    let logs = place.join("logs");
    let own = |line: &&str| line.contains(logs.to_str().unwrap()) && !line.contains("= -1");
    Some(fs::read_to_string(&trace).unwrap().lines().filter(own).map(str::to_owned).collect())
}

fn log() -> PathBuf {
    PathBuf::from(std::env::var_os(PLACE).unwrap()).join("app.log")
}

fn rotating(fsync: Fsync, backup_count: u32) -> RotatingFileHandlerConfig {
    let file = FileHandlerConfig { fsync, ..FileHandlerConfig::new(log()) };
    RotatingFileHandlerConfig { file, max_bytes: 1000, backup_count, ..RotatingFileHandlerConfig::new("") }
}

fn emit(handler: &RotatingFileHandler, message: &str) {
    with_record(message, |record| handler.emit(record, &Brackets, &mut Direct)).unwrap();
}

const RECORDS: usize = 10_000;

#[test]
fn where_much_is_kept_the_file_is_looked_at_seldom() {
    let place = tempfile::tempdir().unwrap();
    match calls_of("calls::many_records", "?statx,?newfstatat,?fstat,?stat", place.path()) {
        // At each tick, when it may be full, and when it is opened.
        Some(looks) => assert!(looks.len() < RECORDS / 10, "{} looks", looks.len()),
        None => println!("passed over: no strace"),
    }
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
    let place = tempfile::tempdir().unwrap();
    let calls = "?fsync,?fdatasync,?rename,?renameat,?renameat2,?pwrite64";
    let Some(lines) = calls_of("calls::three_records", calls, place.path()) else {
        println!("passed over: no strace");
        return;
    };
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

/// Behind it others hold the lock of the next file, and give the numbers to others.
#[test]
fn what_is_too_much_is_deleted_before_the_file_itself_is_renamed() {
    let place = tempfile::tempdir().unwrap();
    let calls = "?unlink,?unlinkat,?rename,?renameat,?renameat2";
    let Some(lines) = calls_of("calls::too_much", calls, place.path()) else {
        println!("passed over: no strace");
        return;
    };
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
    let place = tempfile::tempdir().unwrap();
    let calls = "?fsync,?link,?linkat,?unlink,?unlinkat";
    let Some(lines) = calls_of("calls::a_compressed_file", calls, place.path()) else {
        println!("passed over: no strace");
        return;
    };
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
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while log().with_extension("log.1").exists() {
        assert!(std::time::Instant::now() < deadline, "it is not compressed");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}
