//! Death in other pid namespaces, as it can be seen from the first one; and in other time namespaces, where a process has
//! another start time.

use std::fs;

use super::{ProcessIdentity, Stat, is_gone, namespaces, proc_is_ours};

/// The inode of the machine's first pid namespace: `PROC_PID_INIT_INO` in linux/proc_ns.h.
const FIRST_PID_NAMESPACE: u32 = 0xEFFF_FFFC;

/// Of processes in other pid or time namespaces, those that are dead for certain.
///
/// Whoever lives in the first pid namespace sees the processes of all others, each with its number in its own (`NSpid` in
/// proc_pid_status(5)): who is not among them is dead. Elsewhere, and where `/proc` hides processes, nothing can be told.
/// It reads a file for each process of the machine.
#[must_use]
pub fn dead_elsewhere(of: &[ProcessIdentity]) -> Vec<ProcessIdentity> {
    let Some(here) = namespaces().ok().filter(|here| *here as u32 == FIRST_PID_NAMESPACE && sees_all()) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let mut dead: Vec<_> = of.iter().copied().filter(|identity| identity.namespaces != 0).collect();
    for entry in entries {
        // A list with a gap proves nothing.
        let Ok(entry) = entry else { return Vec::new() };
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let status = match fs::read_to_string(format!("/proc/{process}/status")) {
            Ok(status) => status,
            // Who is gone by now was not there all the time.
            Err(error) if is_gone(&error) => continue,
            // No descriptor is left, or no memory: who cannot be looked at may be anybody.
            Err(_) => return Vec::new(),
        };
        let nested = innermost_number(&status);
        let number_of = |identity: &ProcessIdentity| match identity.namespaces as u32 == here as u32 {
            true => Some(process).filter(|_| nested.is_none()),
            false => nested,
        };
        dead.retain(|identity| number_of(identity) != Some(identity.pid) || !may_be(process, identity, here));
    }
    dead
}

/// Whether a process of another namespace, of the right number there, may be the one.
fn may_be(process: u32, identity: &ProcessIdentity, here: u64) -> bool {
    let shares_time = identity.namespaces >> u32::BITS == here >> u32::BITS;
    match Stat::read(&format!("/proc/{process}/stat")) {
        Ok(stat) => !stat.has_ended() && (!shares_time || stat.start_time == identity.start_time),
        Err(error) => !is_gone(&error),
    }
}

/// A process's number in its own namespace, if that is below this one.
fn innermost_number(status: &str) -> Option<u32> {
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    let numbers = numbers.split_ascii_whitespace().skip(1);
    numbers.last()?.parse().ok()
}

/// Whether `/proc` is this namespace's, and hides nobody: with `hidepid` it hides the first process from all but root.
fn sees_all() -> bool {
    proc_is_ours() && fs::metadata("/proc/1/status").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Death;

    #[test]
    fn the_number_of_a_nested_namespace_is_its_last() {
        assert_eq!(innermost_number("Name:\tsh\nNSpid:\t4711\t12\t1\nTgid:\t4711\n"), Some(1));
        assert_eq!(innermost_number("NSpid:\t4711\n"), None);
        assert_eq!(innermost_number("Name:\tsh\n"), None);
    }

    #[test]
    fn who_cannot_be_judged_is_not_dead() {
        let me = ProcessIdentity::current();
        assert_eq!(dead_elsewhere(&[ProcessIdentity { namespaces: 0, ..me }]), []);
    }

    #[test]
    fn who_lives_in_another_time_is_not_dead() {
        let me = ProcessIdentity::current();
        let in_another_time = ProcessIdentity { namespaces: me.namespaces ^ 1 << u32::BITS, start_time: 1, ..me };
        assert_eq!((in_another_time.death(), dead_elsewhere(&[in_another_time])), (Death::Unknown, vec![]));
    }
}
