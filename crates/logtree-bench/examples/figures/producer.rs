//! What a call costs the producer.

use std::hint::black_box;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use logtree::prefork::{Fork, fork};

const BURSTS: usize = 400;
const CALLS: u32 = 64;

/// Prints nanoseconds a call, of so many producers at once.
pub(crate) fn call(directory: &Path, producers: u32) {
    let guard = super::install(directory, super::FORMAT, true);
    let (mut heard, said) = std::io::pipe().unwrap();
    let fork = |_| match fork().unwrap() {
        Fork::Parent(_) => {}
        Fork::Child => {
            std::io::Write::write_all(&mut &said, &bursts().to_ne_bytes()).unwrap();
            std::process::exit(0);
        }
    };
    (0..producers).for_each(fork);
    let sum: f64 = (0..producers)
        .map(|_| {
            let mut median = [0; 8];
            heard.read_exact(&mut median).unwrap();
            f64::from_ne_bytes(median)
        })
        .sum();
    println!("{}", sum / f64::from(producers));
    guard.flush(super::PATIENCE);
}

fn bursts() -> f64 {
    let mut bursts: Vec<f64> = (0..BURSTS)
        .map(|_| {
            let began = Instant::now();
            requests(CALLS);
            let took = began.elapsed().as_nanos() as f64 / f64::from(CALLS);
            std::thread::sleep(Duration::from_micros(300));
            took
        })
        .collect();
    bursts.sort_by(f64::total_cmp);
    bursts[BURSTS / 2]
}

/// Logs requests that were answered: three fields.
#[inline(never)]
pub(crate) fn requests(count: u32) {
    for number in 0..count {
        let (user, status, took_ms) = black_box(("ann", 200_u64, f64::from(number) + 0.25));
        tracing::info!(target: "my_app::http", user, status, took_ms, "request answered");
    }
}
