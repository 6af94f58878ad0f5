//! SIGTERM in a process that has two copies of the code that notes it, as of a program and of an extension module.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::ffi::{c_int, c_void};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::signals;

#[path = "signals.rs"]
#[allow(dead_code, unreachable_pub)]
mod another;

/// Who is noted, in this order: the two copies, and `p`, a handler of the program's that calls who was there before.
const ORDER: &str = "LOGTREE_TEST_ORDER";
/// How often each has done its part.
static DONE: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

#[test]
fn both_do_their_part_and_then_it_ends_as_it_would_without_them() {
    for order in ["12", "21", "p12", "1p2", "12p"] {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["signals_twice::a_process", "--exact", "--ignored", "--nocapture"]).env(ORDER, order);
        let mut process = process.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.ends_with("ready")), "{order}");
        // SAFETY: it takes two numbers; the process is a child that was not waited for.
        assert_eq!(unsafe { libc::kill(process.id().cast_signed(), libc::SIGTERM) }, 0);
        let mut told: Vec<_> = lines.filter(|line| line.ends_with("is done")).collect();
        let status = process.wait().unwrap();
        told.sort();
        assert_eq!(told, ["1 is done", "2 is done"], "{order}: {status}");
        let ends = if order.contains('p') { (Some(7), None) } else { (None, Some(libc::SIGTERM)) };
        assert_eq!((status.code(), status.signal()), ends, "{order}");
    }
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn a_process() {
    let order = std::env::var(ORDER).unwrap();
    for who in order.chars() {
        match who {
            '1' => {
                signals::note_signal(signals::Signal::Terminate).unwrap();
                signals::with_waiter_for_termination(|| {
                    wait("1", 0, signals::wait_for_termination, signals::end_by_termination);
                    Ok(())
                })
            }
            '2' => {
                another::note_signal(another::Signal::Terminate).unwrap();
                another::with_waiter_for_termination(|| {
                    wait("2", 1, another::wait_for_termination, another::end_by_termination);
                    Ok(())
                })
            }
            _ => {
                handle();
                Ok(())
            }
        }
        .unwrap();
    }
    println!("ready");
    let done = || DONE.each_ref().map(|done| done.load(Ordering::SeqCst));
    let expected = [1, 1, u32::from(order.contains('p'))];
    let began = Instant::now();
    while done() != expected && began.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(1));
    }
    // Where nobody ends it, and nobody is called twice.
    std::thread::sleep(Duration::from_millis(if expected[2] == 1 { 100 } else { 30_000 }));
    assert_eq!(done(), expected);
    std::process::exit(7);
}

fn wait(name: &'static str, at: usize, wait: fn(), end: fn()) {
    std::thread::spawn(move || {
        loop {
            wait();
            // The other one has time to end the process too early.
            std::thread::sleep(Duration::from_millis(30));
            println!("{name} is done");
            DONE[at].fetch_add(1, Ordering::SeqCst);
            end();
        }
    });
}

fn handle() {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: integers and an optional pointer, for which zero is valid.
    let action = unsafe { action.assume_init_mut() };
    action.sa_sigaction = on_termination as *const () as libc::sighandler_t;
    action.sa_flags = libc::SA_SIGINFO;
    let mut before = std::mem::MaybeUninit::uninit();
    // SAFETY: the action is valid, and the other pointer is to one.
    assert_eq!(unsafe { libc::sigaction(libc::SIGTERM, action, before.as_mut_ptr()) }, 0);
    // SAFETY: filled by the successful call.
    BEFORE.set(unsafe { before.assume_init() }).ok().unwrap();
}

extern "C" fn on_termination(number: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    DONE[2].fetch_add(1, Ordering::SeqCst);
    let before = BEFORE.get().map_or(libc::SIG_DFL, |before| before.sa_sigaction);
    if ![libc::SIG_DFL, libc::SIG_IGN].contains(&before) {
        // SAFETY: it was the handler before, one of the copies', which takes these.
        let before = unsafe {
            std::mem::transmute::<libc::sighandler_t, extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void)>(before)
        };
        before(number, info, context);
    }
}
