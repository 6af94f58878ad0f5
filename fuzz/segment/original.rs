//! The segment that is fuzzed, as it was before anything was changed in it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use logtree_core::codec::{self, Encoded};
use logtree_core::{Callsite, FieldName, FieldsBuf, Level, Origin, Record, SpansBuf, Timestamp, Value};
use logtree_os::claim::{ClaimText, Meeting};
use logtree_os::{
    DropReason, LaneProducer, LaneReader, ProcessIdentity, RecordHead, Reserve, Segment, SegmentOptions, Sleeper,
    Transactions,
};

/// Of a lane, in bytes.
pub(crate) const CAPACITY: usize = 4 * 16 * 1024;

/// A segment as it was left by a listener that was killed, and what its lanes hold.
pub(crate) struct Original {
    pub(crate) directory: PathBuf,
    pub(crate) file: File,
    pub(crate) bytes: Vec<u8>,
    /// Places of words, of four bytes each, that mean something: no records' or definitions' bytes.
    pub(crate) words: Vec<usize>,
    /// Places of the bytes behind them.
    pub(crate) payloads: Vec<usize>,
    /// By the lane's number.
    pub(crate) lanes: Vec<Vec<Made>>,
    pub(crate) definitions: Vec<(u32, Vec<u8>)>,
    pub(crate) staged: Vec<u8>,
    pub(crate) spilled: Vec<(PathBuf, Vec<u8>)>,
}

/// A record as it was put in.
pub(crate) struct Made {
    pub(crate) head: RecordHead,
    pub(crate) bytes: Vec<u8>,
}

impl Original {
    pub(crate) fn new() -> Self {
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
        Self { directory, file, bytes, words, payloads, lanes, definitions, staged, spilled }
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.directory.join("app.log")
    }

    pub(crate) fn segment(&self) -> PathBuf {
        self.directory.join("queue-fuzzed")
    }

    pub(crate) fn restore(&self) {
        self.file.write_all_at(&self.bytes, 0).unwrap();
        self.file.set_len(self.bytes.len() as u64).unwrap();
        for (path, bytes) in self.spilled.iter().filter(|(path, _)| !path.exists()) {
            let _ = fs::create_dir(path.parent().unwrap_or(Path::new("/")));
            fs::write(path, bytes).unwrap();
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
        let message = "m".repeat(size);
        let record = Record {
            name: "my_app.db.pool",
            fields: fields.as_fields(),
            spans: spans.as_spans(),
            function: Some("f"),
            exc_text: (at == 1).then_some("an error"),
            ..Record::new(callsite, origin, Level::WARNING, Timestamp(at as i64), &message)
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
