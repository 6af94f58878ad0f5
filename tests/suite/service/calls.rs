//! What logging costs in system calls: nothing, while the listener keeps up.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::support::{PATIENCE, Service, eventually};

const ROUNDS: u32 = 5;
const REQUESTS: usize = 10;

/// The system calls of the service's worker while `run` runs, one a line. `None` if it cannot be traced here.
fn calls_of(service: &Service, worker: u32, run: impl FnOnce()) -> Option<Vec<String>> {
    let trace = service.place.directory.path().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-p", &worker.to_string(), "-o"]).arg(&trace).stderr(Stdio::piped());
    let mut strace = strace.spawn().ok()?;
    let mut said = BufReader::new(strace.stderr.take().unwrap());
    let mut first = String::new();
    said.read_line(&mut first).unwrap();
    if !first.contains("attached") {
        strace.wait().unwrap();
        return None;
    }
    run();
    kill_process(Pid::from_child(&strace), Signal::INT).unwrap();
    said.read_to_string(&mut first).unwrap();
    strace.wait().unwrap();
    Some(fs::read_to_string(&trace).unwrap().lines().map(str::to_owned).collect())
}

/// The calls from the first request that was read to the last answer that was written. What lies outside belongs to the
/// pauses before and behind, and depends on when exactly strace came and went.
fn calls_for_requests(calls: &[String]) -> &[String] {
    let first = calls.iter().position(|call| call.contains("\"GET /test"));
    let last = calls.iter().rposition(|call| call.contains("HTTP/1.1 200"));
    &calls[first.expect("a request is read")..=last.expect("an answer is written")]
}

/// Requests over one connection that stays.
fn ask(connection: &mut TcpStream, path: &str) {
    // In one piece, as two could be read by two calls.
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"API\"}") {
        let mut part = [0; 1024];
        let read = connection.read(&mut part).unwrap();
        assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&part[..read]);
    }
}

fn records_in(service: &Service) -> usize {
    service.place.log_so_far().lines().filter(|line| line.contains(" -my_logger - ")).count()
}

#[test]
fn a_request_with_101_records_makes_as_many_calls_as_one_with_1() {
    let service = Service::start(&["--workers", "1"]);
    let [worker] = *service.workers() else { panic!("one worker was asked for") };
    let mut connection = TcpStream::connect(service.address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut records = 0;
    let mut ask_for = |count: usize| {
        ask(&mut connection, &format!("/test?log={count}"));
        records += count;
        // The promise holds while the listener keeps up; many requests at once would fill the lane by half, and wake it.
        eventually("all records in the file", || (records_in(&service) == records).then_some(()));
    };
    // The first record of a thread claims its lane.
    ask_for(1);

    // The first record after a pause finds the listener asleep and wakes it, one call more; so the least of some rounds is
    // what the requests themselves cost.
    let (mut least_with_one, mut least_with_many) = (usize::MAX, usize::MAX);
    for _ in 0..ROUNDS {
        for (count, least) in [(1, &mut least_with_one), (101, &mut least_with_many)] {
            let requests = || (0..REQUESTS).for_each(|_| ask_for(count));
            let Some(calls) = calls_of(&service, worker, requests) else {
                eprintln!("skipped: there is no strace, or it may not trace here");
                return;
            };
            let calls = calls_for_requests(&calls);
            assert!(calls.len() >= 2 * REQUESTS, "a read and a write for each request: {calls:#?}");
            // At most one for each request, had the listener fallen asleep before each.
            let wakes = calls.iter().filter(|call| call.contains("futex(")).count();
            assert!(wakes <= REQUESTS, "{count}: {calls:#?}");
            *least = calls.len().min(*least);
        }
    }
    assert_eq!(least_with_one, least_with_many);
    let (_, ended) = service.end();
    assert!(ended.status.success(), "{ended:?}");
}
