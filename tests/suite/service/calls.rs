//! What logging costs in system calls: nothing, while the listener keeps up.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::support::{PATIENCE, Service, eventually};

const ROUNDS: u32 = 5;
const REQUESTS: u64 = 10;

/// The system calls of a process, by name, while `run` runs. `None` if it cannot be traced here.
fn calls_of(process: u32, run: impl FnOnce()) -> Option<BTreeMap<String, u64>> {
    let mut strace = Command::new("strace");
    strace.args(["-c", "-f", "-U", "calls,name", "-p", &process.to_string()]).stderr(Stdio::piped());
    let mut strace = strace.spawn().ok()?;
    let mut said = BufReader::new(strace.stderr.take().unwrap());
    let mut first = String::new();
    said.read_line(&mut first).unwrap();
    if !first.contains("attached") {
        strace.wait().unwrap();
        return None;
    }
    run();
    // It makes some more calls behind the last answer, and then waits for the next request.
    eventually("rest", || is_asleep(process).then_some(()));
    kill_process(Pid::from_child(&strace), Signal::INT).unwrap();
    let mut summary = String::new();
    said.read_to_string(&mut summary).unwrap();
    strace.wait().unwrap();
    let rows = summary.lines().filter_map(|line| line.trim().split_once(char::is_whitespace));
    let rows = rows.filter_map(|(calls, name)| Some((name.trim().to_owned(), calls.parse().ok()?)));
    Some(rows.filter(|(name, _)| name != "total").collect())
}

/// Whether the process sleeps in a call; a traced one that is stopped does not (proc_pid_stat(5)).
fn is_asleep(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    stat.rsplit_once(") ").is_some_and(|(_, behind_name)| behind_name.starts_with('S'))
}

/// Requests over one connection that stays.
fn ask(connection: &mut TcpStream, path: &str) {
    write!(connection, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"API\"}") {
        let mut part = [0; 1024];
        let read = connection.read(&mut part).unwrap();
        assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&part[..read]);
    }
}

#[test]
fn a_request_with_101_records_makes_as_many_calls_as_one_with_1() {
    let service = Service::start(&["--workers", "1"]);
    let [worker] = *service.workers() else { panic!("one worker was asked for") };
    let mut connection = TcpStream::connect(service.address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    // The first record of a thread claims its lane.
    ask(&mut connection, "/test?log=1");

    // The first record after a pause finds the listener asleep and wakes it, one call more; so the least of some rounds is
    // what the requests themselves cost.
    let (mut least_with_one, mut least_with_many) = (u64::MAX, u64::MAX);
    for _ in 0..ROUNDS {
        for (path, least) in [("/test?log=1", &mut least_with_one), ("/test?log=101", &mut least_with_many)] {
            let ten_requests = || (0..REQUESTS).for_each(|_| ask(&mut connection, path));
            let Some(calls) = calls_of(worker, ten_requests) else {
                eprintln!("skipped: there is no strace, or it may not trace here");
                return;
            };
            let sum: u64 = calls.values().sum();
            assert!(sum >= 2 * REQUESTS, "at least one read and one write for each request: {calls:?}");
            // One wake-up for each request at most, had the listener fallen asleep before each.
            assert!(calls.get("futex").is_none_or(|wakes| *wakes <= REQUESTS), "{path}: {calls:?}");
            *least = sum.min(*least);
        }
    }
    assert_eq!(least_with_one, least_with_many);
    service.end();
}
