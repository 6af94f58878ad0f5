//! No shared memory to be had: a warning, and the service runs.
//!
//! The service gets a `/dev/shm` of its own in a mount namespace. Where none can be made the tests say so and pass.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use super::support::{MODES, Place, Service, get, kill, program, record, request_message};

/// Full, after a file of 60 KiB has taken nearly all of 64 KiB.
const FULL: &str = "mount -t tmpfs -o size=64k tmpfs /dev/shm && head -c 61440 /dev/zero > /dev/shm/filler";

/// There is a `/dev`, and nothing in it but what every program opens.
const ABSENT: &str = "mkdir dev && mount -t tmpfs tmpfs dev && touch dev/null && mount --bind /dev/null dev/null \
                      && mount --move dev /dev && ! test -e /dev/shm";

/// `unshare` with the options that let this user mount.
fn unshare() -> Vec<&'static str> {
    let root = rustix::process::geteuid().is_root();
    if root { vec!["unshare", "--mount"] } else { vec!["unshare", "--mount", "--map-root-user"] }
}

/// Runs the service in the namespace and asserts that it serves, logs and ends as ever, and has warned.
fn assert_serves_with_a_warning(prepare: &str) {
    let unshare = unshare();
    let probe_directory = Place::new();
    let mut probe = Command::new(unshare[0]);
    probe.args(&unshare[1..]).args(["sh", "-c", prepare]).current_dir(probe_directory.directory.path());
    if !probe.output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no mount namespace can be made here");
        return;
    }
    for mode in MODES {
        let place = Place::new();
        let mut command = place.command_of(Path::new(unshare[0]));
        command.args(&unshare[1..]).args(["sh", "-c", &format!("{prepare} && exec \"$0\" \"$@\"")]);
        command.arg(program()).args(["--bind", "127.0.0.1:0"]).args(mode);
        let service = Service::spawn(place, command);
        let mut expected = 0;
        for _ in 0..20 {
            assert_eq!(get(service.address, "/test?log=10").unwrap().status, 200);
            expected += 10;
        }
        // Without a queue too, a killed worker takes nothing along.
        let worker = get(service.address, "/test").unwrap().process.unwrap();
        kill(worker, Signal::KILL);
        expected += 1;
        let (place, ended) = service.end();
        assert!(ended.status.success(), "{ended:?}");
        assert!(ended.stderr.contains("/dev/shm"), "there is no warning: {}", ended.stderr);
        let log = fs::read_to_string(place.log()).unwrap();
        let requests: Vec<_> = log.lines().filter_map(record).filter(|record| record.logger == "my_logger").collect();
        assert_eq!(requests.len(), expected, "{log}");
        assert!(requests.iter().all(|record| record.message == request_message(record.process)), "{log}");
        place.assert_nothing_left(None);
    }
}

#[test]
fn full_shared_memory() {
    assert_serves_with_a_warning(FULL);
}

#[test]
fn no_shared_memory_at_all() {
    assert_serves_with_a_warning(ABSENT);
}
