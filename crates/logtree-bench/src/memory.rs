//! The memory that a process has to itself, and its helpers with it.

use std::time::{Duration, Instant};

/// Memory settles when it is the same for so long: threads and helper processes start by and by.
const SETTLED: Duration = Duration::from_millis(200);
/// So long is waited for that at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// KiB resident of a process and all that descend from it, once they have settled: anonymous and shared memory, what
/// several share counted once. Programs and libraries are left out, which are files, and in memory once for all who run
/// them; and, on demand, the process itself, for one that only stands before the one that is meant.
///
/// Zero where there is no `/proc`.
pub(crate) fn settled_kib(process: u32, with_itself: bool) -> f64 {
    let began = Instant::now();
    let (mut known, mut since) = (kib(process, with_itself), Instant::now());
    while since.elapsed() < SETTLED && began.elapsed() < PATIENCE {
        std::thread::sleep(SETTLED / 10);
        let now = kib(process, with_itself);
        if now != known {
            (known, since) = (now, Instant::now());
        }
    }
    known as f64
}

fn kib(process: u32, with_itself: bool) -> u64 {
    let family = descendants(process);
    family.into_iter().filter(|member| with_itself || *member != process).map(own_kib).sum()
}

/// A process and all below it, as far as they are still there.
fn descendants(process: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let all: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    let parents: Vec<(u32, u32)> = all.into_iter().filter_map(|child| Some((child, parent(child)?))).collect();
    let mut family = vec![process];
    let mut at = 0;
    while let Some(&member) = family.get(at) {
        family.extend(parents.iter().filter(|(_, parent)| *parent == member).map(|(child, _)| *child));
        at += 1;
    }
    family
}

fn parent(process: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the name, which may have anything in it, stand the state and the parent.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// Its part of what is no file.
fn own_kib(process: u32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let value = |line: &str| {
        let value = line.strip_prefix("Pss_Anon:").or_else(|| line.strip_prefix("Pss_Shmem:"))?;
        value.trim().split(' ').next()?.parse::<u64>().ok()
    };
    rollup.lines().filter_map(value).sum()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn memory_that_is_written_is_counted_and_so_is_a_child() -> Result<(), std::io::Error> {
        let before = settled_kib(std::process::id(), true);
        let written = black_box(vec![1_u8; 64 << 20]);
        let grown = settled_kib(std::process::id(), true) - before;
        assert!((60_000.0..80_000.0).contains(&grown), "{grown}");
        drop(written);

        let mut child = std::process::Command::new("sleep").arg("60").spawn()?;
        let of_child = settled_kib(child.id(), true);
        let (with, without) = (settled_kib(std::process::id(), true), settled_kib(std::process::id(), false));
        child.kill()?;
        child.wait()?;
        assert!(of_child > 0.0 && without >= of_child && with > without, "{of_child} {without} {with}");
        Ok(())
    }
}
