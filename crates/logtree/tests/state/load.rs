//! Logging that changes while many threads log.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use logtree::{
    BuildError, Config, EmitError, Format, Formatter, Handler, Level, Record, Steps, from_file, from_str, get_logger,
};

use crate::Life;
use crate::child::lines;

pub(crate) const LIVES: &[Life] = &[
    ("load::each_record_is_there_once", each_record_is_there_once),
    ("load::no_record_waits_for_a_config", no_record_waits_for_a_config),
];

const THREADS: usize = 4;
const CHANGES: usize = 200;

/// The ways to the file that configs take in turn: at once, from memory, through a queue.
fn config(change: usize) -> String {
    let (handler, root) = match change % 3 {
        0 => ("", "file"),
        1 => (r#", "held": {"class": "logging.handlers.MemoryHandler", "capacity": 7, "target": "file"}"#, "held"),
        _ => (
            r#", "queue": {"class": "logging.handlers.QueueHandler", "queue": "queue.Queue", "handlers": ["file"],
                "listener": "logging.handlers.QueueListener"}"#,
            "queue",
        ),
    };
    format!(
        r#"{{"version": 1, "disable_existing_loggers": false,
            "handlers": {{"file": {{"class": "logging.FileHandler", "filename": "a.log"}} {handler}}},
            "root": {{"level": "INFO", "handlers": ["{root}"]}}}}"#
    )
}

fn each_record_is_there_once() {
    fs::write("logging.json", config(0)).unwrap();
    let guard = from_file("logging.json").unwrap().install().unwrap();
    let is_over = AtomicBool::new(false);
    let log = |thread: usize| {
        let named = get_logger(&format!("named.{thread}"));
        let mut logged = 0;
        while !is_over.load(Ordering::Relaxed) {
            match logged % 3 {
                0 => tracing::info!(target: "events", "{thread}/{logged}"),
                1 => log::info!(target: "log", "{thread}/{logged}"),
                _ => named.log(Level::INFO, format_args!("{thread}/{logged}"), &[]),
            }
            // Refused by every config.
            tracing::debug!(target: "events", "{thread}/{logged}");
            logged += 1;
        }
        logged
    };
    let logged: Vec<usize> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let log = &log;
                scope.spawn(move || log(thread))
            })
            .collect();
        for change in 1..=CHANGES {
            match change % 4 {
                0 => guard.apply(from_str(&config(change), Format::Json).unwrap()).unwrap(),
                1 => guard.set_level("events", Level::INFO),
                _ => {
                    fs::write("logging.json", config(change)).unwrap();
                    guard.reload().unwrap();
                }
            }
        }
        is_over.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(guard.flush(Duration::from_secs(60)));
    assert_eq!(guard.errors(), 0);
    drop(guard);
    let mut seen: HashMap<String, usize> = HashMap::new();
    for line in lines("a.log") {
        *seen.entry(line).or_default() += 1;
    }
    for (thread, logged) in logged.iter().enumerate() {
        for number in 0..*logged {
            let count = seen.remove(&format!("{thread}/{number}"));
            assert_eq!(count, Some(1), "record {number} of {logged} of thread {thread}");
        }
    }
    assert!(seen.is_empty(), "{seen:?}");
    println!("{} records across {CHANGES} changes: each is there once", logged.iter().sum::<usize>());
}

/// How many records were handled.
#[derive(Default)]
struct Handled {
    count: Mutex<usize>,
    more: Condvar,
}

/// Counts records. Where it takes its time, it opens, starts and closes only once a hundred more were handled: by whichever
/// handlers there are meanwhile.
struct Counting {
    handled: Arc<Handled>,
    takes_time: bool,
}

impl Counting {
    fn take_time(&self) -> Result<(), BuildError> {
        let mut count = self.handled.count.lock().unwrap();
        let until = *count + 100;
        let too_long = Duration::from_secs(60);
        while self.takes_time && *count < until {
            let timeout;
            (count, timeout) = self.handled.more.wait_timeout(count, too_long).unwrap();
            if timeout.timed_out() {
                return Err(BuildError::new("records wait for the config"));
            }
        }
        Ok(())
    }
}

impl Handler for Counting {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        *self.handled.count.lock().unwrap() += 1;
        self.handled.more.notify_all();
        Ok(())
    }

    fn open(&self) -> Result<(), BuildError> {
        self.take_time()
    }

    fn start(&self) -> Result<(), BuildError> {
        self.take_time()
    }

    fn close(&self) {
        self.take_time().unwrap();
    }
}

fn no_record_waits_for_a_config() {
    let handled = Arc::new(Handled::default());
    let mut registry = logtree::registry();
    let counting = Arc::clone(&handled);
    registry.handler("test.Counting", move |mut kwargs| {
        let takes_time = kwargs.truth("takes_time").unwrap_or(false);
        kwargs.finish()?;
        let handler = Counting { handled: Arc::clone(&counting), takes_time };
        Ok(Box::new(move |_| Ok(Box::new(handler))))
    });
    let config =
        |handler: &str| format!(r#"{{"version": 1, "handlers": {{"h": {handler}}}, "root": {{"handlers": ["h"]}}}}"#);
    let (quick, slow) =
        (config(r#"{"class": "test.Counting"}"#), config(r#"{"class": "test.Counting", "takes_time": true}"#));
    // It waits for the first handler, opened and closed again, and then is refused for want of a directory.
    let refused =
        slow.replace("}}, \"root\"", r#"}, "i": {"class": "logging.FileHandler", "filename": "no/a.log"}}, "root""#);
    let apply = |text: &str| Config::parse(text, Format::Json, &registry).unwrap();
    fs::write("logging.json", &quick).unwrap();
    let guard = Config::load("logging.json", &registry).unwrap().install().unwrap();
    let reload = |text: &str| {
        fs::write("logging.json", text).unwrap();
        let before = *handled.count.lock().unwrap();
        let outcome = guard.reload();
        (outcome, *handled.count.lock().unwrap() - before)
    };
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                tracing::error!("one of many");
            }
        });
        let changes = || -> Result<(), Box<dyn std::error::Error>> {
            guard.apply(apply(&slow))?;
            guard.apply(apply(&quick))?;
            // Opened and started; and closed, when the next one takes its place.
            let (outcome, while_it_did) = reload(&slow);
            outcome?;
            assert!(while_it_did >= 200, "{while_it_did}");
            let (outcome, while_it_did) = reload(&quick);
            outcome?;
            assert!(while_it_did >= 100, "{while_it_did}");
            let missing = quick.replace("test.Counting", "test.Missing");
            let all_refused =
                [(&*refused, "no/a.log", 200), ("{", "logging.json:1:2", 0), (&*missing, "test.Missing", 0)];
            for (refused, why, least) in all_refused {
                let (outcome, while_it_did) = reload(refused);
                let error = outcome.unwrap_err().to_string();
                assert!(error.contains(why) && while_it_did >= least, "{while_it_did}: {error}");
            }
            Ok(())
        };
        let changed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(changes));
        is_over.store(true, Ordering::Relaxed);
        changed.unwrap().unwrap();
    });
    // By the handler that is there, as what was refused changed nothing.
    assert_eq!(guard.stats().handlers.len(), 1);
    let before = *handled.count.lock().unwrap();
    tracing::error!("the last");
    assert_eq!(*handled.count.lock().unwrap(), before + 1);
}
