//! Whatever others write into a segment, before or while a listener, its successor and `logtree stat` read it: nothing panics,
//! reads where nothing is (the segment ends where its file does, and reading on is a SIGBUS), goes on for ever or takes memory
//! out of proportion. Where one word has changed, what comes out is a record as it was put in, or the lane is retired and counted;
//! whoever changes more may forge a record.
//!
//! The input is a list of changes. Each names a place, a value and how often the place is looked at until it changes, so
//! that it falls between a look and the next one as a second process's store would, and does so again in each run. An input
//! whose first byte is odd is what a claim file says instead. `run` builds it and runs it.
#![no_main]

mod original;

use std::cell::RefCell;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use logtree_core::LevelNames;
use logtree_core::codec::{self, Definition};
use logtree_formatters::FormatterConfig;
use logtree_os::claim::ClaimText;
use logtree_os::{
    LaneIndex, LaneReader, LaneState, MAX_RECORD_BYTES, MAX_SPILLED_BYTES, MAX_TRANSACTION_BYTES, ProcessIdentity,
    RecordHead, Reserve, Segment, Sleep, Sleeper, Transactions, before_looks,
};
use logtree_prefork::QueueLook;

use original::{CAPACITY, Original};

/// So many looks no listener needs for so little as stands here: whoever takes more goes round in circles.
const MOST_LOOKS: u64 = 20_000_000;
/// So many changes of an input are made.
const MOST_CHANGES: usize = 12;
/// How many bytes of the input one change takes.
const CHANGE_BYTES: usize = 8;

static ORIGINAL: LazyLock<Original> = LazyLock::new(|| {
    let original = Original::new();
    logtree_os::at_exit(|| drop(fs::remove_dir_all(&ORIGINAL.directory)));
    check(&original);
    original
});

fuzz_target!(|data: &[u8]| {
    let original = &*ORIGINAL;
    match data.split_first() {
        Some((first, text)) if first % 2 == 1 => peek(original, text),
        Some((_, changes)) => listen_to(original, changes),
        None => {}
    }
});

/// Unchanged, everything comes out.
fn check(original: &Original) {
    let segment = Segment::open(&original.segment()).unwrap();
    listen(original, &segment, Certain { transaction: true, records: true, counts: true });
    let read: Vec<_> = segment.lanes().map(|lane| lane.consumed as usize).collect();
    let made: Vec<_> = original.lanes.iter().map(Vec::len).collect();
    // The third lane's thread is gone, and so are its words.
    assert_eq!(read, [made[0], made[1], 0, made[3]]);
    assert_eq!((segment.bad_lanes(), segment.refused_transactions()), (0, 0));
}

/// A claim file with this text, and the sum that belongs to it.
fn peek(original: &Original, text: &[u8]) {
    let sum =
        text.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    let claim = [format!("logtree claim 1 {} {sum:016x}\n", text.len()).as_bytes(), text].concat();
    fs::write(original.directory.join(".other.log.logtree"), claim).unwrap();
    let log = original.directory.join("other.log");
    if let Some(claim) = ClaimText::peek(&log) {
        assert!(claim.queue().len() <= text.len() && claim.segment().as_os_str().len() <= text.len());
        let _ = QueueLook::open(&log.display().to_string()).map(|look| look.stats());
    }
}

fn listen_to(original: &Original, changes: &[u8]) {
    let changes: Vec<Change> =
        changes.chunks_exact(CHANGE_BYTES).take(MOST_CHANGES).map(|bytes| Change::of(original, bytes)).collect();
    original.restore();
    changes.iter().filter(|change| change.after == 0).for_each(|change| change.make(&original.file));
    // Whoever writes enough writes a record; one word alone makes none.
    let is_one = changes.len() <= 1;
    let certain = Certain {
        transaction: is_one,
        records: is_one && changes.iter().all(|change| !change.is_payload),
        counts: is_one && changes.iter().all(|change| change.after == 0),
    };
    let look = QueueLook::open(&original.log().display().to_string()).ok();
    let Ok(segment) = Segment::open(&original.segment()) else { return };
    let looks = Rc::new(RefCell::new((0, changes)));
    before_looks(Some(hook(original, &segment, &looks)));
    listen(original, &segment, certain);
    before_looks(None);
    if let Some(stats) = look.map(|look| look.stats()) {
        assert!(stats.waiting_bytes <= stats.memory_bytes * LaneIndex::COUNT as u64);
        assert!(stats.config.origin.len() <= original.bytes.len());
    }
    // Nobody changes anything any more: what is left makes sense, or is retired, and all goes on.
    take_over(original, &segment, certain);
    log_on(&segment);
}

/// What must come out as it was put in, if it comes out.
#[derive(Clone, Copy)]
struct Certain {
    transaction: bool,
    records: bool,
    /// That lanes are counted: nobody changes the count while it is looked at.
    counts: bool,
}

/// A store of another process.
struct Change {
    place: usize,
    is_payload: bool,
    how: u8,
    value: u32,
    /// It comes before the n-th look at the place, from 1 on; 0 is before everything.
    after: u32,
}

impl Change {
    fn of(original: &Original, bytes: &[u8]) -> Self {
        let [how, after, place @ .., a, b, c, d] = bytes else { panic!("{CHANGE_BYTES} bytes are more") };
        let place = usize::from(u16::from_ne_bytes([place[0], place[1]]));
        let is_payload = how & 0x80 != 0;
        let places = if is_payload { &original.payloads } else { &original.words };
        Self {
            place: places[place % places.len()],
            is_payload,
            how: *how,
            value: u32::from_ne_bytes([*a, *b, *c, *d]),
            after: (*after).into(),
        }
    }

    fn make(&self, file: &File) {
        let mut word = [0; 4];
        file.read_exact_at(&mut word, self.place as u64).unwrap();
        let word = u32::from_ne_bytes(word);
        let value = match self.how % 4 {
            0 => self.value,
            1 => word ^ self.value,
            2 => word.wrapping_add(self.value),
            // A place in a lane: a unit near the first ones, any offset.
            _ => (word & !0xfff).wrapping_add(self.value & 0xff << 12) | self.value >> 20,
        };
        file.write_all_at(&value.to_ne_bytes(), self.place as u64).unwrap();
    }
}

/// Makes the changes in the looks that they are due before.
fn hook(
    original: &Original,
    segment: &Segment,
    looks: &Rc<RefCell<(u64, Vec<Change>)>>,
) -> Box<dyn FnMut(usize, usize)> {
    let (base, looks) = (segment.address(), Rc::clone(looks));
    let file = original.file.try_clone().unwrap();
    Box::new(move |address, bytes| {
        let (count, changes) = &mut *looks.borrow_mut();
        *count += 1;
        assert!(*count < MOST_LOOKS, "looks without end");
        for change in changes.iter_mut().filter(|change| change.after > 0) {
            let at = address.wrapping_sub(base);
            if at < change.place + 4 && change.place < at.saturating_add(bytes) {
                change.after -= 1;
                if change.after == 0 {
                    change.make(&file);
                }
            }
        }
    })
}

/// One round of a listener's, and some of what it does rarely.
fn listen(original: &Original, segment: &Arc<Segment>, certain: Certain) {
    take_over(original, segment, certain);
    for process in segment.processes().collect::<Vec<_>>() {
        let _ = (segment.has_left(&process), process.identity.death());
    }
    let mut sleeper = Sleeper::new(segment);
    sleeper.sleep(Sleep::Deep, Duration::ZERO, || false);
    sleeper.take_flush_request();
    sleeper.announce_progress(1);
    let sight = segment.sight();
    assert!(sight.lanes.len() <= LaneIndex::COUNT && sight.text.len() <= original.bytes.len());
}

/// Finishes what was interrupted, reads all lanes, and frees what can be freed.
fn take_over(original: &Original, segment: &Arc<Segment>, certain: Certain) {
    segment.take_over();
    if let Some(mut interrupted) = segment.interrupted() {
        assert!(interrupted.bytes().len() <= MAX_TRANSACTION_BYTES);
        // The sum finds any one word.
        assert!(!certain.transaction || interrupted.bytes() == original.staged);
        interrupted.step_done();
        interrupted.finish();
    }
    let mut transactions = Transactions::new(segment);
    segment.sweep_spills();
    let mut readers = Vec::new();
    let mut corrupt = Vec::new();
    for lane in segment.lanes().collect::<Vec<_>>() {
        let Some(mut reader) = LaneReader::open(segment, lane.lane) else { continue };
        match read(original, segment, &mut reader, certain) {
            true => readers.push(reader),
            false => corrupt.push(reader),
        }
    }
    let mut staging = transactions.begin();
    if staging.stage(b"all that was read").is_ok()
        && let Ok(committed) = staging.commit(readers.iter().chain(&corrupt).filter_map(LaneReader::unpublished_head))
    {
        readers.iter_mut().chain(&mut corrupt).for_each(LaneReader::publish_head);
        committed.finish();
    }
    for reader in corrupt {
        let lane = reader.lane();
        let before = segment.bad_lanes();
        reader.retire();
        if certain.counts {
            assert_eq!(segment.bad_lanes(), before.wrapping_add(1));
            assert_eq!(segment.lane_view(lane).map(|lane| lane.state), Some(LaneState::Retired));
        }
        segment.reclaim_lane(lane, false);
    }
    for reader in readers.iter().filter(|reader| reader.is_finished()) {
        segment.reclaim_lane(reader.lane(), false);
    }
    let _ = segment.text();
}

/// Reads a lane to its end; `false` if it has none that makes sense.
fn read(original: &Original, segment: &Segment, reader: &mut LaneReader, certain: Certain) -> bool {
    let format = "%(asctime)s %(processName)s %(threadName)s %(name)s %(funcName)s %(spans)s %(answer)s %(message)s";
    let formatter = FormatterConfig { format: Some(format.into()), ..FormatterConfig::default() }.build().unwrap();
    let (mut bytes, mut line) = (Vec::new(), String::new());
    loop {
        bytes.clear();
        let record = match reader.read(&mut bytes) {
            Ok(Some(record)) => record,
            Ok(None) => return true,
            Err(_) => {
                assert!(bytes.is_empty());
                return false;
            }
        };
        assert!(bytes.len() <= MAX_RECORD_BYTES.max(MAX_SPILLED_BYTES as usize));
        let definition = |id: u32| {
            let mut bytes = Vec::new();
            if !segment.definition(reader.process(), id, &mut bytes) {
                return None;
            }
            let known = || original.definitions.iter().find(|(known, _)| *known == id);
            assert!(!certain.records || known().is_some_and(|(_, known)| *known == bytes), "definition {id}");
            codec::decode_definition(&bytes).ok()
        };
        if let Some(parts) = codec::decode(&bytes).ok()
            && let Some(Definition::Callsite(callsite)) = definition(record.head.definition)
            && let Some(Definition::Origin(origin)) = definition(parts.origin)
        {
            line.clear();
            let _ = formatter.format(&parts.into_record(&callsite, &origin, LevelNames::STANDARD), &mut line);
            assert!(line.len() <= 64 * (bytes.len() + original.bytes.len()));
        }
        if !certain.records {
            continue;
        }
        let made = original.lanes.get(reader.lane().number()).and_then(|lane| lane.get(record.sequence as usize));
        let made = made.unwrap_or_else(|| panic!("nobody made record {}", record.sequence));
        assert_eq!(record.head, made.head);
        // Whose file is gone has no bytes.
        assert!(bytes == made.bytes || bytes.is_empty() && made.bytes.len() > CAPACITY);
    }
}

/// A process that comes later logs, or is told why it cannot.
fn log_on(segment: &Arc<Segment>) {
    let Ok(process) = segment.attach(&ProcessIdentity::current()) else { return };
    let _ = process.definitions().define(b"still");
    let Ok(mut producer) = process.claim_lane(CAPACITY) else { return };
    let pushed: u64 = (0..8)
        .map(|number| {
            let bytes = vec![number; 5000];
            u64::from(producer.push(RecordHead::default(), &[&bytes], Reserve::Ordinary).is_ok())
        })
        .sum();
    if let Some(mut reader) = LaneReader::open(segment, producer.lane()) {
        let mut bytes = Vec::new();
        let mut read = 0;
        while matches!(reader.read(&mut bytes), Ok(Some(_))) {
            read += 1;
            assert!(read <= pushed, "a record that nobody made");
        }
    }
    producer.detach();
    segment.try_close(|_| true);
}
