//! Making, finding and refusing segments.

use std::fs::{self, File, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::Arc;

use logtree_os::election::Seat;
use logtree_os::{
    LaneReader, MAX_TEXT_BYTES, ProcessIdentity, RecordHead, Reserve, Segment, SegmentError, SegmentId, SegmentLook,
    SegmentOptions, default_directory, limits_file_size,
};
use tempfile::TempDir;

use crate::support::{attached, directory, fork, segment};
use crate::without;

fn refusal(path: &std::path::Path) -> SegmentError {
    let error = Segment::open(path).unwrap_err();
    assert_eq!(error.path(), path);
    assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    error
}

/// A segment's file that nobody has open.
fn closed() -> (PathBuf, TempDir) {
    let (segment, directory) = segment();
    (segment.path().to_owned(), directory)
}

#[test]
fn what_one_process_makes_another_opens() {
    let (segment, _directory) = segment();
    segment.set_word(3, 42);
    let (path, id) = (segment.path().to_owned(), segment.id());
    let child = fork(move || {
        let opened = Segment::open(&path).unwrap();
        assert_eq!(opened.id(), id);
        assert_eq!(opened.word(3), Some(42));
        opened.set_word(4, 43);
        0
    });
    assert_eq!(child.wait(), 0);
    assert_eq!(segment.word(4), Some(43));
    assert_eq!((segment.word(31), segment.word(32)), (Some(0), None));
}

/// As under systemd's `SystemCallFilter=~@resources`.
#[test]
fn who_may_not_ask_for_limits_has_none() {
    let directory = directory();
    let child = fork(|| {
        if without::deny(&[libc::SYS_prlimit64], libc::EPERM).is_err() {
            return 77;
        }
        let segment = Segment::create(directory.path(), "queue", &SegmentOptions::default()).unwrap();
        u8::from(limits_file_size() || !segment.is_linked()).into()
    });
    match child.wait() {
        77 => eprintln!("skipped: no filter can be set here"),
        code => assert_eq!(code, 0),
    }
}

#[test]
fn a_name_is_taken_once() {
    let (first, directory) = segment();
    let again = Segment::create(directory.path(), "queue", &SegmentOptions::default()).unwrap_err();
    assert!(again.is_exists());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left aside");
    first.unlink().unwrap();
    assert!(!first.is_linked());
    let second = Segment::create(directory.path(), "queue", &SegmentOptions::default()).unwrap();
    assert_ne!(first.id(), second.id());
    first.unlink().unwrap();
    assert!(second.is_linked(), "the first's unlink is not the second's");
    first.attach(&ProcessIdentity::current()).unwrap().claim_lane(1 << 20).unwrap();
}

#[test]
fn of_many_who_create_at_once_one_does() {
    for _ in 0..20 {
        let directory = directory();
        let path = directory.path().to_owned();
        let create = || {
            let outcome = Segment::create(&path, "queue", &SegmentOptions::default());
            // Whoever finds it, finds it whole.
            Segment::open(&path.join("queue")).unwrap();
            i32::from(outcome.is_ok())
        };
        let children: Vec<_> = (0..4).map(|_| fork(create)).collect();
        let created: i32 = children.into_iter().map(|child| child.wait()).sum();
        assert_eq!(created, 1);
    }
}

#[test]
fn names_that_leave_the_directory_are_refused() {
    let directory = directory();
    for name in ["", ".", "..", ".hidden", "a/b", "/etc", &"x".repeat(201)] {
        let error = Segment::create(directory.path(), name, &SegmentOptions::default()).unwrap_err();
        assert!(error.is_name(), "{name}: {error}");
    }
}

#[test]
fn a_directory_that_is_not_ours_alone_is_refused() {
    let directory = directory();
    let create = |path: &std::path::Path| Segment::create(path, "queue", &SegmentOptions::default());
    let inner = directory.path().join("inner");
    assert!(create(&inner).is_ok(), "it is made");
    assert_eq!(fs::metadata(&inner).unwrap().permissions().mode() & 0o7777, 0o700);
    fs::set_permissions(&inner, Permissions::from_mode(0o750)).unwrap();
    assert!(create(&inner).unwrap_err().is_untrusted());
    let link = directory.path().join("link");
    symlink(&inner, &link).unwrap();
    assert!(create(&link).unwrap_err().is_untrusted());
    let file = directory.path().join("file");
    File::create(&file).unwrap();
    assert!(create(&file).unwrap_err().is_untrusted());
    assert!(create(&directory.path().join("no/such")).unwrap_err().is_absent());
    if std::os::unix::fs::chown(&inner, Some(12345), None).is_ok() {
        fs::set_permissions(&inner, Permissions::from_mode(0o700)).unwrap();
        assert!(create(&inner).unwrap_err().is_untrusted());
    } else {
        eprintln!("not root: the owner's check was not tried");
    }
}

#[test]
fn a_file_that_somebody_else_may_have_put_there_is_refused() {
    let (path, directory) = closed();
    let link = directory.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(refusal(&link).is_untrusted());
    assert!(refusal(directory.path()).is_untrusted());
    for mode in [0o640, 0o602, 0o700, 0o400] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = Segment::open(&path);
        // Not root, one who may not even write it is told so by the system.
        assert!(error.is_err_and(|error| error.is_untrusted() || mode == 0o400), "{mode:o}");
    }
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    fs::hard_link(&path, directory.path().join("second")).unwrap();
    assert!(refusal(&path).is_untrusted());
    fs::remove_file(directory.path().join("second")).unwrap();
    assert!(Segment::open(&path).is_ok());
    let fifo = directory.path().join("fifo");
    let name = std::ffi::CString::new(fifo.to_str().unwrap()).unwrap();
    // SAFETY: the name is a C string.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    assert!(refusal(&fifo).is_untrusted());
    assert!(refusal(&directory.path().join("absent")).is_absent());
    if std::os::unix::fs::chown(&path, Some(12345), None).is_ok() {
        assert!(refusal(&path).is_untrusted());
    }
}

#[test]
fn a_file_that_is_no_segment_is_refused() {
    let (path, _directory) = closed();
    let file = File::options().write(true).open(&path).unwrap();
    let whole = file.metadata().unwrap().len();
    file.write_all_at(&[0xff; 8], 32).unwrap();
    assert!(refusal(&path).is_invalid(), "the reserve");
    file.write_all_at(&[1; 8], 8).unwrap();
    assert!(refusal(&path).is_abi());
    file.write_all_at(b"something", 0).unwrap();
    assert!(refusal(&path).is_invalid(), "the magic");
    for length in [0, 1, 4096, whole - 1] {
        file.set_len(length).unwrap();
        assert!(refusal(&path).is_invalid(), "{length}");
    }
}

#[test]
fn a_text_is_replaced_as_a_whole() {
    let (segment, _directory) = segment();
    assert_eq!(segment.text().unwrap(), b"");
    assert!(!segment.set_text(&vec![0; MAX_TEXT_BYTES + 1]));
    let writing = Arc::clone(&segment);
    let child = fork(move || {
        for turn in 0..2000_usize {
            assert!(writing.set_text(&vec![turn as u8; 1 + turn % MAX_TEXT_BYTES]));
        }
        0
    });
    for _ in 0..2000 {
        if let Some(text) = segment.text().filter(|text| !text.is_empty()) {
            assert!(text.iter().all(|byte| *byte == text[0]));
            assert_eq!((text.len() - 1) as u8, text[0]);
        }
    }
    assert_eq!(child.wait(), 0);
    assert_eq!(segment.text().unwrap(), vec![1999_usize as u8; 2000]);
}

#[test]
fn the_default_directory_is_the_users_own() {
    // SAFETY: it only asks.
    let user = unsafe { libc::geteuid() };
    assert_eq!(default_directory(), PathBuf::from(format!("/dev/shm/logtree-{user}")));
}

#[test]
fn who_looks_sees_all_and_changes_nothing() {
    let (process, segment, _directory) = attached();
    let mut lane = process.claim_lane(1 << 20).unwrap();
    segment.set_word(17, 42);
    assert!(segment.set_text(b"what it is"));
    let look = SegmentLook::open(segment.path()).unwrap();
    let waiting = || {
        let before = fs::read(segment.path()).unwrap();
        let sight = look.sight();
        assert_eq!(fs::read(segment.path()).unwrap(), before);
        assert_eq!((sight.id, sight.words[17], &sight.text[..]), (segment.id(), 42, &b"what it is"[..]));
        assert_eq!((sight.listener, sight.processes.len(), sight.lanes.len()), (None, 1, 1));
        (sight.lanes[0].lane.waiting(), sight.lanes[0].waiting_bytes)
    };
    assert_eq!(waiting(), (0, 0));
    // So many that the chain has several units; the file grows after the look was opened.
    let record = [7; 1000];
    (0..100).for_each(|_| _ = lane.push(RecordHead::default(), &[&record], Reserve::Ordinary).unwrap());
    let (records, bytes) = waiting();
    assert_eq!(records, 100);
    assert!((100_000..110_000).contains(&bytes), "{bytes} bytes");
    let mut reader = LaneReader::open(&segment, lane.lane()).unwrap();
    (0..60).for_each(|_| _ = reader.read(&mut Vec::new()).unwrap().unwrap());
    assert_eq!(waiting(), (100, bytes), "what is read has not reached its handlers");
    reader.publish_head();
    let (records, bytes) = waiting();
    assert_eq!(records, 40);
    assert!((40_000..44_500).contains(&bytes), "{bytes} bytes");
    let seat = Seat::try_take(&segment).unwrap().unwrap();
    assert_eq!(look.sight().listener, Some(logtree_os::current_thread_id()));
    drop(seat);
    segment.unlink().unwrap();
    assert!(!look.is_linked());
}

#[test]
fn a_segment_whose_name_was_removed_is_found_in_who_has_it_open() {
    let (segment, directory) = segment();
    let (path, id) = (segment.path().to_owned(), segment.id());
    assert!(Segment::open_removed(&path, id).is_none(), "it has its name");
    segment.set_word(3, 42);
    fs::remove_file(&path).unwrap();
    let found = Segment::open_removed(&path, id).unwrap();
    assert_eq!((found.id(), found.path(), found.word(3), found.is_linked()), (id, &*path, Some(42), false));
    let look = SegmentLook::open_removed(&path, id).unwrap();
    assert_eq!(look.sight().words[3], 42);
    // It has room for more, as any.
    let process = found.attach(&ProcessIdentity::current()).unwrap();
    assert!(process.claim_lane(1 << 20).unwrap().push(RecordHead::default(), &[b"x"], Reserve::Ordinary).is_ok());
    assert!(segment.descriptor().is_some());
    // Another one of the same name is not it.
    let other = SegmentId(id.0 ^ 1);
    assert!(Segment::open_removed(&path, other).is_none());
    let second = Segment::create(directory.path(), "queue", &SegmentOptions::default()).unwrap();
    assert_eq!(Segment::open_removed(&path, id).unwrap().id(), id);
    assert!(Segment::open_removed(&path, second.id()).is_none());
    // What anybody could have put there is refused, as under a name.
    fs::set_permissions(
        format!("/proc/self/fd/{}", segment.descriptor().unwrap().as_raw_fd()),
        Permissions::from_mode(0o666),
    )
    .unwrap();
    assert!(Segment::open_removed(&path, id).is_none());
}
