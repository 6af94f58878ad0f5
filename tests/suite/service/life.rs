//! The service's life: it starts, serves, loses processes, and ends.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::process::Signal;

use super::support::{
    MODES, PATIENCE, Place, Record, Service, WELCOME, eventually, get, kill, record, records, request_message,
    start_message,
};

/// The log's records of requests; asserts that the others are listeners' starts, and how many.
fn requests_in(place: &Place, starts: usize) -> Vec<Record> {
    let (requests, others): (Vec<_>, Vec<_>) =
        records(&fs::read_to_string(place.log()).unwrap()).into_iter().partition(|record| record.logger == "my_logger");
    for other in &others {
        assert_eq!(other.logger, "que_listen_logger");
        assert_eq!(other.message, start_message(other.process));
    }
    assert_eq!(others.len(), starts, "{others:?}");
    requests
}

/// Asks with ids from several threads for as long as `meanwhile` runs. Gives the ids with answers, and who answered.
///
/// `meanwhile` gets a function that waits until some more requests have been answered.
fn ask_during(address: SocketAddr, meanwhile: impl FnOnce(&dyn Fn(u64))) -> BTreeMap<u64, u32> {
    let (stop, next_id, answered) = (AtomicBool::new(false), AtomicU64::new(1), AtomicU64::new(0));
    let ask = || {
        let mut answers = BTreeMap::new();
        while !stop.load(Ordering::Relaxed) {
            let id = next_id.fetch_add(1, Ordering::Relaxed);
            if let Ok(response) = get(address, &format!("/test?id={id}")) {
                assert_eq!((response.status, response.body.as_str()), (200, WELCOME));
                answers.insert(id, response.process.unwrap());
                answered.fetch_add(1, Ordering::Relaxed);
            }
        }
        answers
    };
    let wait_for_more = |count| {
        let before = answered.load(Ordering::Relaxed);
        eventually("load", || (answered.load(Ordering::Relaxed) >= before + count).then_some(()));
    };
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        // The askers must end when `meanwhile` panics too.
        let outcome = catch_unwind(AssertUnwindSafe(|| meanwhile(&wait_for_more)));
        stop.store(true, Ordering::Relaxed);
        let answers = askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect();
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
        answers
    })
}

/// Asserts that each answered request has one record, of the process that answered; others have one at most.
fn assert_logged_once(requests: &[Record], answers: &BTreeMap<u64, u32>) {
    let mut seen: BTreeMap<u64, u32> = BTreeMap::new();
    for record in requests {
        let (message, id) = record.message.rsplit_once(" id=").unwrap_or_else(|| panic!("{record:?} has no id"));
        assert_eq!(message, request_message(record.process));
        assert_eq!(seen.insert(id.parse().unwrap(), record.process), None, "{id} is repeated");
    }
    for (id, process) in answers {
        assert_eq!(seen.get(id), Some(process), "the record of request {id}");
    }
}

#[test]
fn it_answers_logs_and_leaves_nothing() {
    for mode in MODES {
        let service = Service::start(mode);
        let mut expected = BTreeMap::new();
        for (path, count) in [("/test", 1), ("/test?log=3", 3), ("/test?log=0", 0), ("/test?log=250", 250)] {
            let response = get(service.address, path).unwrap();
            assert_eq!((response.status, response.body.as_str()), (200, WELCOME));
            let process = response.process.unwrap();
            assert!(service.workers().contains(&process), "{process} is no worker");
            *expected.entry(process).or_insert(0) += count;
        }
        assert_eq!(get(service.address, "/test?log=100000").unwrap().status, 400);
        assert_eq!(get(service.address, "/other").unwrap().status, 404);
        let segment = service.place.segment();
        assert!(segment.as_ref().is_some_and(|path| path.exists()), "there is no queue: {segment:?}");

        let (place, ended) = service.end();
        assert!(ended.status.success(), "{ended:?}");
        assert_eq!(ended.stderr, "");
        let mut found = BTreeMap::new();
        for record in requests_in(&place, 1) {
            assert_eq!(record.message, request_message(record.process));
            *found.entry(record.process).or_insert(0) += 1;
        }
        expected.retain(|_, count| *count > 0);
        assert_eq!(found, expected);
        let console = ended.stdout.lines().filter(|line| record(line).is_some()).count();
        assert_eq!(console, 255, "the console shows what the file has: {}", ended.stdout);
        place.assert_nothing_left(segment);
    }
}

#[test]
fn the_master_installs_or_each_worker_does() {
    for (mode, master_has_it) in MODES.iter().zip([true, false]) {
        let service = Service::start(mode);
        let segment = eventually("queue", || service.place.segment());
        let has_queue = |process: u32| {
            let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
            maps.contains(segment.to_str().unwrap())
        };
        assert_eq!(has_queue(service.master()), master_has_it, "{mode:?}");
        assert!(service.workers().into_iter().all(has_queue), "{mode:?}");
        service.end();
    }
}

#[test]
fn a_request_that_has_begun_is_answered_after_the_end_has() {
    let service = Service::start(&["--workers", "1"]);
    let [worker] = *service.workers() else { panic!("one worker was asked for") };
    let sockets = || {
        let open = fs::read_dir(format!("/proc/{worker}/fd")).unwrap().flatten();
        let links = open.filter_map(|entry| fs::read_link(entry.path()).ok());
        links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
    };
    let before = sockets();
    let mut connection = TcpStream::connect(service.address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.write_all(b"GET /test?id=7 HTTP/1.1\r\nHost: ").unwrap();
    eventually("accepted connection", || (sockets() == before + 1).then_some(()));

    service.signal_master(Signal::TERM);
    eventually("worker that accepts no more", || (sockets() == before).then_some(()));
    connection.write_all(b"localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(WELCOME), "{answer}");

    let (place, ended) = service.collect();
    assert!(ended.status.success(), "{ended:?}");
    assert_logged_once(&requests_in(&place, 1), &[(7, worker)].into());
}

#[test]
fn it_names_its_log_file_and_counts_its_requests() {
    let service = Service::start(&["--workers", "3"]);
    assert_eq!(service.workers().len(), 3);
    for _ in 0..5 {
        get(service.address, "/test").unwrap();
    }
    let (place, ended) = service.end();
    let log = format!("log file {}", place.log().display());
    assert!(ended.stdout.lines().any(|line| line == log), "{}", ended.stdout);
    let end = "all workers have ended; they finished 5 requests";
    assert!(ended.stdout.lines().any(|line| line == end), "{}", ended.stdout);
}

#[test]
fn a_dead_worker_is_replaced() {
    for mode in MODES {
        let service = Service::start(mode);
        let [first, other] = *service.workers() else { panic!("there are two workers") };
        kill(first, Signal::KILL);
        let mut answers = BTreeMap::new();
        let mut ids = 1..;
        // The dead worker may have left connections that it had accepted.
        let third = eventually("answer of a new worker", || {
            let id = ids.next()?;
            let process = get(service.address, &format!("/test?id={id}")).ok()?.process?;
            answers.insert(id, process);
            (process != first && process != other).then_some(process)
        });
        assert_eq!(service.workers(), [first, other, third]);
        let (place, ended) = service.end();
        assert!(ended.status.success(), "{ended:?}");
        assert_eq!(ended.stderr, format!("prefork: worker {first} was killed by signal 9\n"));
        assert_logged_once(&requests_in(&place, 1), &answers);
        place.assert_nothing_left(None);
    }
}

#[test]
fn what_was_answered_before_the_end_is_written() {
    for (mode, signal, to_group) in [(0, Signal::TERM, false), (1, Signal::TERM, true), (0, Signal::INT, true)] {
        let service = Service::start(MODES[mode]);
        let answers = ask_during(service.address, |wait_for_more| {
            wait_for_more(200);
            // In the midst of requests; a terminal and a service manager send it to all processes at once.
            if to_group {
                service.signal_group(signal)
            } else {
                service.signal_master(signal)
            }
            eventually("end of the service", || get(service.address, "/test?id=0").is_err().then_some(()));
        });
        let (place, ended) = service.collect();
        assert!(ended.status.success(), "{ended:?}");
        assert_eq!(ended.stderr, "");
        let requests = requests_in(&place, 1);
        let requests: Vec<_> = requests.into_iter().filter(|record| !record.message.ends_with(" id=0")).collect();
        assert!(answers.len() > 200);
        assert_logged_once(&requests, &answers);
        place.assert_nothing_left(None);
    }
}

#[test]
fn a_killed_master_takes_its_workers_along_and_loses_nothing() {
    for mode in MODES {
        let service = Service::start(mode);
        let segment = service.place.segment();
        let answers: BTreeMap<_, _> = (1..=100)
            .map(|id| (id, get(service.address, &format!("/test?id={id}")).unwrap().process.unwrap()))
            .collect();
        service.signal_master(Signal::KILL);
        let (place, ended) = service.collect();
        assert!(!ended.status.success());
        place.assert_nothing_left(segment);
        assert_logged_once(&requests_in(&place, 1), &answers);
    }
}

/// Kills the listener, when there is a standby, and waits until another one says that it listens.
fn kill_listener(service: &Service) {
    let starts = || {
        // What is being written may end amid a character.
        let bytes = fs::read(service.place.log()).unwrap();
        String::from_utf8_lossy(&bytes).lines().filter(|line| line.contains(" -que_listen_logger - ")).count()
    };
    eventually("standby", || (service.place.threads_named("logtree-standby").len() == 1).then_some(()));
    let before = starts();
    let [listener] = *service.place.listeners() else { panic!("{:?} listen", service.place.processes()) };
    kill(listener, Signal::KILL);
    eventually("next listener's word in the log", || (starts() > before).then_some(()));
    assert!(!service.place.listeners().contains(&listener));
}

#[test]
fn a_listener_killed_at_rest_is_followed_by_another() {
    for mode in MODES {
        let service = Service::start(mode);
        let mut answers = BTreeMap::new();
        for round in 0..3 {
            for id in 50 * round..50 * (round + 1) {
                answers.insert(id, get(service.address, &format!("/test?id={id}")).unwrap().process.unwrap());
            }
            eventually("rest", || {
                (requests_in(&service.place, 1 + round as usize).len() == answers.len()).then_some(())
            });
            kill_listener(&service);
        }
        answers.insert(150, get(service.address, "/test?id=150").unwrap().process.unwrap());
        let (place, ended) = service.end();
        assert!(ended.status.success(), "{ended:?}");
        assert_logged_once(&requests_in(&place, 4), &answers);
        place.assert_nothing_left(None);
    }
}

/// A worker makes them anew, in the middle of its logging call; they listen, say so, and leave as the first ones do.
#[test]
fn helpers_killed_together_are_made_anew() {
    for mode in MODES {
        let service = Service::start(mode);
        // Who was just made by the listener has its name for a moment.
        let listener = || {
            eventually("one listener", || match service.place.listeners()[..] {
                [listener] => Some(listener),
                _ => None,
            })
        };
        let mut answers = BTreeMap::new();
        for id in 0..3 {
            let standby = eventually("standby", || service.place.threads_named("logtree-standby").first().copied());
            let killed = [standby, listener()];
            killed.into_iter().for_each(|helper| kill(helper, Signal::KILL));
            eventually("end of both", || {
                let processes = service.place.processes();
                killed.iter().all(|helper| !processes.contains_key(helper)).then_some(())
            });
            answers.insert(id, get(service.address, &format!("/test?id={id}")).unwrap().process.unwrap());
            // Its first line, the request's, and a line of each successor.
            let lines = 2 * id as usize + 3;
            eventually("word of a new listener and the request", || {
                (service.place.log_so_far().lines().count() == lines).then_some(())
            });
            let name = service.place.processes().remove(&listener());
            assert_eq!(name.as_deref(), Some("logtree-listen"), "a process, no thread of a worker");
        }
        let (place, ended) = service.end();
        assert!(ended.status.success(), "{ended:?}");
        assert_logged_once(&requests_in(&place, 4), &answers);
        place.assert_nothing_left(None);
    }
}

/// Whatever the listener was about to write, the next one writes, and nothing else.
#[test]
fn a_listener_killed_at_work_loses_and_repeats_nothing() {
    for mode in MODES {
        let service = Service::start(mode);
        let answers = ask_during(service.address, |wait_for_more| {
            for _ in 0..3 {
                wait_for_more(50);
                kill_listener(&service);
            }
        });
        let (place, ended) = service.end();
        assert!(ended.status.success(), "{ended:?}");
        assert_logged_once(&requests_in(&place, 4), &answers);
        place.assert_nothing_left(None);
    }
}

#[test]
fn driven_by_itself_it_finds_itself_well() {
    for mode in MODES {
        let place = Place::new();
        let ended = place.run(&[mode, &["--requests", "400", "--workers", "3"]].concat());
        assert!(ended.status.success(), "{ended:?}");
        let rows: Vec<_> = ended.stdout.lines().filter_map(|line| line.trim_start().split_once("  ")).collect();
        let of = |name: &str| {
            let row = rows.iter().find(|(found, _)| *found == name);
            let count = row.and_then(|(_, rest)| rest.split_whitespace().next());
            count.unwrap_or_else(|| panic!("no row {name} in {}", ended.stdout)).to_owned()
        };
        assert_eq!(of("requests answered"), "400");
        let last_four = ["lost", "torn", "repeated", "listeners at any one time"];
        assert_eq!(last_four.map(of), ["0", "0", "0", "1"].map(str::to_owned), "{}", ended.stdout);
        assert!(ended.stdout.contains("killed half way with SIGKILL"), "{}", ended.stdout);
        assert_eq!(fs::read_dir(place.directory.path()).unwrap().count(), 0, "it works in a directory of its own");
        place.assert_nothing_left(None);
    }
}

#[test]
fn driven_and_interrupted_it_ends_both_and_cleans_up() {
    for signal in [Signal::INT, Signal::KILL] {
        let place = Place::new();
        let mut command = place.command();
        // So that its directory is made here.
        command.env("TMPDIR", place.directory.path()).args(["--requests", "10000000"]);
        let mut driver = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let log = || {
            let inner = fs::read_dir(place.directory.path()).unwrap().flatten().next()?;
            fs::read_to_string(inner.path().join("service.log")).ok()
        };
        eventually("load", || log().filter(|log| log.contains(" id=100\n")));
        kill(driver.id(), signal);
        let status = eventually("end of the driver", || driver.try_wait().unwrap());
        assert!(!status.success());
        eventually("end of all processes", || place.processes().is_empty().then_some(()));
        if signal == Signal::INT {
            assert_eq!(status.code(), Some(1));
            assert_eq!(fs::read_dir(place.directory.path()).unwrap().count(), 0);
        }
    }
}

/// Another build of a program, or another program: what it shares with the one before is the log file.
#[test]
fn what_a_killed_service_left_is_written_by_another_program() {
    let service = Service::start(&[]);
    let requests = |place: &Place| {
        let log = fs::read_to_string(place.log()).unwrap();
        log.lines().filter_map(record).filter(|record| record.logger == "my_logger").collect::<Vec<_>>()
    };
    assert_eq!(get(service.address, "/test?log=5").unwrap().status, 200);
    eventually("what was logged first", || (requests(&service.place).len() == 5).then_some(()));
    for name in ["logtree-standby", "logtree-listen"] {
        let [helper] = *eventually(name, || Some(service.place.threads_named(name)).filter(|found| found.len() == 1))
        else {
            unreachable!()
        };
        kill(helper, Signal::STOP);
        eventually("stopped helper", || {
            let stat = fs::read_to_string(format!("/proc/{helper}/stat")).unwrap();
            stat.rsplit(") ").next()?.starts_with('T').then_some(())
        });
    }
    assert_eq!(get(service.address, "/test?log=200").unwrap().status, 200);
    // The master last, and unable to see that: at its death a worker ends well, and has written what is left, and whoever is
    // stopped in its process group is continued by the system.
    let master = service.master();
    kill(master, Signal::STOP);
    service.place.processes().into_keys().filter(|process| *process != master).for_each(|process| {
        kill(process, Signal::KILL);
    });
    kill(master, Signal::KILL);
    let (place, _) = service.collect();
    assert_eq!(requests(&place).len(), 5);
    place.config(|config| {
        config["handlers"]["queue"]["handlers"] = serde_json::json!(["file"]);
        config["root"] = serde_json::json!({"level": "INFO", "handlers": ["queue"]});
    });
    let output = place.command_of(&crate::built::example("hello")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    place.assert_nothing_left(None);
    let requests = requests(&place);
    assert_eq!(requests.len(), 205);
    assert!(requests.iter().all(|record| record.message == request_message(record.process)));
    assert!(fs::read_to_string(place.log()).unwrap().contains("paid order=17"));
}
