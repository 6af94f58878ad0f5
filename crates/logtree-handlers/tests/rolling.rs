//! Many processes that write, and roll, the same file without a queue between them.
//!
//! Only a process with one thread may fork; so these run one after the other, without a harness.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic)]

#[cfg(target_os = "linux")]
#[path = "handlers/specimen.rs"]
#[allow(dead_code)]
mod specimen;

#[cfg(target_os = "linux")]
fn main() {
    // Errors are counted; what is said about them goes nowhere.
    logtree_core::set_report_hook(|_| {});
    linux::children_of_one_parent_roll_a_file_once_for_all();
    linux::children_of_one_parent_roll_at_the_same_time();
    linux::a_lock_that_a_killed_process_held_is_free();
    println!("rolling: ok");
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, File};
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use logtree_core::{Direct, Handler, HandlerEntry};
    use logtree_handlers::{
        RotatingFileHandler, RotatingFileHandlerConfig, TimedRotatingFileHandler, TimedRotatingFileHandlerConfig, When,
    };
    use logtree_os::{Fork, fork_single_threaded};
    use rustix::process::{Signal, WaitOptions, kill_process, waitpid};

    use crate::specimen::{Brackets, with_record};

    fn opened(handler: Box<dyn Handler>) -> HandlerEntry {
        let entry = HandlerEntry::new("file", handler, Arc::new(Brackets));
        entry.handler.open().unwrap();
        entry
    }

    fn log(entry: &HandlerEntry, message: &str) {
        with_record(message, |record| entry.handle(record, &mut Direct));
    }

    /// Has children log, each with its number from 1 on, and this process as number 0; none may have an error.
    fn in_children(children: usize, entry: &HandlerEntry, work: impl Fn(usize)) {
        let fork = |child: usize| match fork_single_threaded().unwrap() {
            Fork::Parent(pid) => pid,
            Fork::Child => {
                work(child);
                std::process::exit(if entry.errors.count() == 0 { 0 } else { 1 });
            }
        };
        let pids: Vec<_> = (1..=children).map(fork).collect();
        work(0);
        for child in pids {
            let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
            assert_eq!(status.exit_status(), Some(0));
        }
        assert_eq!(entry.errors.count(), 0);
    }

    /// Asserts that the lines of each, from 0 on, are there once and whole, whatever their order, and no others.
    fn assert_whole(lines: &[&str], children: usize, count: impl Fn(usize) -> usize) {
        for who in 0..=children {
            let prefix = format!("<{who} ");
            let number = |line: &&str| line.strip_prefix(&prefix)?.strip_suffix(" end>")?.parse::<usize>().ok();
            let mut numbers: Vec<_> = lines.iter().filter_map(number).collect();
            numbers.sort_unstable();
            assert!(numbers.into_iter().eq(0..count(who)), "lines of {who} are missing, torn or repeated");
        }
        assert_eq!(lines.len(), (0..=children).map(count).sum::<usize>());
    }

    /// The text of a directory's files, by name.
    fn files(directory: &Path) -> Vec<(String, String)> {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
        entries.map(|e| (e.file_name().into_string().unwrap(), fs::read_to_string(e.path()).unwrap())).collect()
    }

    pub(crate) fn children_of_one_parent_roll_a_file_once_for_all() {
        const CHILDREN: usize = 3;
        const RECORDS: usize = 4_000;
        const MAX_BYTES: u64 = 1_000;
        let directory = tempfile::tempdir().unwrap();
        let config = RotatingFileHandlerConfig::new(directory.path().join("a.log"));
        let config = RotatingFileHandlerConfig { max_bytes: MAX_BYTES, backup_count: 10_000, ..config };
        let entry = opened(Box::new(RotatingFileHandler::new(config).unwrap()));
        in_children(CHILDREN, &entry, |who| {
            (0..RECORDS).for_each(|number| log(&entry, &format!("{who} {number} end")))
        });
        let files = files(directory.path());
        let lines: Vec<&str> = files.iter().flat_map(|(_, text)| text.lines()).collect();
        assert_whole(&lines, CHILDREN, |_| RECORDS);
        // Each is full, and none fuller than it may be: so none was rolled twice. Each process may have looked at a file
        // just before another one's line made it full.
        let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
        let sizes = files.iter().map(|(_, text)| text.len() as u64);
        let most = MAX_BYTES + (CHILDREN * "<0 1234 end>\n".len()) as u64;
        assert!(sizes.clone().all(|size| size < most), "{:?}", sizes.max());
        let least = bytes as u64 / MAX_BYTES;
        assert!((least..least * 11 / 10 + 2).contains(&(files.len() as u64)), "{} of {least} files", files.len());
    }

    pub(crate) fn children_of_one_parent_roll_at_the_same_time() {
        const CHILDREN: usize = 3;
        const LAST: Duration = Duration::from_millis(3500);
        let directory = tempfile::tempdir().unwrap();
        let config = TimedRotatingFileHandlerConfig::new(directory.path().join("a.log"));
        let config = TimedRotatingFileHandlerConfig { when: When::Seconds, interval_s: 1, utc: true, ..config };
        let began = Instant::now();
        let (entry, counted) = (opened(Box::new(TimedRotatingFileHandler::new(config).unwrap())), tempfile::tempdir());
        let counted = counted.unwrap();
        in_children(CHILDREN, &entry, |who| {
            let mut count = 0;
            while began.elapsed() < LAST {
                log(&entry, &format!("{who} {count} end"));
                count += 1;
                std::thread::sleep(Duration::from_micros(200));
            }
            fs::write(counted.path().join(who.to_string()), count.to_string()).unwrap();
        });
        let count = |who: usize| fs::read_to_string(counted.path().join(who.to_string())).unwrap().parse().unwrap();
        let files = files(directory.path());
        let lines: Vec<&str> = files.iter().flat_map(|(_, text)| text.lines()).collect();
        assert_whole(&lines, CHILDREN, count);
        // One for each second, whoever rolled it.
        assert!((4..=5).contains(&files.len()), "{:?}", files.iter().map(|(name, _)| name).collect::<Vec<_>>());
    }

    pub(crate) fn a_lock_that_a_killed_process_held_is_free() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let config = RotatingFileHandlerConfig::new(&path);
        let config = RotatingFileHandlerConfig { max_bytes: 10, backup_count: 2, ..config };
        let entry = opened(Box::new(RotatingFileHandler::new(config).unwrap()));
        log(&entry, "0123456789");
        let lock = || {
            let file = File::open(&path).unwrap();
            file.try_lock().unwrap();
            file
        };
        let (ready, tell) = rustix::pipe::pipe().unwrap();
        let holder = match fork_single_threaded().unwrap() {
            Fork::Parent(pid) => pid,
            Fork::Child => {
                let _lock = lock();
                rustix::io::write(&tell, &[0]).unwrap();
                loop {
                    std::thread::park();
                }
            }
        };
        rustix::io::read(&ready, &mut [0]).unwrap();
        // As long as it lives it is waited for once, and lines go on into the old file.
        let began = Instant::now();
        (0..10).for_each(|number| log(&entry, &format!("waiting {number}")));
        assert!((1..3).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
        assert_eq!((entry.errors.count(), fs::read_to_string(&path).unwrap().lines().count()), (10, 11));
        kill_process(holder, Signal::KILL).unwrap();
        waitpid(Some(holder), WaitOptions::empty()).unwrap();
        log(&entry, "free");
        assert_eq!((entry.errors.count(), fs::read_to_string(&path).unwrap()), (10, "<free>\n".into()));
    }
}
