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
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, kind, log, who] = arguments.as_slice() {
        return linux::be_a_program(kind, log.as_ref(), who.parse().unwrap());
    }
    linux::children_of_one_parent_roll_a_file_once_for_all();
    linux::children_of_one_parent_delete_what_is_too_much();
    linux::children_of_one_parent_roll_at_the_same_time();
    linux::programs_of_their_own_roll_a_file_once_for_all();
    linux::a_lock_that_a_killed_process_held_is_free();
    #[cfg(feature = "compress")]
    linux::children_that_roll_and_are_killed_compress_each_file_once();
    println!("rolling: ok");
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, File};
    use std::io::Read as _;
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use logtree_core::{Direct, Handler, HandlerEntry};
    use logtree_handlers::{
        Retention, RotatingFileHandler, RotatingFileHandlerConfig, TimedRotatingFileHandler,
        TimedRotatingFileHandlerConfig, When,
    };
    use logtree_os::{Fork, fork_single_threaded};
    use rustix::fs::{FlockOperation, flock};
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
        // A process looks at the file not before each record, but when it has filled a 16th of the room that it saw.
        let (backup_count, unseen_bytes) = (10_000, MAX_BYTES / 16);
        let directory = tempfile::tempdir().unwrap();
        let config = RotatingFileHandlerConfig::new(directory.path().join("a.log"));
        let config = RotatingFileHandlerConfig { max_bytes: MAX_BYTES, backup_count, ..config };
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
        let most = MAX_BYTES + CHILDREN as u64 * (unseen_bytes + "<0 1234 end>\n".len() as u64);
        assert!(sizes.clone().all(|size| size < most), "{:?}", sizes.max());
        let (least, fullest) = (bytes as u64 / most, bytes as u64 / MAX_BYTES * 11 / 10 + 2);
        assert!((least..fullest).contains(&(files.len() as u64)), "{} of {least} files", files.len());
    }

    /// Where several of them find the same files too much, and where a number would be another file's behind the lock.
    pub(crate) fn children_of_one_parent_delete_what_is_too_much() {
        const CHILDREN: usize = 3;
        const RECORDS: usize = 4_000;
        const MAX_BYTES: u64 = 1_000;
        let total = Retention { max_total_bytes: Some(5_000), ..Retention::default() };
        let rotating = |path: &Path, backup_count, retention| -> Box<dyn Handler> {
            let config = RotatingFileHandlerConfig::new(path);
            let config = RotatingFileHandlerConfig { max_bytes: MAX_BYTES, backup_count, retention, ..config };
            Box::new(RotatingFileHandler::new(config).unwrap())
        };
        let timed = |path: &Path, backup_count, retention| -> Box<dyn Handler> {
            let config =
                TimedRotatingFileHandlerConfig { when: When::Days, ..TimedRotatingFileHandlerConfig::new(path) };
            let config = TimedRotatingFileHandlerConfig { max_bytes: MAX_BYTES, backup_count, retention, ..config };
            Box::new(TimedRotatingFileHandler::new(config).unwrap())
        };
        type Open<'a> = &'a dyn Fn(&Path) -> Box<dyn Handler>;
        let handlers: [(&str, Open<'_>); 5] = [
            ("one", &|path| rotating(path, 1, Retention::default())),
            ("five", &|path| rotating(path, 5, Retention::default())),
            ("bytes", &|path| rotating(path, 0, total)),
            ("five of a time", &|path| timed(path, 5, Retention::default())),
            ("bytes of a time", &|path| timed(path, 0, total)),
        ];
        for (name, open) in handlers {
            let directory = tempfile::tempdir().unwrap();
            let entry = opened(open(&directory.path().join("a.log")));
            in_children(CHILDREN, &entry, |who| {
                (0..RECORDS).for_each(|number| log(&entry, &format!("{who} {number} end")))
            });
            let files = files(directory.path());
            assert!(files.len() <= 7, "{name}: {} files", files.len());
            // Nobody goes back to an older file: behind the first line that is left of each all are.
            let lines: Vec<&str> = files.iter().flat_map(|(_, text)| text.lines()).collect();
            for who in 0..=CHILDREN {
                let prefix = format!("<{who} ");
                let number = |line: &&str| line.strip_prefix(&prefix)?.strip_suffix(" end>")?.parse::<usize>().ok();
                let mut numbers: Vec<_> = lines.iter().filter_map(number).collect();
                numbers.sort_unstable();
                let first = numbers.first().copied().unwrap_or(RECORDS);
                assert!(numbers.into_iter().eq(first..RECORDS), "{name}: lines of {who} are missing or repeated");
            }
        }
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

    type Make = fn(&Path) -> Box<dyn Handler>;

    /// How a file is rolled by programs that share nothing but its name, and how long each rests behind a record.
    const KINDS: [(&str, Make, Duration); 3] = [
        ("size", |log| Box::new(RotatingFileHandler::new(by_size(log)).unwrap()), Duration::ZERO),
        ("size and time", |log| Box::new(TimedRotatingFileHandler::new(by_both(log)).unwrap()), Duration::ZERO),
        ("time", |log| Box::new(TimedRotatingFileHandler::new(by_time(log)).unwrap()), Duration::from_micros(600)),
    ];
    const PROGRAM_MAX_BYTES: u64 = 2_000;
    const PROGRAM_RECORDS: usize = 4_000;

    fn by_size(log: &Path) -> RotatingFileHandlerConfig {
        let config = RotatingFileHandlerConfig::new(log);
        RotatingFileHandlerConfig { max_bytes: PROGRAM_MAX_BYTES, backup_count: 10_000, ..config }
    }

    fn by_both(log: &Path) -> TimedRotatingFileHandlerConfig {
        let config = TimedRotatingFileHandlerConfig { when: When::Days, ..TimedRotatingFileHandlerConfig::new(log) };
        TimedRotatingFileHandlerConfig { max_bytes: PROGRAM_MAX_BYTES, ..config }
    }

    fn by_time(log: &Path) -> TimedRotatingFileHandlerConfig {
        let config = TimedRotatingFileHandlerConfig { when: When::Seconds, ..TimedRotatingFileHandlerConfig::new(log) };
        TimedRotatingFileHandlerConfig { interval_s: 1, utc: true, ..config }
    }

    /// The one that is killed logs until then.
    const KILLED: usize = 1;

    /// One of them: whoever opens the file itself has its locks to itself too, unlike a child of who opened it.
    pub(crate) fn be_a_program(kind: &str, log: &Path, who: usize) {
        let (_, open, rest) = KINDS.into_iter().find(|(name, ..)| *name == kind).unwrap();
        let entry = opened(open(log));
        let count = if who == KILLED { usize::MAX } else { PROGRAM_RECORDS };
        for number in 0..count {
            self::log(&entry, &format!("{who} {number} end"));
            if (who, number) == (KILLED, 100) {
                println!("at work");
            }
            std::thread::sleep(rest);
        }
        assert_eq!(entry.errors.count(), 0);
    }

    pub(crate) fn programs_of_their_own_roll_a_file_once_for_all() {
        const PROGRAMS: usize = 4;
        for (kind, _, rest) in KINDS {
            // A write(2) that is killed half way leaves half a line elsewhere.
            let memory = Path::new("/dev/shm");
            let directory = tempfile::tempdir_in(if memory.is_dir() { memory } else { Path::new("/tmp") }).unwrap();
            let log = directory.path().join("a.log");
            let began = Instant::now();
            let start = |who: usize| {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.arg(kind).arg(&log).arg(who.to_string()).stdout(Stdio::piped()).spawn().unwrap()
            };
            let mut programs: Vec<Child> = (0..PROGRAMS).map(start).collect();
            let mut killed = programs.remove(KILLED);
            assert!(programs.pop().unwrap().wait().unwrap().success());
            killed.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
            killed.kill().unwrap();
            killed.wait().unwrap();
            // One that comes when others are at work, and finds one of them gone.
            programs.push(start(PROGRAMS));
            programs.into_iter().for_each(|mut program| assert!(program.wait().unwrap().success(), "{kind}"));
            let took_s = began.elapsed().as_secs() as usize + 1;

            let files = files(directory.path());
            let lines: Vec<&str> = files.iter().flat_map(|(_, text)| text.lines()).collect();
            let of_killed = lines.iter().filter(|line| line.starts_with(&format!("<{KILLED} "))).count();
            assert_whole(&lines, PROGRAMS, |who| if who == KILLED { of_killed } else { PROGRAM_RECORDS });
            if rest.is_zero() {
                // As with children: see above.
                let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
                let most =
                    PROGRAM_MAX_BYTES + PROGRAMS as u64 * (PROGRAM_MAX_BYTES / 16 + "<0 123456 end>\n".len() as u64);
                assert!(files.iter().all(|(_, text)| (text.len() as u64) < most), "{kind}");
                let counts = bytes as u64 / most..bytes as u64 / PROGRAM_MAX_BYTES * 11 / 10 + 2;
                assert!(counts.contains(&(files.len() as u64)), "{kind}: {} files, {counts:?}", files.len());
            } else {
                assert!((3..=took_s + 1).contains(&files.len()), "{kind}: {} files in {took_s} s", files.len());
            }
        }
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
            flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
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

    /// Each round's children log until they are killed, wherever they are in rolling and compressing.
    #[cfg(feature = "compress")]
    pub(crate) fn children_that_roll_and_are_killed_compress_each_file_once() {
        use std::os::unix::fs::FileExt as _;

        use logtree_handlers::Compress;

        const ROUNDS: usize = 10;
        const CHILDREN: usize = 4;
        const DEADLINE: Duration = Duration::from_secs(60);
        // A write(2) that is killed half way leaves half a line elsewhere.
        let memory = Path::new("/dev/shm");
        let directory = tempfile::tempdir_in(if memory.is_dir() { memory } else { Path::new("/tmp") }).unwrap();
        let counted = tempfile::tempdir().unwrap();
        let at = |name: String| directory.path().join(name);
        let config = RotatingFileHandlerConfig::new(at("a.log".into()));
        let namer = "{stem}.{suffix}{ext}".parse().unwrap();
        let config = RotatingFileHandlerConfig { max_bytes: 4_000, backup_count: 100_000, namer, ..config };
        let open = |compress| {
            let config = RotatingFileHandlerConfig { compress: Some(compress), ..config.clone() };
            opened(Box::new(RotatingFileHandler::new(config).unwrap()))
        };
        let counts: Vec<_> =
            (0..ROUNDS * CHILDREN).map(|who| File::create(counted.path().join(who.to_string()))).collect();
        let count = |who: usize| {
            let mut count = 0_usize.to_ne_bytes();
            let file = File::open(counted.path().join(who.to_string())).unwrap();
            file.read_exact_at(&mut count, 0).map_or(0, |()| usize::from_ne_bytes(count))
        };
        let mut seed = u64::from(std::process::id());
        println!("seed {seed}");
        for round in 0..ROUNDS {
            // Both forms, one beside the other.
            let entry = open(if round % 2 == 0 { Compress::Gzip } else { Compress::Zstd });
            let fork = |who: usize| match fork_single_threaded().unwrap() {
                Fork::Parent(pid) => (who, pid),
                Fork::Child => {
                    for number in 0_usize.. {
                        log(&entry, &format!("{who} {number} end"));
                        counts[who].as_ref().unwrap().write_all_at(&(number + 1).to_ne_bytes(), 0).unwrap();
                    }
                    std::process::exit(1);
                }
            };
            for (who, pid) in (0..CHILDREN).map(|child| fork(round * CHILDREN + child)).collect::<Vec<_>>() {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let (began, enough) = (Instant::now(), 500 + (seed >> 33) as usize % 1500);
                while count(who) < enough && began.elapsed() < DEADLINE {
                    std::thread::sleep(Duration::from_micros(100));
                }
                kill_process(pid, Signal::KILL).unwrap();
                waitpid(Some(pid), WaitOptions::empty()).unwrap();
            }
        }
        // The next start finishes it all.
        let entry = open(Compress::Gzip);
        let is_compressed = || {
            let names = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
            let is_left = |name: &str| name != "a.log" && !name.ends_with(".gz") && !name.ends_with(".zst");
            !names.into_iter().any(|name| is_left(name.to_str().unwrap()))
        };
        let began = Instant::now();
        log(&entry, &format!("{} 0 end", ROUNDS * CHILDREN));
        while !is_compressed() {
            assert!(began.elapsed() < DEADLINE, "waited in vain until all is compressed");
            std::thread::sleep(Duration::from_millis(1));
        }
        let (mut text, mut both, mut numbers) = (String::new(), [0; 2], Vec::new());
        for entry in fs::read_dir(directory.path()).unwrap() {
            let path = entry.unwrap().path();
            let file = File::open(&path).unwrap();
            match path.extension().and_then(|form| form.to_str()) {
                Some("gz") => {
                    both[0] += 1;
                    text += &std::io::read_to_string(flate2::read::MultiGzDecoder::new(file)).unwrap();
                }
                Some("zst") => {
                    both[1] += 1;
                    text += &std::io::read_to_string(zstd::Decoder::new(file).unwrap()).unwrap();
                }
                _ => continue,
            }
            numbers.push(path.with_extension(""));
        }
        // A kill may leave a gap between the numbers, but no file in both forms.
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]), "{numbers:?}");
        text += &fs::read_to_string(at("a.log".into())).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        // A record that was written may not have been counted.
        let written = |who: usize| lines.iter().filter(|line| line.starts_with(&format!("<{who} "))).count();
        for who in 0..ROUNDS * CHILDREN {
            assert!((count(who)..=count(who) + 1).contains(&written(who)), "{} of {}", written(who), count(who));
        }
        assert_whole(&lines, ROUNDS * CHILDREN, written);
        assert!(both.iter().all(|form| *form > 0), "{both:?}");
        println!("{} lines, {both:?} files of each form", lines.len());
    }
}
