//! Claims that many processes want at once, in directories as they come.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use logtree_os::claim::{ClaimError, ClaimText, FileKey, Meeting, Watch};
use rustix::fs::{FlockOperation, Mode, fcntl_lock};
use rustix::process::Signal;
use rustix::thread::{set_thread_gid, set_thread_uid};

use crate::support::{Child, PATIENCE, Shared, fork, in_a_process_of_its_own, shared, state_of, until};

const AT_ONCE: Duration = Duration::ZERO;

fn meet(log: &Path) -> Meeting {
    Meeting::lock(&[log], PATIENCE).unwrap()
}

fn claim_of(log: &Path) -> PathBuf {
    let name = log.file_name().unwrap().to_str().unwrap();
    log.with_file_name(format!(".{name}.logtree"))
}

fn text(id: u128) -> ClaimText {
    ClaimText::new("queue", "/dev/shm/logtree-test/queue", id)
}

/// A child that holds the claim of `log` until it is killed.
fn holder(log: &Path, page: &Shared) -> Child {
    let child = fork(|| {
        let _meeting = meet(log);
        page.words[0].store(std::process::id(), SeqCst);
        loop {
            std::thread::park();
        }
    });
    until("the child holds the claim", || page.words[0].load(SeqCst) == child.id());
    child
}

#[test]
fn what_one_writes_the_next_reads_and_may_remove() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let mut meeting = meet(&log);
    assert_eq!(meeting.claims()[0].log(), log);
    assert_eq!(meeting.claims()[0].path(), claim_of(&log));
    assert_eq!(meeting.claims()[0].text(), None);
    meeting.write(&text(u128::MAX)).unwrap();
    assert_eq!(meeting.claims()[0].text(), Some(&text(u128::MAX)));
    // A shorter one over a longer one.
    let short = ClaimText::new("q", "/s", 1);
    meeting.write(&short).unwrap();
    drop(meeting);
    assert_eq!(fs::metadata(claim_of(&log)).unwrap().mode() & 0o7777, 0o600);
    assert!(!log.exists(), "the log itself is not touched");

    let mut meeting = meet(&log);
    assert_eq!(meeting.claims()[0].text(), Some(&short));
    meeting.remove_if(2).unwrap();
    assert!(claim_of(&log).exists(), "it is another segment's");
    meeting.remove_if(1).unwrap();
    assert_eq!(meeting.claims()[0].text(), None);
    drop(meeting);
    assert!(!claim_of(&log).exists());
    assert_eq!(meet(&log).claims()[0].text(), None);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0, "a meeting that comes to nothing leaves nothing");
}

#[test]
fn of_eight_that_meet_exactly_one_makes_the_queue() {
    const ROUNDS: u32 = 100;
    let directory = tempfile::tempdir().unwrap();
    let page = shared();
    let [created, joined, ready] = [&page.words[0], &page.words[1], &page.words[2]];
    // Different sets in different orders, all with one file in common.
    let logs = ["common.log", "a.log", "b.log", "c.log"].map(|name| directory.path().join(name));
    for round in 1..=ROUNDS {
        [created, joined, ready].into_iter().for_each(|count| count.store(0, SeqCst));
        let meets = |index: usize| {
            let [common, one, other] = [&logs[0], &logs[1 + index % 3], &logs[1 + (index + 1) % 3]];
            let paths: [&Path; 3] = if index.is_multiple_of(2) { [common, one, other] } else { [other, one, common] };
            fork(move || {
                ready.fetch_add(1, SeqCst);
                until("all are ready", || ready.load(SeqCst) == 8);
                let mut meeting = Meeting::lock(&paths, PATIENCE).unwrap();
                let common = meeting.claims().iter().find(|claim| claim.log().ends_with("common.log")).unwrap();
                if let Some(text) = common.text() {
                    assert_eq!(text.segment_id(), u128::from(round));
                    joined.fetch_add(1, SeqCst);
                } else {
                    created.fetch_add(1, SeqCst);
                    meeting.write(&text(u128::from(round))).unwrap();
                }
            })
        };
        let children: Vec<Child> = (0..8).map(meets).collect();
        children.into_iter().for_each(Child::succeeds);
        assert_eq!((created.load(SeqCst), joined.load(SeqCst)), (1, 7), "round {round}");
        let logs = logs.each_ref().map(PathBuf::as_path);
        Meeting::lock(&logs, PATIENCE).unwrap().remove_if(u128::from(round)).unwrap();
    }
}

#[test]
fn threads_of_one_process_exclude_each_other_too() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let mut meeting = meet(&log);
                    let seen = meeting.claims()[0].text().map_or(0, ClaimText::segment_id);
                    meeting.write(&text(seen + 1)).unwrap();
                }
            });
        }
    });
    assert_eq!(meet(&log).claims()[0].text().unwrap().segment_id(), 200);
}

#[test]
fn a_holder_is_waited_for_and_named_and_a_killed_one_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let page = shared();
    // The meetings of other tests are kept apart from one another, which would be waited for as well.
    in_a_process_of_its_own(|| {
        for _ in 0..20 {
            let child = holder(&log, page);
            let error = Meeting::lock(&[&log], Duration::from_millis(20)).unwrap_err();
            assert!(error.is_timeout());
            let claim = claim_of(&log);
            let name = fs::read_to_string("/proc/self/comm").unwrap();
            let said = format!(
                "{}: process {} ({}) does not let go of the claim",
                claim.display(),
                child.id(),
                name.trim_end()
            );
            assert_eq!(error.to_string(), said);
            child.signal(Signal::STOP);
            until("it is stopped", || state_of(child.id(), child.id()) == Some('T'));
            let error = Meeting::lock(&[&log], AT_ONCE).unwrap_err();
            let advice = format!(", because it is stopped: continue it with `kill -CONT {}`, or end it", child.id());
            assert_eq!(error.to_string(), said + &advice);
            child.kill();
            assert!(Meeting::lock(&[&log], AT_ONCE).is_ok(), "a lock does not outlive its process");
        }
    });
}

#[test]
fn a_forked_child_neither_keeps_nor_breaks_its_parents_lock() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let meeting = meet(&log);
    let mut in_child = Some(meeting);
    fork(|| {
        let meeting = in_child.as_mut().unwrap();
        assert!(meeting.write(&text(1)).unwrap_err().to_string().ends_with("is locked by the parent of this process"));
        drop(in_child.take());
        assert!(claim_of(&log).exists(), "an empty claim is its holder's to remove");
        assert!(Meeting::lock(&[&log], AT_ONCE).unwrap_err().is_timeout());
    })
    .succeeds();
    let child = fork(|| {
        std::mem::forget(in_child.take());
        loop {
            std::thread::park();
        }
    });
    drop(in_child);
    // In the child of a process whose other thread was just in a meeting the lock in memory is no obstacle.
    fork(|| drop(meet(&log))).succeeds();
    child.kill();
}

#[test]
fn a_claim_that_was_removed_under_the_lock_is_not_taken_for_the_new_one() {
    const ROUNDS: u32 = 60;
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let page = shared();
    let inside = &page.words[0];
    // Everybody removes what he has written, so that the waiting ones hold files without a name all the time.
    let members: Vec<Child> = (0..6_u32)
        .map(|member| {
            let (log, inside) = (&log, &page.words[0]);
            fork(move || {
                for round in 0..ROUNDS {
                    let mut meeting = meet(log);
                    assert_eq!(inside.swap(1, SeqCst), 0, "two in one meeting");
                    let id = u128::from(round << 8 | member);
                    meeting.write(&text(id)).unwrap();
                    meeting.remove_if(id).unwrap();
                    std::thread::sleep(Duration::from_micros(100));
                    inside.store(0, SeqCst);
                }
            })
        })
        .collect();
    members.into_iter().for_each(Child::succeeds);
    assert_eq!(inside.load(SeqCst), 0);
}

#[test]
fn a_claim_that_changed_its_inode_before_the_lock_is_opened_anew() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let claim = claim_of(&log);
    meet(&log).write(&text(1)).unwrap();
    let page = shared();
    in_a_process_of_its_own(|| {
        // We hold the old claim, and someone waits for it.
        let old = fs::OpenOptions::new().write(true).open(&claim).unwrap();
        fcntl_lock(&old, FlockOperation::NonBlockingLockExclusive).unwrap();
        let waits = fork(|| {
            page.words[0].store(1, SeqCst);
            let meeting = meet(&log);
            assert_eq!(meeting.claims()[0].text().unwrap().segment_id(), 2);
        });
        until("the other one waits", || page.words[0].load(SeqCst) == 1);
        until("the other one has the file open", || {
            let numbers = fs::read_dir(format!("/proc/{}/fd", waits.id())).unwrap();
            let ours = fs::read_dir("/proc/self/fd").unwrap().count() - 1;
            numbers.count() > ours
        });
        waits.signal(Signal::STOP);
        let new = directory.path().join("new.log");
        let mut meeting = meet(&new);
        meeting.write(&text(2)).unwrap();
        fs::rename(claim_of(&new), &claim).unwrap();
        drop(old);
        waits.signal(Signal::CONT);
        drop(meeting);
        waits.succeeds();
    });
}

#[test]
fn a_torn_or_foreign_text_says_nothing_and_is_kept_until_it_is_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    for content in ["somebody's notes\n", "logtree claim 1 5 0000000000000000\nhello"] {
        fs::write(claim_of(&log), content).unwrap();
        assert_eq!(meet(&log).claims()[0].text(), None);
        assert_eq!(fs::read_to_string(claim_of(&log)).unwrap(), content);
    }
    // Far more than a claim is ever long.
    fs::write(claim_of(&log), vec![b'x'; 1 << 20]).unwrap();
    let mut meeting = meet(&log);
    assert_eq!(meeting.claims()[0].text(), None);
    meeting.write(&text(3)).unwrap();
    drop(meeting);
    assert_eq!(meet(&log).claims()[0].text(), Some(&text(3)));
    assert!(fs::metadata(claim_of(&log)).unwrap().len() < 1000, "nothing of the old content is left");
}

#[test]
fn one_file_has_one_key_whatever_leads_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fs::create_dir_all(root.join("releases/7/logs")).unwrap();
    symlink("releases/7", root.join("current")).unwrap();
    let log = root.join("releases/7/logs/app.log");
    symlink("releases/7/logs/app.log", root.join("link.log")).unwrap();
    symlink(&log, root.join("absolute.log")).unwrap();
    symlink("../link.log", root.join("releases/again.log")).unwrap();

    let key = |path: &str| FileKey::of(&root.join(path)).unwrap().unwrap();
    // First while the log does not exist, and the links lead to nothing.
    for exists in [false, true] {
        if exists {
            fs::write(&log, "").unwrap();
        }
        let paths = ["current/logs/app.log", "link.log", "absolute.log", "releases/again.log", "releases/../link.log"];
        for path in paths {
            assert_eq!(key(path), key("releases/7/logs/app.log"), "{path}, exists: {exists}");
        }
        assert_ne!(key("releases/7/logs/other.log"), key("link.log"));
        assert_ne!(key("app.log"), key("link.log"), "the same name in another directory");
    }
    let paths = [root.join("current/logs/app.log"), root.join("link.log"), log.clone()];
    let mut meeting = Meeting::lock(&paths.each_ref().map(PathBuf::as_path), PATIENCE).unwrap();
    assert_eq!(meeting.claims().len(), 1);
    meeting.write(&text(1)).unwrap();
    assert!(claim_of(&log).exists());
    // The lock holds against another process that comes by another path.
    fork(|| assert!(Meeting::lock(&[&root.join("absolute.log")], AT_ONCE).unwrap_err().is_timeout())).succeeds();
}

#[test]
fn a_relative_path_is_the_working_directorys() {
    let directory = tempfile::tempdir().unwrap();
    in_a_process_of_its_own(|| {
        std::env::set_current_dir(&directory).unwrap();
        let absolute = FileKey::of(&directory.path().join("app.log")).unwrap();
        assert_eq!(FileKey::of(Path::new("app.log")).unwrap(), absolute);
        meet(Path::new("app.log")).write(&text(1)).unwrap();
    });
    assert!(directory.path().join(".app.log.logtree").exists());
}

#[test]
fn what_is_no_regular_file_is_not_claimed() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
    let socket = directory.path().join("socket");
    let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let link = directory.path().join("link");
    symlink("/dev/null", &link).unwrap();
    let paths = [Path::new("/dev/null"), &fifo, &socket, &link, directory.path(), Path::new("/"), Path::new("..")];
    for path in paths {
        assert_eq!(FileKey::of(path).unwrap(), None, "{path:?}");
    }
    assert!(Meeting::lock(&paths, PATIENCE).unwrap().claims().is_empty());
    assert!(!Path::new("/dev/.null.logtree").exists());
}

#[test]
fn links_in_a_circle_and_missing_directories_are_errors_with_the_path() {
    let directory = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| directory.path().join(name));
    symlink(&one, &other).unwrap();
    symlink(&other, &one).unwrap();
    let error = FileKey::of(&one).unwrap_err();
    assert!(error.to_string().starts_with(&format!("{}: cannot follow the symbolic link: ", one.display())), "{error}");

    let log = directory.path().join("nowhere/app.log");
    let error = Meeting::lock(&[&log], PATIENCE).unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(error.path(), log);
    let expected = "cannot open the directory of the log file: No such file or directory (os error 2)";
    assert_eq!(error.to_string(), format!("{}: {expected}", log.display()));
}

#[test]
fn a_trap_in_the_claims_place_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    // Whole, and of this user: it is where it stands that makes it none.
    let other = directory.path().join("other.log");
    meet(&other).write(&text(7)).unwrap();
    let target = claim_of(&other);
    let precious = fs::read(&target).unwrap();
    assert_eq!(ClaimText::peek(&other), Some(text(7)));
    let refused = |what: &str| {
        assert_eq!(ClaimText::peek(&log), None, "{what}");
        let error: ClaimError = Meeting::lock(&[&log], PATIENCE).unwrap_err();
        let expected = format!("{}: the claim is not a regular file with one name", claim_of(&log).display());
        assert_eq!(error.to_string(), expected, "{what}");
        fs::remove_file(claim_of(&log)).or_else(|_| fs::remove_dir(claim_of(&log))).unwrap();
    };
    symlink(&target, claim_of(&log)).unwrap();
    refused("a symbolic link");
    fs::hard_link(&target, claim_of(&log)).unwrap();
    refused("a hard link");
    rustix::fs::mkfifoat(rustix::fs::CWD, claim_of(&log), Mode::RUSR | Mode::WUSR).unwrap();
    refused("a pipe");
    fs::create_dir(claim_of(&log)).unwrap();
    refused("a directory");
    assert_eq!(fs::read(&target).unwrap(), precious);
}

/// Lets this thread, and with it this process, be the user that owns nothing.
fn become_nobody() {
    const NOBODY: u32 = 65534;
    set_thread_gid(rustix::process::Gid::from_raw(NOBODY)).unwrap();
    set_thread_uid(rustix::process::Uid::from_raw(NOBODY)).unwrap();
}

#[test]
fn a_directory_of_others_and_a_claim_of_others_are_errors_that_say_so() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: only root can become someone else");
    }
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    fork(|| {
        become_nobody();
        let error = Meeting::lock(&[&log], AT_ONCE).unwrap_err();
        assert!(error.is_not_permitted());
        let expected = "cannot open or make the claim file: Permission denied (os error 13)";
        assert_eq!(error.to_string(), format!("{}: {expected}", claim_of(&log).display()));
    })
    .succeeds();
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);

    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    fork(|| {
        become_nobody();
        meet(&log).write(&text(1)).unwrap();
    })
    .succeeds();
    let error = Meeting::lock(&[&log], PATIENCE).unwrap_err();
    assert!(error.is_foreign());
    assert_eq!(ClaimText::peek(&log), None);
    assert!(error.to_string().ends_with("the claim belongs to user 65534, who is not trusted"), "{error}");
}

#[test]
fn what_others_may_write_is_not_believed_and_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    for mode in [0o620, 0o602, 0o666] {
        meet(&log).write(&text(1)).unwrap();
        assert_eq!(meet(&log).claims()[0].was_exposed(), None);
        assert!(ClaimText::peek(&log).is_some());
        fs::set_permissions(claim_of(&log), fs::Permissions::from_mode(mode)).unwrap();
        // As whoever has it open by then may write it for ever.
        let before = fs::metadata(claim_of(&log)).unwrap().ino();
        assert_eq!(ClaimText::peek(&log), None, "{mode:o}");
        let mut meeting = meet(&log);
        let claim = &meeting.claims()[0];
        assert_eq!((claim.text(), claim.was_exposed()), (None, Some(mode)));
        meeting.write(&text(2)).unwrap();
        drop(meeting);
        let after = fs::metadata(claim_of(&log)).unwrap();
        assert_eq!(after.mode() & 0o7777, 0o600);
        assert_ne!(after.ino(), before);
        assert_eq!(meet(&log).claims()[0].text(), Some(&text(2)));
    }
    // Others may read what it says.
    fs::set_permissions(claim_of(&log), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(meet(&log).claims()[0].text(), Some(&text(2)));
}

#[test]
fn who_watches_takes_others_rights_away_and_newcomers_wait_for_that() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let page = shared();
    in_a_process_of_its_own(|| {
        meet(&log).write(&text(7)).unwrap();
        let watcher = fork(|| {
            let mut watch = Watch::default();
            watch.over(&[&log]);
            assert!(watch.look(7));
            page.words[0].store(1, SeqCst);
            until("it is to look again", || page.words[1].load(SeqCst) == 1);
            assert!(watch.look(7), "the claim is its own");
            page.words[0].store(2, SeqCst);
            until("all is done", || page.words[1].load(SeqCst) == 2);
        });
        until("somebody watches", || page.words[0].load(SeqCst) == 1);
        fs::set_permissions(claim_of(&log), fs::Permissions::from_mode(0o666)).unwrap();
        let error = Meeting::lock(&[&log], Duration::from_millis(20)).unwrap_err();
        assert!(error.is_exposed() && !error.is_timeout());
        let said = "others may write the claim (its rights are 666), so that it is not trusted; `chmod go-w` takes the right away";
        assert_eq!(error.to_string(), format!("{}: {said}", claim_of(&log).display()));
        page.words[1].store(1, SeqCst);
        assert_eq!(meet(&log).claims()[0].text(), Some(&text(7)));
        until("it has looked", || page.words[0].load(SeqCst) == 2);
        assert_eq!(fs::metadata(claim_of(&log)).unwrap().mode() & 0o7777, 0o600);
        page.words[1].store(2, SeqCst);
        watcher.succeeds();
    });
}

#[test]
fn a_watch_outlives_the_claim_and_ends_with_the_last_who_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let [log, other] = ["app.log", "other.log"].map(|name| directory.path().join(name));
    let is_watched = |log: &Path| meet(log).claims()[0].is_watched();
    in_a_process_of_its_own(|| {
        meet(&log).write(&text(7)).unwrap();
        let page = shared();
        let watcher = fork(|| {
            let mut watch = Watch::default();
            watch.over(&[&log]);
            assert!(watch.look(7));
            // A child has it too, and keeps it when this one is killed.
            let heir = fork(|| {
                page.words[1].store(std::process::id(), SeqCst);
                until("it is told to end", || page.words[2].load(SeqCst) == 1);
                watch.inherited().end();
                page.words[2].store(2, SeqCst);
                until("it is killed", || false);
            });
            std::mem::forget(heir);
            fork(|| drop(watch.inherited())).succeeds();
            page.words[0].store(1, SeqCst);
            until("it is killed", || false);
        });
        until("the heir has begun", || page.words[1].load(SeqCst) != 0);
        until("another child has let go of it", || page.words[0].load(SeqCst) == 1);
        assert!(is_watched(&log) && !is_watched(&other), "each name by itself");
        assert!(meet(&log).claims()[0].is_attended());
        fs::remove_file(claim_of(&log)).unwrap();
        watcher.kill();
        assert!(is_watched(&log), "nobody has to see the claim, nor its maker");
        page.words[2].store(1, SeqCst);
        until("the heir has ended it", || page.words[2].load(SeqCst) == 2);
        assert!(!is_watched(&log));
        let heir = rustix::process::Pid::from_raw(page.words[1].load(SeqCst).cast_signed()).unwrap();
        rustix::process::kill_process(heir, Signal::KILL).unwrap();
    });
}

#[test]
fn a_watch_notices_what_is_removed_replaced_or_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let elsewhere = directory.path().join("elsewhere");
    in_a_process_of_its_own(|| {
        meet(&log).write(&text(7)).unwrap();
        let mut watch = Watch::default();
        watch.over(&[&log]);
        assert!(watch.look(7));
        fs::remove_file(claim_of(&log)).unwrap();
        assert!(!watch.look(7));
        meet(&log).write(&text(7)).unwrap();
        assert!(watch.look(7), "it is back");
        meet(&log).write(&text(8)).unwrap();
        assert!(!watch.look(7), "it is another one's");
        meet(&log).write(&text(7)).unwrap();
        assert!(watch.look(7));
        // A lock of this process on the claim is not lost by looking at it.
        let meeting = meet(&log);
        fork(|| fs::write(claim_of(&log), "torn").unwrap()).succeeds();
        assert!(watch.look(7), "not while a thread of this process is at a meeting");
        let page = shared();
        fork(|| page.words[0].store(Meeting::lock(&[&log], AT_ONCE).is_err().into(), SeqCst)).succeeds();
        assert_eq!(page.words[0].load(SeqCst), 1);
        drop(meeting);
        assert!(!watch.look(7));
        // A link that leads to another directory: the claim there is not this one's to see to.
        let link = directory.path().join("current");
        symlink(directory.path(), &link).unwrap();
        meet(&log).write(&text(7)).unwrap();
        watch.over(&[&link.join("app.log")]);
        assert!(watch.look(7));
        fs::create_dir(&elsewhere).unwrap();
        fs::remove_file(&link).unwrap();
        symlink(&elsewhere, &link).unwrap();
        assert!(watch.look(7));
        assert!(watch.logs().is_empty());
    });
}
