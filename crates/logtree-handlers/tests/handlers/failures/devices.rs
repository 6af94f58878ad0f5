//! Devices and named pipes in the place of a log.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Class, LINE_BYTES, Log};

#[test]
fn devices_are_written_and_never_rolled() {
    for class in Class::ALL {
        let null = Log::open(class, Path::new("/dev/null"));
        assert_eq!(null.log_all(0..250).len(), 250);
        let full = Log::open(class, Path::new("/dev/full"));
        assert_eq!((full.log_all(0..250), full.entry.errors.count()), (Vec::new(), 250));
    }
    let beside = |entry: fs::DirEntry| {
        let name = entry.file_name();
        name.as_bytes().starts_with(b"null.") || name.as_bytes().starts_with(b"full.")
    };
    assert!(!fs::read_dir("/dev").unwrap().flatten().any(beside));
}

#[test]
fn a_named_pipe_is_never_waited_for() {
    for class in Class::ALL {
        // Whoever waits, waits for ever.
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            write_to_a_pipe(class);
            sender.send(()).unwrap();
        });
        receiver.recv_timeout(Duration::from_secs(30)).unwrap();
    }
}

fn write_to_a_pipe(class: Class) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let log = Log::closed(class, &path);
    // Python waits for a reader, whatever it is that logs.
    let began = Instant::now();
    let waited = waiting(|| {
        assert!(log.entry.handler.open().is_err());
        assert!(log.log_all(0..100).is_empty());
    });
    // Once a second an error is said, and stderr waited for, for a tenth of it.
    assert!(waited < Duration::from_millis(500) + began.elapsed() / 5, "{waited:?}");
    let open = || {
        let reader = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK;
        fs::File::from(rustix::fs::open(&path, reader, rustix::fs::Mode::empty()).unwrap())
    };
    let reader = open();
    assert_eq!(log.log_all(100..150).len(), 50, "{class:?}");
    assert_eq!(read(&reader), (100..150).collect::<Vec<_>>());
    drop(reader);
    // A child that another test has just forked has the reader for a moment longer, and what is written for it stays.
    let began = Instant::now();
    while !log.log_all(150..160).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20), "{class:?}");
    }
    let reader = open();
    assert_eq!(log.log_all(160..170).len(), 10, "{class:?}");
    assert!(read(&reader).ends_with(&(160..170).collect::<Vec<_>>()));
    // A reader who stands still is waited for once, for a second, be it one without a processor.
    let mut written = Vec::new();
    let began = Instant::now();
    let waited = waiting(|| written = log.log_all(1000..3000));
    assert!(began.elapsed() >= Duration::from_millis(900) && waited < Duration::from_millis(2500), "{waited:?}");
    assert!((500..1000).contains(&written.len()), "{}", written.len());
    assert_eq!(read(&reader), written, "{class:?}");
    assert_eq!(log.log_all(3000..3010).len(), 10);
    assert_eq!(read(&reader), (3000..3010).collect::<Vec<_>>(), "{class:?}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

/// How long the calling thread was waiting in this, and not for a processor that others have: proc(5), `schedstat`.
fn waiting(work: impl FnOnce()) -> Duration {
    let scheduled = || {
        let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        let nanoseconds = text.split(' ').take(2).map(|number| number.parse::<u64>().unwrap());
        Duration::from_nanos(nanoseconds.sum())
    };
    let (began, before) = (Instant::now(), scheduled());
    work();
    began.elapsed().saturating_sub(scheduled() - before)
}

/// The numbers of whole lines that stand in a pipe; half a line has its own.
fn read(pipe: &fs::File) -> Vec<u32> {
    let mut bytes = vec![0; 1 << 20];
    let mut length = 0;
    while let Ok(more @ 1..) = rustix::io::read(pipe, &mut bytes[length..]) {
        length += more;
    }
    let text = std::str::from_utf8(&bytes[..length]).unwrap();
    let number = |line: &str| line.strip_prefix('<')?.strip_suffix('>')?.parse().ok();
    text.lines().filter(|line| line.len() + 1 == LINE_BYTES as usize).map(|line| number(line).unwrap()).collect()
}
