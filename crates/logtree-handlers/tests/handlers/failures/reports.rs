//! What is said of errors, and in which words.

use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree_core::{Direct, EmitError, HandlerEntry};
use logtree_handlers::{FileHandler, FileHandlerConfig};

use crate::child::{assert_passed, test_process};
use crate::cpython;
use crate::specimen::{Brackets, with_record};

#[test]
fn errors_are_said_once_a_second_as_python_says_them() {
    let output = test_process("failures::reports::for_more_than_a_second").arg("--nocapture").output().unwrap();
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

/// Where a test in a process of its own says that its first records were logged.
const PLACE: &str = "LOGTREE_TEST_PLACE";

#[test]
fn a_stderr_that_nobody_reads_holds_no_record_up() {
    let place = tempfile::tempdir().unwrap();
    let (mut reader, writer) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while rustix::io::write(&writer, &[b'.'; 4096]).is_ok() {}
    while rustix::io::write(&writer, b".").is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    let test = {
        let mut test = test_process("failures::reports::into_a_full_pipe");
        test.env(PLACE, place.path()).stdout(std::process::Stdio::piped()).stderr(writer).spawn().unwrap()
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    while !place.path().join("logged").exists() {
        assert!(Instant::now() < deadline, "whoever logs waits for a reader");
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    assert_passed(&test.wait_with_output().unwrap());
    // What was held up, and what came when somebody read.
    assert!(said.matches("--- Logging error ---").count() >= 2, "{}", said.trim_start_matches('.'));
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn into_a_full_pipe() {
    let handler = FileHandler::new(FileHandlerConfig::new("/dev/full")).unwrap();
    let entry = HandlerEntry::new("file", Box::new(handler), Arc::new(Brackets));
    let log_for = |time: Duration| {
        let (began, mut logged, mut longest) = (Instant::now(), 0, Duration::ZERO);
        while began.elapsed() < time {
            let before = Instant::now();
            with_record("m", |record| entry.handle(record, &mut Direct));
            longest = longest.max(before.elapsed());
            logged += 1;
            std::thread::sleep(Duration::from_micros(100));
        }
        assert!(longest < Duration::from_secs(1), "{longest:?}");
        logged
    };
    let mut logged = log_for(Duration::from_millis(1500));
    std::fs::write(std::path::Path::new(&std::env::var_os(PLACE).unwrap()).join("logged"), "").unwrap();
    logged += log_for(Duration::from_millis(2500));
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
