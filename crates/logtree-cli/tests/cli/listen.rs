//! `logtree listen`, before and beside processes whose queue it listens to.

use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Child, ChildStdin, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::stat::until;
use crate::support::Place;

/// A directory with a config, and processes that have its queue.
struct Service {
    place: Place,
    listeners: u32,
}

/// A process; it is killed when the test is through with it.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    /// The file with its standard error.
    said: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.input.take());
        if std::thread::panicking() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

impl Running {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn log(&mut self, messages: std::ops::Range<usize>) {
        let lines = messages.map(|n| format!(r#"{{"name": "a", "levelno": 40, "msg": "{n}"}}"#) + "\n");
        self.input.as_mut().unwrap().write_all(lines.collect::<String>().as_bytes()).unwrap();
    }
}

impl Service {
    fn new() -> Self {
        let service = Self { place: Place::new(), listeners: 0 };
        service.configure("%(message)s");
        service
    }

    fn configure(&self, format: &str) {
        let config = format!(
            r#"{{"version": 1, "root": {{"handlers": ["queue"]}}, "formatters": {{"f": {{"format": "{format}"}}}}, "handlers": {{
                "file": {{"class": "logging.FileHandler", "filename": "app.log", "formatter": "f"}},
                "unrelated": {{"class": "logging.FileHandler", "filename": "unrelated.log"}},
                "queue": {{"class": "logging.handlers.QueueHandler", "handlers": ["file"],
                           "queue": {{"()": "multiprocessing.Queue"}},
                           "listener": "logging.handlers.QueueListener"}}}}}}"#
        );
        self.place.write("config.json", &config);
    }

    fn spawn(&self, arguments: &[&str], said: String) -> Running {
        let mut command = self.place.command(arguments);
        let stderr = File::create(self.place.path(&said)).unwrap();
        let mut child = command.stdin(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let input = child.stdin.take();
        Running { child, input, said }
    }

    /// Starts `logtree listen` and waits until it says that it listens.
    fn listen(&mut self) -> Running {
        self.listeners += 1;
        let running = self.spawn(&["listen", "config.json"], format!("listener-{}", self.listeners));
        self.until_said(&running, "listens to the queue 'queue'");
        running
    }

    /// A process that logs what it is told.
    fn producer(&self) -> Running {
        self.spawn(&["emit", "config.json"], "producer".to_owned())
    }

    fn said(&self, running: &Running) -> String {
        String::from_utf8(self.place.read(&running.said)).unwrap()
    }

    fn until_said(&self, running: &Running, what: &str) {
        until(what, || self.said(running).contains(what).then_some(()));
    }

    fn until_written(&self, lines: &[&str]) {
        let expected = lines.concat();
        let log = || fs::read_to_string(self.place.path("app.log")).unwrap_or_default();
        until(&format!("{expected:?} is written, not {:?}", log()), || (log() == expected).then_some(()));
    }

    fn stat(&self) -> Option<Value> {
        let said = self.place.run(&["stat", "--format", "json", "app.log"], "");
        serde_json::from_str::<Vec<Value>>(said.stdout()).unwrap().pop()
    }

    fn until_left(&self) {
        until("nothing is left", || (!self.place.files().contains(&".app.log.logtree".to_owned())).then_some(()));
    }
}

fn lines(numbers: std::ops::Range<usize>) -> String {
    numbers.map(|number| format!("{number}\n")).collect()
}

#[test]
fn it_listens_reads_its_config_again_and_ends() {
    let mut service = Service::new();
    let mut listener = service.listen();
    assert!(!service.place.files().contains(&"unrelated.log".to_owned()), "it opens what stands behind the queue");
    let mut producer = service.producer();
    producer.log(0..10);
    service.until_written(&[&lines(0..10)]);
    let queue = service.stat().unwrap();
    assert_eq!((&queue["listener"], &queue["listeners_so_far"]), (&listener.child.id().into(), &1.into()));

    service.configure("new %(message)s");
    listener.signal(Signal::HUP);
    service.until_said(&listener, "config.json again");
    until("the listener has it", || (service.stat()?["config"]["listening"] == 2).then_some(()));
    producer.log(10..11);
    service.until_written(&[&lines(0..10), "new 10\n"]);
    service.place.write("config.json", r#"{"version": 1, "handlers": {"a": {"class": "program.Handler"}}}"#);
    listener.signal(Signal::HUP);
    service.until_said(&listener, "goes on with the config of before");
    assert!(service.said(&listener).contains("program.Handler"));
    producer.log(11..12);
    service.until_written(&[&lines(0..10), "new 10\n", "new 11\n"]);

    // Its standby goes on for the process that logs, and leaves with it.
    until("there is a standby", || service.stat().filter(|queue| !queue["standby"].is_null()));
    listener.signal(Signal::TERM);
    assert_eq!(listener.child.wait().unwrap().code(), Some(0));
    assert!(service.said(&listener).ends_with("logtree: writes what there is, and ends\nlogtree: ended\n"));
    producer.log(12..13);
    service.until_written(&[&lines(0..10), "new 10\n", "new 11\n", "new 12\n"]);
    drop(producer);
    service.until_left();
}

#[test]
fn it_takes_the_place_of_helpers_and_they_its() {
    let mut service = Service::new();
    let mut producer = service.producer();
    producer.log(0..5);
    service.until_written(&[&lines(0..5)]);
    let mut listener = service.listen();
    producer.log(5..10);
    service.until_written(&[&lines(0..10)]);
    let is_listener = |queue: &Value| queue["listener"] == listener.child.id();
    let queue =
        until("it has a standby", || service.stat().filter(|queue| is_listener(queue) && !queue["standby"].is_null()));
    assert_eq!(queue["listeners_so_far"], 2);
    listener.signal(Signal::KILL);
    listener.child.wait().unwrap();
    producer.log(10..15);
    service.until_written(&[&lines(0..15)]);
    assert_eq!(service.stat().unwrap()["listener"], queue["standby"]);
    // Again, and then nobody is left whom it would listen to.
    let mut listener = service.listen();
    producer.log(15..20);
    drop(producer);
    service.until_written(&[&lines(0..20)]);
    listener.signal(Signal::INT);
    assert_eq!(listener.child.wait().unwrap().code(), Some(0));
    service.until_left();
}

#[test]
fn what_it_cannot_be_is_refused() {
    let place = Place::new();
    let handlers = [
        (r#""a": {"class": "program.Handler"}"#, "program.Handler"),
        (r#""a": {"class": "logging.FileHandler", "filename": "a.log"}"#, "the config has no multiprocessing.Queue"),
        (
            r#""a": {"class": "logging.FileHandler", "filename": "a.log"},
               "q": {"class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue"}, "handlers": ["a"],
                     "listener": "logging.handlers.QueueListener"},
               "r": {"class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue"}, "handlers": ["a"],
                     "listener": "logging.handlers.QueueListener"}"#,
            "several queues, and a program listens to one: 'q', 'r'",
        ),
    ];
    for (handlers, why) in handlers {
        place.write("config.json", &format!(r#"{{"version": 1, "handlers": {{{handlers}}}}}"#));
        let said = place.run(&["listen", "config.json"], "");
        assert_eq!((said.code, said.stdout()), (Some(2), ""));
        assert!(said.stderr().contains(why), "{}", said.stderr());
        assert_eq!(place.files(), ["config.json"]);
    }
}
