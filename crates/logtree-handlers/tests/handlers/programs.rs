//! Programs that have nothing in common but the log that they write, and roll, side by side.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree_core::{Direct, Handler, HandlerEntry};
use logtree_handlers::{
    RotatingFileHandler, RotatingFileHandlerConfig, TimedRotatingFileHandler, TimedRotatingFileHandlerConfig, When,
};

use crate::child::{assert_passed, test_process};
use crate::specimen::{Brackets, lines, with_record};

const PROGRAMS: usize = 2;
const MAX_BYTES: u64 = 1_000;

/// Where a program has its files, which log it writes, and which one it is.
const PLACE: &str = "LOGTREE_TEST_PLACE";
const LOG: &str = "LOGTREE_TEST_LOG";
const WHO: &str = "LOGTREE_TEST_WHO";

/// Runs the programs at once, each with one of these logs; each of their lines must be there once. Answers the files' sizes, and
/// how long all took.
fn run(log: &str) -> (Vec<u64>, Duration) {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("logs")).unwrap();
    let program = |who: usize| {
        let mut program = test_process("programs::writes");
        program.env(PLACE, place.path()).env(LOG, log).env(WHO, who.to_string());
        program.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let programs: Vec<_> = (0..PROGRAMS).map(program).collect();
    let ready = |who: usize| place.path().join(format!("{who} is ready"));
    wait_for(|| (0..PROGRAMS).all(|who| ready(who).exists()));
    let began = Instant::now();
    fs::write(place.path().join("go"), "").unwrap();
    programs.into_iter().for_each(|program| assert_passed(&program.wait_with_output().unwrap()));
    let took = began.elapsed();

    let files: Vec<PathBuf> =
        fs::read_dir(place.path().join("logs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut written: Vec<Vec<usize>> = vec![Vec::new(); PROGRAMS];
    for line in files.iter().flat_map(|path| lines(path)) {
        let fields: Vec<_> = line.strip_prefix('<').unwrap().strip_suffix(" end>").unwrap().split(' ').collect();
        let [who, number] = fields[..] else { panic!("a torn line: {line}") };
        written[who.parse::<usize>().unwrap()].push(number.parse().unwrap());
    }
    for (who, numbers) in written.iter_mut().enumerate() {
        numbers.sort_unstable();
        let count: usize = fs::read_to_string(place.path().join(format!("{who} is done"))).unwrap().parse().unwrap();
        assert!(numbers.iter().copied().eq(0..count), "{log}: lines of {who} are missing or repeated");
    }
    (files.iter().map(|path| fs::metadata(path).unwrap().len()).collect(), took)
}

fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain");
        std::thread::sleep(Duration::from_micros(100));
    }
}

#[test]
#[ignore = "the tests below run it in processes of their own"]
fn writes() {
    let [place, log, who] = [PLACE, LOG, WHO].map(|name| std::env::var(name).unwrap());
    let place = Path::new(&place);
    let path = place.join("logs/app.log");
    let timed = TimedRotatingFileHandlerConfig { when: When::Seconds, ..TimedRotatingFileHandlerConfig::new(&path) };
    let timed = TimedRotatingFileHandlerConfig { interval_s: 1, utc: true, ..timed };
    let handler: Box<dyn Handler> = match &*log {
        "size" => {
            let config = RotatingFileHandlerConfig::new(&path);
            let config = RotatingFileHandlerConfig { max_bytes: MAX_BYTES, backup_count: 100_000, ..config };
            Box::new(RotatingFileHandler::new(config).unwrap())
        }
        "time" => Box::new(TimedRotatingFileHandler::new(timed).unwrap()),
        _ => {
            let config = TimedRotatingFileHandlerConfig { max_bytes: MAX_BYTES, ..timed };
            Box::new(TimedRotatingFileHandler::new(config).unwrap())
        }
    };
    let entry = HandlerEntry::new("file", handler, Arc::new(Brackets));
    entry.handler.open().unwrap();
    fs::write(place.join(format!("{who} is ready")), "").unwrap();
    wait_for(|| place.join("go").exists());
    let (began, mut count) = (Instant::now(), 0);
    while if log == "time" { began.elapsed() < Duration::from_millis(3500) } else { count < 10_000 } {
        with_record(&format!("{who} {count} end"), |record| entry.handle(record, &mut Direct));
        count += 1;
        if log == "time" {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    assert_eq!(entry.errors.count(), 0);
    fs::write(place.join(format!("{who} is done")), count.to_string()).unwrap();
}

/// Each file is full, and none fuller than it may be, so that none was rolled twice, but for those whose time had come.
fn assert_rolled_once(sizes: &[u64], others: u64) {
    let most = MAX_BYTES + PROGRAMS as u64 * (MAX_BYTES / 16 + "<0 1234 end>\n".len() as u64);
    assert!(sizes.iter().all(|size| *size < most), "{:?}", sizes.iter().max());
    let bytes: u64 = sizes.iter().sum();
    let fullest = bytes / MAX_BYTES * 11 / 10 + 2 + others;
    assert!((100..fullest).contains(&(sizes.len() as u64)), "{} files of {bytes} bytes", sizes.len());
}

#[test]
fn they_roll_a_full_file_once_for_all() {
    let (sizes, _) = run("size");
    assert_rolled_once(&sizes, 0);
}

#[test]
fn they_roll_a_file_at_its_time_once_for_all() {
    let (sizes, took) = run("time");
    // One for each second in which anything was logged, whoever rolled it.
    let count = sizes.iter().filter(|size| **size > 0).count() as u64;
    assert!((4..=took.as_secs() + 2).contains(&count), "{sizes:?} in {took:?}");
}

#[test]
fn they_roll_a_file_that_is_full_or_whose_time_has_come_once_for_all() {
    let (sizes, took) = run("size and time");
    assert_rolled_once(&sizes, took.as_secs() + 1);
}
