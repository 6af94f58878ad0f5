//! A machine that lacks something: the service runs, slower or with a warning, and loses nothing in silence.
//!
//! The service gets a `/dev/shm` of its own in a mount namespace, limits by the shell, and a kernel without some calls by a
//! filter. Where that cannot be had the tests say so and pass.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use super::support::{MODES, Place, Service, get, kill, program, record, request_message};
use crate::built::example;

/// Full, after a file of 60 KiB has taken nearly all of 64 KiB.
const FULL: &str = "mount -t tmpfs -o size=64k tmpfs /dev/shm && head -c 61440 /dev/zero > /dev/shm/filler";

/// There is a `/dev`, and nothing in it but what every program opens.
const ABSENT: &str = "mkdir dev && mount -t tmpfs tmpfs dev && touch dev/null && mount --bind /dev/null dev/null \
                      && mount --move dev /dev && ! test -e /dev/shm";

/// What stands before the program on a command line.
struct Wrapper(Vec<String>);

impl Wrapper {
    /// In a mount namespace, after some shell commands.
    fn mounted(prepare: &str) -> Self {
        let root = rustix::process::geteuid().is_root();
        let unshare: &[&str] = if root { &["unshare", "--mount"] } else { &["unshare", "--mount", "--map-root-user"] };
        let shell = Self::shell(prepare);
        Self(unshare.iter().map(|word| (*word).to_owned()).chain(shell.0).collect())
    }

    /// After some shell commands.
    fn shell(prepare: &str) -> Self {
        Self(["sh", "-c", &format!("{prepare} && exec \"$0\" \"$@\"")].map(str::to_owned).into())
    }

    /// On a system without these calls.
    fn without(error: &str, calls: &str) -> Self {
        let path = example("without").to_str().unwrap().to_owned();
        Self(vec![path, error.to_owned(), calls.to_owned()])
    }

    fn command(&self, place: &Place, program: &Path) -> Command {
        let mut command = place.command_of(Path::new(&self.0[0]));
        command.args(&self.0[1..]).arg(program);
        command
    }

    /// Whether it can be had here.
    fn works(&self) -> bool {
        let place = Place::new();
        let works = self.command(&place, Path::new("true")).output().is_ok_and(|output| output.status.success());
        if !works {
            eprintln!("skipped: {:?} does not work here", self.0);
        }
        works
    }
}

/// How many records the log says were dropped.
fn said_to_be_dropped(log: &str) -> usize {
    let number = |line: &str| line.split(" records of process ").next()?.rsplit(' ').next()?.parse::<usize>().ok();
    log.lines().filter(|line| line.contains(" were dropped: ")).filter_map(number).sum()
}

/// Runs the service in both modes and asserts that it serves, logs and ends as ever. What it drops, because a request logs
/// `burst` records at once, is said in the log; and if it is to warn, there is this on its stderr.
fn assert_serves(wrapper: &Wrapper, burst: usize, warning: Option<&str>) {
    if !wrapper.works() {
        return;
    }
    for mode in MODES {
        let place = Place::new();
        let mut command = wrapper.command(&place, &program());
        command.args(["--bind", "127.0.0.1:0"]).args(mode);
        let service = Service::spawn(place, command);
        let mut expected = 0;
        for count in [[10; 20].as_slice(), &[burst]].concat() {
            assert_eq!(get(service.address, &format!("/test?log={count}")).unwrap().status, 200);
            expected += count;
        }
        let worker = get(service.address, "/test").unwrap().process.unwrap();
        kill(worker, Signal::KILL);
        expected += 1;
        let (place, ended) = service.end();
        assert!(ended.status.success(), "{ended:?}");
        match warning {
            Some(warning) => assert!(ended.stderr.contains(warning), "there is no warning: {}", ended.stderr),
            None => assert!(!ended.stderr.contains("logtree"), "{}", ended.stderr),
        }
        let log = fs::read_to_string(place.log()).unwrap();
        let requests: Vec<_> = log.lines().filter_map(record).filter(|record| record.logger == "my_logger").collect();
        let dropped = said_to_be_dropped(&log);
        eprintln!("{:?} {mode:?}: {dropped} of {expected} records were dropped", wrapper.0);
        assert_eq!(requests.len() + dropped, expected, "{dropped} dropped, {mode:?}: {:?}", ended.stderr);
        assert!(requests.len() >= expected - burst, "{dropped} dropped");
        assert!(requests.iter().all(|record| record.message == request_message(record.process)));
        place.assert_nothing_left(None);
    }
}

#[test]
fn full_shared_memory() {
    assert_serves(&Wrapper::mounted(FULL), 10, Some("/dev/shm"));
}

#[test]
fn no_shared_memory_at_all() {
    assert_serves(&Wrapper::mounted(ABSENT), 10, Some("/dev/shm"));
}

/// A memory file system that cannot set memory aside; and the same of a filter of system calls.
#[test]
fn shared_memory_that_cannot_be_set_aside() {
    let wrappers =
        [Wrapper::mounted("mount -t ramfs -o mode=1777 ramfs /dev/shm"), Wrapper::without("ENOSYS", "fallocate")];
    for (wrapper, why) in wrappers.iter().zip(["Operation not supported", "Function not implemented"]) {
        assert_serves(wrapper, 10, Some(&format!("set memory aside: {why}")));
    }
}

/// As containers have it, and less than a burst needs.
#[test]
fn little_shared_memory() {
    for size in ["64m", "1m"] {
        assert_serves(&Wrapper::mounted(&format!("mount -t tmpfs -o size={size} tmpfs /dev/shm")), 9_999, None);
    }
}

/// In units of 512 bytes: less than the log, than a burst, than an empty queue needs.
#[test]
fn a_limit_for_the_size_of_files() {
    assert_serves(&Wrapper::shell("ulimit -f 8192"), 9_999, None);
    assert_serves(&Wrapper::shell("ulimit -f 3000"), 9_999, None);
    assert_serves(&Wrapper::shell("ulimit -f 1000"), 10, Some("no shared memory for the queue"));
}

#[test]
fn few_descriptors() {
    assert_serves(&Wrapper::shell("ulimit -n 24"), 9_999, None);
}

/// As many as a listener has open, and one: to take its claim away it lets go of its log.
#[test]
fn no_descriptor_to_leave_with() {
    let place = Place::new();
    place.file("logging.json", HELLO);
    let output = Wrapper::shell("ulimit -n 8").command(&place, &example("hello")).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    place.assert_nothing_left(None);
    assert_eq!(fs::read_to_string(place.directory.path().join("shop.log")).unwrap().lines().count(), 2);
}

/// A queue for the example of that name.
const HELLO: &str = r#"{
    "version": 1,
    "handlers": {
        "file": {"class": "logging.FileHandler", "filename": "shop.log"},
        "queue": {
            "class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue"},
            "handlers": ["file"]
        }
    },
    "root": {"level": "INFO", "handlers": ["queue"]}
}"#;

/// Each alone, and all that logtree can do without.
#[test]
fn an_old_kernel_or_a_filter_of_system_calls() {
    let calls = [
        "madvise",
        "membarrier",
        "pidfd_open",
        "close_range",
        "renameat2",
        "membarrier,pidfd_open,close_range,renameat2",
    ];
    for (calls, error) in calls.into_iter().zip(["ENOSYS", "EPERM"].into_iter().cycle()) {
        assert_serves(&Wrapper::without(error, calls), 9_999, None);
    }
}

#[test]
fn a_kernel_without_robust_futexes() {
    for calls in ["set_robust_list", "get_robust_list,set_robust_list"] {
        let warning = "no listener for the queue can be told from a dead one";
        assert_serves(&Wrapper::without("ENOSYS", calls), 10, Some(warning));
    }
}

/// A program that may not make helpers listens on a thread; one that may make no threads either writes for itself.
#[test]
fn no_processes_and_no_threads_to_be_had() {
    for (calls, warning) in [("clone", None), ("clone,clone3", Some("each process writes its records itself"))] {
        let wrapper = Wrapper::without("EPERM", calls);
        if !wrapper.works() {
            return;
        }
        let place = Place::new();
        place.file("logging.json", HELLO);
        let hello: PathBuf = example("hello");
        let output = wrapper.command(&place, &hello).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        match warning {
            Some(warning) => assert!(stderr.contains(warning), "{stderr}"),
            None => assert_eq!(stderr, ""),
        }
        let log = fs::read_to_string(place.directory.path().join("shop.log")).unwrap();
        assert_eq!(log, "paid order=17\nrunning low item=\"green tea\" left=2\n");
    }
}
