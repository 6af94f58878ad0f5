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

mod age;
mod pieces;
mod shared;

use std::cell::RefCell;
use std::ffi::OsString;
use std::fmt;
use std::mem::ManuallyDrop;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use logtree_core::{QueueListener, Table, caught};
use logtree_os::Segment;

pub use self::age::ConfigAge;
use self::pieces::Pieces;
pub(crate) use self::shared::Shared;
use crate::helpers::{self, Role};
use crate::listener::close_files;
use crate::queue::Queue;
use crate::streams;

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
    pub environment: Table<OsString>,
    /// How old it is.
    pub age: ConfigAge,
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

impl ConfigText {
    /// Of all that two configs must have in common to be the same.
    fn hash(&self) -> u64 {
        let mut pieces = Pieces::default();
        for text in [&self.text, &self.format] {
            pieces.put(text.as_bytes());
        }
        pieces.put(self.directory.as_os_str().as_bytes());
        for (name, value) in self.environment.iter() {
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
        let built = caught(|| (mine.rebuild)(&shared.config, &shared.handler));
        built.unwrap_or_else(|| Err("a class of the program panicked".to_owned()))
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

    pub(super) fn config(text: &str, made_ns: u64, read_ns: u64) -> ConfigText {
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
            ConfigText { environment: [("LOG".into(), "a".into())].into_iter().collect(), ..here.clone() },
        ];
        assert!(others.iter().all(|other| other.hash() != here.hash()));
        assert_eq!(ConfigText { origin: "elsewhere".into(), ..here.clone() }.hash(), here.hash());
    }
}
