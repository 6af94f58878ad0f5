//! Logging that changes when its file does and when signals come, in the process itself and in its children; whether it is
//! installed or a layer beside others.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use logtree::{Config, Format, Guard, Watch};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, waitid, waitpid};
use serde_json::json;
use tracing_subscriber::layer::SubscriberExt as _;

/// How often a watched file is looked at.
const EVERY: Duration = Duration::from_millis(20);

/// Long enough for whatever is waited for, on a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(30);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, _, role, directory] = arguments.as_slice()
        && let Some((_, _, play)) = ROLES.iter().find(|(name, ..)| name == role)
    {
        return play(Path::new(directory));
    }
    for (set_up, (role, test, _)) in
        ["install", "layer"].into_iter().flat_map(|set_up| ROLES.iter().map(move |role| (set_up, role)))
    {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), "WARNING", "old");
        let program = std::env::current_exe().unwrap();
        let child =
            Command::new(program).args([set_up, *role]).arg(directory.path()).stdin(Stdio::piped()).spawn().unwrap();
        test(&mut Program { child, directory: directory.path().to_owned() });
        println!("watch: {set_up}: {role}: ok");
    }
}

type Role = (&'static str, fn(&mut Program), fn(&Path));

const ROLES: &[Role] = &[
    ("file", a_changed_file_is_read_again, watching_the_file),
    ("link", a_link_that_is_set_anew_is_a_change, watching_the_file),
    ("broken", a_file_that_is_refused_changes_nothing, watching_the_file),
    ("pipe", a_pipe_in_the_files_place_is_not_read, watching_the_file),
    ("hangup", sighup_reads_the_file_again, |directory| log_on(directory, Watch::new().reload_on_sighup())),
    // No clock says when it is to be looked at again.
    ("never", sighup_reads_the_file_again, |directory| {
        log_on(directory, Watch::new().reload_on_change(Duration::MAX).reload_on_sighup());
    }),
    ("user1", sigusr1_opens_files_anew, |directory| log_on(directory, Watch::new().reopen_on_sigusr1())),
    ("user1 in a child", a_child_opens_its_own_files_anew, forking_for_user1),
    ("terminate", sigterm_flushes_and_ends, |directory| hold(directory, Watch::new().flush_on_sigterm())),
    ("first process", sigterm_ends_the_first_process_of_a_container, terminating_the_first_process),
    ("own handler", a_program_that_handles_sigterm_ends_as_it_likes, handling_sigterm),
    ("later handler", a_program_that_handles_sigterm_ends_as_it_likes, handling_sigterm_later),
    ("terminate while reloading", sigterm_waits_for_no_reload, with_classes),
    ("panicking class", a_class_that_panics_ends_no_watching, with_classes),
    ("child", a_child_watches_too, forking),
    ("idle child", a_child_that_has_not_logged_is_ended_by_sigterm, forking_idle),
    ("second call", a_second_call_replaces_the_first, asking_twice),
    ("no file", logging_of_no_file_has_none_to_watch, of_no_file),
    ("many", each_watches_as_long_as_it_is_there, watching_many),
];

/// Makes the logging that the role is played with.
fn set_up(config: Config) -> Guard {
    if std::env::args().nth(1).unwrap() == "install" {
        return config.install().unwrap();
    }
    let layer = config.layer().unwrap();
    let guard = layer.guard();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
    guard
}

/// Whether it has ended is asked without reaping it.
const END: WaitIdOptions = WaitIdOptions::EXITED.union(WaitIdOptions::NOWAIT).union(WaitIdOptions::NOHANG);

/// A program under test, and what it writes.
struct Program {
    child: Child,
    directory: PathBuf,
}

impl Program {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.join("app.log")).unwrap_or_default()
    }

    fn wait_for(&self, what: &str) {
        wait_for(what, || self.log().contains(what));
    }

    /// By what it ends while its standard input stays open, which `Child::wait` would close.
    fn end_by_itself(&mut self) -> std::process::ExitStatus {
        wait_for("the program's end", || waitid(WaitId::Pid(Pid::from_child(&self.child)), END).unwrap().is_some());
        self.child.wait().unwrap()
    }

    /// Has the program end, and says by what it ended.
    fn end(&mut self) -> std::process::ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn config_path(directory: &Path) -> PathBuf {
    directory.join("logging.json")
}

fn text(directory: &Path, level: &str, mark: &str) -> String {
    let file = json!({"class": "logging.FileHandler", "filename": directory.join("app.log"), "formatter": "line"});
    let held = json!({"class": "logging.handlers.MemoryHandler", "capacity": 1000, "target": "file"});
    let config = json!({
        "version": 1,
        "formatters": {"line": {"format": format!("{mark} %(levelname)s %(name)s: %(message)s")}},
        "handlers": {"file": file, "held": held},
        "loggers": {"held": {"level": "INFO", "handlers": ["held"], "propagate": false}, "logtree": {"level": "INFO"}},
        "root": {"level": level, "handlers": ["file"]},
    });
    config.to_string()
}

fn write(directory: &Path, level: &str, mark: &str) {
    fs::write(config_path(directory), text(directory, level, mark)).unwrap();
}

/// Logs at INFO every few milliseconds until its standard input ends.
fn log_until_the_end() {
    let is_over = Arc::new(AtomicBool::new(false));
    let ending = Arc::clone(&is_over);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_line(&mut String::new());
        ending.store(true, Ordering::Relaxed);
    });
    while !is_over.load(Ordering::Relaxed) {
        tracing::info!(target: "app", "tick");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn log_on(directory: &Path, watch: Watch) {
    let guard = set_up(logtree::from_file(config_path(directory)).unwrap());
    guard.watch(watch).unwrap();
    tracing::warn!(target: "app", "ready");
    log_until_the_end();
}

fn watching_the_file(directory: &Path) {
    log_on(directory, Watch::new().reload_on_change(EVERY));
}

fn a_changed_file_is_read_again(program: &mut Program) {
    program.wait_for("old WARNING app: ready");
    write(&program.directory, "INFO", "new");
    program.wait_for("new INFO app: tick");
    program.wait_for("new INFO logtree: the config was read again, because of its change");
    // Once: nothing has changed since, for as many looks as these ticks take.
    wait_for("ticks", || program.log().matches("new INFO app: tick").count() > 100);
    assert_eq!(program.log().matches("because of its change").count(), 1);
    // While it is gone, nothing is read.
    fs::remove_file(config_path(&program.directory)).unwrap();
    wait_for("ticks", || program.log().matches("new INFO app: tick").count() > 200);
    write(&program.directory, "INFO", "newer");
    program.wait_for("newer INFO app: tick");
    assert!(!program.log().contains("refused"));
    assert!(program.end().success());
}

/// As Kubernetes changes the files of a ConfigMap.
fn a_link_that_is_set_anew_is_a_change(program: &mut Program) {
    program.wait_for("ready");
    let (path, at) = (config_path(&program.directory), |name| program.directory.join(name));
    fs::create_dir(at("v2")).unwrap();
    fs::write(at("v2/logging.json"), text(&program.directory, "INFO", "linked")).unwrap();
    std::os::unix::fs::symlink("v2/logging.json", at("aside")).unwrap();
    fs::rename(at("aside"), &path).unwrap();
    program.wait_for("linked INFO app: tick");
    fs::create_dir(at("v3")).unwrap();
    fs::write(at("v3/logging.json"), text(&program.directory, "INFO", "again")).unwrap();
    std::os::unix::fs::symlink("v3/logging.json", at("aside")).unwrap();
    fs::rename(at("aside"), &path).unwrap();
    program.wait_for("again INFO app: tick");
    assert!(program.end().success());
}

fn a_file_that_is_refused_changes_nothing(program: &mut Program) {
    program.wait_for("ready");
    write(&program.directory, "INFOO", "bad");
    program.wait_for("old ERROR logtree: the config was read again, because of its change, and is refused:");
    program.wait_for("Unknown level: 'INFOO'");
    fs::remove_file(config_path(&program.directory)).unwrap();
    write(&program.directory, "INFO", "good");
    program.wait_for("good INFO app: tick");
    assert!(!program.log().contains("bad "));
    assert_eq!(program.log().matches("refused").count(), 1);
    assert!(program.end().success());
}

/// To open it would wait for its writer, and with it all that signals ask for.
fn a_pipe_in_the_files_place_is_not_read(program: &mut Program) {
    program.wait_for("ready");
    let path = config_path(&program.directory);
    fs::remove_file(&path).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
    // For so many looks that it was met.
    std::thread::sleep(10 * EVERY);
    fs::remove_file(&path).unwrap();
    write(&program.directory, "INFO", "new");
    program.wait_for("new INFO app: tick");
    assert!(program.end().success());
}

fn sighup_reads_the_file_again(program: &mut Program) {
    program.wait_for("ready");
    program.signal(Signal::HUP);
    program.wait_for("old INFO logtree: the config was read again, because of SIGHUP");
    assert!(!program.log().contains("tick"));
    write(&program.directory, "INFO", "new");
    program.signal(Signal::HUP);
    program.wait_for("new INFO app: tick");
    assert!(program.end().success());
}

fn sigusr1_opens_files_anew(program: &mut Program) {
    program.wait_for("ready");
    let moved = program.directory.join("app.log.1");
    fs::rename(program.directory.join("app.log"), &moved).unwrap();
    program.signal(Signal::USR1);
    program.wait_for("old INFO logtree: the files are opened anew, as SIGUSR1 asks for");
    assert_eq!(fs::read_to_string(moved).unwrap(), "old WARNING app: ready\n");
    assert!(program.end().success());
}

fn forking_for_user1(directory: &Path) {
    let guard = set_up(logtree::from_file(config_path(directory)).unwrap());
    guard.watch(Watch::new().reopen_on_sigusr1()).unwrap();
    let Some(child) = fork() else {
        tracing::warn!(target: "app", "child ready");
        let _ = std::io::stdin().read_line(&mut String::new());
        std::process::exit(0);
    };
    fs::write(directory.join("child"), child.as_raw_nonzero().to_string()).unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
    tracing::warn!(target: "app", "the parent opens nothing anew");
    waitpid(Some(child), WaitOptions::empty()).unwrap();
}

fn a_child_opens_its_own_files_anew(program: &mut Program) {
    let child = child_of(program);
    program.wait_for("child ready");
    let moved = program.directory.join("app.log.1");
    fs::rename(program.directory.join("app.log"), &moved).unwrap();
    kill_process(child, Signal::USR1).unwrap();
    program.wait_for("old INFO logtree: the files are opened anew, as SIGUSR1 asks for");
    assert!(program.end().success());
    let expected = "old WARNING app: child ready\nold WARNING app: the parent opens nothing anew\n";
    assert_eq!(fs::read_to_string(moved).unwrap(), expected);
    assert_eq!(program.log().lines().count(), 1);
}

/// Logs what is held back, and waits.
fn hold(directory: &Path, watch: Watch) {
    let guard = set_up(logtree::from_file(config_path(directory)).unwrap());
    guard.watch(watch).unwrap();
    hold_with(guard);
}

fn hold_with(guard: Guard) {
    (0..100).for_each(|number| tracing::info!(target: "held", number, "held back"));
    tracing::warn!(target: "app", "ready");
    let _ = std::io::stdin().read_line(&mut String::new());
    // The end of the program would write it, and this is to be SIGTERM's doing.
    std::mem::forget(guard);
    std::process::abort();
}

fn sigterm_flushes_and_ends(program: &mut Program) {
    program.wait_for("ready");
    assert!(!program.log().contains("held back"));
    program.signal(Signal::TERM);
    assert_eq!(program.end_by_itself().signal(), Some(Signal::TERM.as_raw()));
    assert_eq!(program.log().matches("held back").count(), 100);
}

/// Goes on in a pid namespace, of which it is the first process, and asks itself to end there.
fn terminating_the_first_process(directory: &Path) {
    const PID_NAMESPACE: [&str; 3] = ["--pid", "--fork", "--mount-proc"];
    let unshare = |program: &[String]| {
        Command::new("unshare").args(PID_NAMESPACE).args(program).stdin(Stdio::null()).stderr(Stdio::null()).status()
    };
    if std::process::id() != 1 {
        if !unshare(&["true".to_owned()]).is_ok_and(|status| status.success()) {
            println!("skipped: unshare {PID_NAMESPACE:?} does not work here");
            fs::write(directory.join("skipped"), "").unwrap();
            return;
        }
        let inside = unshare(&std::env::args().collect::<Vec<_>>()).unwrap();
        std::process::exit(inside.code().unwrap_or_default());
    }
    let guard = set_up(logtree::from_file(config_path(directory)).unwrap());
    guard.watch(Watch::new().flush_on_sigterm()).unwrap();
    (0..100).for_each(|number| tracing::info!(target: "held", number, "held back"));
    kill_process(rustix::process::getpid(), Signal::TERM).unwrap();
    // The end of the program would write it, and this is to be SIGTERM's doing.
    std::mem::forget(guard);
    std::thread::sleep(DEADLINE);
    std::process::abort();
}

/// What the system does by default to others, it does not do to this one. A shell says 143 of whom SIGTERM has ended.
fn sigterm_ends_the_first_process_of_a_container(program: &mut Program) {
    let status = program.end_by_itself();
    if !program.directory.join("skipped").exists() {
        assert_eq!(status.code(), Some(128 + Signal::TERM.as_raw()), "{status}");
        assert_eq!(program.log().matches("held back").count(), 100);
    }
}

fn handling_sigterm(directory: &Path) {
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::new(AtomicBool::new(false))).unwrap();
    hold(directory, Watch::new().flush_on_sigterm());
}

/// Who sets a handler by signal-hook, as tokio does, calls the one of before.
fn handling_sigterm_later(directory: &Path) {
    let guard = set_up(logtree::from_file(config_path(directory)).unwrap());
    guard.watch(Watch::new().flush_on_sigterm()).unwrap();
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::new(AtomicBool::new(false))).unwrap();
    hold_with(guard);
}

/// With a class that panics, and one that never returns.
fn with_classes(directory: &Path) {
    let mut registry = logtree::registry();
    registry.handler("test.Panics", |_| panic!("as told"));
    let begun = directory.join("begun");
    registry.handler("test.Hangs", move |_| {
        fs::write(&begun, "").unwrap();
        loop {
            std::thread::park();
        }
    });
    let guard = set_up(Config::load(config_path(directory), &registry).unwrap());
    guard.watch(Watch::new().reload_on_sighup().flush_on_sigterm()).unwrap();
    hold_with(guard);
}

fn write_with_class(directory: &Path, class: &str) {
    let mut config: serde_json::Value = serde_json::from_str(&text(directory, "WARNING", "other")).unwrap();
    config["handlers"]["other"] = json!({"class": class});
    fs::write(config_path(directory), config.to_string()).unwrap();
}

fn sigterm_waits_for_no_reload(program: &mut Program) {
    program.wait_for("ready");
    write_with_class(&program.directory, "test.Hangs");
    program.signal(Signal::HUP);
    wait_for("the reload", || program.directory.join("begun").exists());
    sigterm_flushes_and_ends(program);
}

fn a_class_that_panics_ends_no_watching(program: &mut Program) {
    program.wait_for("ready");
    write_with_class(&program.directory, "test.Panics");
    program.signal(Signal::HUP);
    program.wait_for("because of SIGHUP, and is refused: a class of the program panicked");
    write(&program.directory, "INFO", "new");
    program.signal(Signal::HUP);
    program.wait_for("new INFO logtree: the config was read again, because of SIGHUP");
    program.signal(Signal::TERM);
    assert_eq!(program.end_by_itself().signal(), Some(Signal::TERM.as_raw()));
}

fn a_program_that_handles_sigterm_ends_as_it_likes(program: &mut Program) {
    program.wait_for("ready");
    program.signal(Signal::TERM);
    // Nobody says when all of it is written.
    wait_for("what was held back", || program.log().matches("held back").count() == 100);
    assert_eq!(program.end().signal(), Some(Signal::ABORT.as_raw()));
}

fn forking(directory: &Path) {
    let guard = set_up(logtree::from_file(config_path(directory)).unwrap());
    guard.watch(Watch::new().reload_on_sighup().flush_on_sigterm()).unwrap();
    let Some(child) = fork() else {
        tracing::warn!(target: "app", "child ready");
        (0..100).for_each(|number| tracing::info!(target: "held", number, "held back"));
        tracing::warn!(target: "app", "child held back");
        log_until_the_end();
        std::process::abort();
    };
    fs::write(directory.join("child"), child.as_raw_nonzero().to_string()).unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
    tracing::info!(target: "app", "the parent reads nothing again");
    let status = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap().1;
    assert_eq!(status.terminating_signal(), Some(Signal::TERM.as_raw()));
    // What the child held back is not the parent's to write.
    drop(guard);
}

/// Forks as hosts do, whatever threads there are; answers with the child, in the parent.
fn fork() -> Option<Pid> {
    // SAFETY: the only other thread waits for signals, and holds no lock while it does; the child goes on as a program of
    // one thread, which is what is tested.
    Pid::from_raw(unsafe { libc::fork() })
}

fn child_of(program: &Program) -> Pid {
    let path = program.directory.join("child");
    wait_for("the child's number", || fs::read_to_string(&path).is_ok_and(|text| !text.is_empty()));
    Pid::from_raw(fs::read_to_string(path).unwrap().parse().unwrap()).unwrap()
}

/// Whether a process has ended; its parent need not have waited for it.
fn is_dead(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit(") ").next().is_none_or(|state| state.is_empty() || state.starts_with('Z'))
}

fn a_child_watches_too(program: &mut Program) {
    let child = child_of(program);
    program.wait_for("child held back");
    write(&program.directory, "INFO", "new");
    kill_process(child, Signal::HUP).unwrap();
    program.wait_for("new INFO app: tick");
    // The new handler holds what is held from now on; what the old one held, its end writes, which comes after.
    wait_for("what was held back", || program.log().matches("held: held back").count() == 100);
    kill_process(child, Signal::TERM).unwrap();
    // It reads the same standard input, whose end would be its own.
    wait_for("the child's end", || is_dead(child));
    assert!(program.end().success());
    // Had the child's signal come to the parent, it would log at INFO now.
    assert!(!program.log().contains("the parent reads"));
    assert_eq!(program.log().matches("held: held back").count(), 100);
}

fn forking_idle(directory: &Path) {
    let guard = set_up(logtree::from_file(config_path(directory)).unwrap());
    guard.watch(Watch::new().flush_on_sigterm()).unwrap();
    let Some(child) = fork() else {
        let _ = std::io::stdin().read_line(&mut String::new());
        std::process::abort();
    };
    kill_process(child, Signal::TERM).unwrap();
    let status = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap().1;
    assert_eq!(status.terminating_signal(), Some(Signal::TERM.as_raw()));
    tracing::warn!(target: "app", "the child is ended");
}

fn a_child_that_has_not_logged_is_ended_by_sigterm(program: &mut Program) {
    program.wait_for("the child is ended");
    assert!(program.end().success());
}

fn asking_twice(directory: &Path) {
    let guard = set_up(logtree::from_file(config_path(directory)).unwrap());
    guard.watch(Watch::new().reload_on_sighup().flush_on_sigterm()).unwrap();
    guard.watch(Watch::new().reload_on_change(EVERY)).unwrap();
    tracing::warn!(target: "app", "ready");
    log_until_the_end();
}

fn a_second_call_replaces_the_first(program: &mut Program) {
    program.wait_for("ready");
    // Neither reloads nor ends the program.
    program.signal(Signal::HUP);
    write(&program.directory, "INFO", "new");
    program.wait_for("new INFO app: tick");
    program.wait_for("because of its change");
    assert!(!program.log().contains("SIGHUP"));
    program.signal(Signal::TERM);
    assert_eq!(program.end_by_itself().signal(), Some(Signal::TERM.as_raw()));
}

fn of_no_file(directory: &Path) {
    let guard = set_up(logtree::from_str(&text(directory, "INFO", "text"), Format::Json).unwrap());
    for watch in [Watch::new().reload_on_sighup(), Watch::new().reload_on_change(EVERY)] {
        let error = guard.watch(watch).unwrap_err().to_string();
        assert_eq!(error, "this logging was not read from a file, so that there is none to read again");
    }
    guard.watch(Watch::new().reopen_on_sigusr1()).unwrap();
    tracing::info!(target: "app", "ready");
    log_until_the_end();
}

fn logging_of_no_file_has_none_to_watch(program: &mut Program) {
    program.wait_for("ready");
    program.signal(Signal::USR1);
    program.wait_for("opened anew");
    assert!(program.end().success());
}

/// Beside what is set up there is a layer that goes, and one that stays and asks for nothing.
fn watching_many(directory: &Path) {
    let other = |name: &str| {
        fs::create_dir(directory.join(name)).unwrap();
        write(&directory.join(name), "WARNING", "old");
        logtree::from_file(config_path(&directory.join(name))).unwrap().layer().unwrap()
    };
    let guard = set_up(logtree::from_file(config_path(directory)).unwrap());
    guard.watch(Watch::new().reload_on_sighup().flush_on_sigterm()).unwrap();
    let (goes, stays) = (other("goes"), other("stays"));
    goes.guard().watch(Watch::new().reload_on_sighup().reload_on_change(EVERY).flush_on_sigterm()).unwrap();
    write(&directory.join("goes"), "INFO", "new");
    let log = || fs::read_to_string(directory.join("goes/app.log")).unwrap();
    wait_for("the layer's change", || {
        log().contains("new INFO logtree: the config was read again, because of its change")
    });
    drop(goes);
    let _stays = tracing::subscriber::set_default(tracing_subscriber::registry().with(stays));
    logtree::get_logger("held").info("held back");
    std::thread::spawn(|| tracing::warn!(target: "app", "ready")).join().unwrap();
    log_until_the_end();
}

fn each_watches_as_long_as_it_is_there(program: &mut Program) {
    program.wait_for("ready");
    let directory = program.directory.clone();
    let log = |name: &str| fs::read_to_string(directory.join(name).join("app.log")).unwrap();
    program.signal(Signal::HUP);
    program.wait_for("old INFO logtree: the config was read again, because of SIGHUP");
    assert!(!log("goes").contains("SIGHUP"));
    assert_eq!(log("stays"), "");
    // One has asked; all that there is is flushed, as the program ends.
    program.signal(Signal::TERM);
    assert_eq!(program.end_by_itself().signal(), Some(Signal::TERM.as_raw()));
    assert_eq!(log("stays"), "old INFO held: held back\n");
}
