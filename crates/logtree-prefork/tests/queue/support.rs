//! What all scenarios need.
//!
//! | file | concept |
//! |---|---|
//! | `support.rs` | the runner, and children |
//! | `queue.rs` | a queue over files, and records for it |
//! | `handlers.rs` | handlers that write lines which can be told apart |
//! | `logs.rs` | files that get the same lines |
//! | `lines.rs` | what stands in a file |
//! | `processes.rs` | the processes of a queue |

mod handlers;
mod lines;
mod logs;
mod processes;
mod queue;

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use logtree_prefork::{Fork, fork};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

pub(crate) use self::handlers::{LogFile, to_file};
pub(crate) use self::lines::{Lines, text};
pub(crate) use self::logs::Logs;
pub(crate) use self::processes::{
    followed_listener, helper, helper_of, helpers_of, processes, state_of, stop, stop_helpers, stop_helpers_of,
    threads_named, zombies,
};
#[cfg(logtree_kill_points)]
pub(crate) use self::queue::LANE_BYTES;
pub(crate) use self::queue::Queue;

/// Nothing takes so long but a bug.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Runs each scenario in a child of its own and reports as libtest does.
pub(crate) fn run(scenarios: &[(&str, fn())]) {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let chosen = |name: &str| filter.as_deref().is_none_or(|filter| name.contains(filter));
    let (mut passed, mut failed) = (0, 0);
    println!("\nrunning {} tests", scenarios.iter().filter(|(name, _)| chosen(name)).count());
    for (name, scenario) in scenarios.iter().filter(|(name, _)| chosen(name)) {
        io::stdout().flush().unwrap();
        let child = in_child(scenario);
        let is_ok = wait_for_exit(child) == Some(0);
        println!("test {name} ... {}", if is_ok { "ok" } else { "FAILED" });
        *(if is_ok { &mut passed } else { &mut failed }) += 1;
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out");
    std::process::exit(i32::from(failed > 0));
}

/// Runs something in a forked child, which ends with 0, or with 101 if it panics.
pub(crate) fn in_child(body: impl FnOnce()) -> Pid {
    match fork().unwrap() {
        Fork::Parent(pid) => pid,
        Fork::Child => {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            std::process::exit(if outcome.is_ok() { 0 } else { 101 });
        }
    }
}

/// The child's exit code; `None` if a signal ended it.
pub(crate) fn wait_for_exit(child: Pid) -> Option<i32> {
    let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
    status.exit_status()
}

pub(crate) fn kill(pid: Pid) {
    kill_process(pid, Signal::KILL).unwrap();
}

/// Polls until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_micros(200));
    }
}
