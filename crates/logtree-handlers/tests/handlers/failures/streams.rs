//! A standard output that is closed, or whose reader has gone.

use std::io::Read as _;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree_core::{Argument, Direct, HandlerEntry, Kwargs, Registry};

use crate::child::{assert_passed, test_process};
use crate::specimen::{Brackets, with_record};

#[test]
fn stdout_without_a_reader_is_an_error_until_one_comes() {
    let output = test_process("failures::streams::to_stdout").stderr(Stdio::piped()).output().unwrap();
    // Whoever dies of SIGPIPE does not pass.
    assert_passed(&output);
    let said = String::from_utf8(output.stderr).unwrap();
    let reports: Vec<&str> = said.split("--- Logging error ---\n").skip(1).collect();
    // Of two seconds and a half one each.
    assert!((3..=4).contains(&reports.len()), "{said}");
    // CPython 3.13's words.
    assert!(
        reports[0].starts_with("BrokenPipeError: [Errno 32] Broken pipe\nHandler: \"console\" (1 errors so far)\n"),
        "{said}"
    );
    assert!(reports.iter().any(|report| report.starts_with("OSError: [Errno 9] Bad file descriptor\n")), "{said}");
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn to_stdout() {
    let mut registry = Registry::default();
    logtree_handlers::register(&mut registry);
    let stdout = Argument::Object(registry.find_object("sys.stdout").unwrap().clone());
    let kwargs = Kwargs::new("StreamHandler.__init__()", vec![("stream".into(), stdout)]);
    let handler = registry.find_handler("logging.StreamHandler").unwrap()(kwargs).unwrap()(Vec::new()).unwrap();
    let entry = HandlerEntry::new("console", handler, Arc::new(Brackets));
    let log = |message: &str| with_record(message, |record| entry.handle(record, &mut Direct));
    let log_for = |time: Duration| {
        let (began, mut logged) = (Instant::now(), 0);
        while began.elapsed() < time {
            log("nobody reads this");
            logged += 1;
            std::thread::sleep(Duration::from_micros(100));
        }
        logged
    };
    // This test's own, by which it is to say that it has passed.
    let own = rustix::io::dup(rustix::stdio::stdout()).unwrap();
    let [(mut first, first_writer), (mut second, second_writer)] = [(); 2].map(|()| std::io::pipe().unwrap());

    rustix::stdio::dup2_stdout(&first_writer).unwrap();
    drop(first_writer);
    log("somebody reads this");
    let mut read = [0; 64];
    let length = first.read(&mut read).unwrap();
    assert_eq!((&read[..length], entry.errors.count()), (&b"<somebody reads this>\n"[..], 0));
    drop(first);
    let lost = log_for(Duration::from_millis(1500));
    assert_eq!(entry.errors.count(), lost);

    // SAFETY: descriptor 1 is this process's own, whose other threads use it for nothing meanwhile.
    assert_eq!(unsafe { libc::close(1) }, 0);
    let lost = lost + log_for(Duration::from_millis(1100));
    assert_eq!(entry.errors.count(), lost);

    rustix::stdio::dup2_stdout(&second_writer).unwrap();
    drop(second_writer);
    ["one", "two"].iter().for_each(|message| log(message));
    rustix::stdio::dup2_stdout(&own).unwrap();
    let mut read = String::new();
    second.read_to_string(&mut read).unwrap();
    assert_eq!((&*read, entry.errors.count()), ("<one>\n<two>\n", lost));
}
