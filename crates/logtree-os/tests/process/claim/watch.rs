//! The watch over claims: what it notices, puts right and outlives.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use logtree_os::claim::{Meeting, Watch};
use rustix::process::Signal;

use super::{AT_ONCE, claim_of, meet, text};
use crate::support::{fork, in_a_process_of_its_own, shared, until};

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
