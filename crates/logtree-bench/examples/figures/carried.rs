//! How much the listener carries, and how soon the next one does.

use std::path::Path;
use std::time::{Duration, Instant};

use logtree::prefork::{Fork, fork};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};

const WORKERS: u32 = 2;
const RECORDS: u32 = 500_000;
const KILLS: usize = 21;

/// Prints records a second, from the first call until all stand in the file.
pub(crate) fn through(directory: &Path, has_queue: bool) {
    let guard = super::install(directory, super::FORMAT, has_queue);
    let records = if has_queue { RECORDS } else { RECORDS / 5 };
    let began = Instant::now();
    let fork = |_| match fork().unwrap() {
        Fork::Parent(pid) => pid,
        Fork::Child => {
            super::producer::requests(records);
            assert!(guard.flush(super::PATIENCE));
            std::process::exit(0);
        }
    };
    let workers: Vec<_> = (0..WORKERS).map(fork).collect();
    for pid in workers {
        let (_, status) = waitpid(Some(pid), WaitOptions::empty()).unwrap().unwrap();
        assert_eq!(status.exit_status(), Some(0));
    }
    println!("{}", f64::from(WORKERS * records) / began.elapsed().as_secs_f64());
}

/// Prints milliseconds from the listener's SIGKILL until a record that was logged behind it stands in the file.
pub(crate) fn takeover(directory: &Path, is_worst: bool) {
    let guard = super::install(directory, super::FORMAT, true);
    let log = directory.join("app.log");
    let mut took: Vec<f64> = (0..KILLS)
        .map(|number| {
            tracing::info!("before {number}");
            assert!(guard.flush(super::PATIENCE));
            let (listener, _) = (helper("logtree-listen"), helper("logtree-standby"));
            let began = Instant::now();
            kill_process(listener, Signal::KILL).unwrap();
            tracing::info!("behind {number} end");
            let wanted = format!("behind {number} end\n");
            while !std::fs::read_to_string(&log).is_ok_and(|text| text.ends_with(&wanted)) {
                assert!(began.elapsed() < super::PATIENCE);
                std::thread::sleep(Duration::from_micros(100));
            }
            began.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    took.sort_by(f64::total_cmp);
    println!("{}", if is_worst { took[KILLS - 1] } else { took[KILLS / 2] });
}

/// This process's helper of that name, as soon as there is one.
fn helper(name: &str) -> Pid {
    let began = Instant::now();
    loop {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let found = numbers.filter(|number| {
            let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
            let parent = format!(" {} ", getpid().as_raw_nonzero());
            let behind = stat.split_once(&format!("({name}) ")).map_or("", |(_, behind)| behind);
            !behind.starts_with('Z') && behind.get(1..).is_some_and(|rest| rest.starts_with(&parent))
        });
        if let Some(pid) = found.filter_map(Pid::from_raw).next() {
            return pid;
        }
        assert!(began.elapsed() < super::PATIENCE);
        std::thread::sleep(Duration::from_millis(1));
    }
}
