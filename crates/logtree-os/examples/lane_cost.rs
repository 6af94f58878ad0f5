//! What a record costs its producer, and what it costs the listener.
//!
//! `cargo run --release -p logtree-os --example lane_cost`
#![allow(clippy::print_stdout)]

#[cfg(all(target_os = "linux", not(loom)))]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::hint::black_box;
    use std::sync::atomic::Ordering;
    use std::time::Instant;

    use logtree_os::{LaneReader, ProcessIdentity, RecordHead, Reserve, Segment, SegmentOptions, default_directory};

    const BATCH: u64 = 1000;
    const BATCHES: u64 = 2000;

    let name = format!("cost-{}", std::process::id());
    let segment = Segment::create(&default_directory(), &name, &SegmentOptions::default())?;
    segment.unlink()?;
    segment.seat().store(1, Ordering::Relaxed);
    let process = segment.attach(&ProcessIdentity::current())?;
    let mut producer = process.claim_lane(16 << 20)?;
    let mut reader = LaneReader::open(&segment, producer.lane()).ok_or("no lane")?;

    println!("{:>10} {:>12} {:>12} {:>12}", "bytes", "push ns", "memcpy ns", "read ns");
    for size in [0, 30, 100, 300, 1000, 10_000, 100_000] {
        let record = vec![b'x'; size];
        let mut copy = vec![0; size];
        let mut bytes = Vec::with_capacity(1 << 20);
        let (mut pushing, mut copying, mut reading) = (u128::MAX, u128::MAX, u128::MAX);
        let batch = if size < 10_000 { BATCH } else { 50 };
        for _ in 0..BATCHES {
            let begin = Instant::now();
            for time_ns in 0..batch {
                let head = RecordHead { time_ns, ..RecordHead::default() };
                let _published = producer.push(head, &[black_box(&record)], Reserve::Ordinary)?;
            }
            pushing = pushing.min(begin.elapsed().as_nanos());
            let begin = Instant::now();
            for _ in 0..batch {
                black_box(&mut copy).copy_from_slice(black_box(&record));
            }
            copying = copying.min(begin.elapsed().as_nanos());
            let begin = Instant::now();
            while reader.read(&mut bytes)?.is_some() {
                bytes.clear();
            }
            reader.publish_head();
            reading = reading.min(begin.elapsed().as_nanos());
        }
        let each = |total: u128| total as f64 / batch as f64;
        println!("{size:>10} {:>12.1} {:>12.1} {:>12.1}", each(pushing), each(copying), each(reading));
    }
    Ok(())
}

#[cfg(not(all(target_os = "linux", not(loom))))]
fn main() {}
