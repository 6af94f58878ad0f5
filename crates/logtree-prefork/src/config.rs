//! The config that a queue's handlers come from: how it travels, and which of two is the newer one.
//!
//! The segment holds one config with its number, the generation. A process that brings a newer one writes it there and
//! raises the generation; the listener sees that, builds the new handlers in place of the old ones, and goes on. So it
//! moves forward only:
//!
//! - Forked processes bring no config: they have their parent's, with its generation.
//! - A config that says what the segment's says (text, format, directory, and the environment variables that it names)
//!   brings nothing new.
//! - A config that a program reads when it starts is as old as its file: when that got its content, its rights or its name
//!   (`st_ctime`, which nobody can set; a copy or an old file moved into its place counts from then on), or the last
//!   symbolic link on the way to it was made. A config that is part of the program is as old as the program's file. The
//!   younger one wins; of two equally old ones that which was read later, unless the queue had it before. So a worker that
//!   starts again with the config of an old release changes nothing.
//! - What a running program is told to do, by `reload` or `apply`, counts from the moment it does it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::mem::ManuallyDrop;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use logtree_core::QueueListener;
use logtree_os::{Segment, real_time_ns};

use crate::helpers::{self, Role};
use crate::listener::close_files;
use crate::queue::Queue;
use crate::{streams, words};

/// Raised when the meaning of what stands in the segment changes.
const VERSION: u64 = 1;
/// So many configs of before are remembered.
const HISTORY: usize = 32;

/// A config, as it travels between processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigText {
    /// What it says.
    pub text: String,
    /// In which format, in a word of the caller's.
    pub format: String,
    /// How messages call it.
    pub origin: String,
    /// From where its file names count.
    pub directory: PathBuf,
    /// The environment variables that it names and that are set.
    pub environment: BTreeMap<String, OsString>,
    /// How old it is.
    pub age: ConfigAge,
}

/// How old a config is. The order is that of age; what is greater is newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigAge {
    /// When it came to be what it is, in nanoseconds since the epoch.
    made_ns: u64,
    /// When it was read.
    read_ns: u64,
    /// It is not only read, but to be put in force.
    is_act: bool,
}

impl ConfigAge {
    /// Of the config in the file at `path`, to be asked for before that is read.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        Self { made_ns: changed_ns(path), read_ns: now_ns(), is_act: false }
    }

    /// Of a config that is part of this program.
    #[must_use]
    pub fn of_program() -> Self {
        Self::of_file(Path::new("/proc/self/exe"))
    }

    /// Of a config that is to be put in force now.
    #[must_use]
    pub fn now() -> Self {
        let now_ns = now_ns();
        Self { made_ns: now_ns, read_ns: now_ns, is_act: true }
    }
}

fn now_ns() -> u64 {
    real_time_ns().max(0).unsigned_abs()
}

/// When the file, or the last link on the way to it, came to be what it is; 0 if nobody can tell.
fn changed_ns(path: &Path) -> u64 {
    const MAX_LINKS: usize = 40;
    let ns = |metadata: &std::fs::Metadata| {
        let seconds = metadata.ctime().max(0).unsigned_abs();
        seconds.saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec().max(0).unsigned_abs())
    };
    let mut newest = std::fs::metadata(path).map_or(0, |metadata| ns(&metadata));
    // Every prefix of the path may be a link, and lead to a path with links in its turn.
    let mut paths = vec![path.to_owned()];
    let mut links = 0;
    while let Some(path) = paths.pop() {
        for prefix in path.ancestors() {
            let Ok(metadata) = prefix.symlink_metadata() else { continue };
            // Those of the process itself are as old as the process.
            if !metadata.is_symlink() || links == MAX_LINKS || prefix.starts_with("/proc") {
                continue;
            }
            links += 1;
            newest = newest.max(ns(&metadata));
            let target = std::fs::read_link(prefix).unwrap_or_default();
            paths.push(prefix.parent().unwrap_or(Path::new("/")).join(target));
        }
    }
    newest
}

/// Makes the far end of the queue of the handler that is named, from a config that another process may have brought.
/// Nothing outside this process may change by it, but for files that are made.
pub type Rebuild = Arc<dyn Fn(&ConfigText, &str) -> Result<QueueListener, String> + Send + Sync>;

/// The config that a queue comes from, and how this process builds others.
#[derive(Clone)]
pub struct Configured {
    /// The config.
    pub config: Arc<ConfigText>,
    /// Builds another one.
    pub rebuild: Rebuild,
    /// The process wants to be the listener, and nothing else: it [listens](crate::serve) itself.
    pub is_service: bool,
}

impl fmt::Debug for Configured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Configured").field("config", &self.config.origin).finish_non_exhaustive()
    }
}

thread_local! {
    /// Never dropped, so that it is there as long as its thread: who flushes while the process exits may become a listener, and
    /// build a config, when the thread's values are gone. [`with_config`] leaves nothing behind in it.
    static CONFIGURED: ManuallyDrop<RefCell<Option<Configured>>> = const { ManuallyDrop::new(RefCell::new(None)) };
}

/// Has queues that are made by `make` on this thread know which config they come from.
pub fn with_config<R>(configured: &Configured, make: impl FnOnce() -> R) -> R {
    /// Also when `make` panics.
    struct Reset(Option<Configured>);
    impl Drop for Reset {
        fn drop(&mut self) {
            CONFIGURED.with(|place| place.replace(self.0.take()));
        }
    }
    let _reset = Reset(CONFIGURED.with(|place| place.replace(Some(configured.clone()))));
    make()
}

/// The config that queues are being made from on this thread.
pub(crate) fn configured() -> Option<Configured> {
    CONFIGURED.with(|place| place.borrow().clone())
}

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
    history: Vec<(u64, u64)>,
}

impl ConfigText {
    /// Of all that two configs must have in common to be the same.
    fn hash(&self) -> u64 {
        let mut pieces = Pieces::default();
        for text in [&self.text, &self.format] {
            pieces.put(text.as_bytes());
        }
        pieces.put(self.directory.as_os_str().as_bytes());
        for (name, value) in &self.environment {
            pieces.put(name.as_bytes());
            pieces.put(value.as_bytes());
        }
        // FNV-1a of 64 bits (RFC 9923), over so little that a table would cost more.
        pieces
            .0
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
    }

    /// The generation that this config has in a segment, if it is the one there.
    pub(crate) fn generation_in(&self, shared: &Shared) -> Option<u64> {
        (shared.generation != 0 && self.hash() == shared.hash).then_some(shared.generation)
    }

    /// Whether this config is to take the place of that of the segment.
    pub(crate) fn is_newer_than(&self, shared: &Shared) -> bool {
        let hash = self.hash();
        let was_there = || shared.history.contains(&(hash, self.age.made_ns));
        match shared.generation {
            0 => true,
            _ if hash == shared.hash => false,
            _ => self.age.is_act || self.age > shared.config.age && !was_there(),
        }
    }
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
        for (name, value) in environment {
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

/// The queue with the segment's config; `None` if it has it already. A listener's, before it goes on with it.
///
/// # Errors
/// Why this process cannot build it.
pub(crate) fn follow(queue: &Queue, segment: &Segment, role: Role) -> Result<Option<Arc<Queue>>, String> {
    let shared = Shared::of(segment);
    let Some(mine) = &queue.configured else { return Err("its program says in code what it logs".to_owned()) };
    if let Some(generation) = mine.config.generation_in(&shared) {
        queue.generation.store(generation, Ordering::Relaxed);
        return Ok(None);
    }
    if queue.generation.load(Ordering::Relaxed) == 0 && mine.config.is_newer_than(&shared) {
        // The process that has made this listener brings its config as soon as somebody listens.
        return Ok(None);
    }
    if !shared.has_text {
        return Err("it is too long to be handed on".to_owned());
    }
    let build = || {
        let built = catch_unwind(AssertUnwindSafe(|| (mine.rebuild)(&shared.config, &shared.handler)));
        built.unwrap_or_else(|_| Err("a class of the program panicked".to_owned()))
    };
    let listener = in_directory(&shared.config.directory, role, build)?;
    if listener.handlers.iter().any(|entry| helpers::writes_stdout(entry)) && !streams::has_announced_stdout(segment) {
        return Err("it writes to a standard output that the listener does not have".to_owned());
    }
    // The process that brought the config has emptied what is to be empty; who opens the files next appends.
    listener.handlers.iter().for_each(|entry| close_files(entry));
    let rebuild = Arc::clone(&mine.rebuild);
    let configured = Configured { config: Arc::new(shared.config), rebuild, is_service: mine.is_service };
    Ok(Some(queue.with_listener(listener, configured, shared.generation)))
}

/// Builds where file names count from `directory`. A thread of a host stays where the host is.
fn in_directory<T>(directory: &Path, role: Role, build: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let here = std::env::current_dir();
    if here.as_ref().is_ok_and(|here| here == directory) {
        return build();
    }
    let failed = |error: std::io::Error| format!("the listener cannot go to '{}': {error}", directory.display());
    if role == Role::Thread {
        return Err(format!("its file names count from '{}', where the process is not", directory.display()));
    }
    std::env::set_current_dir(directory).map_err(failed)?;
    let built = build();
    if built.is_err()
        && let Ok(here) = here
    {
        let _ = std::env::set_current_dir(here);
    }
    built
}

/// Numbers, and bytes behind their length.
#[derive(Default)]
struct Pieces(Vec<u8>);

impl Pieces {
    fn number(&mut self, number: u64) {
        self.0.extend(number.to_ne_bytes());
    }

    fn put(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend(bytes);
    }
}

/// What was not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_ne_bytes(*number))
    }

    fn piece(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (piece, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(piece)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.piece()?.to_vec()).ok()
    }

    fn path(&mut self) -> Option<PathBuf> {
        Some(OsString::from_vec(self.piece()?.to_vec()).into())
    }

    /// So many items as a number says that stands before them; what there is of bytes bounds it.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| item(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_config_is_built_on_a_thread_that_is_ending() {
        thread_local!(static LAST: Last = const { Last });
        struct Last;
        impl Drop for Last {
            fn drop(&mut self) {
                let rebuild: Rebuild = Arc::new(|_, _| Err(String::new()));
                let of = Configured { config: Arc::default(), rebuild, is_service: true };
                assert!(with_config(&of, configured).unwrap().is_service);
                assert!(configured().is_none());
            }
        }
        // A thread's values are dropped from the last one that it met to the first.
        std::thread::spawn(|| LAST.with(|_| assert!(configured().is_none()))).join().unwrap();
    }

    fn config(text: &str, made_ns: u64, read_ns: u64) -> ConfigText {
        let age = ConfigAge { made_ns, read_ns, is_act: false };
        ConfigText { text: text.into(), age, ..ConfigText::default() }
    }

    fn after(shared: &Shared, config: &ConfigText) -> Shared {
        assert!(config.is_newer_than(shared), "{config:?} after {shared:?}");
        shared.next(config, "queue", vec!["/a".into()], true)
    }

    #[test]
    fn the_younger_config_wins_and_an_old_one_never_comes_back() {
        let old = after(&Shared::default(), &config("old", 10, 100));
        assert!(!config("old", 10, 200).is_newer_than(&old), "it is the same");
        assert!(!config("older", 9, 200).is_newer_than(&old));
        let new = after(&old, &config("new", 11, 200));
        assert_eq!((old.generation, new.generation), (1, 2));
        // A worker of the old release starts again.
        assert!(!config("old", 10, 300).is_newer_than(&new));
        // The old text is put in place of the new one.
        let back = after(&new, &config("old", 12, 400));
        assert_eq!(config("old", 10, 500).generation_in(&back), Some(3));
        assert_eq!(config("new", 11, 500).generation_in(&back), None);
    }

    #[test]
    fn of_equally_old_configs_each_has_its_turn_once() {
        let one = after(&Shared::default(), &config("one", 10, 100));
        assert!(!config("two", 10, 99).is_newer_than(&one), "it was read before");
        let two = after(&one, &config("two", 10, 101));
        assert!(!config("one", 10, 102).is_newer_than(&two));
        after(&two, &config("three", 10, 103));
    }

    #[test]
    fn who_is_told_to_goes_back() {
        let one = after(&Shared::default(), &config("one", 10, 100));
        let two = after(&one, &config("two", 20, 200));
        let told = ConfigText { age: ConfigAge::now(), ..config("one", 0, 0) };
        let told_again = after(&two, &told);
        assert!(!told.is_newer_than(&told_again));
        assert!(!config("two", 20, 300).is_newer_than(&told_again));
    }

    #[test]
    fn what_a_config_means_elsewhere_is_another_config() {
        let here = config("one", 1, 1);
        let others = [
            ConfigText { format: "YAML".into(), ..here.clone() },
            ConfigText { directory: "/elsewhere".into(), ..here.clone() },
            ConfigText { environment: BTreeMap::from([("LOG".into(), "a".into())]), ..here.clone() },
        ];
        assert!(others.iter().all(|other| other.hash() != here.hash()));
        assert_eq!(ConfigText { origin: "elsewhere".into(), ..here.clone() }.hash(), here.hash());
    }

    #[test]
    fn it_is_read_as_it_was_written_and_nothing_else_is() {
        let environment = BTreeMap::from([("LOG".into(), OsString::from_vec(vec![0xff, b'a']))]);
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

    #[test]
    fn a_file_is_as_old_as_the_link_that_leads_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for release in ["one", "two"] {
            std::fs::create_dir(path(release)).unwrap();
            std::fs::write(path(release).join("logging.json"), release).unwrap();
        }
        let made = |name: &str| changed_ns(&path(name));
        let follow = |release: &str| {
            // The clock of a file system may stand still for some milliseconds.
            let before = made("two/logging.json").max(made("one/logging.json")).max(changed_ns(&path("current")));
            while changed_ns(&path("current")) <= before {
                let _ = std::fs::remove_file(path("current"));
                std::os::unix::fs::symlink(release, path("current")).unwrap();
            }
            made("current/logging.json")
        };
        let (one, two) = (follow("one"), follow("two"));
        assert!(made("one/logging.json") < one && one < two && two < follow("one"));
        assert_eq!(changed_ns(&path("nothing")), 0);
        // An old file that is moved is as old as its new name.
        std::fs::write(path("old.json"), "").unwrap();
        let (before, began) = (made("old.json"), std::time::Instant::now());
        let mut names = ["old.json", "logging.json"];
        while made(names[0]) <= before {
            assert!(began.elapsed().as_secs() < 5, "a new name leaves a file as old as it was");
            std::fs::rename(path(names[0]), path(names[1])).unwrap();
            names.reverse();
        }
    }
}
