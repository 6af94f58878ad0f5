//! A listener meets bytes that no code of ours wrote: it may lose the records, not its life.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use logtree_os::{LaneReader, ProcessIdentity, Reserve, Segment, SegmentOptions, Sleep, Sleeper, SlotIndex};
use proptest::prelude::*;

use crate::support::{CAPACITY, Random, at, directory, payload};

/// A segment with records of all kinds in three lanes, one of them partly read, and with definitions.
fn populated(directory: &Path) -> (Arc<Segment>, Vec<u32>) {
    let segment = Segment::create(directory, "queue", &SegmentOptions { reserve_bytes: 8 << 20 }).unwrap();
    let process = segment.attach(&ProcessIdentity::current()).unwrap();
    let mut definitions = process.definitions();
    let ids = (0..20).map(|number| definitions.define(&payload(number, 1000)).unwrap()).collect();
    for lane in 0..3 {
        let mut producer = process.claim_lane(CAPACITY).unwrap();
        for number in 0..60 {
            let size = if number % 20 == 19 { 40_000 } else { (number * 13) as usize };
            let _published = producer.push(at(number), &[&payload(number, size)], Reserve::Ordinary).unwrap();
        }
        if lane == 1 {
            let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
            let mut bytes = Vec::new();
            for _ in 0..30 {
                reader.read(&mut bytes).unwrap();
            }
            reader.publish_head();
        }
        if lane == 2 {
            producer.detach();
        }
    }
    (segment, ids)
}

/// Everything that a listener does, once. It is all bounded, or this never ends.
fn listen_once(segment: &Arc<Segment>, ids: &[u32]) {
    segment.take_over();
    let mut bytes = Vec::new();
    let lanes: Vec<_> = segment.lanes().collect();
    for lane in lanes {
        let Some(mut reader) = LaneReader::open(segment, lane.lane) else {
            continue;
        };
        bytes.clear();
        let mut records = 0;
        let corrupt = loop {
            match reader.read(&mut bytes) {
                Ok(Some(_)) => records += 1,
                Ok(None) => break false,
                Err(_) => break true,
            }
            assert!(records < 1_000_000, "records without end");
        };
        reader.publish_head();
        let finished = reader.is_finished();
        if corrupt {
            reader.retire();
        }
        segment.reclaim_lane(lane.lane, !finished);
    }
    for &id in ids {
        for slot in [0, 1].into_iter().filter_map(SlotIndex::new) {
            segment.definition(slot, id, &mut bytes);
        }
    }
    let _text = segment.text();
    let processes: Vec<_> = segment.processes().collect();
    for process in &processes {
        segment.release_process(process.slot);
    }
    let mut sleeper = Sleeper::new(segment);
    sleeper.sleep(Sleep::Deep, Duration::from_micros(1), || false);
    sleeper.take_flush_request();
    sleeper.announce_progress(1);
    // And somebody logs on.
    if let Ok(process) = segment.attach(&ProcessIdentity::current())
        && let Ok(mut producer) = process.claim_lane(CAPACITY)
    {
        for number in 0..50 {
            let _pushed = producer.push(at(number), &[&payload(number, 3000)], Reserve::Ordinary);
        }
        let _defined = process.definitions().define(b"still");
        producer.detach();
    }
    segment.try_close(|_| true);
}

/// Where the words are that mean something: those that are not zero, and their neighbours.
fn interesting(file: &File) -> Vec<u64> {
    let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    let words: Vec<u64> = (0..bytes.len() / 4)
        .filter(|word| bytes[word * 4..word * 4 + 4] != [0; 4])
        .map(|word| word as u64 * 4)
        .collect();
    // Payloads are thousands of words that nothing depends on: keep every twentieth word of long stretches.
    let lonely = |at: usize| at == 0 || words[at] - words[at - 1] > 4 || words.get(at + 1) != Some(&(words[at] + 4));
    let kept: Vec<u64> = (0..words.len()).filter(|&at| lonely(at) || at % 20 == 0).map(|at| words[at]).collect();
    kept.iter().flat_map(|&at| [at.saturating_sub(4), at, at + 4]).collect()
}

fn value() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        Just(0),
        Just(u32::MAX),
        0_u32..70,
        // Positions: a unit near the first ones, any offset.
        (50_u32..80, 0_u32..4096).prop_map(|(unit, offset)| unit << 12 | offset),
        (0_u32..4096, 0_u32..4).prop_map(|(tag, turn)| turn << 12 | tag),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_listener_survives_any_words(changes in prop::collection::vec((any::<prop::sample::Index>(), value()), 1..12)) {
        let directory = directory();
        let (segment, ids) = populated(directory.path());
        let file = File::options().read(true).write(true).open(segment.path()).unwrap();
        let places = interesting(&file);
        for (place, value) in changes {
            file.write_all_at(&value.to_ne_bytes(), places[place.index(places.len())]).unwrap();
        }
        listen_once(&segment, &ids);
        if let Ok(opened) = Segment::open(segment.path()) {
            listen_once(&opened, &ids);
        }
    }
}

#[test]
fn a_listener_survives_words_that_change_while_it_reads() {
    let seed = u64::from(std::process::id()) << 20 | 5;
    eprintln!("seed {seed}");
    let end = Instant::now() + Duration::from_secs(3);
    let mut rounds = 0;
    while Instant::now() < end || rounds < 20 {
        let directory = directory();
        let (segment, ids) = populated(directory.path());
        let file = File::options().read(true).write(true).open(segment.path()).unwrap();
        // The reserve and what stands before it are read at opening only.
        let places: Vec<_> = interesting(&file).into_iter().filter(|&at| at >= 40).collect();
        let done = AtomicBool::new(false);
        let listening = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut random = Random(seed + rounds);
                while !done.load(Ordering::Relaxed) {
                    let place = places[random.below(places.len() as u64) as usize];
                    let value = (random.below(1 << 32) as u32) >> random.below(32);
                    file.write_all_at(&value.to_ne_bytes(), place).unwrap();
                }
            });
            // Caught, so that the other thread ends too.
            let listening = std::panic::catch_unwind(AssertUnwindSafe(|| {
                for _ in 0..5 {
                    listen_once(&segment, &ids);
                }
            }));
            done.store(true, Ordering::Relaxed);
            listening
        });
        listening.unwrap();
        rounds += 1;
    }
}
