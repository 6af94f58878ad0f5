//! Who listens, seen from outside: `/proc` is looked through again and again while the service runs.
//!
//! logtree names the process, or the thread, that holds the listener's seat [`LISTENING`]; one that stands by
//! is named otherwise. Only descendants of this process are looked at, so that other services on the machine do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What logtree calls the one that listens.
const LISTENING: &str = "logtree-listen";

/// Between two looks. The listener of a service of this kind changes in 50 ms at the slowest.
const INTERVAL: Duration = Duration::from_millis(5);

/// How many listeners there were at any one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listeners {
    /// The fewest seen in one look, from the first look on that saw one.
    pub(super) fewest: usize,
    /// The most that were there at the same time.
    pub(super) most: usize,
    /// How often was looked.
    pub(super) looks: u64,
}

/// Looks in a thread of its own until it is stopped.
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Listeners>>,
}

impl Watch {
    /// Begins to look.
    pub(super) fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut listeners: Option<Listeners> = None;
            while !stopped.load(Ordering::Relaxed) {
                let seen = listeners_now()?.len();
                if seen > 0 || listeners.is_some() {
                    let so_far = listeners.get_or_insert(Listeners { fewest: seen, most: seen, looks: 0 });
                    so_far.fewest = so_far.fewest.min(seen);
                    so_far.most = so_far.most.max(seen);
                    so_far.looks += 1;
                }
                std::thread::sleep(INTERVAL);
            }
            Ok(listeners.unwrap_or(Listeners { fewest: 0, most: 0, looks: 0 }))
        });
        Self { stop, thread }
    }

    /// Ends the looking.
    pub(super) fn stop(self) -> io::Result<Listeners> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the watch over the listeners panicked")))
    }
}

/// The threads that listen at one moment, by their ids.
///
/// A look takes a while, in which one may have stopped before another began. So whoever was found is looked at
/// again: those that still listen did so together, at the end of the first look.
fn listeners_now() -> io::Result<BTreeSet<u32>> {
    let listens = |task: &Path| fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim_end() == LISTENING);
    let mut found = BTreeMap::new();
    for process in descendants()? {
        // A process may end at any time, and then it does not listen.
        let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { continue };
        for task in tasks.flatten().filter(|task| listens(&task.path())) {
            if let Some(thread) = task.file_name().to_str().and_then(|name| name.parse().ok()) {
                found.insert(thread, task.path());
            }
        }
    }
    if found.len() > 1 {
        found.retain(|_, task| listens(task));
    }
    Ok(found.into_keys().collect())
}

/// The processes that come from this one, zombies not counted.
pub(super) fn descendants() -> io::Result<Vec<u32>> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        if let Some(parent) = parent_of_living(&stat) {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut found = Vec::new();
    let mut to_visit = vec![std::process::id()];
    while let Some(process) = to_visit.pop() {
        let of_it = children.remove(&process).unwrap_or_default();
        found.extend_from_slice(&of_it);
        to_visit.extend(of_it);
    }
    Ok(found)
}

/// The parent in a line of `/proc/PID/stat`, unless the process has ended. The second field is a name in parentheses,
/// which may contain anything (proc_pid_stat(5)).
fn parent_of_living(stat: &str) -> Option<u32> {
    let (_, behind_name) = stat.rsplit_once(") ")?;
    let mut fields = behind_name.split(' ');
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(parent)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::{descendants, parent_of_living};

    #[test]
    fn the_name_of_a_process_does_not_mislead() {
        assert_eq!(parent_of_living("77 (a) Z 1 (b) S 42 77 77 0 -1"), Some(42));
        assert_eq!(parent_of_living("77 (ended) Z 42 77 77 0 -1"), None);
    }

    #[test]
    fn children_of_children_are_seen_and_the_dead_are_not() -> std::io::Result<()> {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & echo $!; read line; kill $!"]);
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut grandchild = String::new();
        if let Some(stdout) = shell.stdout.take() {
            std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut grandchild)?;
        }
        let seen = descendants()?;
        assert!(seen.contains(&shell.id()), "{seen:?}");
        assert!(grandchild.trim().parse().is_ok_and(|pid| seen.contains(&pid)), "{grandchild} in {seen:?}");
        drop(shell.stdin.take());
        shell.wait()?;
        assert!(!descendants()?.contains(&shell.id()));
        Ok(())
    }
}
