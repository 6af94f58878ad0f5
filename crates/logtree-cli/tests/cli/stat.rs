//! `logtree stat`, beside a process whose queue it looks at.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::colors::terminal;
use crate::support::Place;

/// Nothing takes so long but a bug.
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// `logtree emit` before a queue, which logs what it is told.
struct Producer {
    place: Place,
    name: String,
    child: Child,
    input: Option<ChildStdin>,
}

impl Producer {
    fn new(name: &str) -> Self {
        let place = Place::new();
        let name = format!("{name}-{}", std::process::id());
        let config = format!(
            r#"{{"version": 1, "root": {{"handlers": ["queue"]}}, "handlers": {{
                "file": {{"class": "logging.FileHandler", "filename": "app.log"}},
                "queue": {{"class": "logging.handlers.QueueHandler", "handlers": ["file"],
                           "queue": {{"()": "multiprocessing.Queue", "name": "{name}", "capacity": "128 KiB", "maxsize": 100}},
                           "listener": "logging.handlers.QueueListener"}}}}}}"#
        );
        place.write("config.json", &config);
        let mut command = place.command(&["emit", "config.json"]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        Self { place, name, child, input }
    }

    fn log(&mut self, count: usize) {
        let lines = (0..count).map(|n| format!(r#"{{"name": "a", "levelno": 40, "msg": "record {n}"}}"#) + "\n");
        self.input.as_mut().unwrap().write_all(lines.collect::<String>().as_bytes()).unwrap();
    }

    /// What is said of the queue of that name, or of every queue.
    fn stat(&self, name: Option<&str>) -> Vec<Value> {
        let said = self.place.run(&[&["stat", "--format", "json"][..], name.as_slice()].concat(), "");
        serde_json::from_str(said.stdout()).unwrap()
    }

    /// What is said of its own queue, once it is as asked for.
    fn stat_when(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        until(what, || self.stat(Some(&self.name)).pop().filter(&is_so))
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

fn signal(process: &Value, signal: Signal) {
    let pid = i32::try_from(process.as_u64().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

#[test]
fn who_listens_what_waits_and_what_was_dropped() {
    let mut producer = Producer::new("stat");
    producer.log(10);
    let queue = producer.stat_when("the records are handled", |queue| queue["handled"] == 10);
    assert_eq!((&queue["queue"], &queue["listeners_so_far"]), (&producer.name.as_str().into(), &1.into()));
    assert_eq!((&queue["processes"], &queue["lanes"], &queue["waiting"]), (&1.into(), &1.into(), &0.into()));
    assert_eq!((&queue["late"], &queue["dropped"]["total"]), (&0.into(), &0.into()));
    let owner = &queue["owners"][0];
    assert_eq!((&owner["process"], &owner["attached"]), (&producer.child.id().into(), &true.into()));
    assert_eq!(owner["dead"], false);
    assert_eq!((&owner["capacity_bytes"], &owner["lanes"][0]["published"]), (&(128 << 10).into(), &10.into()));

    // The standby first, so that it does not take the other's place.
    let queue = producer.stat_when("there is a standby", |queue| !queue["standby"].is_null());
    let (listener, standby) = (&queue["listener"], &queue["standby"]);
    [standby, listener].into_iter().for_each(|process| signal(process, Signal::STOP));
    producer.log(300);
    let full = producer.stat_when("its lane is full", |queue| {
        let lane = &queue["owners"][0]["lanes"][0];
        lane["published"].as_u64().unwrap() + lane["dropped"].as_u64().unwrap() == 310
    });
    let (waiting, dropped) = (full["waiting"].as_u64().unwrap(), full["dropped"]["total"].as_u64().unwrap());
    assert_eq!((waiting, dropped, &full["dropped"]["full"]), (100, 200, &200.into()));
    let bytes = full["waiting_bytes"].as_u64().unwrap();
    assert!((100 * 40..100 * 200).contains(&bytes), "{bytes} bytes");
    let text = producer.place.run(&["stat", &producer.name], "");
    assert_eq!((text.code, text.stderr()), (Some(0), ""));
    let lines = [
        format!("queue {}\n", producer.name),
        format!("\n  listener   {listener}, the 1st so far; standing by: {standby}\n"),
        "\n  config     config.json, generation 1\n".to_owned(),
        format!("\n  records    10 handled, {waiting} wait ("),
        format!("\n  dropped    {dropped}: full {dropped}\n"),
    ];
    lines.iter().for_each(|line| assert!(text.stdout().contains(line), "{line:?} in {}", text.stdout()));
    assert!(!text.stdout().contains("ended"), "{}", text.stdout());
    [standby, listener].into_iter().for_each(|process| signal(process, Signal::CONT));
    // What was dropped is told of by then, and counts on; what tells of it is a record as well.
    let queue = producer
        .stat_when("all is read", |queue| queue["waiting"] == 0 && queue["handled"].as_u64() > Some(10 + waiting));
    assert_eq!(queue["dropped"]["total"], dropped);
}

/// Nobody is left who could say that the others are gone.
#[test]
fn of_a_queue_whose_processes_were_all_killed_nobody_is_said_to_be_there() {
    let mut producer = Producer::new("killed");
    producer.log(1);
    producer.stat_when("it is read", |queue| queue["handled"] == 1);
    let queue = producer.stat_when("there is a standby", |queue| !queue["standby"].is_null());
    let path = PathBuf::from(queue["path"].as_str().unwrap());
    let claim = format!(".{}.logtree", path.file_name().unwrap().to_str().unwrap());
    let _left = [Removed(path.with_file_name(claim)), Removed(path)];
    // Stopped, the listener makes no other standby, and the producer no other listener.
    signal(&queue["listener"], Signal::STOP);
    // What nobody would miss, any process that installs a queue takes away.
    producer.log(1);
    producer.stat_when("a record waits", |queue| queue["waiting"] == 1);
    producer.child.kill().unwrap();
    producer.child.wait().unwrap();
    [&queue["standby"], &queue["listener"]].into_iter().for_each(|process| signal(process, Signal::KILL));
    let found = producer.stat_when("the listener is gone", |queue| queue["listener"].is_null());
    let owner = &found["owners"][0];
    assert_eq!((&owner["process"], &owner["dead"]), (&producer.child.id().into(), &true.into()));
    let found = producer.stat_when("the standby is gone", |queue| queue["standby"].is_null());
    assert_eq!(found["owners"].as_array().unwrap().len(), 1);
    let text = producer.place.run(&["stat", &producer.name], "");
    assert!(text.stdout().contains("listener   nobody, the 1st so far; standing by: nobody\n"), "{}", text.stdout());
    assert!(text.stdout().contains("  ended      all its processes were killed"), "{}", text.stdout());
    assert!(text.stdout().ends_with(" (dead)\n"), "{}", text.stdout());
}

#[test]
fn a_queue_is_found_by_its_name_by_its_file_and_among_all() {
    let mut producer = Producer::new("found");
    producer.log(1);
    let segment = producer.stat_when("it is there", |queue| queue["handled"] == 1)["segment"].clone();
    assert_eq!(producer.stat(Some("app.log"))[0]["segment"], segment);
    assert!(producer.stat(None).iter().any(|queue| queue["segment"] == segment));
    let before = producer.place.files();
    for unknown in ["nobody's", "other.log"] {
        let said = producer.place.run(&["stat", unknown], "");
        assert_eq!((said.code, said.stdout()), (Some(1), ""));
        assert!(said.stderr().starts_with(&format!("logtree: no queue is called '{unknown}'")), "{}", said.stderr());
    }
    assert_eq!(producer.place.files(), before, "looking leaves nothing behind");
}

/// A file that is taken away again.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_queue_without_a_name_in_shared_memory_is_found_all_the_same() {
    let mut producer = Producer::new("removed");
    producer.log(1);
    let queue = producer.stat_when("it is there", |queue| queue["handled"] == 1);
    fs::remove_file(queue["path"].as_str().unwrap()).unwrap();
    producer.log(2);
    let found = producer.stat_when("it goes on", |queue| queue["handled"] == 3);
    assert_eq!(found["segment"], queue["segment"]);
    assert_eq!(producer.stat(Some("app.log"))[0]["segment"], queue["segment"]);
    assert!(producer.stat(None).iter().any(|found| found["segment"] == queue["segment"]));
}

#[test]
fn a_queue_of_another_version_is_said_to_be_one() {
    let mut producer = Producer::new("version");
    producer.log(1);
    let queue = producer.stat_when("it is there", |queue| queue["handled"] == 1);
    let path = PathBuf::from(queue["path"].as_str().unwrap());
    let other = Removed(path.with_file_name(format!("queue-other-{}", std::process::id())));
    fs::copy(&path, &other.0).unwrap();
    fs::set_permissions(&other.0, fs::Permissions::from_mode(0o600)).unwrap();
    // The second word is the version.
    File::options().write(true).open(&other.0).unwrap().write_at(&[0x5a; 8], 8).unwrap();
    let said = producer.place.run(&["stat", &format!("other-{}", std::process::id())], "");
    assert_eq!((said.code, said.stdout()), (Some(1), ""));
    assert!(said.stderr().contains("of an incompatible version of logtree"), "{}", said.stderr());
    // It hides no other.
    assert!(producer.stat(None).iter().any(|found| found["segment"] == queue["segment"]));
}

#[test]
fn a_terminal_shows_it_again_and_again() {
    let mut producer = Producer::new("live");
    producer.log(1);
    producer.stat_when("it is there", |queue| queue["handled"] == 1);
    let (master, slave) = terminal();
    let mut command = producer.place.command(&["stat", &producer.name]);
    let mut child = command.stdin(Stdio::null()).stdout(slave).spawn().unwrap();
    drop(command);
    let (mut master, mut shown) = (File::from(master), String::new());
    let mut look = |what: &str, is_so: &dyn Fn(&str) -> bool| {
        until(what, || {
            let mut bytes = [0; 4096];
            let read = master.read(&mut bytes).unwrap();
            shown.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
            is_so(&shown).then_some(())
        });
    };
    look("it is shown", &|shown| shown.contains("1 handled, 0 wait"));
    producer.log(4);
    look("it is shown anew", &|shown| shown.contains("5 handled (") && shown.matches("\x1b[H\x1b[J").count() > 1);
    child.kill().unwrap();
    child.wait().unwrap();
    // Once, where that is asked for.
    let (master, slave) = terminal();
    let mut command = producer.place.command(&["stat", "--once", &producer.name]);
    assert!(command.stdin(Stdio::null()).stdout(slave).status().unwrap().success());
    drop(command);
    let mut shown = Vec::new();
    let _ = File::from(master).read_to_end(&mut shown);
    assert_eq!(String::from_utf8(shown).unwrap().matches("5 handled").count(), 1);
}
