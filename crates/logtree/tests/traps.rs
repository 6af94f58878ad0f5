//! What a program that hosts logging must not notice: threads, blocked signals, a second subscriber, events that are lost
//! because of a question, hanging children.
//!
//! It forks, and beside a thread that logs, so that it is a process of its own.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: it is about Linux");
}

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::path::Path;
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use logtree::{Format, Guard, Level, from_file, from_str};
    use logtree_layer::TreeLayer;
    use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
    use tracing::metadata::Kind;
    use tracing::{Callsite as _, Dispatch};

    pub(crate) fn main() {
        if std::env::args().nth(1).as_deref() == Some(THREADS) {
            return beside_threads_of_logtree();
        }
        a_host_beside_threads_of_logtree_is_what_it_was();
        println!("threads that were asked for hold nothing up: ok");
        let directory = tempfile::tempdir().unwrap();
        let before = (threads(), blocked_signals());
        let guard = install(directory.path());
        tracing::info!("through the queue");
        assert!(guard.flush(Duration::from_secs(60)));
        // One native thread makes CPython warn at each `os.fork`, and signals that are blocked hang its `setuid`.
        assert_eq!((threads(), blocked_signals()), before);
        println!("the host's threads and signals are its own: ok");
        what_changes_logging_makes_no_second_subscriber(&guard, directory.path());
        println!("one subscriber: ok");
        whoever_asks_about_what_is_refused_takes_no_event_away(&guard, directory.path());
        println!("a question costs no event: ok");
        children_log_inside_spans_that_others_were_recording_into(&guard, directory.path());
        println!("\ntest result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
    }

    fn install(directory: &Path) -> Guard {
        let config = r#"{"version": 1, "formatters": {"line": {"format": "%(message)s [%(spans)s]"}}, "handlers": {
            "file": {"class": "logging.FileHandler", "filename": "FILE", "formatter": "line"},
            "queue": {"class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue"},
                      "handlers": ["file"], "listener": "logging.handlers.QueueListener"}},
            "root": {"level": "INFO", "handlers": ["queue"]}}"#;
        let path = directory.join("logging.json");
        fs::write(&path, config.replace("FILE", directory.join("app.log").to_str().unwrap())).unwrap();
        from_file(path).unwrap().install().unwrap()
    }

    fn threads() -> usize {
        fs::read_dir("/proc/self/task").unwrap().count()
    }

    /// Of the main thread.
    fn blocked_signals() -> String {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        status.lines().find(|line| line.starts_with("SigBlk:")).unwrap().to_owned()
    }

    /// The role of a program whose logging has threads of its own.
    const THREADS: &str = "threads";

    /// Such a program is one of its own, as it may hang.
    #[allow(clippy::zombie_processes, reason = "`ends_well` waits for it")]
    fn a_host_beside_threads_of_logtree_is_what_it_was() {
        let child = Command::new(std::env::current_exe().unwrap()).arg(THREADS).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        assert!(ends_well(Pid::from_child(&child), deadline), "it hangs, or has failed");
    }

    fn beside_threads_of_logtree() {
        let directory = tempfile::tempdir().unwrap();
        let config = r#"{"version": 1, "handlers": {
            "file": {"class": "logging.FileHandler", "filename": "FILE"},
            "queue": {"class": "logging.handlers.QueueHandler", "queue": {"()": "queue.Queue"}, "handlers": ["file"]}},
            "root": {"level": "INFO", "handlers": ["queue"]}}"#;
        let log = directory.path().join("app.log");
        let before = (threads(), blocked_signals());
        let config = config.replace("FILE", log.to_str().unwrap());
        let guard = from_str(&config, Format::Json).unwrap().install().unwrap();
        // Before the first record a host may fork: CPython warns if there is one thread more than its own.
        assert_eq!((threads(), blocked_signals()), before);
        tracing::info!("through the queue");
        #[cfg(feature = "watch")]
        guard.watch(logtree::Watch::new().reopen_on_sigusr1()).unwrap();
        assert!(guard.flush(Duration::from_secs(60)));
        let own = if cfg!(feature = "watch") { 2 } else { 1 };
        assert_eq!((threads(), blocked_signals()), (before.0 + own, before.1));
        // The C library has each thread change its user, by a signal that none may block; and waits for all.
        let user = rustix::process::getuid().as_raw();
        // SAFETY: it becomes the user that it is.
        assert_eq!(unsafe { libc::setuid(user) }, 0);
        assert_eq!(fs::read_to_string(log).unwrap(), "through the queue\n");
    }

    /// A second dispatcher would make each callsite that is met for the first time take a lock of the whole process.
    fn what_changes_logging_makes_no_second_subscriber(guard: &Guard, directory: &Path) {
        let layer = || {
            tracing::dispatcher::get_default(|dispatch| {
                std::ptr::from_ref(dispatch.downcast_ref::<TreeLayer>().unwrap()).addr()
            })
        };
        let installed = layer();
        guard.reload().unwrap();
        guard.set_level("a", Level::DEBUG);
        guard.apply(from_file(directory.join("logging.json")).unwrap()).unwrap();
        logtree::disable(Level::NOTSET);
        assert_eq!(layer(), installed);
        // And none for this thread alone.
        let of_another_thread =
            std::thread::spawn(move || tracing::dispatcher::get_default(|dispatch| dispatch.is::<TreeLayer>()));
        assert!(of_another_thread.join().unwrap());
        // `tracing` knows of no other one, even if that is gone again: a callsite would be asked of all that it ever knew, and
        // not of this thread's, which is none, alone.
        let interest = tracing::dispatcher::with_default(&Dispatch::none(), || {
            let met = tracing::callsite! { name: "met", kind: Kind::EVENT, level: tracing::Level::ERROR, fields: };
            met.interest()
        });
        assert!(interest.is_never(), "{interest:?}: other subscribers are asked too");
    }

    /// A filter of the layer's own (tracing #2519) would remember the answer, and give it about the next event, too.
    fn whoever_asks_about_what_is_refused_takes_no_event_away(guard: &Guard, directory: &Path) {
        let refused = tracing::callsite! {
            name: "refused", kind: Kind::EVENT, target: "app", level: tracing::Level::DEBUG, fields:
        };
        for _ in 0..3 {
            // As `log_enabled!` does by way of tracing-log.
            assert!(!tracing::dispatcher::get_default(|dispatch| dispatch.enabled(refused.metadata())));
            tracing::info!(target: "app", "asked before");
        }
        assert!(guard.flush(Duration::from_secs(60)));
        let log = fs::read_to_string(directory.join("app.log")).unwrap();
        assert_eq!(log.lines().filter(|line| line.starts_with("asked before")).count(), 3);
    }

    /// A write lock on a span's extensions that another thread holds at the moment of the fork would never be free again.
    fn children_log_inside_spans_that_others_were_recording_into(guard: &Guard, directory: &Path) {
        const CHILDREN: usize = 100;
        static IS_OVER: AtomicBool = AtomicBool::new(false);
        let span = tracing::info_span!("shared", recorded = 0);
        let hanging = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut number = 0_u64;
                while !IS_OVER.load(Ordering::Relaxed) {
                    span.record("recorded", number);
                    number += 1;
                }
            });
            let children: Vec<Pid> = (0..CHILDREN).map(|number| child(number, &span)).collect();
            IS_OVER.store(true, Ordering::Relaxed);
            let deadline = Instant::now() + Duration::from_secs(60);
            children.into_iter().filter(|child| !ends_well(*child, deadline)).count()
        });
        assert_eq!(hanging, 0, "of {CHILDREN} children hang at their first record");
        assert!(guard.flush(Duration::from_secs(60)));
        let log = fs::read_to_string(directory.join("app.log")).unwrap();
        for number in 0..CHILDREN {
            let line = format!("child {number} [shared");
            assert_eq!(log.lines().filter(|logged| logged.starts_with(&line)).count(), 1, "{line}");
        }
        println!("{CHILDREN} children logged inside a span that was being recorded into: ok");
    }

    /// A child that logs once inside the span.
    fn child(number: usize, span: &tracing::Span) -> Pid {
        // SAFETY: the child takes no lock that the other thread may hold, but those under test; one that hangs all the same is
        // killed.
        match unsafe { libc::fork() } {
            -1 => panic!("fork: {}", std::io::Error::last_os_error()),
            0 => {
                span.in_scope(|| tracing::info!("child {number}"));
                std::process::exit(0)
            }
            child => Pid::from_raw(child).unwrap(),
        }
    }

    fn ends_well(child: Pid, deadline: Instant) -> bool {
        loop {
            match waitpid(Some(child), WaitOptions::NOHANG).unwrap() {
                Some((_, status)) => return status.exit_status() == Some(0),
                None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
                None => {
                    let _ = kill_process(child, Signal::KILL);
                    let _ = waitpid(Some(child), WaitOptions::empty());
                    return false;
                }
            }
        }
    }
}
