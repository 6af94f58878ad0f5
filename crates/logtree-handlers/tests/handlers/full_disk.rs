//! A file that cannot grow: behind half a line that was written stands never another one.
//!
//! The limit of a file's size (setrlimit(2)) stands for the disk: like a full one it takes a part of a line and then
//! nothing, and it needs no rights. The signal that comes with it would end the program, as nobody ignores it here.

use std::path::Path;
use std::process::Command;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use logtree_core::{Direct, Handler as _};
use logtree_handlers::{
    Buffering, BufferingConfig, FileHandler, FileHandlerConfig, StreamHandler, StreamHandlerConfig,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::child::{assert_passed, test_process};
use crate::specimen::{Brackets, lines, with_record};

#[test]
fn lines_are_whole_or_missing_and_each_missing_one_is_an_error() {
    for test in ["under_a_limit", "with_threads_under_a_limit", "with_a_buffer_under_a_limit", "a_stream_under_a_limit"]
    {
        let stderr = tempfile::NamedTempFile::new().unwrap();
        let child = Command::new("sh")
            .args(["-c", "ulimit -S -f 8; exec \"$0\" $1 --exact --ignored 2>>\"$2\""])
            .arg(std::env::current_exe().unwrap())
            .arg(format!("full_disk::{test}"))
            .arg(stderr.path())
            .output()
            .unwrap();
        assert_passed(&child);
    }
}

#[test]
fn a_limit_that_comes_later() {
    assert_passed(&test_process("full_disk::under_a_limit_of_later").output().unwrap());
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn under_a_limit_of_later() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let handler = FileHandler::new(FileHandlerConfig::new(&path)).unwrap();
    let emit = |message: &str| with_record(message, |record| handler.emit(record, &Brackets, &mut Direct)).is_ok();
    assert!(emit("opened before"));
    let limit = Rlimit { current: Some(100), maximum: getrlimit(Resource::Fsize).maximum };
    setrlimit(Resource::Fsize, limit).unwrap();
    // The first one is cut at the limit, and taken back; of the others some fit, to the last byte, and one finds no room at all.
    let fits = ["x".repeat(100), "x".repeat(81), "y".into(), "z".into()].map(|message| emit(&message));
    assert_eq!(fits, [false, true, false, false]);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 100);
}

#[test]
#[ignore = "the test above runs it under a limit, with a file as its standard error"]
fn a_stream_under_a_limit() {
    let handler = StreamHandler::new(StreamHandlerConfig::default());
    let emit = |number: u64| {
        with_record(&format!("{number:099}"), |record| handler.emit(record, &Brackets, &mut Direct)).is_ok()
    };
    let most = getrlimit(Resource::Fsize).current.unwrap();
    let written = (0..most / 102 + 10).filter(|number| emit(*number)).count() as u64;
    assert_eq!(written, most / 102);
}

#[test]
#[ignore = "the test above runs it under a limit"]
fn under_a_limit() {
    let limit = getrlimit(Resource::Fsize);
    let most = limit.current.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let handler = FileHandler::new(FileHandlerConfig::new(&path)).unwrap();
    let emit = |number: u64| {
        let message = format!("{number:099}");
        with_record(&message, |record| handler.emit(record, &Brackets, &mut Direct)).is_ok()
    };
    let fits = (0..most / 102 + 10).filter(|number| emit(*number)).count() as u64;
    // Each line is 99 digits, two brackets and a newline long, and the last one does not fit exactly.
    assert_eq!(fits, most / 102);
    assert_ne!(most % 102, 0);
    assert_whole(&path, &(0..fits).collect::<Vec<_>>());

    // There is room again.
    setrlimit(Resource::Fsize, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    assert!(emit(9999));
    assert_whole(&path, &(0..fits).chain([9999]).collect::<Vec<_>>());
}

#[test]
#[ignore = "the test above runs it under a limit"]
fn with_threads_under_a_limit() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let path = directory.path().join(format!("{round}.log"));
        let handler = FileHandler::new(FileHandlerConfig::new(&path)).unwrap();
        // Lines of different lengths: where one does not fit another may.
        let emit = |number: u64| {
            let message = format!("{number:0width$}", width = 9 + number as usize % 90);
            let is_written = with_record(&message, |record| handler.emit(record, &Brackets, &mut Direct)).is_ok();
            is_written.then(|| format!("<{message}>"))
        };
        let start = Barrier::new(4);
        let mut expected: Vec<_> = std::thread::scope(|scope| {
            let numbers_of = |thread: u64| (0..60).map(move |number| thread * 1000 + number);
            let threads = [0, 1, 2, 3].map(|thread| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    numbers_of(thread).filter_map(emit).collect::<Vec<_>>()
                })
            });
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert!(expected.len() < 240, "the limit was met");
        expected.sort_unstable();
        let mut written = lines(&path);
        written.sort_unstable();
        assert_eq!(written, expected);
    }
}

/// What is held back is written again when there is room, and of that nothing stands there yet.
#[test]
#[ignore = "the test above runs it under a limit"]
fn with_a_buffer_under_a_limit() {
    let limit = getrlimit(Resource::Fsize);
    let most = limit.current.unwrap();
    let directory = tempfile::tempdir().unwrap();
    // Seven lines are one write, and the last one ends exactly behind its fourth, or somewhere in a line.
    for line_bytes in [128, 102] {
        setrlimit(Resource::Fsize, limit).unwrap();
        let path = directory.path().join(line_bytes.to_string());
        let file = Box::new(FileHandler::new(FileHandlerConfig::new(&path)).unwrap());
        let handler = Buffering::new(BufferingConfig::new(7 * line_bytes), "b", file);
        let message = |number: usize| format!("{number:0width$}", width = line_bytes - 3);
        let emit = |number: &usize| {
            with_record(&message(*number), |record| handler.emit(record, &Brackets, &mut Direct)).is_ok()
        };
        let kept: Vec<_> = (0..100).filter(emit).collect();
        let fits = most as usize / line_bytes;
        assert_eq!(kept, (0..fits / 7 * 7 + 7).collect::<Vec<_>>(), "what is written, and what is held back");
        assert_eq!((most as usize).is_multiple_of(line_bytes), line_bytes == 128);
        assert_ne!(fits % 7, 0);
        assert!(!handler.flush(Instant::now() + Duration::from_secs(20)));
        setrlimit(Resource::Fsize, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
        assert!(emit(&100));
        assert!(handler.flush(Instant::now() + Duration::from_secs(20)));
        let expected: Vec<_> = kept.into_iter().chain([100]).map(|number| format!("<{}>", message(number))).collect();
        assert_eq!(lines(&path), expected, "{line_bytes}");
    }
}

fn assert_whole(path: &Path, numbers: &[u64]) {
    let expected: Vec<String> = numbers.iter().map(|number| format!("<{number:099}>")).collect();
    assert_eq!(lines(path), expected);
}
