//! The config that stands in the segment.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use logtree_os::Segment;

use super::pieces::{Pieces, Rest};
use super::{ConfigAge, ConfigText};
use crate::words;

/// Raised when the meaning of what stands in the segment changes.
const VERSION: u64 = 1;
/// So many configs of before are remembered.
const HISTORY: usize = 32;

/// The config of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) generation: u64,
    pub(crate) hash: u64,
    /// The name of the `QueueHandler` in it.
    pub(crate) handler: String,
    /// Without its text, if that has no room in the segment.
    pub(crate) config: ConfigText,
    pub(crate) has_text: bool,
    /// The files that it writes, and those of configs before it that are claimed for the queue still.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) former_files: Vec<PathBuf>,
    /// Configs that were in force before: what they said, and when that came to be.
    pub(super) history: Vec<(u64, u64)>,
}

impl Shared {
    /// The config of a segment; the default, generation 0, if it has none that makes sense.
    pub(crate) fn of(segment: &Segment) -> Self {
        Self::parse(&segment.text().unwrap_or_default()).unwrap_or_default()
    }

    /// The generation of the segment's config: one load.
    pub(crate) fn generation_of(segment: &Segment) -> u64 {
        segment.word(words::CONFIG).unwrap_or_default()
    }

    /// Whether the file is one of those that it writes.
    pub(crate) fn writes(&self, file: &Path) -> bool {
        self.files.iter().any(|known| known == file)
    }

    /// The one after this, from the queue of `handler`, which writes `files`.
    pub(crate) fn next(&self, config: &ConfigText, handler: &str, files: Vec<PathBuf>, are_former_freed: bool) -> Self {
        let former = if are_former_freed { &[][..] } else { &self.former_files[..] };
        let mut former_files: Vec<PathBuf> = self.files.iter().chain(former).cloned().collect();
        former_files.retain(|file| !files.contains(file));
        former_files.sort();
        former_files.dedup();
        let mut history = self.history.clone();
        if self.generation != 0 {
            history.push((self.hash, self.config.age.made_ns));
        }
        history.drain(..history.len().saturating_sub(HISTORY));
        Self {
            generation: self.generation + 1,
            hash: config.hash(),
            handler: handler.to_owned(),
            config: config.clone(),
            has_text: true,
            files,
            former_files,
            history,
        }
    }

    /// Puts it into the segment. For one process at a time: see [`Segment::set_text`].
    pub(crate) fn publish(mut self, segment: &Segment) {
        let mut is_there = segment.set_text(&self.bytes());
        if !is_there {
            // Then only processes that have read it themselves can listen with it.
            self.has_text = false;
            self.config.text.clear();
            is_there = segment.set_text(&self.bytes());
        }
        if !is_there {
            self.config.environment.clear();
            (self.files, self.former_files, self.history) = (Vec::new(), Vec::new(), Vec::new());
            segment.set_text(&self.bytes());
        }
        segment.set_word(words::CONFIG, self.generation);
    }

    fn bytes(&self) -> Vec<u8> {
        let mut pieces = Pieces::default();
        let ConfigText { text, format, origin, directory, environment, age } = &self.config;
        let numbers = [VERSION, self.generation, self.hash, self.has_text.into(), age.made_ns, age.read_ns];
        numbers.into_iter().for_each(|number| pieces.number(number));
        for text in [&self.handler, text, format, origin] {
            pieces.put(text.as_bytes());
        }
        pieces.put(directory.as_os_str().as_bytes());
        pieces.number(environment.len() as u64);
        for (name, value) in environment.iter() {
            pieces.put(name.as_bytes());
            pieces.put(value.as_bytes());
        }
        for files in [&self.files, &self.former_files] {
            pieces.number(files.len() as u64);
            files.iter().for_each(|file| pieces.put(file.as_os_str().as_bytes()));
        }
        pieces.number(self.history.len() as u64);
        for (hash, made_ns) in &self.history {
            pieces.number(*hash);
            pieces.number(*made_ns);
        }
        pieces.0
    }

    /// What [`bytes`](Self::bytes) wrote, in whatever process; nothing of it is trusted.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = Rest(bytes);
        if rest.number()? != VERSION {
            return None;
        }
        let (generation, hash, has_text) = (rest.number()?, rest.number()?, rest.number()? != 0);
        let age = ConfigAge { made_ns: rest.number()?, read_ns: rest.number()?, is_act: false };
        let (handler, text, format, origin) = (rest.text()?, rest.text()?, rest.text()?, rest.text()?);
        let directory = rest.path()?;
        let environment = rest.list(|rest| Some((rest.text()?, OsString::from_vec(rest.piece()?.to_vec()))))?;
        let environment = environment.into_iter().collect();
        let (files, former_files) = (rest.list(Rest::path)?, rest.list(Rest::path)?);
        let history = rest.list(|rest| Some((rest.number()?, rest.number()?)))?;
        let config = ConfigText { text, format, origin, directory, environment, age };
        if has_text && config.hash() != hash {
            return None;
        }
        Some(Self { generation, hash, handler, config, has_text, files, former_files, history })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::config::tests::config;

    #[test]
    fn it_is_read_as_it_was_written_and_nothing_else_is() {
        let environment = [("LOG".into(), OsString::from_vec(vec![0xff, b'a']))].into_iter().collect();
        let config = ConfigText { environment, directory: "/d".into(), ..config("text", 3, 4) };
        let first = Shared::default().next(&config, "queue", vec!["/a".into(), "/b".into()], true);
        let shared = first.next(&ConfigText { text: "next".into(), ..config }, "other", vec!["/b".into()], true);
        assert_eq!(shared.former_files, [PathBuf::from("/a")]);
        let bytes = shared.bytes();
        assert_eq!(Shared::parse(&bytes), Some(shared));
        for at in 0..bytes.len() {
            assert_eq!(Shared::parse(&bytes[..at]), None, "cut at {at}");
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            // Whatever it gives, it gives something.
            let _ = Shared::parse(&changed);
        }
        assert_eq!(Shared::parse(b""), None);
    }

    #[test]
    fn files_are_former_until_they_are_freed() {
        let config = config("text", 1, 1);
        let files = |name: &str| vec![PathBuf::from(name)];
        let a = Shared::default().next(&config, "queue", files("/a"), true);
        let b = a.next(&config, "queue", files("/b"), true);
        let c = b.next(&config, "queue", files("/c"), false);
        assert_eq!(c.former_files, ["/a", "/b"].map(PathBuf::from));
        assert_eq!(c.next(&config, "queue", files("/a"), false).former_files, ["/b", "/c"].map(PathBuf::from));
        assert_eq!(c.next(&config, "queue", files("/d"), true).former_files, files("/c"));
    }

    #[test]
    fn a_config_without_room_leaves_its_text_out() {
        let directory = tempfile::tempdir().unwrap();
        let options = logtree_os::SegmentOptions::default();
        let segment = Segment::create(&directory.path().join("queues"), "large", &options).unwrap();
        assert_eq!(Shared::of(&segment), Shared::default());
        let large = config(&"x".repeat(logtree_os::MAX_TEXT_BYTES), 7, 8);
        Shared::default().next(&large, "queue", vec!["/a".into()], true).publish(&segment);
        let shared = Shared::of(&segment);
        assert_eq!((shared.generation, shared.has_text, shared.files.len()), (1, false, 1));
        assert_eq!((Shared::generation_of(&segment), large.generation_in(&shared)), (1, Some(1)));
    }
}
