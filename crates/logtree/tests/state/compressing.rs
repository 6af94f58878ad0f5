//! Logging that changes while a rolled file is compressed. The judges are gzip(1) and zstd(1).

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use logtree::from_file;
use logtree::prefork::{Fork, fork};
use rustix::process::{WaitOptions, waitpid};
use serde_json::json;

use crate::Life;
use crate::child::lines;

pub(crate) const LIVES: &[Life] = &[
    ("compressing::another_form_is_asked_for", || reload_while_compressing(false, &[GZ, NONE, GZ, ZST])),
    ("compressing::the_same_form_is_asked_for_again", || reload_while_compressing(false, &[GZ, GZ, GZ])),
    ("compressing::no_form_is_asked_for_any_more", || reload_while_compressing(false, &[GZ, NONE])),
    ("compressing::behind_a_queue_another_form_is_asked_for", || reload_while_compressing(true, &[GZ, NONE, GZ, ZST])),
    ("compressing::behind_a_queue_the_same_form_is_asked_for_again", || reload_while_compressing(true, &[GZ, GZ, GZ])),
    ("compressing::behind_a_queue_no_form_is_asked_for_any_more", || reload_while_compressing(true, &[GZ, NONE])),
];

/// What a config says of `compress`: the form, and the tool that reads it.
type Form = Option<(&'static str, &'static str)>;
const NONE: Form = None;
const GZ: Form = Some(("gz", "gzip"));
const ZST: Form = Some(("zst", "zstd"));

/// How large the rolled file is.
const BYTES: usize = 100 << 20;
const THREADS: usize = 3;
/// On a busy machine a thread that goes behind all others takes its time.
const PATIENCE: Duration = Duration::from_secs(300);

/// Writes the config of this number. A listener goes on with none that says the same as the one that it has.
fn write_config(number: usize, form: Form, is_queued: bool) {
    let mut file = json!({
        "class": "logging.handlers.RotatingFileHandler", "filename": "app.log", "maxBytes": BYTES,
        "backupCount": 3 + number,
    });
    if let Some((form, _)) = form {
        file["compress"] = form.into();
    }
    let queue = json!({
        "class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue", "overflow": "block"},
        "handlers": ["file"], "listener": "logging.handlers.QueueListener",
    });
    let config = match is_queued {
        true => json!({"version": 1, "handlers": {"file": file, "queue": queue}, "root": {"handlers": ["queue"]}}),
        false => json!({"version": 1, "handlers": {"file": file}, "root": {"handlers": ["file"]}}),
    };
    fs::write("logging.json", config.to_string()).unwrap();
}

/// The first record rolls a file, and each config but the last is replaced by the next one while the file is compressed, or
/// once it is known that it is not. Meanwhile threads of this process log, and another process that keeps the first config.
fn reload_while_compressing(is_queued: bool, forms: &[Form]) {
    write_log(Path::new("source"));
    // A second name: what is compressed is deleted by its first.
    fs::hard_link("source", "app.log").unwrap();
    write_config(0, forms[0], is_queued);
    let guard = from_file("logging.json").unwrap().install().unwrap();
    tracing::error!("first");
    // Without a queue it would have a mind of its own about the form.
    let worker = is_queued.then(|| match fork().unwrap() {
        Fork::Parent(pid) => pid,
        Fork::Child => {
            let (logged, _) = log_until(THREADS, || Path::new("over").exists());
            fs::write("worker", logged.to_string()).unwrap();
            std::process::exit(0);
        }
    });
    let is_over = AtomicBool::new(false);
    let log = |thread| log_until(thread, || is_over.load(Ordering::Relaxed));
    let (logged, longest, finished) = std::thread::scope(|scope| {
        let log = &log;
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || log(thread))).collect();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut began = Instant::now();
            for (number, form) in forms.iter().enumerate().skip(1) {
                wait_until_begun(forms[number - 1]);
                write_config(number, *form, is_queued);
                began = Instant::now();
                guard.reload().unwrap();
                assert!(Path::new("app.log.1").exists(), "it was compressed before the config changed");
            }
            wait_until_done(forms[forms.len() - 1]);
            began.elapsed()
        }));
        is_over.store(true, Ordering::Relaxed);
        fs::write("over", "").unwrap();
        let threads = threads.into_iter().map(|thread| thread.join().unwrap());
        let (logged, longest): (Vec<u32>, Vec<Duration>) = threads.unzip();
        (logged, longest.into_iter().max().unwrap(), outcome.unwrap())
    });
    let last = forms[forms.len() - 1];
    let mut expected = logged;
    if let Some(worker) = worker {
        let (_, status) = waitpid(Some(worker), WaitOptions::empty()).unwrap().unwrap();
        assert_eq!(status.exit_status(), Some(0));
        expected.push(fs::read_to_string("worker").unwrap().parse().unwrap());
    }
    assert!(guard.flush(PATIENCE));
    assert_eq!(guard.errors(), 0);
    println!("{expected:?} records; the longest took {longest:?}, and the last config {finished:?}");
    assert_each_once(&lines("app.log"), &expected);
    // Whoever had to wait for a file to be compressed would have waited as long as that takes.
    if last.is_some() {
        assert!(longest < finished / 2, "a record has taken {longest:?} of {finished:?}");
    }
    let names = fs::read_dir(".").unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut left: Vec<_> = names.filter(|name| name.contains("app.log") && !name.ends_with(".logtree")).collect();
    left.sort_unstable();
    let rolled = last.map_or("app.log.1".to_owned(), |(form, _)| format!("app.log.1.{form}"));
    assert_eq!(left, ["app.log", &rolled]);
    assert_holds_the_source(Path::new(&rolled), last);
}

/// Logs numbers until it is over; how many, and how long the longest call took.
fn log_until(thread: usize, is_over: impl Fn() -> bool) -> (u32, Duration) {
    let (mut number, mut longest) = (0, Duration::ZERO);
    while !is_over() {
        for _ in 0..20 {
            let began = Instant::now();
            tracing::error!("{thread} {number} end");
            longest = longest.max(began.elapsed());
            number += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    (number, longest)
}

/// Waits until something has been compressed, and the rest is not yet; where nothing is to be, until nothing half made is left.
fn wait_until_begun(form: Form) {
    let Some((form, _)) = form else { return wait_until_done(NONE) };
    until(NONE, "it is being compressed", || parts().iter().any(|(path, bytes)| path.ends_with(form) && *bytes > 0));
}

/// Waits until the file is compressed, or is not to be, and nothing half made is left.
fn wait_until_done(form: Form) {
    until(form, "all is compressed", || Path::new("app.log.1").exists() == form.is_none() && parts().is_empty());
}

/// Waits until something is so, and asserts that the file does not take another form meanwhile.
fn until(form: Form, what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        for (other, _) in [GZ, ZST].into_iter().filter(|other| *other != form).flatten() {
            assert!(!Path::new(&format!("app.log.1.{other}")).exists(), "{other}, and not until {what}");
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}: {:?}", parts());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Files that are half made, without the end of their names, and their size.
fn parts() -> Vec<(String, u64)> {
    let entries = fs::read_dir(".").unwrap().map(|entry| entry.unwrap());
    let part = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        Some((name.strip_suffix(".part")?.to_owned(), entry.metadata().ok()?.size()))
    };
    entries.filter_map(part).collect()
}

/// Asserts that the lines of each thread are there from 0 on, each once and in its order, and no others but the first one.
fn assert_each_once(lines: &[String], expected: &[u32]) {
    let mut next = vec![0; expected.len()];
    assert_eq!(lines[0], "first");
    for line in &lines[1..] {
        let words: Vec<_> = line.split(' ').collect();
        let [thread, number, "end"] = words[..] else { panic!("a torn or foreign line: {line}") };
        let next = &mut next[thread.parse::<usize>().unwrap()];
        assert_eq!(number, next.to_string(), "of thread {thread}");
        *next += 1;
    }
    assert_eq!(next, expected);
}

fn assert_holds_the_source(rolled: &Path, form: Form) {
    let held = match form {
        None => fs::read(rolled).unwrap(),
        Some((_, tool)) => match Command::new(tool).arg("-dc").arg(rolled).output() {
            Ok(output) => {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                output.stdout
            }
            Err(_) => return println!("skipped: no {tool} to read it with"),
        },
    };
    assert!(held == fs::read("source").unwrap(), "{} holds something else", rolled.display());
}

/// A log that takes as long to compress as one of a service: its lines come again where neither form looks for them any more.
fn write_log(path: &Path) {
    let (mut block, mut random) = (String::new(), 1_u64);
    for number in 0.. {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (user, took_us) = (random >> 50, (random >> 20) % 5000);
        block += &format!("2026-01-31 09:00:00,{:03} INFO GET /users/{user} took {took_us} us\n", number % 1000);
        if block.len() >= 8 << 20 {
            break;
        }
    }
    let mut file = File::create(path).unwrap();
    for _ in 0..BYTES.div_ceil(block.len()) {
        file.write_all(block.as_bytes()).unwrap();
    }
}
