//! What stands in the place of a claim and is none, or is not to be believed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use logtree_os::claim::{ClaimError, ClaimText, Meeting};
use rustix::fs::Mode;
use rustix::thread::{set_thread_gid, set_thread_uid};

use super::{AT_ONCE, claim_of, meet, text};
use crate::support::{PATIENCE, fork};

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
