//! Whatever others write into a segment, before or while a listener, its successor and `logtree stat` read it: nothing panics,
//! reads where nothing is (the segment ends where its file does, and reading on is a SIGBUS), goes on for ever or takes memory
//! out of proportion. Where one word has changed, what comes out is a record as it was put in, or the lane is retired and counted;
//! whoever changes more may forge a record.
//!
//! The input is a list of changes. Each names a place, a value and how often the place is looked at until it changes, so
//! that it falls between a look and the next one as a second process's store would, and does so again in each run. An input
//! whose first byte is odd is what a claim file says instead. `run` builds it and runs it.
#![no_main]

use std::cell::RefCell;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use logtree_core::codec::{self, Definition, Encoded};
use logtree_core::{
    Callsite, FieldName, Fields, FieldsBuf, Level, LevelNames, Origin, Record, Source, SpansBuf, Timestamp, Value,
};
use logtree_formatters::FormatterConfig;
use logtree_os::claim::{ClaimText, Meeting};
use logtree_os::{
    DropReason, LaneIndex, LaneProducer, LaneReader, LaneState, MAX_RECORD_BYTES, MAX_SPILLED_BYTES,
    MAX_TRANSACTION_BYTES, ProcessIdentity, RecordHead, Reserve, Segment, SegmentOptions, Sleep, Sleeper, Transactions,
    before_looks,
};
use logtree_prefork::QueueLook;

/// So many looks no listener needs for so little as stands here: whoever takes more goes round in circles.
const MOST_LOOKS: u64 = 20_000_000;
/// So many changes of an input are made.
const MOST_CHANGES: usize = 12;
/// How many bytes of the input one change takes.
const CHANGE_BYTES: usize = 8;
const CAPACITY: usize = 4 * 16 * 1024;

/// A segment as it was left by a listener that was killed, and what its lanes hold.
struct Original {
    directory: PathBuf,
    file: File,
    bytes: Vec<u8>,
    /// Places of words, of four bytes each, that mean something: no records' or definitions' bytes.
    words: Vec<usize>,
    /// Places of the bytes behind them.
    payloads: Vec<usize>,
    /// By the lane's number.
    lanes: Vec<Vec<Made>>,
    definitions: Vec<(u32, Vec<u8>)>,
    staged: Vec<u8>,
    spilled: Vec<(PathBuf, Vec<u8>)>,
}

/// A record as it was put in.
struct Made {
    head: RecordHead,
    bytes: Vec<u8>,
}

static ORIGINAL: LazyLock<Original> = LazyLock::new(Original::new);

fuzz_target!(|data: &[u8]| {
    let original = &*ORIGINAL;
    match data.split_first() {
        Some((first, text)) if first % 2 == 1 => peek(original, text),
        Some((_, changes)) => listen_to(original, changes),
        None => {}
    }
});

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
        changes.chunks_exact(CHANGE_BYTES).take(MOST_CHANGES).map(|bytes| original.change(bytes)).collect();
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

impl Original {
    fn new() -> Self {
        let directory = PathBuf::from(format!("/dev/shm/logtree-fuzz-{}", std::process::id()));
        let segment = Segment::create(&directory, "queue-fuzzed", &SegmentOptions { reserve_bytes: 0 }).unwrap();
        let (lanes, definitions) = fill(&segment);
        let staged = interrupt(&segment);
        assert!(segment.set_text(&config()));
        let claim = ClaimText::new("fuzzed", segment.path(), segment.id().0);
        let log = directory.join("app.log");
        Meeting::lock(&[&log], Duration::from_secs(1)).unwrap().write(&claim).unwrap();
        let bytes = fs::read(segment.path()).unwrap();
        let file = File::options().read(true).write(true).open(segment.path()).unwrap();
        let spilled = fs::read_dir(directory.join("spill-queue-fuzzed")).unwrap();
        let spilled = spilled.map(|entry| entry.unwrap().path());
        let spilled: Vec<_> = spilled.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        assert_eq!(spilled.len(), 1);
        // A definition's number is its place, in words of eight bytes.
        let first_unit = definitions[0].0 as usize * 8 - 16;
        let (words, payloads) = places(&bytes, first_unit);
        logtree_os::at_exit(|| drop(fs::remove_dir_all(&ORIGINAL.directory)));
        let original = Self { directory, file, bytes, words, payloads, lanes, definitions, staged, spilled };
        original.check();
        original
    }

    /// Unchanged, everything comes out.
    fn check(&self) {
        let segment = Segment::open(&self.segment()).unwrap();
        listen(self, &segment, Certain { transaction: true, records: true, counts: true });
        let read: Vec<_> = segment.lanes().map(|lane| lane.consumed as usize).collect();
        let made: Vec<_> = self.lanes.iter().map(Vec::len).collect();
        // The third lane's thread is gone, and so are its words.
        assert_eq!(read, [made[0], made[1], 0, made[3]]);
        assert_eq!((segment.bad_lanes(), segment.refused_transactions()), (0, 0));
    }

    fn log(&self) -> PathBuf {
        self.directory.join("app.log")
    }

    fn segment(&self) -> PathBuf {
        self.directory.join("queue-fuzzed")
    }

    fn restore(&self) {
        self.file.write_all_at(&self.bytes, 0).unwrap();
        self.file.set_len(self.bytes.len() as u64).unwrap();
        for (path, bytes) in self.spilled.iter().filter(|(path, _)| !path.exists()) {
            let _ = fs::create_dir(path.parent().unwrap_or(Path::new("/")));
            fs::write(path, bytes).unwrap();
        }
    }

    fn change(&self, bytes: &[u8]) -> Change {
        let [how, after, place @ .., a, b, c, d] = bytes else { panic!("{CHANGE_BYTES} bytes are more") };
        let place = usize::from(u16::from_ne_bytes([place[0], place[1]]));
        let is_payload = how & 0x80 != 0;
        let places = if is_payload { &self.payloads } else { &self.words };
        Change {
            place: places[place % places.len()],
            is_payload,
            how: *how,
            value: u32::from_ne_bytes([*a, *b, *c, *d]),
            after: (*after).into(),
        }
    }
}

/// Records of all kinds in the lanes of two processes, one of them partly read, one left; a record in a file; drops.
fn fill(segment: &Arc<Segment>) -> (Vec<Vec<Made>>, Vec<(u32, Vec<u8>)>) {
    let mut definitions = Vec::new();
    let mut lanes = Vec::new();
    for process in [(); 2].map(|()| segment.attach(&ProcessIdentity::current()).unwrap()) {
        let mut writer = process.definitions();
        let mut define = |bytes: Vec<u8>| {
            let id = writer.define(&bytes).unwrap();
            definitions.push((id, bytes));
            id
        };
        let fields = ["answer".into(), "text".into()].into();
        let callsite = Callsite {
            name: "my_app.db".into(),
            pathname: "src/db.rs".into(),
            line: 7,
            field_names: fields,
            ..Callsite::default()
        };
        let origin = Origin {
            process: 1,
            process_name: "MainProcess".into(),
            thread_name: "MainThread".into(),
            ..Origin::default()
        };
        let ids = (define(codec::encode_callsite(&callsite)), define(codec::encode_origin(&origin)));
        // The chain of definitions has a second unit.
        for _ in 0..4 {
            define(vec![b'x'; 5000]);
        }
        process.count_drop_no_lane();
        process.set_word(0, CAPACITY as u64);
        for _ in 0..2 {
            let number = lanes.len();
            let mut lane = process.claim_lane(CAPACITY).unwrap();
            lanes.push(fill_lane(segment, &mut lane, number, (&callsite, &origin), ids));
            if number == 2 {
                lane.detach();
            }
        }
    }
    // Of the words of both lines one: those of the streams, and those that count.
    segment.set_word(0, 1);
    segment.set_word(17, 1);
    segment.request_flush();
    (lanes, definitions)
}

fn fill_lane(
    segment: &Arc<Segment>,
    lane: &mut LaneProducer,
    number: usize,
    (callsite, origin): (&Callsite, &Origin),
    (definition, origin_id): (u32, u32),
) -> Vec<Made> {
    let sizes: &[usize] = if number == 3 { &[3, 70_000, 0] } else { &[1, 40, 9000, 7, 8, 20_000, 2, 300, 6000, 5] };
    let push = |at: usize, size: usize, lane: &mut LaneProducer| {
        let mut fields = FieldsBuf::default();
        fields.push(FieldName::Index(0), Value::I64(42));
        fields.push(FieldName::Inline("of run time"), Value::Str("ä"));
        let mut spans = SpansBuf::default();
        spans.push("request", &fields);
        let record = Record {
            callsite,
            name: "my_app.db.pool",
            level: Level::WARNING,
            level_names: LevelNames::STANDARD,
            created: Timestamp(at as i64),
            origin,
            message: &"m".repeat(size),
            fields: fields.as_fields(),
            spans: spans.as_spans(),
            function: Some("f"),
            exc_text: (at == 1).then_some("an error"),
            stack_info: None,
            source: Source::Tracing,
            attributes: Fields::EMPTY,
        };
        let head = RecordHead { time_ns: (at * 8 + number) as u64, definition, flags: 0 };
        let encoded = Encoded::new(&record, origin_id);
        let outcome = match lane.push(head, &encoded.slices(), Reserve::Ordinary) {
            Err(error) if error.is_too_large() => lane.push_spilled(head, &encoded.slices(), Reserve::Ordinary),
            outcome => outcome,
        };
        let _published = outcome.unwrap();
        Made { head, bytes: encoded.slices().concat() }
    };
    let made: Vec<_> = sizes.iter().enumerate().map(|(at, &size)| push(at, size, lane)).collect();
    lane.count_drop(DropReason::Full);
    lane.count_cut();
    if number == 1 {
        let mut reader = LaneReader::open(segment, lane.lane()).unwrap();
        (0..4).for_each(|_| assert!(reader.read(&mut Vec::new()).unwrap().is_some()));
        reader.publish_head();
    }
    made
}

/// A listener was killed in the second of three steps; what it had staged.
fn interrupt(segment: &Arc<Segment>) -> Vec<u8> {
    segment.take_over();
    let mut transactions = Transactions::new(segment);
    let mut staging = transactions.begin();
    let pieces = [b"append to a file".to_vec(), b"line\n".repeat(4000), b"rename it..".to_vec()];
    pieces.iter().for_each(|piece| staging.stage(piece).unwrap());
    let mut readers: Vec<_> = segment.lanes().filter_map(|lane| LaneReader::open(segment, lane.lane)).collect();
    for reader in &mut readers[..2] {
        (0..3).for_each(|_| assert!(reader.read(&mut Vec::new()).unwrap().is_some()));
    }
    let mut committed = staging.commit(readers.iter().filter_map(LaneReader::unpublished_head)).unwrap();
    committed.step_done();
    Sleeper::new(segment).announce_progress(1);
    let filled = pieces.into_iter().map(|mut piece| {
        piece.resize(piece.len().next_multiple_of(8), 0);
        piece
    });
    filled.collect::<Vec<_>>().concat()
}

/// The text of a segment, as the queue writes it, of a config that was too long.
fn config() -> Vec<u8> {
    let mut text = Vec::new();
    // Version, generation, hash, no text, its age.
    [1_u64, 3, 0, 0, 5, 6].iter().for_each(|number| text.extend(number.to_ne_bytes()));
    // Handler, text, format, origin, directory; one variable, one file, no file of before.
    for list in [&["queue", "", "yaml", "logging.yaml", "/srv/app"][..], &["HOME", "/root"], &["/var/log/app.log"], &[]]
    {
        if list.len() < 5 {
            text.extend((list.len().min(1) as u64).to_ne_bytes());
        }
        for piece in list {
            text.extend((piece.len() as u64).to_ne_bytes());
            text.extend(piece.as_bytes());
        }
    }
    // One config of before.
    [1_u64, 7, 8].iter().for_each(|number| text.extend(number.to_ne_bytes()));
    text
}

/// The places of the words that mean something, and those of the bytes of records and definitions.
fn places(bytes: &[u8], first_unit: usize) -> (Vec<usize>, Vec<usize>) {
    const LINE: usize = 128;
    const UNIT: usize = 16 * 1024;
    let is_used = |at: usize, length: usize| bytes[at..at + length].iter().any(|byte| *byte != 0);
    // With a word its whole line: of what is zero by chance, others may make something.
    let head = (0..first_unit).step_by(LINE).filter(|&line| is_used(line, LINE)).flat_map(|line| line..line + LINE);
    let units: Vec<usize> =
        (first_unit..bytes.len()).step_by(UNIT).filter(|&unit| is_used(unit + 16, UNIT - 16)).collect();
    let headers = units.iter().flat_map(|&unit| unit..unit + 16);
    let words = head.chain(headers).step_by(4).collect();
    let payloads = units.iter().flat_map(|&unit| (unit + 16..unit + UNIT).step_by(4));
    // Long texts say one thing over and over.
    let payloads = payloads.filter(|&at| is_used(at, 4) && bytes[at..at + 4] != bytes[at - 4..at]).collect();
    (words, payloads)
}
