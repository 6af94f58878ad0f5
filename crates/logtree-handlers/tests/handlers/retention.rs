//! What is deleted of rolled files, and what never is.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use logtree_core::{Direct, Handler};
use logtree_handlers::{
    Retention, RotatingFileHandler, RotatingFileHandlerConfig, TimedRotatingFileHandler,
    TimedRotatingFileHandlerConfig, When,
};

use crate::specimen::{Brackets, with_record};

const DAY: Duration = Duration::from_secs(86_400);

/// All that is too old, and all that is too much.
const LIMITS: [Retention; 2] =
    [Retention { max_age: Some(DAY), max_total_bytes: None }, Retention { max_age: None, max_total_bytes: Some(1) }];

fn emit(handler: &dyn Handler, message: &str) {
    with_record(message, |record| handler.emit(record, &Brackets, &mut Direct)).unwrap();
}

/// Leaves a file that was changed two days ago.
fn leave(path: &Path) {
    fs::write(path, "a line\n").unwrap();
    File::options().append(true).open(path).unwrap().set_modified(SystemTime::now() - 2 * DAY).unwrap();
}

/// The files of a directory, but for the log itself and what it was rolled to just now.
fn old(directory: &Path) -> Vec<String> {
    let is_old = |entry: &fs::DirEntry| {
        entry.metadata().unwrap().modified().is_ok_and(|changed| changed < SystemTime::now() - DAY)
    };
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<_> = entries.filter(is_old).map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

fn sorted(names: &[&str]) -> Vec<String> {
    let mut names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    names.sort_unstable();
    names
}

#[test]
fn numbered_files_go_and_those_whose_names_are_nearly_theirs_stay() {
    let foreign = [
        "app.log.",
        "app.log.0",
        "app.log.01",
        "app.log.+1",
        "app.log.-1",
        "app.log.1.",
        "app.log.1.gz",
        "app.log.1.txt",
        "app.log.1 ",
        "app.log. 1",
        "app.log.1~",
        "app.log.1a",
        "app.log.٣",
        "app.log.4294967296",
        "app.log.1.1",
        "app.log1",
        "app.log-1",
        "app_log.1",
        "xapp.log.1",
        "app.log.1.part",
        ".app.log.1",
        "APP.LOG.1",
        "app.1.log",
        "app.log.2020-01-02",
    ];
    for retention in LIMITS {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let own = ["app.log.1", "app.log.2", "app.log.3", "app.log.17", "app.log.200"];
        own.iter().chain(&foreign).for_each(|name| leave(&at(name)));
        // A directory's name may be any.
        fs::create_dir_all(at("app.log.d/app.log.1")).unwrap();
        let config =
            RotatingFileHandlerConfig { max_bytes: 1, retention, ..RotatingFileHandlerConfig::new(at("app.log")) };
        let handler = RotatingFileHandler::new(config).unwrap();
        (0..3).for_each(|number| emit(&handler, &number.to_string()));
        assert_eq!(old(directory.path()), sorted(&foreign), "{retention:?}");
        assert!(at("app.log.1").exists() && at("app.log.d/app.log.1").exists());
    }
}

#[test]
fn files_of_a_time_go_and_those_whose_names_are_nearly_theirs_stay() {
    let foreign = [
        "app.log.",
        "app.log.2020",
        "app.log.2020-01",
        "app.log.2020-01-02_03",
        "app.log.2020-01-02.bak",
        "app.log.2020-01-02~",
        "app.log.2020-1-2",
        "app.log.20-01-02",
        "app.log.02020-01-02",
        "app.log.2020-01-0٢",
        "app.log.2020-01-02.",
        "app.log.2020-01-02.gz",
        "app.log.2020-01-02.01",
        "app.log.2020-01-02.+1",
        "app.log.2020-01-02.1.1",
        "app.log2020-01-02",
        "app.log-2020-01-02",
        "xapp.log.2020-01-02",
        ".app.log.2020-01-02",
        "app.2020-01-02.log",
        "app.log.1",
        "app.log.x.2020-01-02",
    ];
    for retention in LIMITS {
        // A number is behind the time of those alone that were full.
        for max_bytes in [0, 1] {
            let directory = tempfile::tempdir().unwrap();
            let at = |name: &str| directory.path().join(name);
            let numbered = ["app.log.2020-01-02.1", "app.log.2020-01-02.12"];
            let own = ["app.log.2020-01-02", "app.log.2019-12-31", "app.log.1999-12-31"];
            own.iter().chain(&numbered).chain(&foreign).for_each(|name| leave(&at(name)));
            // It is due.
            leave(&at("app.log"));
            let config = TimedRotatingFileHandlerConfig::new(at("app.log"));
            let config =
                TimedRotatingFileHandlerConfig { when: When::Midnight, interval_s: 86_400, utc: true, ..config };
            let config = TimedRotatingFileHandlerConfig { max_bytes, retention, ..config };
            let handler = TimedRotatingFileHandler::new(config).unwrap();
            emit(&handler, "one");
            let stay: Vec<_> = foreign.iter().chain(numbered.iter().filter(|_| max_bytes == 0)).copied().collect();
            // By its bytes, and by its last change, the one that was just rolled goes as well.
            assert_eq!(old(directory.path()), sorted(&stay), "{retention:?} {max_bytes}");
        }
    }
}

/// As logrotate(8) names them, by `dateformat .%Y%m%d`.
#[test]
fn a_number_that_is_a_date_is_one_name_and_not_twenty_million() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("app.log.20260131"), "a line\n").unwrap();
    let retention = Retention { max_age: Some(DAY), ..Retention::default() };
    let config = RotatingFileHandlerConfig { max_bytes: 1, retention, ..RotatingFileHandlerConfig::new(at("app.log")) };
    let handler = RotatingFileHandler::new(config).unwrap();
    let began = Instant::now();
    (0..3).for_each(|number| emit(&handler, &number.to_string()));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(at("app.log.1").exists() && at("app.log.2").exists() && at("app.log.20260133").exists());
}

/// Both rules, by the system's own clock.
#[test]
fn a_file_rolls_when_it_is_full_and_when_its_second_is_over() {
    let second = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let wait_for = |next: u64| {
        while second() < next {
            std::thread::sleep(Duration::from_micros(100));
        }
    };
    for round in 0.. {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        let config =
            TimedRotatingFileHandlerConfig { when: When::Seconds, ..TimedRotatingFileHandlerConfig::new(&path) };
        let config = TimedRotatingFileHandlerConfig { interval_s: 1, utc: true, max_bytes: 13, ..config };
        let handler = TimedRotatingFileHandler::new(config).unwrap();
        let first = second() + 1;
        wait_for(first);
        ["one", "two", "three", "four", "five"].iter().for_each(|message| emit(&handler, message));
        let is_over = second() != first;
        wait_for(first + 1);
        emit(&handler, "six");
        // A machine that stood still meanwhile tells nothing.
        if (is_over || second() != first + 1) && round < 20 {
            continue;
        }
        let read =
            |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap());
        let files: BTreeMap<_, _> = fs::read_dir(directory.path()).unwrap().map(|entry| read(entry.unwrap())).collect();
        let date =
            Command::new("date").args(["-u", "-d", &format!("@{first}"), "+%Y-%m-%d_%H-%M-%S"]).output().unwrap();
        let date = String::from_utf8(date.stdout).unwrap();
        let rolled = |number: &str| format!("app.log.{}{number}", date.trim_end());
        let expected = [
            (rolled(".1"), "<one>\n<two>\n"),
            (rolled(".2"), "<three>\n"),
            (rolled(".3"), "<four>\n"),
            (rolled(""), "<five>\n"),
            ("app.log".into(), "<six>\n"),
        ];
        assert_eq!(files, expected.into_iter().map(|(name, text)| (name, text.to_owned())).collect());
        break;
    }
}
