//! Which claim a path leads to.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use logtree_os::claim::{FileKey, Meeting};
use rustix::fs::Mode;

use super::{AT_ONCE, claim_of, meet, text};
use crate::support::{PATIENCE, fork, in_a_process_of_its_own};

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
