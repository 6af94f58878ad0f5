//! Claims that many processes want at once, in directories as they come.
//!
//! | file | concept |
//! |---|---|
//! | `claim.rs` | meetings: who holds a claim, and what it says |
//! | `places.rs` | which claim a path leads to |
//! | `trust.rs` | what is no claim, or not to be believed |
//! | `watch.rs` | the watch over claims |

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use logtree_os::claim::{ClaimText, Meeting};
use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::process::Signal;

use crate::support::{Child, PATIENCE, Shared, fork, in_a_process_of_its_own, shared, state_of, until};

mod places;
mod trust;
mod watch;

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
