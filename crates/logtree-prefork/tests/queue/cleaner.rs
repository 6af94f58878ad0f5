//! A cleaner removes claims and segments under queues that live.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use logtree_core::{Overflow, QueueLimits};
use logtree_handlers::{FileHandler, FileHandlerConfig, RotatingFileHandler, RotatingFileHandlerConfig};
use logtree_prefork::QueueOptions;
use rustix::process::{Pid, Signal, getpid, kill_process};

use crate::support::{
    DEADLINE, Lines, Queue, in_child, kill, processes, state_of, stop_helpers_of, until, wait_for_exit,
};

/// What a cleaner takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clean {
    Claim,
    Segment,
    Both,
}

pub(crate) const CLEANS: [Clean; 3] = [Clean::Claim, Clean::Segment, Clean::Both];

/// A program with a queue over a file, seen from a process that has none: what that forks is another program.
pub(crate) struct Program {
    directory: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) process: Pid,
}

impl Program {
    /// Starts it; it does its work, and ends.
    pub(crate) fn start(directory: &Path, work: impl FnOnce(&Queue)) -> Self {
        let log = directory.join("app.log");
        let process = in_child(|| {
            let queue = started(&log);
            std::fs::write(directory.join("segment.new"), segment()).unwrap();
            std::fs::rename(directory.join("segment.new"), directory.join("segment")).unwrap();
            work(&queue);
        });
        until("it has started", || directory.join("segment").exists());
        Self { directory: directory.to_owned(), log, process }
    }

    /// The same, with what it and its helpers write to stderr in a file.
    fn start_with_stderr(stderr: &Path, directory: &Path, work: impl FnOnce(&Queue)) -> Self {
        let own = rustix::io::dup(rustix::stdio::stderr()).unwrap();
        rustix::stdio::dup2_stderr(std::fs::File::create(stderr).unwrap()).unwrap();
        let program = Self::start(directory, work);
        rustix::stdio::dup2_stderr(own).unwrap();
        program
    }

    fn claim(&self) -> PathBuf {
        self.directory.join(".app.log.logtree")
    }

    /// The segment's path and id.
    fn segment(&self) -> (PathBuf, String) {
        let segment = std::fs::read_to_string(self.directory.join("segment")).unwrap();
        let (path, id) = segment.split_once(' ').unwrap();
        (path.into(), id.to_owned())
    }

    /// The helpers of that name, whoever made them: a newcomer does that comes while nobody listens.
    fn helpers(&self, name: &str) -> Vec<Pid> {
        let segment = self.segment().0;
        let has_it = |pid: Pid| {
            let held = std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())).into_iter().flatten().flatten();
            let targets = held.filter_map(|entry| std::fs::read_link(entry.path()).ok());
            targets.into_iter().any(|target| {
                target
                    .to_str()
                    .is_some_and(|target| Path::new(target.strip_suffix(" (deleted)").unwrap_or(target)) == segment)
            })
        };
        processes().into_iter().filter(|(pid, comm)| comm == name && has_it(*pid)).map(|(pid, _)| pid).collect()
    }

    /// The helper of that name, as soon as there is just one.
    pub(crate) fn helper(&self, name: &str) -> Pid {
        let mut found = Vec::new();
        until(&format!("there is one {name}"), || {
            found = self.helpers(name);
            found.len() == 1
        });
        found[0]
    }

    /// What is gone already, or not yet back, is no error.
    pub(crate) fn clean(&self, what: Clean) {
        if what != Clean::Segment {
            let _ = std::fs::remove_file(self.claim());
        }
        if what != Clean::Claim {
            let _ = std::fs::remove_file(self.segment().0);
        }
    }

    /// Another program starts, logs so many records, and must have come to this one's queue.
    pub(crate) fn assert_newcomer_joins(&self, records: u32) {
        let newcomer = in_child(|| assert!(self.begin_another(records), "there is a second queue"));
        assert_eq!(wait_for_exit(newcomer), Some(0));
    }

    /// This process is another program, and logs so many records; whether it has come to this one's queue.
    pub(crate) fn begin_another(&self, records: u32) -> bool {
        let queue = started(&self.log);
        (0..records).for_each(|number| queue.log(number));
        assert!(queue.flush());
        segment().split_once(' ').unwrap().1 == self.segment().1
    }

    /// Says to the program, and waits until it is said.
    fn tell(&self, word: &str) {
        std::fs::write(self.directory.join(word), "").unwrap();
    }

    fn wait_for(&self, word: &str) {
        wait_for(&self.directory, word);
    }

    pub(crate) fn is_claimed(&self) -> bool {
        std::fs::read(self.claim()).is_ok_and(|claim| claim.ends_with(b"\n"))
    }
}

fn wait_for(directory: &Path, word: &str) {
    until(word, || directory.join(word).exists());
}

fn wait_until_dead(processes: &[Pid]) {
    until("they are dead", || processes.iter().all(|process| state_of(*process).is_empty()));
}

/// The segment of this process's queue, and its id.
fn segment() -> String {
    let stats = logtree_prefork::stats();
    format!("{} {}", stats[0].path.display(), stats[0].segment)
}

/// A queue over one file. Who logs waits for room, so that a number that is missing is a record that was lost.
pub(crate) fn started(log: &Path) -> Queue {
    let limits = QueueLimits { overflow: Overflow::Block(DEADLINE), ..QueueLimits::default() };
    let queue = Queue::over(log, QueueOptions { limits, ..QueueOptions::default() });
    queue.entry.handler.start().unwrap();
    queue
}

pub(crate) fn a_cleaner_makes_no_second_queue() {
    const ROUNDS: usize = 6;
    for what in CLEANS {
        let directory = tempfile::tempdir().unwrap();
        let work = |queue: &Queue| {
            let log_until_told = || {
                let mut number = 0;
                let began = Instant::now();
                // Nobody tells it if this test fails.
                while !directory.path().join("all is cleaned").exists() && began.elapsed() < 4 * DEADLINE {
                    (0..100).for_each(|_| {
                        queue.log(number);
                        number += 1;
                    });
                    // What the newcomers wait for is all that was logged before, which on a busy machine would be more and
                    // more: who logs gets processors that the listener is waiting for.
                    assert!(queue.flush());
                }
                std::fs::write(directory.path().join(format!("worker-{}", getpid())), number.to_string()).unwrap();
            };
            let workers = [(); 3].map(|()| in_child(log_until_told));
            workers.into_iter().for_each(|worker| assert_eq!(wait_for_exit(worker), Some(0)));
            let stats = &logtree_prefork::stats()[0];
            assert_eq!((stats.refused_transactions, stats.disturbed_appends, stats.unprotected_batches), (0, 0, 0));
            assert_eq!((stats.bad_lanes, stats.dropped), (0, 0));
        };
        let program = Program::start(directory.path(), work);
        for round in 0..ROUNDS {
            program.clean(what);
            // Whoever listens next must have it too.
            let victim = ["logtree-listen", "logtree-standby"].get(round % 3);
            let victim = victim.map(|name| program.helper(name));
            victim.into_iter().for_each(kill);
            program.assert_newcomer_joins(50);
            wait_until_dead(victim.as_slice());
            // A standby has its maker's name until it has taken its own.
            until("no two listen", || program.helpers("logtree-listen").len() <= 1);
        }
        assert_eq!(program.segment().0.exists(), what == Clean::Claim);
        program.tell("all is cleaned");
        assert_eq!(wait_for_exit(program.process), Some(0), "{what:?}");
        let entries = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
        let counts = entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("worker-"));
        let by_workers: u32 = counts.map(|path| std::fs::read_to_string(path).unwrap().parse::<u32>().unwrap()).sum();
        Queue::over(&program.log, QueueOptions::default()).wait_until_gone();
        assert_eq!(Lines::of(&program.log).assert_whole(), by_workers + ROUNDS as u32 * 50, "{what:?}");
    }
}

pub(crate) fn a_queue_without_names_is_found_in_its_processes() {
    for what in CLEANS {
        let directory = tempfile::tempdir().unwrap();
        let program = Program::start(directory.path(), |queue| {
            (0..100).for_each(|number| queue.log(number));
            assert!(queue.flush());
            std::fs::write(directory.path().join("flushed"), "").unwrap();
            wait_for(directory.path(), "log more");
            (100..200).for_each(|number| queue.log(number));
            assert!(queue.flush());
        });
        program.wait_for("flushed");
        program.clean(what);
        until("the claim is back", || program.is_claimed());
        // Nobody is left but the program itself, which does nothing.
        let helpers = stop_helpers_of(program.process);
        helpers.into_iter().for_each(kill);
        wait_until_dead(&helpers);
        program.assert_newcomer_joins(50);
        program.tell("log more");
        assert_eq!(wait_for_exit(program.process), Some(0), "{what:?}");
        Queue::over(&program.log, QueueOptions::default()).wait_until_gone();
        assert_eq!(Lines::of(&program.log).assert_whole(), 250, "{what:?}");
    }
}

pub(crate) fn what_was_written_stands_once_when_all_are_killed_behind_a_cleaner() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::start(directory.path(), |queue| {
        (0..100).for_each(|number| queue.log(number));
        assert!(queue.flush());
        std::fs::write(directory.path().join("flushed"), "").unwrap();
        wait_for(directory.path(), "log more");
        (100..150).for_each(|number| queue.log(number));
        std::fs::write(directory.path().join("logged"), "").unwrap();
        wait_for(directory.path(), "nothing");
    });
    program.wait_for("flushed");
    program.clean(Clean::Segment);
    let helpers = stop_helpers_of(program.process);
    // What comes now is nowhere when all are dead: there is no more to promise.
    program.tell("log more");
    program.wait_for("logged");
    kill(program.process);
    helpers.into_iter().for_each(kill);
    assert_eq!(wait_for_exit(program.process), None);
    wait_until_dead(&helpers);
    let next = in_child(|| {
        let queue = started(&program.log);
        (0..100).for_each(|number| queue.log(number));
        assert!(queue.flush());
    });
    assert_eq!(wait_for_exit(next), Some(0));
    Queue::over(&program.log, QueueOptions::default()).wait_until_gone();
    assert_eq!(Lines::of(&program.log).assert_whole(), 200);
}

pub(crate) fn a_listener_whose_file_another_queue_has_taken_waits_its_turn() {
    let directory = tempfile::tempdir().unwrap();
    let stderr = directory.path().join("stderr");
    let program = Program::start_with_stderr(&stderr, directory.path(), |queue| {
        (0..100).for_each(|number| queue.log(number));
        assert!(queue.flush());
        std::fs::write(directory.path().join("flushed"), "").unwrap();
        wait_for(directory.path(), "log more");
        (100..200).for_each(|number| queue.log(number));
        std::fs::write(directory.path().join("logged"), "").unwrap();
        assert!(queue.flush());
    });
    program.wait_for("flushed");
    // Nobody puts the claim back, for longer than a newcomer waits.
    let stopped = stop_helpers_of(program.process);
    program.clean(Clean::Claim);
    let newcomer = in_child(|| {
        let queue = started(&program.log);
        assert_ne!(segment().split_once(' ').unwrap().1, program.segment().1);
        (0..100).for_each(|number| queue.log(number));
        assert!(queue.flush());
        program.tell("newcomer has written");
        wait_for(directory.path(), "end");
    });
    program.tell("log more");
    program.wait_for("logged");
    program.wait_for("newcomer has written");
    stopped.iter().for_each(|pid| kill_process(*pid, Signal::CONT).unwrap());
    let master = program.process.as_raw_nonzero().get();
    let written = || Lines::so_far(&program.log).numbers[&(master, master)].len();
    let waits = || std::fs::read_to_string(&stderr).unwrap().matches("waits until that has ended").count();
    for _ in 0..2 {
        let before = waits();
        until("the listener waits, or the next one", || waits() > before);
        assert_eq!(written(), 100);
        kill(program.helper("logtree-listen"));
    }
    let said = std::fs::read_to_string(&stderr).unwrap();
    assert!(said.contains(&format!("{} is written by the queue '", program.log.display())), "{said}");
    program.tell("end");
    assert_eq!(wait_for_exit(newcomer), Some(0));
    assert_eq!(wait_for_exit(program.process), Some(0));
    Queue::over(&program.log, QueueOptions::default()).wait_until_gone();
    assert_eq!(Lines::of(&program.log).assert_whole(), 300);
}

pub(crate) fn a_listener_whose_file_was_taken_ends_when_the_file_is_gone_with_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let stderr = directory.path().join("stderr");
    let program = Program::start_with_stderr(&stderr, directory.path(), |queue| {
        queue.log(0);
        assert!(queue.flush());
        std::fs::write(directory.path().join("flushed"), "").unwrap();
        wait_for(directory.path(), "log more");
        queue.log(1);
        std::fs::write(directory.path().join("logged"), "").unwrap();
        wait_for(directory.path(), "nothing");
    });
    program.wait_for("flushed");
    let stopped = stop_helpers_of(program.process);
    program.clean(Clean::Claim);
    let newcomer = in_child(|| {
        let queue = started(&program.log);
        queue.log(0);
        assert!(queue.flush());
        program.tell("newcomer has written");
        wait_for(directory.path(), "nothing");
    });
    program.tell("log more");
    program.wait_for("logged");
    program.wait_for("newcomer has written");
    let listener = program.helper("logtree-listen");
    stopped.iter().for_each(|pid| kill_process(*pid, Signal::CONT).unwrap());
    until("it waits", || std::fs::read_to_string(&stderr).unwrap().contains("waits until that has ended"));
    directory.close().unwrap();
    for process in [program.process, newcomer] {
        kill(process);
        assert_eq!(wait_for_exit(process), None);
    }
    wait_until_dead(&[listener]);
}

/// A handler that looks which file has its name goes on there: then the claim that keeps others out is there too.
pub(crate) fn a_directory_that_takes_the_place_of_another_gets_a_claim() {
    let directory = tempfile::tempdir().unwrap();
    let [logs, former] = ["logs", "logs.old"].map(|name| directory.path().join(name));
    std::fs::create_dir(&logs).unwrap();
    let log = logs.join("app.log");
    let started = || {
        let config =
            RotatingFileHandlerConfig { max_bytes: 1 << 20, backup_count: 1, ..RotatingFileHandlerConfig::new(&log) };
        let handler = Box::new(RotatingFileHandler::new(config).unwrap());
        let queue = Queue::before(vec![handler], &log, QueueOptions::default());
        queue.entry.handler.start().unwrap();
        queue
    };
    let program = in_child(|| {
        let queue = started();
        let log_next = |number| {
            queue.log(number);
            assert!(queue.flush());
        };
        log_next(0);
        std::fs::write(directory.path().join("segment"), segment()).unwrap();
        wait_for(directory.path(), "moved");
        let mut numbers = 1..;
        until("it goes on in the new one", || {
            log_next(numbers.next().unwrap());
            log.exists()
        });
        wait_for(directory.path(), "end");
    });
    wait_for(directory.path(), "segment");
    std::fs::rename(&logs, &former).unwrap();
    std::fs::create_dir(&logs).unwrap();
    let tell = |word: &str| std::fs::write(directory.path().join(word), "").unwrap();
    tell("moved");
    let claim = logs.join(".app.log.logtree");
    until("the claim is there", || std::fs::read(&claim).is_ok_and(|claim| claim.ends_with(b"\n")));
    let newcomer = in_child(|| {
        let queue = started();
        queue.log(0);
        assert!(queue.flush());
        assert_eq!(segment(), std::fs::read_to_string(directory.path().join("segment")).unwrap());
    });
    assert_eq!(wait_for_exit(newcomer), Some(0), "there is a second queue");
    tell("end");
    assert_eq!(wait_for_exit(program), Some(0));
    until("the claim is gone", || !claim.exists());
    let all = directory.path().join("all");
    let texts = [&former, &logs].map(|logs| std::fs::read_to_string(logs.join("app.log")).unwrap());
    std::fs::write(&all, texts.concat()).unwrap();
    Lines::of(&all).assert_whole();
}

/// A handler that does not look goes on in the file that it has, and the new directory is another program's.
pub(crate) fn a_queue_that_stays_in_a_moved_directory_takes_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let [logs, former] = ["logs", "logs.old"].map(|name| directory.path().join(name));
    std::fs::create_dir(&logs).unwrap();
    let log = logs.join("app.log");
    let started = || {
        let handler = Box::new(FileHandler::new(FileHandlerConfig::new(&log)).unwrap());
        let queue = Queue::before(vec![handler], &log, QueueOptions::default());
        queue.entry.handler.start().unwrap();
        queue
    };
    let program = in_child(|| {
        let queue = started();
        let mut numbers = 0..;
        for word in ["segment", "has looked", "logs beside the other"] {
            // For as long as several of its listener's looks.
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(200) {
                queue.log(numbers.next().unwrap());
                assert!(queue.flush());
            }
            std::fs::write(directory.path().join(word), segment()).unwrap();
            wait_for(directory.path(), &format!("behind {word}"));
        }
    });
    let tell = |word: &str| std::fs::write(directory.path().join(format!("behind {word}")), "").unwrap();
    wait_for(directory.path(), "segment");
    std::fs::rename(&logs, &former).unwrap();
    std::fs::create_dir(&logs).unwrap();
    tell("segment");
    wait_for(directory.path(), "has looked");
    let newcomer = in_child(|| {
        let queue = started();
        (0..3).for_each(|number| queue.log(number));
        assert!(queue.flush());
        assert_ne!(segment(), std::fs::read_to_string(directory.path().join("segment")).unwrap());
        // Until the other one's listener has looked.
        tell("has looked");
        wait_for(directory.path(), "logs beside the other");
    });
    assert_eq!(wait_for_exit(newcomer), Some(0));
    tell("logs beside the other");
    assert_eq!(wait_for_exit(program), Some(0));
    let claim = logs.join(".app.log.logtree");
    until("the claim is gone", || !claim.exists());
    [former, logs].iter().for_each(|logs| _ = Lines::of(&logs.join("app.log")).assert_whole());
}
