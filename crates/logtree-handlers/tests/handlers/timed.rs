//! What `TimedRotatingFileHandler` does besides the contract.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use logtree_core::{Direct, EmitError, Handler as _};
use logtree_handlers::{TimedRotatingFileHandler, TimedRotatingFileHandlerConfig, When};

use crate::specimen::{Brackets, lines, with_record};

/// 2 January 2020, 03:04:05 UTC.
const LONG_AGO_S: u64 = 1_577_934_245;

/// A file that was changed last at that time.
fn leave(path: &Path, content: &str, changed_s: u64) {
    fs::write(path, content).unwrap();
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(changed_s);
    File::options().append(true).open(path).unwrap().set_modified(changed).unwrap();
}

fn handler(path: &Path, when: When, backup_count: u32) -> TimedRotatingFileHandler {
    let interval_s = if when == When::Hours { 3600 } else { 86_400 };
    let config = TimedRotatingFileHandlerConfig::new(path);
    let config = TimedRotatingFileHandlerConfig { when, interval_s, backup_count, utc: true, ..config };
    let handler = TimedRotatingFileHandler::new(config).unwrap();
    handler.open().unwrap();
    handler
}

fn emit(handler: &TimedRotatingFileHandler, message: &str) -> Result<(), EmitError> {
    with_record(message, |record| handler.emit(record, &Brackets, &mut Direct))
}

#[test]
fn the_first_interval_begins_with_the_last_change_of_the_file() {
    // CPython 3.13: rolloverAt less interval of each `when`.
    for (when, suffix) in [(When::Midnight, "2020-01-02"), (When::Hours, "2020-01-02_03"), (When::Days, "2020-01-02")] {
        for content in ["old\n", ""] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("a.log");
            leave(&path, content, LONG_AGO_S);
            let handler = handler(&path, when, 0);
            ["one", "two"].iter().for_each(|message| emit(&handler, message).unwrap());
            assert_eq!(lines(&path), ["<one>", "<two>"]);
            assert_eq!(fs::read_to_string(directory.path().join(format!("a.log.{suffix}"))).unwrap(), content);
        }
    }
}

/// As on a machine without a clock. CPython 3.13: the same.
#[test]
fn a_file_of_before_the_epoch_is_rolled() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    leave(&path, "old\n", 0);
    let changed = SystemTime::UNIX_EPOCH - Duration::from_secs(365 * 86_400);
    File::options().append(true).open(&path).unwrap().set_modified(changed).unwrap();
    emit(&handler(&path, When::Days, 0), "one").unwrap();
    assert_eq!(
        (lines(&path), lines(&directory.path().join("a.log.1969-01-01"))),
        (vec!["<one>".into()], vec!["old".into()])
    );
}

#[test]
fn a_file_of_that_name_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (path, rolled) = (directory.path().join("a.log"), directory.path().join("a.log.2020-01-02"));
    leave(&path, "old\n", LONG_AGO_S);
    fs::write(&rolled, "theirs\n").unwrap();
    let handler = handler(&path, When::Midnight, 0);
    emit(&handler, "one").unwrap();
    assert_eq!((lines(&path), lines(&rolled)), (vec!["old".into(), "<one>".into()], vec!["theirs".into()]));
}

#[test]
fn the_oldest_are_deleted_and_nothing_that_is_not_the_handlers() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let mut files = ["2019-12-30", "2019-12-31", "2020-01-01", "2020-01-01.bak", "2019", "2019-12-30_00", "x"];
    for suffix in files {
        fs::write(directory.path().join(format!("a.log.{suffix}")), suffix).unwrap();
    }
    leave(&path, "old\n", LONG_AGO_S);
    emit(&handler(&path, When::Midnight, 2), "one").unwrap();
    let mut left: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort_unstable();
    (files[0], files[1]) = ("2020-01-02", "");
    let mut expected: Vec<_> =
        files.iter().map(|suffix| format!("a.log.{suffix}").trim_end_matches('.').into()).collect();
    expected.sort_unstable();
    assert_eq!(left, expected as Vec<String>);
}

#[test]
fn what_is_no_regular_file_is_never_rolled() {
    let handler = handler(Path::new("/dev/null"), When::Days, 1);
    emit(&handler, "one").unwrap();
    let entries = fs::read_dir("/dev").unwrap();
    assert!(!entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("null.")));
}

#[test]
fn what_cannot_be_rolled_is_written_on_and_each_record_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    leave(&path, "old\n", LONG_AGO_S);
    // The name behind the last one, which is to be deleted.
    let in_the_way = directory.path().join("a.log.2019-01-01");
    fs::create_dir(&in_the_way).unwrap();
    let handler = handler(&path, When::Midnight, 1);
    let error = emit(&handler, "one").unwrap_err().to_string();
    assert!(error.contains("cannot roll"), "{error}");
    assert_eq!(lines(&path), ["<one>"]);
    assert_eq!(lines(&directory.path().join("a.log.2020-01-02")), ["old"]);
}

#[test]
fn a_full_file_rolls_before_its_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    leave(&path, "old\n", LONG_AGO_S);
    let config = TimedRotatingFileHandlerConfig::new(&path);
    // In one interval all of it, after the first record.
    let config = TimedRotatingFileHandlerConfig { when: When::Days, interval_s: 1 << 40, utc: true, ..config };
    let config = TimedRotatingFileHandlerConfig { max_bytes: 10, backup_count: 3, ..config };
    let handler = TimedRotatingFileHandler::new(config.clone()).unwrap();
    ["one", "two", "three", "four", "five"].iter().for_each(|message| emit(&handler, message).unwrap());
    let rolled = |handler: &TimedRotatingFileHandler| {
        let entries = fs::read_dir(handler.path().parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
        let mut rolled: Vec<_> = entries.filter(|path| path != handler.path()).collect();
        rolled.sort();
        rolled
    };
    let contents = |paths: &[PathBuf]| paths.iter().flat_map(|path| lines(path)).collect::<Vec<_>>();
    let expected = ["<two>", "<three>", "<four>"].map(str::to_owned);
    assert_eq!((contents(&rolled(&handler)), lines(&path)), (expected.to_vec(), vec!["<five>".into()]));
    let names: Vec<_> = rolled(&handler).iter().map(|path| path.extension().unwrap().to_owned()).collect();
    assert_eq!(names, ["3", "4", "5"]);
}

#[test]
fn of_two_hundred_old_files_the_oldest_go() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    // One for each hour of ten days, named as they are.
    let name = |hour: u32| directory.path().join(format!("a.log.2019-12-{:02}_{:02}", 1 + hour / 24, hour % 24));
    (0..240).for_each(|hour| fs::write(name(hour), hour.to_string()).unwrap());
    leave(&path, "old\n", LONG_AGO_S);
    emit(&handler(&path, When::Hours, 200), "one").unwrap();
    let rolled = directory.path().join("a.log.2020-01-02_03");
    assert_eq!((lines(&rolled), lines(&path)), (vec!["old".into()], vec!["<one>".into()]));
    let left: Vec<u32> = (0..240).filter(|hour| name(*hour).exists()).collect();
    assert_eq!(left, (41..240).collect::<Vec<_>>());
}
