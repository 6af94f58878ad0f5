//! In what order the records of several processes stand in the file.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use logtree::prefork::{Fork, fork};
use rustix::process::{WaitOptions, waitpid};

const RECORDS: u32 = 1_000_000;

/// Prints how many records of a million stand behind a later one: of their own thread, or of another process. There are
/// twice as many workers as processors.
pub(crate) fn inversions(directory: &Path, within_thread: bool) {
    let guard = super::install(directory, "%(created)f %(process)d %(message)s", true);
    let workers = 2 * std::thread::available_parallelism().unwrap().get() as u32;
    let fork = |_| match fork().unwrap() {
        Fork::Parent(pid) => pid,
        Fork::Child => {
            for number in 0..RECORDS / workers {
                tracing::info!("{number}");
                if number % 200 == 0 {
                    std::thread::sleep(Duration::from_micros(500));
                }
            }
            assert!(guard.flush(super::PATIENCE));
            std::process::exit(0);
        }
    };
    let workers: Vec<_> = (0..workers).map(fork).collect();
    for pid in workers {
        waitpid(Some(pid), WaitOptions::empty()).unwrap();
    }
    let (mut lines, mut latest, mut across, mut within) = (0_u64, 0.0_f64, 0_u64, 0_u64);
    let mut last: HashMap<String, u32> = HashMap::new();
    let backups = (1..=100).rev().map(|number| directory.join(format!("app.log.{number}")));
    for path in backups.chain([directory.join("app.log")]).filter(|path| path.exists()) {
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let mut words = line.split(' ');
            let created: f64 = words.next().unwrap().parse().unwrap();
            let process = words.next().unwrap().to_owned();
            let number: u32 = words.next().unwrap().parse().unwrap();
            across += u64::from(created < latest);
            latest = latest.max(created);
            let before = last.insert(process, number);
            within += u64::from(before.map_or(number != 0, |before| before + 1 != number));
            lines += 1;
        }
    }
    let count = if within_thread { within } else { across };
    println!("{}", count as f64 * 1e6 / lines as f64);
}
