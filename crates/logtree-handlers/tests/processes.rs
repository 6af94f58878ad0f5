//! Handlers on the far side of a `fork`, and in a process that has closed all descriptors.
//!
//! Only a process with one thread may fork; so these run one after the other, without a harness.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic)]

#[cfg(target_os = "linux")]
fn main() {
    linux::children_and_their_parent_write_whole_lines();
    linux::a_child_marks_the_file_that_it_opens_as_its_parent_does();
    linux::numbers_that_the_host_uses_again_are_left_alone();
    linux::a_file_is_not_given_a_number_that_is_printed_to();
    linux::what_the_parent_holds_the_parent_hands_on();
    linux::what_the_parent_holds_back_the_parent_counts();
    linux::what_the_parent_has_queued_the_parent_handles();
    linux::a_child_logs_whatever_its_parents_threads_were_doing();
    linux::a_child_logs_while_its_parents_threads_roll_the_file();
    println!("processes: ok");
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, File};
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::MetadataExt as _;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use logtree_core::{
        Callsite, Direct, Filter, FormatError, Formatter, Handler, HandlerEntry, Level, Origin, QueueListener, Record,
        RecordQueue as _, Timestamp, Verdict,
    };
    use logtree_handlers::filters::{DuplicateFilter, DuplicateFilterConfig, RateLimitFilter, RateLimitFilterConfig};
    use logtree_handlers::{
        Buffering, BufferingConfig, FileHandler, FileHandlerConfig, MemoryHandler, MemoryHandlerConfig,
        RotatingFileHandler, RotatingFileHandlerConfig, ThreadQueue, TimedRotatingFileHandler,
        TimedRotatingFileHandlerConfig, WatchedFileHandler,
    };
    use logtree_os::helper::{HelperEnd, HelperOptions, HelperState, spawn_helper};
    use logtree_os::{Fork, fork_single_threaded};
    use rustix::process::{Pid, WaitOptions, waitpid};

    struct Bare;

    impl Formatter for Bare {
        fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
            out.push_str(record.message);
            Ok(())
        }
    }

    fn entry(path: &Path) -> HandlerEntry {
        let handler = FileHandler::new(FileHandlerConfig::new(path)).unwrap();
        let entry = HandlerEntry::new("file", Box::new(handler), Arc::new(Bare));
        entry.handler.open().unwrap();
        entry
    }

    fn log(entry: &HandlerEntry, message: &str) {
        let callsite = Callsite::default();
        let origin = Origin::default();
        let record = Record::new(&callsite, &origin, Level::INFO, Timestamp(0), message);
        entry.handle(&record, &mut Direct);
    }

    pub(crate) fn children_and_their_parent_write_whole_lines() {
        const CHILDREN: usize = 4;
        const RECORDS: usize = 2_000;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let entry = entry(&path);
        log(&entry, "before");
        let write_all = |who: usize| (0..RECORDS).for_each(|number| log(&entry, &format!("{who} {number} end")));
        let mut children = Vec::new();
        for child in 1..=CHILDREN {
            match fork_single_threaded().unwrap() {
                Fork::Parent(pid) => children.push(pid),
                Fork::Child => {
                    write_all(child);
                    std::process::exit(if entry.errors.count() == 0 { 0 } else { 1 });
                }
            }
        }
        write_all(0);
        for child in children {
            let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
            assert_eq!(status.exit_status(), Some(0));
        }
        let text = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines.remove(0)), (1 + (CHILDREN + 1) * RECORDS, "before"));
        for who in 0..=CHILDREN {
            let prefix = format!("{who} ");
            let number = |line: &&str| line.strip_prefix(&prefix)?.strip_suffix(" end")?.parse::<usize>().ok();
            assert!(lines.iter().filter_map(number).eq(0..RECORDS), "lines of {who} are missing or torn");
        }
    }

    /// Or it looks at the file before each record.
    pub(crate) fn a_child_marks_the_file_that_it_opens_as_its_parent_does() {
        const CHILDREN: usize = 3;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let open = || {
            let config = RotatingFileHandlerConfig { max_bytes: 1000, ..RotatingFileHandlerConfig::new(&path) };
            let handler = RotatingFileHandler::new(config).unwrap();
            handler.open().unwrap();
            handler
        };
        let _parents = open();
        let (mut opened, has_opened) = std::io::pipe().unwrap();
        let (is_over, over) = std::io::pipe().unwrap();
        let children = [(); CHILDREN].map(|()| match fork_single_threaded().unwrap() {
            Fork::Parent(pid) => pid,
            Fork::Child => {
                let _childs = open();
                (&has_opened).write_all(b"1").unwrap();
                assert_eq!((&is_over).read(&mut [0]).unwrap(), 1);
                std::process::exit(0);
            }
        });
        opened.read_exact(&mut [0; CHILDREN]).unwrap();
        let inode = format!(":{} ", fs::metadata(&path).unwrap().ino());
        let locks = fs::read_to_string("/proc/locks").unwrap();
        let marks = locks.lines().filter(|line| line.contains("OFDLCK") && line.contains(&inode)).count();
        (&over).write_all(&[1; CHILDREN]).unwrap();
        children.into_iter().for_each(assert_ends_well);
        assert_eq!(marks, 1 + CHILDREN, "{locks}");
    }

    /// It would stand in the file what is printed there.
    pub(crate) fn a_file_is_not_given_a_number_that_is_printed_to() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let child = match fork_single_threaded().unwrap() {
            Fork::Parent(child) => child,
            Fork::Child => {
                // SAFETY: nothing in this child uses them before it ends.
                (0..3).for_each(|number| _ = unsafe { libc::close(number) });
                let config = RotatingFileHandlerConfig {
                    max_bytes: 1,
                    backup_count: 1,
                    ..RotatingFileHandlerConfig::new(&path)
                };
                let handler = RotatingFileHandler::new(config).unwrap();
                let entry = HandlerEntry::new("file", Box::new(handler), Arc::new(Bare));
                for message in ["first", "second"] {
                    log(&entry, message);
                    // SAFETY: the text is a byte long; a number that is no descriptor is refused.
                    (0..3).for_each(|number| _ = unsafe { libc::write(number, b"?".as_ptr().cast(), 1) });
                }
                std::process::exit(if entry.errors.count() == 0 { 0 } else { 1 });
            }
        };
        let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
        assert_eq!(status.exit_status(), Some(0));
        let text = |name| fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!((text("a.log.1"), text("a.log")), ("first\n".into(), "second\n".into()));
    }

    pub(crate) fn what_the_parent_holds_the_parent_hands_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let memory = MemoryHandler::new(MemoryHandlerConfig::new(100), Some(Arc::new(entry(&path("memory.log")))));
        let file = FileHandler::new(FileHandlerConfig::new(path("buffer.log"))).unwrap();
        let interval = Some(Duration::from_secs(3600));
        let config = BufferingConfig { flush_interval: interval, ..BufferingConfig::new(100_000) };
        let buffering = Buffering::new(config, "buffer", Box::new(file));
        let handlers: [(&str, Box<dyn Handler>); 2] =
            [("memory.log", Box::new(memory)), ("buffer.log", Box::new(buffering))];
        for (name, handler) in handlers {
            let entry = HandlerEntry::new(name, handler, Arc::new(Bare));
            log(&entry, "of the parent");
            let child = fork(|| {
                log(&entry, "of the child");
                flush(&entry);
            });
            assert_ends_well(child);
            assert_eq!(fs::read_to_string(path(name)).unwrap(), "of the child\n");
            flush(&entry);
            assert_eq!(fs::read_to_string(path(name)).unwrap(), "of the child\nof the parent\n");
            entry.handler.close();
        }
    }

    pub(crate) fn what_the_parent_holds_back_the_parent_counts() {
        let directory = tempfile::tempdir().unwrap();
        let rate = RateLimitFilterConfig::new(1, Duration::from_secs(3600));
        let filters: [(&str, Arc<dyn Filter>, &str); 2] = [
            ("rate", Arc::new(RateLimitFilter::new(rate)), " held back: more than 1 in 3600 s\n"),
            ("duplicate", Arc::new(DuplicateFilter::new(DuplicateFilterConfig::default())), ""),
        ];
        for (name, filter, rule) in filters {
            let path = directory.path().join(name);
            let mut entry = entry(&path);
            entry.filters.push(filter);
            (0..4).for_each(|_| log(&entry, "again"));
            let child = fork(|| {
                // It still knows what was logged, and speaks of its own alone.
                (0..2).for_each(|_| log(&entry, "again"));
                entry.say_unsaid(&mut Direct);
            });
            assert_ends_well(child);
            let said = |count: u32| match rule {
                "" => format!("last message repeated {count} times\n"),
                rule => format!("{count} records{rule}"),
            };
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("again\n{}", said(2)));
            entry.say_unsaid(&mut Direct);
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("again\n{}{}", said(2), said(3)));
        }
    }

    /// A queue before a file; its handlers stand still while they are told to, in this process.
    fn queue(path: &Path) -> HandlerEntry {
        let mut file = entry(path);
        file.filters.push(Arc::new(Standstill));
        let listener = QueueListener { name: "q".into(), handlers: vec![Arc::new(file)], respect_handler_level: false };
        HandlerEntry::new("queue", ThreadQueue::default().connect(listener).unwrap(), Arc::new(Bare))
    }

    static IS_STILL: AtomicBool = AtomicBool::new(false);

    struct Standstill;

    impl Filter for Standstill {
        fn filter(&self, _: &Record<'_>) -> Verdict {
            while IS_STILL.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            Verdict::Pass
        }
    }

    fn flush(entry: &HandlerEntry) {
        assert!(entry.handler.flush(Instant::now() + Duration::from_secs(20)));
    }

    /// Forks a process that may have threads; the child does `work` and ends.
    fn fork(work: impl FnOnce()) -> Pid {
        // SAFETY: the child takes no lock that another thread may hold, but those under test; glibc keeps its allocator
        // usable. A child that hangs all the same fails its deadline or is killed with the test.
        match unsafe { libc::fork() } {
            -1 => panic!("fork: {}", std::io::Error::last_os_error()),
            0 => {
                let outcome = catch_unwind(AssertUnwindSafe(work));
                std::process::exit(if outcome.is_ok() { 0 } else { 1 })
            }
            child => Pid::from_raw(child).unwrap(),
        }
    }

    fn assert_ends_well(child: Pid) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let status = loop {
            match waitpid(Some(child), WaitOptions::NOHANG).unwrap() {
                Some((_, status)) => break status,
                None => assert!(Instant::now() < deadline, "a child hangs"),
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        assert_eq!(status.exit_status(), Some(0));
    }

    pub(crate) fn what_the_parent_has_queued_the_parent_handles() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let queue = queue(&path);
        IS_STILL.store(true, Ordering::Relaxed);
        (0..3).for_each(|number| log(&queue, &format!("parent {number}")));
        let child = fork(|| {
            IS_STILL.store(false, Ordering::Relaxed);
            log(&queue, "child 0");
            log(&queue, "child 1");
            flush(&queue);
        });
        assert_ends_well(child);
        assert_eq!(fs::read_to_string(&path).unwrap(), "child 0\nchild 1\n");
        IS_STILL.store(false, Ordering::Relaxed);
        flush(&queue);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "child 0\nchild 1\nparent 0\nparent 1\nparent 2\n");
        queue.handler.close();
    }

    pub(crate) fn a_child_logs_whatever_its_parents_threads_were_doing() {
        const CHILDREN: usize = 200;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let memory = MemoryHandler::new(MemoryHandlerConfig::new(10), Some(Arc::new(queue(&path))));
        let memory = HandlerEntry::new("memory", Box::new(memory), Arc::new(Bare));
        let queue = &memory.handler.children()[0];
        let is_over = AtomicBool::new(false);
        let logged = std::thread::scope(|scope| {
            let busy = || {
                let mut logged = 0;
                while !is_over.load(Ordering::Relaxed) {
                    log(&memory, "parent");
                    logged += 1;
                    if logged % 100 == 0 {
                        flush(queue);
                    }
                }
                logged
            };
            let threads: Vec<_> = (0..2).map(|_| scope.spawn(busy)).collect();
            for number in 0..CHILDREN {
                let child = fork(|| {
                    log(&memory, &format!("child {number}"));
                    flush(&memory);
                    flush(queue);
                });
                assert_ends_well(child);
            }
            is_over.store(true, Ordering::Relaxed);
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        flush(&memory);
        flush(queue);
        let text = fs::read_to_string(&path).unwrap();
        let children: Vec<&str> = text.lines().filter(|line| *line != "parent").collect();
        let expected: Vec<String> = (0..CHILDREN).map(|number| format!("child {number}")).collect();
        assert_eq!(
            (children, text.lines().count()),
            (expected.iter().map(String::as_str).collect(), CHILDREN + logged)
        );
    }

    pub(crate) fn a_child_logs_while_its_parents_threads_roll_the_file() {
        const CHILDREN: usize = 60;
        const MAX_BYTES: u64 = 2000;
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| {
            fs::create_dir(directory.path().join(name)).unwrap();
            directory.path().join(name).join("a.log")
        };
        let (size, time, watched) = (path("size"), path("time"), path("watched"));
        let rotating = RotatingFileHandlerConfig::new(&size);
        let rotating = RotatingFileHandlerConfig { max_bytes: MAX_BYTES, backup_count: 100_000, ..rotating };
        let timed = TimedRotatingFileHandlerConfig::new(&time);
        let timed = TimedRotatingFileHandlerConfig { max_bytes: MAX_BYTES, ..timed };
        let handlers: [(PathBuf, Box<dyn Handler>); 3] = [
            (size, Box::new(RotatingFileHandler::new(rotating).unwrap())),
            (time, Box::new(TimedRotatingFileHandler::new(timed).unwrap())),
            (watched.clone(), Box::new(WatchedFileHandler::new(FileHandlerConfig::new(&watched)).unwrap())),
        ];
        for (path, handler) in handlers {
            let entry = HandlerEntry::new("file", handler, Arc::new(Bare));
            entry.handler.open().unwrap();
            let is_over = AtomicBool::new(false);
            let logged: Vec<usize> = std::thread::scope(|scope| {
                let (entry, is_over, path) = (&entry, &is_over, &path);
                let busy = |thread: usize| {
                    move || {
                        let mut logged = 0;
                        while !is_over.load(Ordering::Relaxed) {
                            log(entry, &format!("{thread} {logged} end"));
                            logged += 1;
                        }
                        logged
                    }
                };
                let threads: Vec<_> = (0..2).map(|thread| scope.spawn(busy(thread))).collect();
                for number in 0..CHILDREN {
                    let child = fork(|| {
                        log(entry, &format!("child {number} end"));
                        assert_eq!(entry.errors.count(), 0);
                    });
                    assert_ends_well(child);
                    if *path == watched {
                        // Whoever watches a file has others who move it.
                        fs::rename(path, path.with_extension(number.to_string())).unwrap();
                        while !path.exists() {
                            std::thread::yield_now();
                        }
                    }
                }
                is_over.store(true, Ordering::Relaxed);
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(entry.errors.count(), 0);
            let files: Vec<String> = fs::read_dir(path.parent().unwrap())
                .unwrap()
                .map(|e| fs::read_to_string(e.unwrap().path()).unwrap())
                .collect();
            let mut lines: Vec<&str> = files.iter().flat_map(|text| text.lines()).collect();
            lines.sort_unstable();
            let of = |who: String, count: usize| (0..count).map(move |number| format!("{who} {number} end"));
            let mut expected: Vec<String> = of("child".into(), CHILDREN).collect();
            logged.iter().enumerate().for_each(|(thread, count)| expected.extend(of(thread.to_string(), *count)));
            expected.sort_unstable();
            assert_eq!(lines.len(), expected.len());
            assert!(lines.iter().zip(&expected).all(|(line, expected)| line == expected), "torn, lost or repeated");
            assert!(files.len() > 20, "{} files", files.len());
        }
    }

    /// A helper has lost all descriptors of its host, as a program has that turned itself into a daemon.
    pub(crate) fn numbers_that_the_host_uses_again_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let other_path = directory.path().join("other.log");
        let database = |number: usize| directory.path().join(format!("database.{number}"));
        let entry = entry(&path);
        log(&entry, "before");
        let in_helper = || {
            // Among the numbers that these get is that of the log file.
            let other = self::entry(&other_path);
            let open = |number| File::options().append(number % 2 == 0).write(true).create(true).open(database(number));
            let mut databases: Vec<File> = (0..20).map(|number| open(number).unwrap()).collect();
            log(&entry, "after");
            log(&other, "other");
            entry.handler.reopen();
            log(&entry, "reopened");
            drop(entry);
            // All of them are still open, and nothing but the host's own was written.
            databases.iter_mut().for_each(|database| database.write_all(b"row").unwrap());
            0
        };
        let mut helper = spawn_helper(&HelperOptions::new("closed"), in_helper).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let end = loop {
            match helper.reap() {
                HelperState::Ended(end) => break end,
                _ => assert!(Instant::now() < deadline, "the helper does not end"),
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        assert_eq!(end, HelperEnd::Exited(0));
        assert_eq!(fs::read_to_string(&path).unwrap(), "before\nafter\nreopened\n");
        assert_eq!(fs::read_to_string(&other_path).unwrap(), "other\n");
        for number in 0..20 {
            assert_eq!(fs::read_to_string(database(number)).unwrap(), "row");
        }
    }
}
