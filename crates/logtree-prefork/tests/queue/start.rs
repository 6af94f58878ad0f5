//! What a process finds when it starts: segments of others, halves of segments, no place.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use logtree_prefork::QueueOptions;
use rustix::process::{Signal, getpid};

use crate::support::{Lines, Queue, in_child, kill, stop_helpers, until, wait_for_exit};

/// The segment that the claim of a log names.
fn segment_of(log: &Path) -> PathBuf {
    let claim = log.with_file_name(format!(".{}.logtree", log.file_name().unwrap().to_str().unwrap()));
    let claim = std::fs::read_to_string(claim).unwrap();
    claim.lines().find_map(|line| line.strip_prefix("segment ")).map(PathBuf::from).unwrap()
}

/// A queue whose processes were all killed, with a record in it.
fn leave_a_record(log: &Path, options: &QueueOptions) {
    let killed = in_child(|| {
        let queue = Queue::over(log, options.clone());
        queue.entry.handler.start().unwrap();
        let helpers = stop_helpers();
        queue.log(0);
        helpers.into_iter().for_each(kill);
        kill(getpid());
    });
    assert_eq!(wait_for_exit(killed), None);
}

/// Logs in a new process until its helpers have left; what was said on its stderr, and theirs.
fn start_anew(log: &Path, options: &QueueOptions) -> String {
    let (stderr, its_stderr) = rustix::pipe::pipe().unwrap();
    let next = in_child(|| {
        rustix::stdio::dup2_stderr(&its_stderr).unwrap();
        let queue = Queue::over(log, options.clone());
        queue.entry.handler.start().unwrap();
        queue.log(0);
        assert!(queue.flush());
    });
    drop(its_stderr);
    let mut said = String::new();
    File::from(stderr).read_to_string(&mut said).unwrap();
    assert_eq!(wait_for_exit(next), Some(0), "{said}");
    said
}

type Spoil = fn(&Path);

/// How a segment is not ours, and what is said of it.
const SPOILT: &[(Spoil, &str)] = &[
    (|path| File::options().write(true).open(path).unwrap().write_all_at(b"garbage!", 0).unwrap(), "not a segment"),
    (
        |path| File::options().write(true).open(path).unwrap().write_all_at(&[1; 8], 8).unwrap(),
        "the segment of an incompatible version of logtree",
    ),
    (
        |path| File::options().write(true).open(path).unwrap().set_len(5000).unwrap(),
        "too short or too long for a segment",
    ),
    (|path| drop(File::create(path).unwrap()), "too short or too long for a segment"),
    (
        |path| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).unwrap(),
        "gives others rights, or its owner too few",
    ),
    (|path| std::fs::hard_link(path, path.with_extension("link")).unwrap(), "has been removed or has a second name"),
    (
        |path| {
            std::fs::rename(path, path.with_extension("link")).unwrap();
            std::os::unix::fs::symlink(path.with_extension("link"), path).unwrap();
        },
        "not a regular file, or a symbolic link to one",
    ),
    (
        |path| {
            std::fs::remove_file(path).unwrap();
            std::fs::create_dir(path).unwrap();
        },
        "not a regular file, or a symbolic link to one",
    ),
];

fn remove(path: &Path) {
    let _ = std::fs::remove_file(path.with_extension("link"));
    std::fs::remove_file(path).or_else(|_| std::fs::remove_dir(path)).unwrap();
}

pub(crate) fn what_is_no_segment_of_ours_is_said_and_left_alone() {
    let mut spoilt = SPOILT.to_vec();
    if rustix::process::geteuid().is_root() {
        spoilt.push((|path| std::os::unix::fs::chown(path, Some(12345), None).unwrap(), "belongs to another user"));
    } else {
        println!("skipped: a file cannot be given to another user here");
    }
    for (spoil, expected) in spoilt {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("app.log");
        leave_a_record(&log, &QueueOptions::default());
        let segment = segment_of(&log);
        spoil(&segment);
        let said = start_anew(&log, &QueueOptions::default());
        let path = segment.display();
        assert_eq!(
            said,
            format!(
                "logtree: warning: {path}: {expected}; it is not joined, and records that may be left in it are not \
                 written\n"
            )
        );
        assert_eq!(Lines::of(&log).assert_whole(), 1);
        assert!(segment.symlink_metadata().is_ok(), "it is nobody's to remove");
        remove(&segment);
        Queue::over(&log, QueueOptions::default()).wait_until_gone();
    }
}

pub(crate) fn a_named_queue_replaces_what_it_cannot_use() {
    for (spoil, expected) in SPOILT.iter().filter(|(_, expected)| !expected.starts_with("not a regular")) {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("app.log");
        let options = QueueOptions { name: Some(format!("spoilt-{}", getpid())), ..QueueOptions::default() };
        leave_a_record(&log, &options);
        let segment = segment_of(&log);
        spoil(&segment);
        let said = start_anew(&log, &options);
        assert_eq!(said.matches(expected).count(), 1, "{said}");
        assert_eq!(Lines::of(&log).assert_whole(), 1);
        until("the new one is gone too", || !segment.exists());
        let _ = std::fs::remove_file(segment.with_extension("link"));
    }
}

pub(crate) fn a_claim_that_others_may_write_is_said_and_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let claim = directory.path().join(".app.log.logtree");
    let expose = || std::fs::set_permissions(&claim, std::fs::Permissions::from_mode(0o664)).unwrap();
    leave_a_record(&log, &QueueOptions::default());
    let segment = segment_of(&log);
    expose();
    assert_eq!(
        start_anew(&log, &QueueOptions::default()),
        format!(
            "logtree: warning: {}: others could write the claim (its rights were 664); what it said is not believed, and \
             records that may be left in the queue that it named are not written\n",
            claim.display()
        )
    );
    assert_eq!(Lines::of(&log).assert_whole(), 1);
    remove(&segment);
    Queue::over(&log, QueueOptions::default()).wait_until_gone();
    // One that is in use is its listener's to mend, and makes no second queue.
    let [has_started, is_over] = ["started", "over"].map(|name| directory.path().join(name));
    let first = in_child(|| {
        let queue = Queue::started(&log);
        queue.log(0);
        assert!(queue.flush());
        std::fs::write(&has_started, "").unwrap();
        until("all is over", || is_over.exists());
    });
    until("it has started", || has_started.exists());
    let segment = segment_of(&log);
    expose();
    let next = in_child(|| {
        let queue = Queue::started(&log);
        queue.log(0);
        assert!(queue.flush());
        assert_eq!(logtree_prefork::stats()[0].path, segment, "there is a second queue");
    });
    assert_eq!(wait_for_exit(next), Some(0));
    assert_eq!(std::fs::metadata(&claim).unwrap().permissions().mode() & 0o7777, 0o600);
    std::fs::write(&is_over, "").unwrap();
    assert_eq!(wait_for_exit(first), Some(0));
    Queue::over(&log, QueueOptions::default()).wait_until_gone();
    assert_eq!(Lines::of(&log).assert_whole(), 3);
}

pub(crate) fn where_no_claim_can_be_made_each_writes_for_itself() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    // Something that is no claim has its name.
    std::fs::create_dir(directory.path().join(".app.log.logtree")).unwrap();
    let said = start_anew(&log, &QueueOptions::default());
    assert!(said.contains("the claim is not a regular file"), "{said}");
    assert!(said.ends_with("; each process writes its records itself, in the thread that logs\n"), "{said}");
    assert_eq!(Lines::of(&log).assert_whole(), 1);
}

pub(crate) fn more_processes_than_places_lose_nothing() {
    const PROCESSES: usize = 270;
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let (begin, has_begun) = rustix::pipe::pipe().unwrap();
    // One that installs for itself, when all places are taken.
    let newcomer = in_child(|| {
        assert_eq!(rustix::io::read(&begin, &mut [0]), Ok(1));
        let said = start_anew(&log, &QueueOptions::default());
        assert!(said.contains("all places for processes are taken; each process writes its records itself"), "{said}");
    });
    let queue = Queue::started(&log);
    let (go, all_go) = rustix::pipe::pipe().unwrap();
    let (logged, has_logged) = rustix::pipe::pipe().unwrap();
    let workers: Vec<_> = (0..PROCESSES)
        .map(|_| {
            in_child(|| {
                // Should this test fail, they are not to wait for ever.
                rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
                (0..3).for_each(|number| queue.log(number));
                rustix::io::write(&has_logged, &[0]).unwrap();
                // Each has its place until all have logged.
                rustix::io::read(&go, &mut [0]).unwrap();
                assert!(queue.flush());
            })
        })
        .collect();
    for _ in 0..PROCESSES {
        assert_eq!(rustix::io::read(&logged, &mut [0]), Ok(1));
    }
    assert_eq!(logtree_prefork::stats()[0].processes, 256);
    rustix::io::write(&has_begun, &[0]).unwrap();
    assert_eq!(wait_for_exit(newcomer), Some(0));
    rustix::io::write(&all_go, &[0; PROCESSES]).unwrap();
    for worker in workers {
        assert_eq!(wait_for_exit(worker), Some(0));
    }
    assert!(queue.flush());
    assert_eq!(Lines::of(&queue.log).assert_whole(), 3 * PROCESSES as u32 + 1);
}

pub(crate) fn half_made_segments_are_swept_in_time() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    let half_made = |name: &str| logtree_os::default_directory().join(format!(".{name}-{}.new", getpid()));
    let [old, new] = ["old", "new"].map(half_made);
    [&old, &new].into_iter().for_each(|path| drop(File::create(path).unwrap()));
    let long_ago = SystemTime::now() - Duration::from_secs(90);
    File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    // Whoever installs a queue on this machine sweeps; one at a time.
    let mut installs = 0;
    until("the old one is gone", || {
        installs += 1;
        Queue::started(&directory.path().join(format!("other-{installs}")));
        !old.exists()
    });
    assert!(new.exists(), "somebody may be making it");
    std::fs::remove_file(&new).unwrap();
    queue.log(0);
    assert!(queue.flush());
}
