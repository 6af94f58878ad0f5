//! What `StreamHandler` does besides the contract.

use std::ffi::c_int;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use logtree_core::{Argument, Direct, Handler as _, Kwargs, Registry, StdStream};
use logtree_handlers::{Stream, StreamHandler, StreamHandlerConfig};

use crate::child::{assert_passed, test_process};
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

/// Whether a line of a hundred bytes was written to stderr.
fn emit(number: u32) -> bool {
    let handler = StreamHandler::new(StreamHandlerConfig::default());
    with_record(&format!("{number:097}"), |record| handler.emit(record, &Brackets, &mut Direct)).is_ok()
}

/// What a full pipe or socket held: numbers in whole lines, and perhaps half a line.
fn numbers(text: &str) -> Vec<u32> {
    let number =
        |line: &str| line.strip_prefix('<')?.strip_suffix('>').filter(|digits| digits.len() == 97)?.parse().ok();
    text.lines().filter_map(number).collect()
}

#[test]
fn a_reader_who_stands_still_is_waited_for_once() {
    assert_passed(&test_process("stream::to_a_reader_who_stands_still").output().unwrap());
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn to_a_reader_who_stands_still() {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        fill_what_nobody_reads();
        sender.send(()).unwrap();
    });
    // Whoever waits for such a reader waits for ever.
    receiver.recv_timeout(Duration::from_secs(30)).unwrap();
}

fn fill_what_nobody_reads() {
    // Both wait, as nobody has made them non-blocking.
    let (reader, writer) = std::io::pipe().unwrap();
    let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
    let both: [(OwnedFd, OwnedFd); 2] = [(reader.into(), writer.into()), (near.into(), far.into())];
    for (reader, writer) in both {
        rustix::stdio::dup2_stderr(&writer).unwrap();
        let began = Instant::now();
        let written: Vec<u32> = (0..5000).filter(|number| emit(*number)).collect();
        let took = began.elapsed();
        assert!((Duration::from_secs(1)..Duration::from_millis(2500)).contains(&took), "{took:?}");
        assert!((100..4999).contains(&written.len()), "{}", written.len());
        rustix::io::ioctl_fionbio(&reader, true).unwrap();
        let read = || {
            let mut bytes = Vec::new();
            let mut piece = [0; 4096];
            while let Ok(more @ 1..) = rustix::io::read(reader.as_fd(), &mut piece) {
                bytes.extend_from_slice(&piece[..more]);
            }
            numbers(std::str::from_utf8(&bytes).unwrap())
        };
        assert_eq!(read(), written);
        // It goes on by itself, on a line of its own.
        assert!((5000..5010).all(emit));
        assert_eq!(read(), (5000..5010).collect::<Vec<_>>());
    }
}

#[test]
fn a_descriptor_that_is_closed_is_an_error_until_it_is_back() {
    assert_passed(&test_process("stream::to_a_closed_descriptor").output().unwrap());
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn to_a_closed_descriptor() {
    let output = tempfile::NamedTempFile::new().unwrap();
    assert!(emit(0));
    // SAFETY: descriptor 2 is this process's own, which uses it nowhere else.
    assert_eq!(unsafe { libc::close(2) }, 0);
    assert!(!(1..10).any(emit));
    rustix::stdio::dup2_stderr(output.as_file()).unwrap();
    assert!((10..20).all(emit));
    assert_eq!(numbers(&std::fs::read_to_string(output.path()).unwrap()), (10..20).collect::<Vec<_>>());
}

static ALARMS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count_alarm(_: c_int) {
    ALARMS.fetch_add(1, Ordering::Relaxed);
}

/// Each longer than a pipe's pieces, and in all more than it holds many times.
const INTERRUPTED: usize = 200;
const INTERRUPTED_BYTES: usize = 30_000;

#[test]
fn signals_interrupt_nothing() {
    let mut child = test_process("stream::while_signals_come")
        .arg("--nocapture")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut read = Vec::new();
    let mut piece = vec![0; 50_000];
    // A slow reader, so that the writer is interrupted while it waits.
    while let Ok(more @ 1..) = stderr.read(&mut piece) {
        read.extend_from_slice(&piece[..more]);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_passed(&child.wait_with_output().unwrap());
    let text = String::from_utf8(read).unwrap();
    let is_whole = |(number, line): (usize, &str)| line == format!("<{number:0width$}>", width = INTERRUPTED_BYTES);
    assert_eq!(text.lines().count(), INTERRUPTED);
    assert!(text.lines().enumerate().all(is_whole));
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn while_signals_come() {
    // To this thread, all the time, with a handler that lets no system call go on.
    // SAFETY: zero is valid for all fields.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = count_alarm as extern "C" fn(c_int) as libc::sighandler_t;
    // SAFETY: the handler does nothing but add to an atomic.
    unsafe { libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut()) };
    // SAFETY: it has no conditions. A number, as musl has a pointer, which no other thread may be given.
    let this_thread = unsafe { libc::pthread_self() } as usize;
    let is_over = AtomicBool::new(false);
    let is_written = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                // SAFETY: the thread waits for this one.
                unsafe { libc::pthread_kill(this_thread as libc::pthread_t, libc::SIGALRM) };
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        let handler = StreamHandler::new(StreamHandlerConfig::default());
        let is_written = (0..INTERRUPTED).all(|number| {
            let message = format!("{number:0width$}", width = INTERRUPTED_BYTES);
            with_record(&message, |record| handler.emit(record, &Brackets, &mut Direct)).is_ok()
        });
        is_over.store(true, Ordering::Relaxed);
        is_written
    });
    assert!(is_written && ALARMS.load(Ordering::Relaxed) > 10);
}
