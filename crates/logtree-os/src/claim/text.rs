//! What a claim file says.
//!
//! ```text
//! logtree claim 1 <bytes that follow> <their FNV-1a, 16 hex digits>
//! queue <name>
//! segment <path>
//! id <32 hex digits>
//! device <number>
//! boot <32 hex digits>
//! ```
//!
//! Names and paths are percent-encoded. Lines with other words are left for later versions to say more.

use std::ffi::OsString;
use std::fmt::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

const MAGIC: &str = "logtree claim 1";

/// Which queue writes a log file, and where that queue lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimText {
    queue: String,
    segment: PathBuf,
    segment_id: u128,
    device: u64,
    boot: u128,
}

impl ClaimText {
    /// The claim of the queue named `queue`, whose segment has the id `segment_id` and stands at `segment`.
    ///
    /// The segment's device is looked up, and the boot noted, so that a reader can tell a segment that is gone from one in
    /// another container's memory.
    #[must_use]
    pub fn new(queue: &str, segment: impl Into<PathBuf>, segment_id: u128) -> Self {
        let segment = segment.into();
        let device = rustix::fs::stat(&segment).map_or(0, |stat| stat.st_dev);
        Self { queue: queue.to_owned(), segment, segment_id, device, boot: boot_id().unwrap_or(0) }
    }

    /// With the device of a segment whose name is gone.
    #[cfg(not(loom))]
    pub(crate) fn on_device(self, device: u64) -> Self {
        Self { device, ..self }
    }

    /// What the claim of the log file at `log` says; `None` if there is none that says anything. It is not locked, and may
    /// be about to change.
    #[must_use]
    pub fn peek(log: &Path) -> Option<Self> {
        super::file::peek(&super::key::Place::of(log).ok()??)
    }

    /// The queue's name.
    #[must_use]
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// The segment's path, as the process that wrote this sees it.
    #[must_use]
    pub fn segment(&self) -> &Path {
        &self.segment
    }

    /// The segment's id.
    #[must_use]
    pub fn segment_id(&self) -> u128 {
        self.segment_id
    }

    /// The device that holds the segment: another tmpfs has another one. Zero if it was not there.
    #[must_use]
    pub fn device(&self) -> u64 {
        self.device
    }

    /// Whether it was written before the machine last started: then no process of its queue lives, and its segment is gone.
    #[must_use]
    pub fn is_of_former_boot(&self) -> bool {
        self.boot != 0 && boot_id().is_some_and(|now| now != self.boot)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Self { queue, segment, segment_id, device, boot } = self;
        let queue = encoded(queue.as_bytes());
        let segment = encoded(segment.as_os_str().as_bytes());
        let body =
            format!("queue {queue}\nsegment {segment}\nid {segment_id:032x}\ndevice {device}\nboot {boot:032x}\n");
        format!("{MAGIC} {} {:016x}\n{body}", body.len(), fnv1a(body.as_bytes())).into_bytes()
    }

    /// `None` for anything but a whole claim. What follows the announced length is of a longer, former text.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let first_line = bytes.iter().position(|byte| *byte == b'\n')?;
        let head = std::str::from_utf8(bytes.get(..first_line)?).ok()?;
        let (length, sum) = head.strip_prefix(MAGIC)?.strip_prefix(' ')?.split_once(' ')?;
        let end = length.parse::<usize>().ok()?.checked_add(first_line + 1)?;
        let body = bytes.get(first_line + 1..end)?;
        if u64::from_str_radix(sum, 16).ok()? != fnv1a(body) {
            return None;
        }
        let body = std::str::from_utf8(body).ok()?;
        let value = |word: &str| body.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
        Some(Self {
            queue: String::from_utf8(decoded(value("queue")?)?).ok()?,
            segment: OsString::from_vec(decoded(value("segment")?)?).into(),
            segment_id: u128::from_str_radix(value("id")?, 16).ok()?,
            device: value("device")?.parse().ok()?,
            boot: u128::from_str_radix(value("boot")?, 16).ok()?,
        })
    }
}

/// The kernel's id of this run of the machine (random(4)); the same in all containers.
fn boot_id() -> Option<u128> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    u128::from_str_radix(&text.trim().replace('-', ""), 16).ok()
}

/// Everything but printing ASCII becomes `%XX`, and `%` itself.
fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_graphic() && byte != b'%' {
            text.push(byte.into());
        } else {
            // A string takes everything.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, plain) = piece.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(plain.as_bytes());
    }
    Some(bytes)
}

/// FNV-1a of 64 bits (RFC 9923): it has to tell a torn file from a whole one, and one name from another, and no more.
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn example() -> ClaimText {
        let segment = OsString::from_vec(b"/dev/shm/log tree/\xff%\n".to_vec());
        ClaimText {
            queue: "Warteschlange ä\nsegment /etc".into(),
            segment: segment.into(),
            segment_id: u128::MAX - 5,
            device: u64::MAX,
            boot: 1,
        }
    }

    #[test]
    fn the_sum_is_the_published_one() {
        // Test vectors of the FNV reference code (`test_fnv.c`).
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn every_name_and_path_comes_back() {
        let bytes = example().to_bytes();
        assert!(bytes.is_ascii());
        assert_eq!(ClaimText::from_bytes(&bytes), Some(example()));
    }

    #[test]
    fn a_cut_or_changed_text_says_nothing() {
        let whole = example().to_bytes();
        for end in 0..whole.len() {
            assert_eq!(ClaimText::from_bytes(&whole[..end]), None, "cut at {end}");
            let mut changed = whole.clone();
            changed[end] ^= 0x04;
            assert!(ClaimText::from_bytes(&changed).is_none_or(|text| text == example()), "changed at {end}");
        }
        assert_eq!(ClaimText::from_bytes(b""), None);
        assert_eq!(ClaimText::from_bytes(b"something of the user\n"), None);
    }

    #[test]
    fn a_short_text_over_a_longer_one_is_torn_or_whole_never_a_mixture() {
        let old = example().to_bytes();
        let new = ClaimText { queue: "q".into(), segment: "/s".into(), ..example() };
        let new_bytes = new.to_bytes();
        for written in 0..=new_bytes.len() {
            let mut file = old.clone();
            file[..written].copy_from_slice(&new_bytes[..written]);
            let read = ClaimText::from_bytes(&file);
            let expected = [None, Some(example()), Some(new.clone())];
            assert!(expected.contains(&read), "after {written} bytes: {read:?}");
        }
    }

    #[test]
    fn lines_of_later_versions_are_stepped_over() {
        let body = "later x\nqueue q\nid 7\nsegment /s\nboot 0\ndevice 1\nmore\n";
        let text = format!("{MAGIC} {} {:016x}\n{body}", body.len(), fnv1a(body.as_bytes()));
        let read = ClaimText::from_bytes(text.as_bytes()).unwrap();
        assert_eq!((read.queue(), read.segment_id(), read.device()), ("q", 7, 1));
    }

    #[test]
    fn a_boot_is_known_again() {
        let here = ClaimText::new("q", "/nowhere", 1);
        assert!(!here.is_of_former_boot());
        assert!(ClaimText { boot: here.boot ^ 1, ..here }.is_of_former_boot());
    }
}
