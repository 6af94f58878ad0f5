//! The compressed files of a listener, those of one before it that was killed and is not yet dead, and of one after it.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree_prefork::{ConfigText, Configured, ListenerIn, QueueOptions, ServiceControl, serve, stats, with_config};
use rustix::fs::{FlockOperation, flock};

use crate::support::{
    DEADLINE, Logs, Queue, helper_of, in_child, kill, stop, stop_helpers_of, text, threads_named, until, wait_for_exit,
};

/// So long a file is left to whoever has it locked, and a new listener looks for those that come late.
const REST: Duration = Duration::from_secs(1);

/// A file that was rolled, which holds its number.
fn rolled(directory: &Path, number: u32) -> PathBuf {
    let path = directory.join(format!("packed.log.{number}"));
    std::fs::write(&path, number.to_string()).unwrap();
    path
}

/// Where a file of this number in the file system is compressed to.
fn half_made(directory: &Path, inode: u64) -> PathBuf {
    directory.join(format!(".packed.log.{inode}.gz.part"))
}

/// Somebody logs a little, and goes on with what is asked of him.
fn log(logs: &Logs, go_on: impl FnOnce()) {
    let child = in_child(|| {
        let queue = Queue::started_over(logs);
        queue.log(0);
        assert!(queue.flush());
        go_on();
    });
    assert_eq!(wait_for_exit(child), Some(0));
}

pub(crate) fn what_one_who_is_dying_has_in_its_hands_is_left_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let logs = Logs::within(directory.path(), 10_000);
    let first = rolled(directory.path(), 2);
    rolled(directory.path(), 1);
    let path = half_made(directory.path(), first.metadata().unwrap().ino());
    let half = File::create(&path).unwrap();
    flock(&half, FlockOperation::NonBlockingLockExclusive).unwrap();
    let began = Instant::now();
    log(&logs, || {
        until("the other one is compressed", || directory.path().join("packed.log.1.gz").exists());
        let (is_there, is_left) =
            (first.exists(), path.metadata().is_ok_and(|m| m.ino() == half.metadata().unwrap().ino()));
        assert!(is_there && is_left || began.elapsed() >= REST);
        // Now it is dead.
        flock(&half, FlockOperation::Unlock).unwrap();
        logs.wait_until_packed();
    });
    let texts = [2, 1].map(|number| text(&directory.path().join(format!("packed.log.{number}.gz"))));
    assert_eq!(texts, ["2", "1"]);
    Queue::over(&logs.plain, QueueOptions::default()).wait_until_gone();
}

pub(crate) fn what_one_who_is_dying_makes_last_is_taken_away() {
    const ATTEMPTS: u32 = 50;
    let is_over = (0..ATTEMPTS).any(|_| {
        let directory = tempfile::tempdir().unwrap();
        let logs = Logs::within(directory.path(), 10_000);
        rolled(directory.path(), 1);
        let began = Instant::now();
        log(&logs, || {
            logs.wait_until_packed();
            let late = half_made(directory.path(), 1);
            std::fs::write(&late, "").unwrap();
            if began.elapsed() < REST {
                until("nothing half made is left", || !late.exists());
            }
        });
        Queue::over(&logs.plain, QueueOptions::default()).wait_until_gone();
        !half_made(directory.path(), 1).exists()
    });
    assert!(is_over, "the machine is too slow for this");
}

pub(crate) fn who_has_joined_a_queue_compresses_when_it_listens() {
    let directory = tempfile::tempdir().unwrap();
    let logs = Logs::within(directory.path(), 1000);
    let [begun, over] = ["begun", "over"].map(|word| directory.path().join(word));
    let first = in_child(|| {
        let _queue = Queue::started_over(&logs);
        std::fs::write(&begun, "").unwrap();
        until("the other one is done", || over.exists());
    });
    until("there is a queue", || begun.exists());
    let second = in_child(|| {
        let queue = Queue::started_over(&logs);
        // Nobody else logs, and so sees that nobody listens.
        stop_helpers_of(first).into_iter().for_each(kill);
        (0..1000).for_each(|number| queue.log(number));
        assert!(queue.flush());
        logs.wait_until_packed();
    });
    assert_eq!(wait_for_exit(second), Some(0));
    std::fs::write(over, "").unwrap();
    assert_eq!(wait_for_exit(first), Some(0));
    Queue::over(&logs.plain, QueueOptions::default()).wait_until_gone();
    assert!(directory.path().join("packed.log.1.gz").exists());
    logs.assert_whole();
}

/// A service that goes on until it is killed, or forgotten, and leaves a file when it listens.
struct Serving<'a> {
    mark: &'a Path,
    began: Instant,
}

impl ServiceControl for Serving<'_> {
    fn goes_on(&mut self) -> bool {
        self.began.elapsed() < DEADLINE
    }

    fn listens(&mut self, _: u64) {
        std::fs::write(self.mark, "").unwrap();
    }

    fn handed_over(&mut self) {}
}

pub(crate) fn a_process_that_listens_again_compresses_what_others_left_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let logs = Logs::within(directory.path(), 10_000);
    let [begun, serves] = ["begun", "serves"].map(|word| directory.path().join(word));
    let start = |is_service: bool| {
        let rebuild = Arc::new(|_: &ConfigText, _: &str| Err("nobody has another one".to_owned()));
        let configured = Configured { config: Arc::default(), rebuild, is_service };
        let queue = with_config(&configured, || Queue::over_all(&logs, ListenerIn::Thread));
        queue.entry.handler.start().unwrap();
        queue
    };
    let service = in_child(|| {
        until("there is a queue", || begun.exists());
        let _queue = start(true);
        serve(&mut Serving { mark: &serves, began: Instant::now() }).unwrap();
    });
    rolled(directory.path(), 1);
    let queue = start(false);
    queue.log(0);
    assert!(queue.flush());
    logs.wait_until_packed();
    until("it looks for no others", || threads_named("logtree-pack") == 0);
    let is_open = || {
        let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        links.filter_map(|link| std::fs::read_link(link.path()).ok()).any(|file| file.ends_with("packed.log"))
    };
    assert!(is_open());
    std::fs::write(begun, "").unwrap();
    until("the service listens", || serves.exists());
    assert!(!is_open(), "whoever hands over has let go of the files");
    // Else it would take the seat.
    let standby = helper_of(service, "logtree-standby");
    stop(standby);
    [service, standby].into_iter().for_each(kill);
    assert_eq!(wait_for_exit(service), None);
    rolled(directory.path(), 2);
    queue.log(1);
    assert!(queue.flush());
    assert_eq!(stats()[0].claim_number, 3);
    logs.wait_until_packed();
    for number in [1, 2] {
        let compressed = directory.path().join(format!("packed.log.{number}.gz"));
        assert_eq!(text(&compressed), number.to_string());
        std::fs::remove_file(compressed).unwrap();
    }
    queue.log(2);
    assert!(queue.flush());
    logs.assert_whole();
}
