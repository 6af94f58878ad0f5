//! The standard streams of a process that is interrupted.

use std::ffi::c_int;
use std::io::{Read, pipe};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use logtree_os::streams::StandardStream::{Stderr, Stdout};
use rustix::stdio::{dup2_stderr, dup2_stdout};

use crate::support::{fork, in_a_process_of_its_own};

static ALARMS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count_alarm(_signal: c_int) {
    ALARMS.fetch_add(1, SeqCst);
}

/// SIGALRM each millisecond, and no restart of system calls.
fn ring_all_the_time() {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: zero is valid for all fields.
    let action = unsafe { action.assume_init_mut() };
    action.sa_sigaction = count_alarm as extern "C" fn(c_int) as libc::sighandler_t;
    // SAFETY: the handler does nothing but add to an atomic.
    unsafe { libc::sigaction(libc::SIGALRM, action, std::ptr::null_mut()) };
    let millisecond = libc::timeval { tv_sec: 0, tv_usec: 1000 };
    let timer = libc::itimerval { it_interval: millisecond, it_value: millisecond };
    // SAFETY: both pointers are valid or null.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()) };
}

#[test]
fn interrupted_and_short_writes_lose_nothing() {
    // Much more than a pipe holds, and never the same bytes at a page's start.
    let bytes: Vec<u8> = (0..1_000_003_u32).map(|number| (number % 251) as u8).collect();
    let (mut reader, writer) = pipe().unwrap();
    let child = fork(|| {
        dup2_stdout(&writer).unwrap();
        ring_all_the_time();
        Stdout.write_all(&bytes).unwrap();
        assert!(ALARMS.load(SeqCst) > 0, "the test is to interrupt");
    });
    drop(writer);
    let mut read = Vec::new();
    let mut piece = [0; 30_000];
    loop {
        // A slow reader, so that the writer is interrupted while it waits.
        std::thread::sleep(Duration::from_millis(2));
        match reader.read(&mut piece).unwrap() {
            0 => break,
            length => read.extend_from_slice(&piece[..length]),
        }
    }
    child.succeeds();
    assert!(read == bytes, "{} of {} bytes came, or others", read.len(), bytes.len());
}

#[test]
fn streams_into_one_file_have_one_id() {
    in_a_process_of_its_own(|| {
        let file = tempfile::tempfile().unwrap();
        let other = tempfile::tempfile().unwrap();
        dup2_stdout(file.as_fd()).unwrap();
        dup2_stderr(file.as_fd()).unwrap();
        let shared = Stdout.id().unwrap();
        assert_eq!(Stderr.id(), Some(shared));
        dup2_stderr(other.as_fd()).unwrap();
        assert_ne!(Stderr.id(), Some(shared));
        assert_eq!(Stdout.id(), Some(shared));
        // SAFETY: nobody in this process uses descriptor 1 but the line below.
        unsafe { libc::close(1) };
        assert_eq!(Stdout.id(), None);
        assert_eq!(Stdout.write_all(b"x").unwrap_err().raw_os_error(), Some(libc::EBADF));
    });
}

#[test]
fn a_pipe_without_a_reader_is_an_error_and_not_an_end() {
    // A child of another test, forked meanwhile, would be a reader.
    in_a_process_of_its_own(|| {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        dup2_stdout(&writer).unwrap();
        assert_eq!(Stdout.write_all(b"x").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_reader_who_stands_still_is_not_waited_for() {
    let (_reader, writer) = pipe().unwrap();
    fork(|| {
        dup2_stdout(&writer).unwrap();
        let began = std::time::Instant::now();
        let error = Stdout.write_all(&[b'x'; 100_000]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    })
    .succeeds();
}
