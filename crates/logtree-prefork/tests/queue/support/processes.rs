//! The processes of a queue: who they are, what they do, and how they are stopped.

use rustix::process::{Pid, Signal, getpid, kill_process};

use super::until;

/// This process's helper of that name, as soon as there is just one: a successor makes its standby after it has taken over,
/// and the seat of one that was killed is free a moment before it is gone.
pub(crate) fn helper(name: &str) -> Pid {
    helper_of(getpid(), name)
}

/// The same of another process.
pub(crate) fn helper_of(maker: Pid, name: &str) -> Pid {
    let mut found = Vec::new();
    until(&format!("there is one {name}"), || {
        found = helpers_of(maker, name);
        found.len() == 1
    });
    found[0]
}

/// The process that listens, once somebody stands by, as the queue itself tells it: when a listener is killed before it has said who
/// stands by, another process that logs may make the next one, which is no helper of this process.
pub(crate) fn followed_listener() -> Pid {
    let stats = || logtree_prefork::stats().swap_remove(0);
    until("somebody stands by", || stats().standby.is_some());
    let mut listener = None;
    until("somebody listens", || {
        listener = stats().listener.and_then(|listener| Pid::from_raw(listener.cast_signed()));
        listener.is_some()
    });
    listener.unwrap()
}

/// The helpers of that name that a process, or a helper of it, has made.
pub(crate) fn helpers_of(maker: Pid, name: &str) -> Vec<Pid> {
    let is_made = |pid: Pid| parent_and_state(pid).is_some_and(|(parent, _)| parent == Some(maker));
    processes().into_iter().filter(|(pid, comm)| comm == name && is_made(*pid)).map(|(pid, _)| pid).collect()
}

/// The helpers of this process that have ended and of which something is left.
pub(crate) fn zombies() -> Vec<Pid> {
    let me = format!(" Z {} ", getpid().as_raw_nonzero());
    let is_ours = |(pid, name): &(Pid, String)| {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        name.starts_with("logtree-") && stat.rsplit(')').next().is_some_and(|behind| behind.starts_with(&me))
    };
    processes().into_iter().filter(is_ours).map(|(pid, _)| pid).collect()
}

/// Stops this process's helpers, the standby first so that it does not take the listener's place. When this returns,
/// neither of them runs.
pub(crate) fn stop_helpers() -> [Pid; 2] {
    stop_helpers_of(getpid())
}

/// The same with those of another process.
pub(crate) fn stop_helpers_of(maker: Pid) -> [Pid; 2] {
    let helpers = ["logtree-standby", "logtree-listen"].map(|name| helper_of(maker, name));
    helpers.into_iter().for_each(stop);
    helpers
}

/// Stops a process. When this returns, it does not run.
pub(crate) fn stop(pid: Pid) {
    kill_process(pid, Signal::STOP).unwrap();
    // A signal takes a moment to stop.
    until("it is stopped", || state_of(pid) == "T");
}

/// Every process of the system with its name.
pub(crate) fn processes() -> Vec<(Pid, String)> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let named = numbers.filter_map(|pid| {
        let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        Some((Pid::from_raw(pid)?, comm.trim_end().to_owned()))
    });
    named.collect()
}

/// The threads of this process that have such a name.
pub(crate) fn threads_named(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|comm| comm.trim_end() == name).count()
}

/// The state of a process, as `ps` shows it; empty if it is gone, but for its zombie.
pub(crate) fn state_of(pid: Pid) -> String {
    parent_and_state(pid).map(|(_, state)| state).unwrap_or_default()
}

/// The parent and the state of a process that is not a zombie.
fn parent_and_state(pid: Pid) -> Option<(Option<Pid>, String)> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let mut fields = stat[stat.rfind(')')? + 2..].split(' ');
    let state = fields.next()?.to_owned();
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then_some((Pid::from_raw(parent), state))
}
