//! What `StreamHandler` does besides the contract.

use logtree_core::{Argument, Direct, Handler as _, Kwargs, Registry, StdStream};
use logtree_handlers::{Stream, StreamHandler, StreamHandlerConfig};

use crate::child::test_process;
use crate::specimen::{Brackets, with_record};

#[test]
fn what_is_no_stream_is_an_error_at_each_record() {
    let config = StreamHandlerConfig { stream: Stream::Invalid("str"), ..StreamHandlerConfig::default() };
    let handler = StreamHandler::new(config);
    assert_eq!(handler.std_stream(), None);
    let error = with_record("m", |record| handler.emit(record, &Brackets, &mut Direct)).unwrap_err();
    // CPython 3.13: logging.StreamHandler('sys.stdout') at a record.
    assert_eq!(error.to_string(), "AttributeError: 'str' object has no attribute 'write'");
}

#[test]
fn stdout_gets_lines_from_the_class_of_the_registry() {
    let output = test_process("stream::to_stdout").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("<to stdout>|\n<again>|\n"), "{said}");
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn to_stdout() {
    let mut registry = Registry::default();
    logtree_handlers::register(&mut registry);
    let stdout = Argument::Object(registry.find_object("sys.stdout").unwrap().clone());
    let kwargs = Kwargs::new("StreamHandler.__init__()", vec![("stream".into(), stdout)])
        .of_entry("console", vec![("terminator".into(), Argument::Str("|\n".into()))]);
    let handler = registry.find_handler("logging.StreamHandler").unwrap()(kwargs).unwrap()(Vec::new()).unwrap();
    assert_eq!(handler.std_stream(), Some(StdStream::Stdout));
    for message in ["to stdout", "again"] {
        with_record(message, |record| handler.emit(record, &Brackets, &mut Direct)).unwrap();
    }
}

#[test]
fn long_lines_of_many_threads_do_not_mix_in_a_pipe() {
    let output = test_process("stream::long_lines_from_many_threads").arg("--nocapture").output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    let is_whole = |line: &str| {
        let mut letters = line.trim_start_matches('<').trim_end_matches('>').chars();
        let first = letters.next();
        line.len() == LONG + 2 && letters.all(|letter| Some(letter) == first)
    };
    assert_eq!(said.lines().count(), THREADS * LINES);
    assert!(said.lines().all(is_whole));
}

const THREADS: usize = 8;
const LINES: usize = 20;
/// More than a pipe holds: the system takes such a line in pieces.
const LONG: usize = 100_000;

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn long_lines_from_many_threads() {
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                // One stream, whatever the number of its handlers.
                let handler = StreamHandler::new(StreamHandlerConfig::default());
                let message = String::from(char::from(b'a' + thread as u8)).repeat(LONG);
                for _ in 0..LINES {
                    with_record(&message, |record| handler.emit(record, &Brackets, &mut Direct)).unwrap();
                }
            });
        }
    });
}

#[test]
fn a_stream_that_is_closed_is_an_error_and_not_the_end() {
    let name = "stream::to_a_pipe_without_reader";
    let mut child = test_process(name).arg("--nocapture").stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert!(child.wait().unwrap().success());
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn to_a_pipe_without_reader() {
    let handler = StreamHandler::new(StreamHandlerConfig::default());
    let emit = || with_record("m", |record| handler.emit(record, &Brackets, &mut Direct));
    // The reader goes away at about this time.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while emit().is_ok() {
        assert!(std::time::Instant::now() < deadline, "the pipe never broke");
        std::thread::yield_now();
    }
    assert!(emit().is_err());
}
