//! What hosts do, and what comes of it.

use std::cell::Cell;
use std::fs::{self, Permissions};
use std::mem::MaybeUninit;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock, inotify};
use rustix::process::{Signal, geteuid, kill_process};

use crate::place::{Host, Place, works};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("a_program_that_execs_goes_on_in_its_next_life", a_program_that_execs_goes_on_in_its_next_life),
    (
        "unrelated_processes_meet_whatever_way_leads_to_the_file",
        unrelated_processes_meet_whatever_way_leads_to_the_file,
    ),
    ("a_program_with_threads_leaves_nothing_behind", a_program_with_threads_leaves_nothing_behind),
    ("a_thread_that_listened_is_followed_though_nobody_logs", a_thread_that_listened_is_followed_though_nobody_logs),
    ("who_stood_by_in_another_namespace_says_that_it_ends", who_stood_by_in_another_namespace_says_that_it_ends),
    ("who_ends_while_another_is_killed_leaves_nothing_behind", who_ends_while_another_is_killed_leaves_nothing_behind),
    ("unrelated_processes_meet_by_a_name", unrelated_processes_meet_by_a_name),
    ("processes_of_several_namespaces_meet", processes_of_several_namespaces_meet),
    ("a_listener_in_a_namespace_that_ends_is_followed", a_listener_in_a_namespace_that_ends_is_followed),
    ("who_is_killed_in_a_sibling_namespace_keeps_no_place", who_is_killed_in_a_sibling_namespace_keeps_no_place),
    ("a_program_that_becomes_another_one_keeps_no_place", a_program_that_becomes_another_one_keeps_no_place),
    ("namespaces_that_share_a_volume_alone_are_refused", namespaces_that_share_a_volume_alone_are_refused),
    ("a_volume_that_another_container_left_is_written", a_volume_that_another_container_left_is_written),
    ("a_master_may_be_process_one", a_master_may_be_process_one),
    (
        "what_process_one_left_when_it_was_killed_is_written_by_the_next",
        what_process_one_left_when_it_was_killed_is_written_by_the_next,
    ),
    ("another_user_goes_on_logging", another_user_goes_on_logging),
    (
        "what_another_user_could_not_write_is_left_to_the_next_start",
        what_another_user_could_not_write_is_left_to_the_next_start,
    ),
    ("a_program_in_another_root_goes_on_logging", a_program_in_another_root_goes_on_logging),
    ("where_there_can_be_no_standby_nobody_waits_for_it", where_there_can_be_no_standby_nobody_waits_for_it),
    ("without_proc_there_is_one_standby", without_proc_there_is_one_standby),
    ("a_daemon_that_closes_everything_goes_on_logging", a_daemon_that_closes_everything_goes_on_logging),
    ("a_file_system_that_keeps_no_rights_has_no_queue", a_file_system_that_keeps_no_rights_has_no_queue),
    ("a_queue_whose_memory_is_not_to_be_trusted_is_named", a_queue_whose_memory_is_not_to_be_trusted_is_named),
    ("what_is_printed_to_closed_numbers_stands_nowhere", what_is_printed_to_closed_numbers_stands_nowhere),
];

/// Commands that come before a host's.
const PID_NAMESPACE: &[&str] = &["unshare", "--pid", "--fork", "--mount-proc"];
const MOUNT_NAMESPACE: &[&str] = &["unshare", "--mount"];
const OWN_SHARED_MEMORY: &[&str] =
    &["unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /dev/shm && exec \"$0\" \"$@\""];

/// Somebody who owns nothing.
const NOBODY: u32 = 65534;

fn a_program_that_execs_goes_on_in_its_next_life() {
    let place = Place::new();
    // What the first life logged last is in no guard's hands.
    let words = "install logging.json log first 500 exec install logging.json log second 500 \
                 fork log child 500 exec install logging.json log grandchild 500";
    place.host(words).end_well();
    place.assert_nothing_left();
    place.assert_once("app.log", &[("first", 500), ("second", 500), ("child", 500), ("grandchild", 500)]);
}

fn unrelated_processes_meet_whatever_way_leads_to_the_file() {
    let place = Place::new();
    fs::create_dir(place.path("release")).unwrap();
    symlink("release", place.path("current")).unwrap();
    place.config("one.json", "release/app.log", None);
    place.config("two.json", "current/../current/app.log", None);
    let hosts = ["one", "two"].map(|name| {
        place.host(&format!("install {name}.json log {name} 500 touch {name} wait go log {name}-later 500"))
    });
    place.wait("one");
    place.wait("two");
    place.listener();
    place.touch("go");
    hosts.into_iter().for_each(|host| host.end_well());
    place.assert_nothing_left();
    let expected = [("one", 500), ("one-later", 500), ("two", 500), ("two-later", 500)];
    place.assert_once("release/app.log", &expected);
}

fn a_program_with_threads_leaves_nothing_behind() {
    let place = Place::new();
    // No helper can be made: it listens itself, and for the other one as long as that is there.
    let first = place.host("thread install logging.json log first 500 touch first wait go log later 500");
    place.wait("first");
    place.host("thread install logging.json log second 500 flush").end_well();
    place.touch("go");
    first.end_well();
    place.assert_nothing_left();
    place.assert_once("app.log", &[("first", 500), ("later", 500), ("second", 500)]);
}

fn a_thread_that_listened_is_followed_though_nobody_logs() {
    let place = Place::new();
    let host = |name: &str| {
        let host = place.host(&format!(
            "thread install logging.json log {name} 100 flush touch {name} wait {name}-go log {name}-later 100 \
             touch {name}-done wait over"
        ));
        place.wait(name);
        host
    };
    // What is published while it is stopped the listener does not take any more, and then nobody logs.
    let follow = |listener: &Host, other: &str, lines| {
        let stands_by = || place.queue().is_some_and(|queue| queue.standby.is_some());
        crate::until("somebody stands by", stands_by);
        kill_process(listener.pid(), Signal::STOP).unwrap();
        place.touch(&format!("{other}-go"));
        place.wait(&format!("{other}-done"));
        kill_process(listener.pid(), Signal::KILL).unwrap();
        let log = || fs::read_to_string(place.path("app.log")).unwrap();
        crate::until("all is written", || log().lines().count() == lines);
    };
    let first = host("first");
    let second = host("second");
    follow(&first, "second", 300);
    // Who comes later stands by for who has taken over.
    let third = host("third");
    follow(&second, "third", 500);
    // What the kernel has not yet taken apart would be needed still, and whoever ends meanwhile leaves the queue to it.
    drop((first.end(), second.end()));
    place.touch("over");
    third.end_well();
    place.assert_nothing_left();
    let expected = [("first", 100), ("second", 100), ("second-later", 100), ("third", 100), ("third-later", 100)];
    place.assert_once("app.log", &expected);
}

/// Whether it is dead, nobody here could find out.
fn who_stood_by_in_another_namespace_says_that_it_ends() {
    if !works(PID_NAMESPACE) {
        return;
    }
    let place = Place::new();
    let first = place.host("thread install logging.json log first 100 touch first wait over");
    place.wait("first");
    let stands_by = || place.queue().is_some_and(|queue| queue.standby.is_some());
    let second = place.host_under(PID_NAMESPACE, "thread install logging.json log second 100 touch second wait go");
    place.wait("second");
    crate::until("somebody stands by", stands_by);
    place.touch("go");
    second.end_well();
    assert!(!stands_by());
    place.touch("over");
    first.end_well();
    place.assert_nothing_left();
    place.assert_once("app.log", &[("first", 100), ("second", 100)]);
}

/// The more memory a process has, the longer it takes to end.
fn who_ends_while_another_is_killed_leaves_nothing_behind() {
    let place = Place::new();
    let first = place.host("thread install logging.json log first 100 touch first wait go");
    place.wait("first");
    let killed = place.host("install logging.json log second 100 flush fill 64 touch second wait never");
    place.wait("second");
    kill_process(killed.pid(), Signal::KILL).unwrap();
    place.touch("go");
    first.end_well();
    place.assert_nothing_left();
    place.assert_once("app.log", &[("first", 100), ("second", 100)]);
}

fn unrelated_processes_meet_by_a_name() {
    let place = Place::new();
    let name = format!("test-{}", std::process::id());
    for config in ["one", "two"] {
        place.config(&format!("{config}.json"), "app.log", Some(&name));
    }
    let hosts =
        ["one", "two"].map(|name| place.host(&format!("install {name}.json log {name} 500 touch {name} wait go")));
    place.wait("one");
    place.wait("two");
    place.listener();
    place.touch("go");
    hosts.into_iter().for_each(|host| host.end_well());
    place.assert_nothing_left();
    place.assert_once("app.log", &[("one", 500), ("two", 500)]);
}

fn processes_of_several_namespaces_meet() {
    let wrappers = [("outside", &[][..]), ("pid", PID_NAMESPACE), ("mount", MOUNT_NAMESPACE)];
    if !wrappers.iter().filter(|(_, wrapper)| !wrapper.is_empty()).all(|(_, wrapper)| works(wrapper)) {
        return;
    }
    // Whoever comes first makes the queue, and its listener.
    for first in 0..wrappers.len() {
        let place = Place::new();
        let mut hosts = Vec::new();
        for at in 0..wrappers.len() {
            let (name, wrapper) = wrappers[(first + at) % wrappers.len()];
            let words = format!(
                "install logging.json log {name} 2000 touch {name} wait go log {name}-later 2000 flush touch {name}-done \
                 wait over-{name}"
            );
            hosts.push((name, place.host_under(wrapper, &words)));
            place.wait(name);
        }
        // One that is killed is followed, whoever sees whom.
        kill_process(place.listener(), Signal::KILL).unwrap();
        place.touch("go");
        wrappers.iter().for_each(|(name, _)| place.wait(&format!("{name}-done")));
        place.listener();
        // Whoever made the helpers ends first, and the last one tidies up, whether there are any yet or not.
        for (name, host) in hosts {
            place.touch(&format!("over-{name}"));
            host.end_well();
        }
        place.assert_nothing_left();
        let names = wrappers.map(|(name, _)| (name, 2000));
        let later = ["outside-later", "pid-later", "mount-later"].map(|name| (name, 2000));
        place.assert_once("app.log", &[names, later].concat());
    }
}

fn a_listener_in_a_namespace_that_ends_is_followed() {
    if !works(PID_NAMESPACE) {
        return;
    }
    let place = Place::new();
    // The helpers are of the namespace, and are killed with its first process.
    let inside = place.host_under(PID_NAMESPACE, "install logging.json log inside 1000 touch inside wait never");
    place.wait("inside");
    let outside =
        place.host("install logging.json log outside 1000 touch outside wait go log outside-later 1000 flush");
    place.wait("outside");
    let listener = place.listener();
    inside.kill_namespace();
    crate::until("the listener is gone with its namespace", || rustix::process::test_kill_process(listener).is_err());
    place.touch("go");
    let _ = inside.end();
    outside.end_well();
    place.assert_nothing_left();
    place.assert_once("app.log", &[("inside", 1000), ("outside", 1000), ("outside-later", 1000)]);
}

/// Nobody in either namespace sees the other one's processes, and nobody of the first one takes part.
fn who_is_killed_in_a_sibling_namespace_keeps_no_place() {
    if !works(PID_NAMESPACE) {
        return;
    }
    let place = Place::new();
    let first = place
        .host_under(PID_NAMESPACE, "install logging.json log first 100 touch first wait go log later 100 wait over");
    place.wait("first");
    let second = place
        .host_under(PID_NAMESPACE, "install logging.json log second 100 fork log child 100 touch second wait never");
    place.wait("second");
    let places = || place.queue().map(|queue| (queue.processes, queue.lanes));
    crate::until("the host, the other one and its child have places", || places() == Some((3, 3)));
    second.kill_namespace();
    let _ = second.end();
    crate::until("the host alone has one", || places() == Some((1, 1)));
    place.touch("go");
    place.touch("over");
    first.end_well();
    place.assert_nothing_left();
    place.assert_once("app.log", &[("first", 100), ("second", 100), ("child", 100), ("later", 100)]);
}

fn a_program_that_becomes_another_one_keeps_no_place() {
    let place = Place::new();
    let first = place.host("install logging.json log first 100 touch first wait over");
    place.wait("first");
    let second = place.host("install logging.json log second 100 exec touch second wait over");
    place.wait("second");
    crate::until("the host alone has a place", || {
        place.queue().is_some_and(|queue| (queue.processes, queue.lanes) == (1, 1))
    });
    place.touch("over");
    [first, second].into_iter().for_each(|host| host.end_well());
    place.assert_nothing_left();
    place.assert_once("app.log", &[("first", 100), ("second", 100)]);
}

fn namespaces_that_share_a_volume_alone_are_refused() {
    if !works(OWN_SHARED_MEMORY) {
        return;
    }
    let place = Place::new();
    let first = place.host("install logging.json log first 100 touch first wait go log later 100");
    place.wait("first");
    let (code, said) = place.host_under(OWN_SHARED_MEMORY, "install logging.json log second 100").end();
    assert_eq!(code, Some(3), "{said}");
    // Both are named: the queue that there is, with its memory, and the memory that this process has.
    for part in [
        &*place.path("app.log").display().to_string(),
        "already, whose memory /dev/shm/logtree-",
        "while that of this process, /dev/shm/logtree-",
    ] {
        assert!(said.contains(part), "{part:?} is not said: {said}");
    }
    place.touch("go");
    first.end_well();
    place.assert_nothing_left();
    place.assert_once("app.log", &[("first", 100), ("later", 100)]);
}

fn a_volume_that_another_container_left_is_written() {
    if !works(OWN_SHARED_MEMORY) {
        return;
    }
    let place = Place::new();
    // All of it is killed, as a container is, and leaves a claim of a queue whose memory is gone.
    let words = "install logging.json log first 100 flush touch first wait never";
    let first = place.host_under(OWN_SHARED_MEMORY, words);
    place.wait("first");
    // As long as it is open, the next container's memory has another number.
    let memory = format!("/proc/{}/root/dev/shm", place.processes()[0].0.as_raw_nonzero());
    let _memory = fs::File::open(memory).unwrap();
    place.kill_all();
    let _ = first.end();
    let claim = place.path(place.claims()[0].to_str().unwrap());
    // The kernel closes the files of who was killed when it has taken his memory apart: so long they are locked.
    let held = fs::File::open(&claim).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    let looks = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC).unwrap();
    inotify::add_watch(&looks, &claim, inotify::WatchFlags::OPEN).unwrap();
    let second = place.host_under(OWN_SHARED_MEMORY, "install logging.json log second 100");
    let seen = Cell::new(0);
    crate::until("it has looked some times, or has given up", || {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&looks, &mut buffer);
        while reader.next().is_ok() {
            seen.set(seen.get() + 1);
        }
        seen.get() >= 10 || place.processes().is_empty()
    });
    drop(held);
    second.end_well();
    place.assert_nothing_left();
    place.assert_once("app.log", &[("first", 100), ("second", 100)]);
}

fn a_master_may_be_process_one() {
    if !works(PID_NAMESPACE) {
        return;
    }
    let place = Place::new();
    place.host_under(PID_NAMESPACE, "install logging.json log master 1000 fork log worker 1000").end_well();
    // The worker is the host from there on; the master has waited for it, and ends without a word more.
    place.assert_nothing_left();
    place.assert_once("app.log", &[("master", 1000), ("worker", 1000)]);
}

fn what_process_one_left_when_it_was_killed_is_written_by_the_next() {
    if !works(PID_NAMESPACE) {
        return;
    }
    let place = Place::new();
    let words = "install logging.json log before 100 flush touch ready wait go log left 1000 touch logged wait never";
    let inside = place.host_under(PID_NAMESPACE, words);
    place.wait("ready");
    let listener = place.listener();
    // It takes nothing any more, so that the records are in shared memory when all are killed at once.
    kill_process(listener, Signal::STOP).unwrap();
    place.touch("go");
    place.wait("logged");
    let segment = place.queue().unwrap().path;
    inside.kill_namespace();
    let _ = inside.end();
    crate::until("all are gone", || place.processes().is_empty());
    place.assert_once("app.log", &[("before", 100)]);
    // Nobody in the next namespace sees who was in the one before, and yet all of them are known to be dead.
    place.host_under(PID_NAMESPACE, "install logging.json log next 100 flush").end_well();
    place.assert_nothing_left();
    assert!(!segment.exists(), "{} is left", segment.display());
    place.assert_once("app.log", &[("before", 100), ("left", 1000), ("next", 100)]);
}

fn another_user_goes_on_logging() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root becomes another user");
        return;
    }
    let place = Place::new();
    // As a server does: opens as root, then serves as somebody else, in children too; more than one lane's first unit holds.
    let words =
        format!("install logging.json log root 100 fork setuid {NOBODY} burst other 2000 fork burst child 2000 flush");
    place.host(&words).end_well();
    place.assert_nothing_left();
    place.assert_once("app.log", &[("root", 100), ("other", 2000), ("child", 2000)]);
}

fn what_another_user_could_not_write_is_left_to_the_next_start() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root becomes another user");
        return;
    }
    let place = Place::new();
    fs::set_permissions(place.path(""), Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(place.path("free")).unwrap();
    fs::set_permissions(place.path("free"), Permissions::from_mode(0o777)).unwrap();
    let words = format!(
        "install logging.json log root 100 flush setuid {NOBODY} touch free/ready wait go log other 100 touch free/logged \
         wait never"
    );
    let host = place.host(&words);
    place.wait("free/ready");
    // Whoever listens next is the host's child, and may open neither the log nor the claim, nor look into root's memory.
    place.kill_helpers();
    place.touch("go");
    place.wait("free/logged");
    kill_process(host.pid(), Signal::KILL).unwrap();
    crate::until("all are gone", || place.processes().is_empty());
    let (_, said) = host.end();
    assert!(!said.contains("was removed"), "{said}");
    place.host("install logging.json log next 100 flush").end_well();
    place.assert_nothing_left();
    place.assert_once("app.log", &[("root", 100), ("other", 100), ("next", 100)]);
}

fn a_program_in_another_root_goes_on_logging() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root has another root");
        return;
    }
    let place = Place::new();
    fs::create_dir(place.path("jail")).unwrap();
    let jail = place.path("jail");
    let words = format!(
        "install logging.json log before 100 fork chroot {} burst inside 2000 fork burst child 2000 touch ready wait go \
         burst later 2000 flush",
        jail.display()
    );
    let host = place.host(&words);
    place.wait("jail/ready");
    kill_process(place.listener(), Signal::KILL).unwrap();
    place.touch("jail/go");
    host.end_well();
    place.assert_nothing_left();
    place.assert_once("app.log", &[("before", 100), ("inside", 2000), ("child", 2000), ("later", 2000)]);
}

fn where_there_can_be_no_standby_nobody_waits_for_it() {
    // Somebody who has no process yet, and may have two. What has ended counts, where nobody waits for it.
    let user = 2_000_000_000 + std::process::id();
    let inside = "mount -t tmpfs tmpfs /dev/shm && exec prlimit --nproc=2 \"$0\" \"$@\"";
    let limited = &["unshare", "--mount", "sh", "-c", inside];
    if !geteuid().is_root() || !works(limited) {
        return;
    }
    let place = Place::new();
    chown(place.path("."), Some(user), None).unwrap();
    let began = Instant::now();
    let words = format!("setuid {user} install logging.json log first 100 touch ready wait go log later 100");
    let host = place.host_under(limited, &words);
    place.wait("ready");
    assert!(began.elapsed() < Duration::from_secs(5), "so long it is waited for");
    place.listener();
    place.touch("go");
    host.end_well();
    place.assert_nothing_left();
    place.assert_once("app.log", &[("first", 100), ("later", 100)]);
}

fn without_proc_there_is_one_standby() {
    const NO_PROC: &[&str] = &["unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /proc && exec \"$0\" \"$@\""];
    if !works(NO_PROC) {
        return;
    }
    let place = Place::new();
    let began = Instant::now();
    let host = place.host_under(NO_PROC, "install logging.json log first 100 touch ready wait go log later 100");
    place.wait("ready");
    assert!(began.elapsed() < Duration::from_secs(5), "so long a standby is waited for that says nothing");
    // A listener looks for its standby every 125 ms at least.
    let looked = Instant::now();
    while looked.elapsed() < Duration::from_secs(1) {
        let processes = place.processes();
        assert!(processes.len() <= 3, "{processes:?}");
    }
    place.touch("go");
    host.end_well();
    place.assert_nothing_left();
    place.assert_once("app.log", &[("first", 100), ("later", 100)]);
}

fn a_daemon_that_closes_everything_goes_on_logging() {
    let place = Place::new();
    fs::create_dir(place.path("files")).unwrap();
    let words = "install logging.json log before 100 daemonise replace files burst daemon 2000 \
                 fork burst worker 2000 flush unharmed files touch done";
    place.host(words).end_well();
    place.wait("done");
    place.assert_nothing_left();
    place.assert_once("app.log", &[("before", 100), ("daemon", 2000), ("worker", 2000)]);
}

/// The memory of the queue, which began with the text then, was nobody's any more.
fn what_is_printed_to_closed_numbers_stands_nowhere() {
    let place = Place::new();
    let first = place.host("install logging.json log first 100 touch ready wait go log first-again 100 flush");
    place.wait("ready");
    place.host("close 0 close 1 close 2 install logging.json print STRAY log second 100 print STRAY flush").end_well();
    place.host("install logging.json log third 100 flush").end_well();
    place.touch("go");
    first.end_well();
    place.assert_nothing_left();
    place.assert_once("app.log", &[("first", 100), ("first-again", 100), ("second", 100), ("third", 100)]);
}

/// As FAT, and many a volume of a desktop's containers: each file is everybody's, or one user's.
fn a_file_system_that_keeps_no_rights_has_no_queue() {
    for (option, why) in
        [("--perms=0777", "lets others write a claim"), ("--force-user=nobody", "gives a claim to user")]
    {
        // It ends when it is not mounted any more.
        let run = "cd \"$PWD\" && \"$0\" \"$@\"; code=$?; directory=$PWD; cd /; umount -l \"$directory\"; exit $code";
        let mount = format!("bindfs {option} --chmod-ignore . . && {{ {run}; }}");
        let wrapper = ["unshare", "--mount", "sh", "-c", &mount];
        let place = Place::new();
        if place.host_under(&wrapper, "").end().0 != Some(0) {
            println!("skipped: there is no bindfs");
            return;
        }
        let words = "install logging.json log first 100 fork log second 100 flush";
        let (code, said) = place.host_under(&wrapper, words).end();
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(why) && said.lines().count() == 1, "{said}");
        place.assert_nothing_left();
        place.assert_once("app.log", &[("first", 100), ("second", 100)]);
    }
}

fn a_queue_whose_memory_is_not_to_be_trusted_is_named() {
    let place = Place::new();
    let first = place.host("install logging.json log first 100 touch ready wait go log later 100");
    place.wait("ready");
    let memory = place.queue().unwrap().path;
    fs::set_permissions(&memory, Permissions::from_mode(0o640)).unwrap();
    let (code, said) = place.host("install logging.json log second 100").end();
    assert_eq!(code, Some(3), "{said}");
    assert!(!said.contains("warning"), "{said}");
    let why =
        format!("already, which cannot be joined ({}: gives others rights, or its owner too few)", memory.display());
    assert!(said.contains(&why), "{said}");
    place.touch("go");
    first.end_well();
    place.assert_nothing_left();
    place.assert_once("app.log", &[("first", 100), ("later", 100)]);
}
