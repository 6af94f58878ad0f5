//! Configs that come one after the other, and listeners that follow them.
//!
//! A config here is a list of words: log files, `new`, a class that only some programs have, and `unready`, a handler that cannot be
//! started.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree_core::{BuildError, EmitError, Formatter, Handler, Overflow, QueueLimits, QueueListener, Record, Steps};
use logtree_os::claim::Meeting;
use logtree_prefork::{ConfigAge, ConfigText, Configured, QueueOptions, QueueStats, with_config};
use rustix::process::getpid;

use crate::figures::{ROOM, median};
use crate::support::{
    DEADLINE, Lines, Queue, helper, helpers_of, in_child, kill, stop_helpers, to_file, until, wait_for_exit,
};

/// A config file, in whose directory the logs are.
struct File(PathBuf);

impl File {
    fn new(directory: &Path, name: &str, text: &str) -> Self {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        // A thread of a program stays where that is.
        std::env::set_current_dir(directory).unwrap();
        Self(path)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.0.with_file_name(name)
    }

    /// The queue of a program that reads this file, of an older program or a newer one.
    fn read(&self, has_new: bool) -> Queue {
        self.queue(has_new, ConfigAge::of_file(&self.0))
    }

    fn queue(&self, has_new: bool, age: ConfigAge) -> Queue {
        let directory = self.0.parent().unwrap().to_owned();
        let text = std::fs::read_to_string(&self.0).unwrap();
        let config = ConfigText { text, format: "words".into(), directory, age, ..ConfigText::default() };
        let handlers = handlers_of(&config, has_new).unwrap();
        let rebuild = Arc::new(move |config: &ConfigText, handler: &str| {
            let built = Queue::before(handlers_of(config, has_new)?, Path::new(""), QueueOptions::default());
            let handlers = built.entry.handler.children().to_vec();
            Ok(QueueListener { name: handler.to_owned(), handlers, respect_handler_level: true })
        });
        let configured = Configured { config: Arc::new(config), rebuild, is_service: false };
        // They wait for room, so that a number that is missing is a record that was lost.
        let limits = QueueLimits { overflow: Overflow::Block(DEADLINE), ..QueueLimits::default() };
        let options = QueueOptions { limits, ..QueueOptions::default() };
        with_config(&configured, || Queue::before(handlers, &self.log("one"), options))
    }

    /// A process that starts with this config.
    fn start(&self, has_new: bool) -> Queue {
        let queue = self.read(has_new);
        queue.entry.handler.start().unwrap();
        queue
    }
}

fn handlers_of(config: &ConfigText, has_new: bool) -> Result<Vec<Box<dyn Handler>>, String> {
    let mut handlers: Vec<Box<dyn Handler>> = Vec::new();
    for word in config.text.split(' ') {
        match word {
            "new" if !has_new => return Err("there is no class 'new'".to_owned()),
            "new" => {}
            "unready" => handlers.push(Box::new(Unready)),
            log => handlers.push(to_file(&config.directory.join(log))),
        }
    }
    Ok(handlers)
}

struct Unready;

impl Handler for Unready {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        Ok(())
    }

    fn start(&self) -> Result<(), BuildError> {
        Err(BuildError::new("it is not ready"))
    }
}

fn stats() -> QueueStats {
    let [stats] = &logtree_prefork::stats()[..] else { panic!("one queue") };
    stats.clone()
}

/// A process that has the queue logs so many records.
fn log(queue: &Queue, numbers: std::ops::Range<u32>) {
    numbers.for_each(|number| queue.log(number));
    assert!(queue.flush());
}

fn count(log: &Path) -> u32 {
    Lines::of(log).numbers.values().map(|numbers| numbers.len() as u32).sum()
}

fn has_claim(log: &Path) -> bool {
    log.with_file_name(format!(".{}.logtree", log.file_name().unwrap().to_str().unwrap())).exists()
}

pub(crate) fn a_newer_config_reaches_the_listener_and_its_successors() {
    let directory = tempfile::tempdir().unwrap();
    let old = File::new(directory.path(), "old", "one");
    let [one, two] = ["one", "two"].map(|name| old.log(name));
    let queue = old.start(false);
    log(&queue, 0..100);
    assert_eq!((stats().config.generation, stats().config.listening), (1, 1));
    let listener = helper("logtree-listen");
    let new = File::new(directory.path(), "new", "one two");
    let newcomer = in_child(|| {
        let queue = new.start(false);
        log(&queue, 0..10);
    });
    assert_eq!(wait_for_exit(newcomer), Some(0));
    // This process did not do anything; nor did the listener change hands.
    log(&queue, 100..200);
    assert_eq!((count(&one), count(&two)), (210, 110));
    assert_eq!((stats().config.generation, stats().config.listening, stats().claim_number), (2, 2, 1));
    assert_eq!(helper("logtree-listen"), listener);
    assert!(has_claim(&two));
    // The standby is older than the new config.
    helper("logtree-standby");
    kill(listener);
    until("another one listens", || stats().claim_number == 2);
    log(&queue, 200..300);
    assert_eq!((count(&one), count(&two)), (310, 210));
    // Its standby is younger.
    helper("logtree-standby");
    kill(helper("logtree-listen"));
    until("another one listens", || stats().claim_number == 3);
    log(&queue, 300..400);
    assert_eq!((count(&one), count(&two)), (410, 310));
    // A worker of the old release starts again, and one is forked.
    for starts in [true, false] {
        let worker = in_child(|| match starts {
            true => log(&old.start(false), 0..1),
            false => log(&queue, 0..1),
        });
        assert_eq!(wait_for_exit(worker), Some(0));
    }
    assert_eq!((count(&one), count(&two)), (412, 312));
    assert_eq!((stats().config.generation, stats().config.listening), (2, 2));
    // The old text in place of the new one is news.
    let back = File::new(directory.path(), "new", "one");
    let newcomer = in_child(|| log(&back.start(false), 0..1));
    assert_eq!(wait_for_exit(newcomer), Some(0));
    assert_eq!((stats().config.generation, stats().config.listening), (3, 3));
    assert_eq!((count(&one), count(&two), has_claim(&two)), (413, 312, false));
    assert_eq!(Lines::of(&one).assert_whole(), 413);
}

/// From the call that starts a program with a newer config until the listener writes by it.
pub(crate) fn a_newer_config_is_soon_in_force() {
    const LIMIT: Duration = Duration::from_millis(50);
    const IDLE: Duration = Duration::from_millis(60);
    let directory = tempfile::tempdir().unwrap();
    let file = File::new(directory.path(), "config", "one");
    let queue = file.start(false);
    log(&queue, 0..100);
    let mut times = Vec::new();
    for round in 1..=20 {
        let added = format!("added-{round}");
        let file = File::new(directory.path(), "config", &format!("one {added}"));
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        // The listener naps no more: it has to be woken.
        std::thread::sleep(IDLE);
        let newcomer = in_child(|| {
            let began = Instant::now();
            let queue = file.start(false);
            let took = u64::try_from(began.elapsed().as_nanos()).unwrap();
            assert_eq!((stats().config.generation, stats().config.listening), (round + 1, round + 1));
            rustix::io::write(&writer, &took.to_ne_bytes()).unwrap();
            log(&queue, 0..1);
        });
        drop(writer);
        let mut took = [0; 8];
        assert_eq!(rustix::io::read(&reader, &mut took), Ok(8));
        times.push(Duration::from_nanos(u64::from_ne_bytes(took)));
        assert_eq!(wait_for_exit(newcomer), Some(0));
        assert_eq!(count(&file.log(&added)), 1);
    }
    let slowest = *times.iter().max().unwrap();
    let median = median(times);
    println!("a newer config was in force after {median:?} in the median, {slowest:?} at most");
    assert!(median <= LIMIT * ROOM);
}

pub(crate) fn a_file_that_the_new_config_leaves_out_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let first = File::new(directory.path(), "first", "one two");
    let [one, two] = ["one", "two"].map(|name| first.log(name));
    let queue = first.start(false);
    log(&queue, 0..50);
    let second = File::new(directory.path(), "second", "two");
    let newcomer = in_child(|| log(&second.start(false), 0..10));
    assert_eq!(wait_for_exit(newcomer), Some(0));
    log(&queue, 50..100);
    assert_eq!((count(&one), count(&two)), (50, 110));
    assert_eq!((has_claim(&one), has_claim(&two)), (false, true));
    // It is another queue's by now; and then this one cannot have it back.
    let other = in_child(|| {
        let queue = Queue::started(&one);
        log(&queue, 0..5);
        let third = File::new(directory.path(), "third", "one two");
        let refused = third.read(false).entry.handler.start().unwrap_err().to_string();
        assert!(refused.contains("two is written by the queue 'queue-"), "{refused}");
        let refused = in_child(|| {
            let told = third.queue(false, ConfigAge::now());
            assert!(told.entry.handler.start().is_err());
        });
        assert_eq!(wait_for_exit(refused), Some(0));
    });
    assert_eq!(wait_for_exit(other), Some(0));
    log(&queue, 100..110);
    assert_eq!((count(&one), count(&two), stats().config.generation), (55, 120, 2));
}

/// Somebody looks at its claim just then.
pub(crate) fn a_file_whose_claim_is_held_is_free_later() {
    // The first successor is older than the second config, the second one has it.
    for successors in 0..=2 {
        let master = in_child(|| {
            let directory = tempfile::tempdir().unwrap();
            let first = File::new(directory.path(), "first", "one two");
            let two = first.log("two");
            let queue = first.start(false);
            log(&queue, 0..1);
            helper("logtree-standby");
            let meeting = Meeting::lock(&[&two], DEADLINE).unwrap();
            let second = File::new(directory.path(), "second", "one");
            assert_eq!(wait_for_exit(in_child(|| log(&second.start(false), 0..1))), Some(0));
            assert_eq!((stats().config.listening, has_claim(&two)), (2, true));
            for number in 1..=successors {
                helper("logtree-standby");
                kill(helper("logtree-listen"));
                until("another one listens", || stats().claim_number == u64::from(number) + 1);
                log(&queue, number..number + 1);
            }
            drop(meeting);
            until("it is free", || !has_claim(&two));
        });
        assert_eq!(wait_for_exit(master), Some(0), "{successors}");
    }
}

pub(crate) fn a_config_that_cannot_be_started_claims_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let old = File::new(directory.path(), "old", "one");
    let two = old.log("two");
    let queue = old.start(false);
    log(&queue, 0..1);
    let new = File::new(directory.path(), "new", "one two unready");
    let refused = new.queue(false, ConfigAge::now()).entry.handler.start().unwrap_err();
    assert_eq!(refused.to_string(), "it is not ready");
    assert_eq!((has_claim(&two), stats().config.generation), (false, 1));
    log(&queue, 1..2);
    assert_eq!((count(&old.log("one")), count(&two)), (2, 0));
}

/// It stood by from before two configs that came, of which neither writes the file any more.
pub(crate) fn a_successor_with_an_old_config_claims_nothing_that_was_given_up() {
    for is_anothers in [false, true] {
        let victim = in_child(|| {
            let directory = tempfile::tempdir().unwrap();
            let first = File::new(directory.path(), "first", "one two");
            let [one, two] = ["one", "two"].map(|name| first.log(name));
            let queue = first.start(false);
            log(&queue, 0..50);
            helper("logtree-standby");
            for (name, text) in [("second", "one"), ("third", "one three")] {
                let next = File::new(directory.path(), name, text);
                assert_eq!(wait_for_exit(in_child(|| log(&next.start(false), 0..1))), Some(0));
            }
            assert_eq!((stats().config.listening, has_claim(&two)), (3, false));
            let other = in_child(|| {
                if is_anothers {
                    let queue = Queue::started(&two);
                    log(&queue, 0..5);
                    std::fs::write(first.log("there"), "").unwrap();
                    wait_for_the_end(&first);
                }
            });
            until("it is another queue's", || !is_anothers || first.log("there").exists());
            kill(helper("logtree-listen"));
            until("another one listens", || stats().claim_number == 2);
            log(&queue, 50..100);
            assert_eq!((stats().config.listening, has_claim(&one), has_claim(&two)), (3, true, is_anothers));
            std::fs::write(first.log("done"), "").unwrap();
            assert_eq!(wait_for_exit(other), Some(0));
            until("the other queue has ended", || !has_claim(&two));
            assert_eq!(count(&one), 102);
        });
        assert_eq!(wait_for_exit(victim), Some(0), "{is_anothers}");
    }
}

/// Records that one process logs without a pause, and another one that comes with a config.
fn change_amid_records(newcomer: impl FnOnce(&File)) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let old = File::new(directory.path(), "old", "one");
    let [one, two] = ["one", "two"].map(|name| old.log(name));
    let queue = old.start(false);
    log(&queue, 0..1);
    let new = File::new(directory.path(), "new", "new one two");
    let child = in_child(|| newcomer(&new));
    let mut number = 1;
    let began = Instant::now();
    while count(&two) < 1000 {
        assert!(began.elapsed() < DEADLINE, "the new config is not in force");
        log(&queue, number..number + 100);
        number += 100;
    }
    assert_eq!((stats().config.generation, stats().config.listening), (2, 2));
    let me = getpid().as_raw_nonzero().get();
    // What stands in the new file is the end of what stands in the old one.
    let numbers = &Lines::of(&two).numbers[&(me, me)];
    let first = number - numbers.len() as u32;
    assert!(numbers.iter().map(|(n, times)| (*n, *times)).eq((first..number).map(|n| (n, 1))));
    let claim_number = stats().claim_number;
    std::fs::write(new.log("done"), "").unwrap();
    // Once more it changes hands, perhaps to a process that cannot build the config, and has that of before.
    until("the other one has ended", || {
        log(&queue, number..number + 100);
        number += 100;
        new.log("ended").exists()
    });
    assert_eq!(wait_for_exit(child), Some(0));
    log(&queue, number..number + 100);
    let lines = Lines::of(&one);
    lines.assert_whole();
    assert_eq!(lines.numbers[&(me, me)].len() as u32, number + 100);
    let numbers = &Lines::of(&two).numbers[&(me, me)];
    assert!(numbers.values().all(|times| *times == 1), "{numbers:?}");
    claim_number
}

/// Waits until the test needs this process no more.
fn wait_for_the_end(config: &File) {
    until("it is done", || config.log("done").exists());
}

pub(crate) fn a_listener_that_cannot_build_the_config_hands_over() {
    let claim_number = change_amid_records(|config| {
        let began = Instant::now();
        let queue = config.start(true);
        println!("another program's listener listened after {:?}", began.elapsed());
        assert_eq!((stats().claim_number, stats().config.listening), (2, 2));
        log(&queue, 0..10);
        wait_for_the_end(config);
        // Its helpers are killed, and those of the other process have left: a process that logs goes on.
        let [standby, listener] = stop_helpers();
        let stopped = Instant::now();
        [standby, listener].into_iter().for_each(kill);
        log(&queue, 10..20);
        println!("a thread listened, and had written, after {:?}", stopped.elapsed());
        // Whoever it was, in the end it is one who can.
        until("it has the new config", || {
            log(&queue, 20..20);
            stats().config.listening == 2
        });
        std::fs::write(config.log("ended"), "").unwrap();
    });
    assert_eq!(claim_number, 2);
}

pub(crate) fn a_thread_listens_where_no_helper_can_build_the_config() {
    let claim_number = change_amid_records(|config| {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || stopped.recv());
        let queue = config.start(true);
        assert_eq!((stats().claim_number, stats().config.listening), (2, 2));
        log(&queue, 0..10);
        assert_eq!(helpers_of(getpid(), "logtree-listen"), []);
        wait_for_the_end(config);
        drop(stop);
        let _ = thread.join();
        std::fs::write(config.log("ended"), "").unwrap();
    });
    assert_eq!(claim_number, 2);
}

pub(crate) fn a_process_goes_on_in_its_place_with_another_config() {
    let directory = tempfile::tempdir().unwrap();
    let file = File::new(directory.path(), "config", "one");
    let [one, two] = ["one", "two"].map(|name| file.log(name));
    let queue = file.start(false);
    log(&queue, 0..100);
    let text = std::fs::read_to_string(&file.0).unwrap() + " two";
    std::fs::write(&file.0, text).unwrap();
    // As `reload` has it: the new one is started before the old one is let go.
    let next = file.queue(false, ConfigAge::now());
    next.entry.handler.start().unwrap();
    log(&next, 100..200);
    log(&queue, 200..210);
    drop(queue);
    log(&next, 210..300);
    assert_eq!(Lines::of(&one).assert_whole(), 300);
    assert_eq!(count(&two), 200);
    let stats = stats();
    assert_eq!((stats.processes, stats.lanes, stats.config.generation, stats.config.listening), (1, 1, 2, 2));
    // Told to take the same once more, it has nothing to do; told to go back, it goes back.
    file.queue(false, ConfigAge::now()).entry.handler.start().unwrap();
    assert_eq!(logtree_prefork::stats()[0].config.generation, 2);
    std::fs::write(&file.0, "one").unwrap();
    let back = file.queue(false, ConfigAge::now());
    back.entry.handler.start().unwrap();
    log(&back, 300..310);
    assert_eq!((count(&one), count(&two)), (310, 200));
}

/// A listener that goes on with a config is killed at each point of that, and so is the process that brings it: its
/// successor has the new config, or the old one if that had not come; nothing is lost or repeated.
#[cfg(logtree_kill_points)]
pub(crate) fn whoever_is_killed_at_any_point_while_the_config_changes() {
    use logtree_os::kill_points::{self, NAMES};
    const ROUNDS: u32 = 10;
    let names: Vec<_> = NAMES.iter().filter(|name| name.starts_with("config: ")).collect();
    assert_eq!(names.len(), 6);
    for (name, round) in names.iter().flat_map(|name| (0..ROUNDS).map(move |round| (**name, round))) {
        let victim = in_child(|| {
            // Its own, which nobody who is left over of the one before has.
            kill_points::share();
            let directory = tempfile::tempdir().unwrap();
            let old = File::new(directory.path(), "old", "one");
            let [one, two] = ["one", "two"].map(|name| old.log(name));
            let queue = old.start(false);
            log(&queue, 0..10 * round);
            helper("logtree-standby");
            let new = File::new(directory.path(), "new", "two one");
            kill_points::arm(&[(name, 1)]);
            let newcomer = in_child(|| log(&new.start(false), 0..10));
            let mut number = 10 * round;
            until("it has died", || {
                log(&queue, number..number + 10);
                number += 10;
                kill_points::is_over()
            });
            let outcome = wait_for_exit(newcomer);
            // Killed before the config was there, it is started again, as a master would.
            let again = in_child(|| log(&new.start(false), 0..10));
            assert_eq!(wait_for_exit(again), Some(0));
            until("the new config is in force", || stats().config.listening == 2);
            let before = count(&two);
            log(&queue, number..number + 10);
            assert_eq!(count(&two), before + 10);
            assert_eq!((stats().config.generation, has_claim(&one), has_claim(&two)), (2, true, true));
            let written = Lines::of(&one).assert_whole();
            Lines::of(&two);
            let by_newcomers = if outcome == Some(0) { 20 } else { 10 };
            assert_eq!(written, number + 10 + by_newcomers, "{name}, round {round}");
            assert_eq!(stats().disturbed_appends + stats().unprotected_batches + stats().refused_transactions, 0);
        });
        assert_eq!(wait_for_exit(victim), Some(0), "{name}, round {round}");
    }
}
