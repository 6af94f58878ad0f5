//! The thread that compresses.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use logtree_core::{AppendFile as _, Direct};
use rustix::fs::OFlags;

use super::{PLACING, Placed, Shared, State, with_extension};
use crate::compression::made::{Made, begun, sweep};
use crate::compression::{Compress, directory};

/// What cannot be compressed yet is looked at again after so long a time, then after twice that, and so on.
const FIRST_NAP: Duration = Duration::from_millis(5);
const LONGEST_NAP: Duration = Duration::from_secs(10);
/// Against a thread that logs it gets a tenth of the time; with 19 it would get nearly none on a busy machine, where there is
/// most to compress.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;
/// So long a file rests of which it is not known who has it open, or that is locked by one who ought to be dead.
pub(super) const REST: Duration = Duration::from_secs(1);

/// What the thread remembers.
#[derive(Default)]
struct Memory {
    /// Since when files rest, by inode.
    resting: HashMap<u64, Instant>,
    /// Files that can have no other form, by inode.
    left_alone: Vec<u64>,
    /// That something half made cannot be deleted was said.
    is_dirt_said: bool,
}

impl Memory {
    /// What was in the way is tried again, and said again, as by a thread that begins.
    fn is_asked_anew(&mut self) {
        self.left_alone.clear();
        self.is_dirt_said = false;
    }

    /// Whether a file has rested long enough, which begins to rest when this is first asked.
    fn has_rested(&mut self, source: &Source) -> bool {
        self.resting.entry(source.inode()).or_insert_with(Instant::now).elapsed() >= REST
    }
}

/// What became of a rolled file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// Somebody may still write to it, or another process compresses it.
    Later,
    /// It has another name by now, as others too may have.
    Moved,
}

impl Shared {
    pub(super) fn work(self: Arc<Self>) {
        let (mut memory, mut nap) = (Memory::default(), FIRST_NAP);
        self.state.lock().is_asked = false;
        loop {
            let outcome = self.compress_all(&mut memory);
            let mut state = self.state.lock();
            if std::mem::take(&mut state.is_asked) && !self.is_over() {
                nap = FIRST_NAP;
                memory.is_asked_anew();
                continue;
            }
            let is_later = match outcome {
                _ if self.is_over() => false,
                Ok(outcome) => outcome == Outcome::Later || state.has_company(),
                Err(error) => {
                    self.fail(&mut state, error);
                    false
                }
            };
            if !is_later {
                state.thread = None;
                return;
            }
            drop(state);
            std::thread::park_timeout(nap);
            nap = (nap * 2).min(LONGEST_NAP);
        }
    }

    /// Has the next record say what failed.
    fn fail(&self, state: &mut State, error: io::Error) {
        state.error = Some(error);
        self.has_news.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Looks what there is to do, and does it; the oldest first.
    fn compress_all(&self, memory: &mut Memory) -> io::Result<Outcome> {
        if let Err(error) = sweep(&self.file)
            && !std::mem::replace(&mut memory.is_dirt_said, true)
        {
            self.fail(&mut self.state.lock(), error);
        }
        loop {
            let mut sources: Vec<_> = self.rolled(&Direct)?.into_iter().filter_map(Source::of).collect();
            sources.sort_by_key(Source::age);
            memory.resting.retain(|inode, _| sources.iter().any(|source| source.inode() == *inode));
            let mut all = Outcome::Done;
            for source in sources {
                if self.is_over() {
                    return Ok(Outcome::Later);
                }
                if memory.left_alone.contains(&source.inode()) || self.is_made(&source) {
                    continue;
                }
                match self.compress(&source, memory) {
                    Ok(Outcome::Done) => {}
                    Ok(Outcome::Later) => all = Outcome::Later,
                    Ok(Outcome::Moved) => {
                        all = Outcome::Moved;
                        break;
                    }
                    Err(_) if self.is_over() => return Ok(Outcome::Later),
                    // The others were rolling the log for as long as patience lasts: nothing is wrong with this file.
                    Err(error) if error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none() => {
                        all = Outcome::Later;
                    }
                    // The others do not wait for it.
                    Err(error) => {
                        let message = format!("cannot compress '{}': {error}", source.path.display());
                        self.fail(&mut self.state.lock(), io::Error::new(error.kind(), message));
                    }
                }
            }
            if all != Outcome::Moved {
                return Ok(all);
            }
        }
    }

    /// Whether a listener is yet to put in its place what was made of it.
    fn is_made(&self, source: &Source) -> bool {
        let state = self.state.lock();
        let mut made = state.made.iter().chain(&state.placed).map(|made| made.source);
        made.any(|made| made == source.identity()) || state.superseded.contains(&source.identity())
    }

    fn compress(&self, source: &Source, memory: &mut Memory) -> io::Result<Outcome> {
        for kind in [Compress::Gzip, Compress::Zstd] {
            let form = with_extension(&source.path, kind);
            if form.symlink_metadata().is_ok() {
                return self.choose(source, &form, kind, memory);
            }
        }
        let Some(mut file) = source.open()? else { return Ok(Outcome::Moved) };
        if self.may_grow(source, &file, memory) {
            return Ok(Outcome::Later);
        }
        will_be_read(&file);
        let Some(mut made) = self.begin(source, memory)? else { return Ok(Outcome::Later) };
        match self.make(&mut made, &mut file) {
            Ok(Some(Placed::Obstructed)) => {
                memory.left_alone.push(source.inode());
                made.discard()?;
                let message = "there is a compressed file of that name already";
                Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
            }
            Ok(Some(Placed::Done)) => Ok(Outcome::Done),
            Ok(Some(Placed::Gone | Placed::Grown)) => made.discard().map(|()| Outcome::Done),
            // The listener puts it in its place.
            Ok(None) => {
                let mut state = self.state.lock();
                // Its batch has come and gone.
                if self.is_over() {
                    made.give_up();
                    return Ok(Outcome::Later);
                }
                state.made.push(made);
                self.has_news.store(true, Ordering::Relaxed);
                Ok(Outcome::Done)
            }
            Err(error) => {
                made.give_up();
                Err(error)
            }
        }
    }

    /// Begins the compressed file, unless another one is at it.
    fn begin(&self, source: &Source, memory: &mut Memory) -> io::Result<Option<Made>> {
        let path = self.made_path(source.inode());
        let made = Made::begin(&path, &source.metadata)?;
        if made.is_some() || !self.state.lock().is_gathering || !memory.has_rested(source) {
            return Ok(made);
        }
        // Behind a queue one listener follows the other, and a thread of the one before is dead by now: what has it locked is a
        // child of his host's, which goes on for as long as it likes.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Made::begin(&path, &source.metadata),
        }
    }

    /// Makes the compressed file, and puts it in its place unless a listener does that.
    fn make(&self, made: &mut Made, file: &mut File) -> io::Result<Option<Placed>> {
        loop {
            out_of_the_way(|| {
                made.go_on(self.kind, file, &|| self.is_over())?;
                made.finish(&file.metadata()?, self.file.is_synced())
            })??;
            if self.state.lock().is_gathering {
                return Ok(None);
            }
            let _placing = PLACING.lock();
            let placed = self.file.while_not_rolled(|| self.place(made, &mut Direct))??;
            if placed != Placed::Grown || self.is_over() {
                return Ok(Some(placed));
            }
        }
    }

    /// Both forms are there: somebody was killed between giving the one its name and deleting the other, if they say the same.
    fn choose(&self, source: &Source, form: &Path, kind: Compress, memory: &mut Memory) -> io::Result<Outcome> {
        let Some(mut file) = source.open()? else { return Ok(Outcome::Moved) };
        if self.may_grow(source, &file, memory) {
            return Ok(Outcome::Later);
        }
        let made = File::open(form)?;
        let identity = made.metadata().map(|metadata| (metadata.dev(), metadata.ino()))?;
        let is_same = out_of_the_way(|| {
            super::codec::decoder(kind, made).and_then(|made| is_same(&mut file, made, &|| self.is_over()))
        });
        let is_form = |path: &Path| path.symlink_metadata().is_ok_and(|m| (m.dev(), m.ino()) == identity);
        // What cannot be read as this form is none of it, nor is a directory.
        if !is_same?.unwrap_or(false) {
            // A roll may have put another pair's form there, before it was opened.
            if !source.is_there() || !is_form(form) {
                return Ok(Outcome::Moved);
            }
            memory.left_alone.push(source.inode());
            let message = format!("'{}' is there already and holds something else", form.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        let mut state = self.state.lock();
        if state.is_gathering {
            state.superseded.push(source.identity());
            self.has_news.store(true, Ordering::Relaxed);
            return Ok(Outcome::Done);
        }
        drop(state);
        self.file.while_not_rolled(|| {
            // Both may have been given another name meanwhile: then it is looked at again.
            if !source.is_there() || !is_form(form) {
                return Ok(Outcome::Moved);
            }
            std::fs::remove_file(&source.path).map(|()| Outcome::Done)
        })?
    }

    /// Whether a late process may still write to a file. Behind a queue there is but one writer.
    fn may_grow(&self, source: &Source, file: &File, memory: &mut Memory) -> bool {
        if self.state.lock().is_gathering {
            return false;
        }
        #[cfg(target_os = "linux")]
        if let Ok(has_writers) = logtree_os::has_writers(std::os::fd::AsFd::as_fd(file)) {
            return has_writers;
        }
        let _ = file;
        !memory.has_rested(source)
    }

    /// Whether there is anything to do. What cannot be seen is for the thread to say.
    pub(super) fn has_work(&self) -> bool {
        let has = |paths: io::Result<Vec<PathBuf>>| paths.map_or(true, |paths| !paths.is_empty());
        has(self.rolled(&Direct)) || has(begun(&self.file))
    }

    /// Where a file of this inode is compressed to.
    fn made_path(&self, inode: u64) -> PathBuf {
        let mut name = std::ffi::OsString::from(".");
        name.push(self.file.path().file_name().unwrap_or_default());
        name.push(format!(".{inode}.{}.part", self.kind.extension()));
        directory(&self.file).join(name)
    }
}

/// Says that a file will be read from its beginning to its end.
fn will_be_read(file: &File) {
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::Sequential);
    let _ = file;
}

/// Does something on a thread that others go before, and waits for it. That one must take no lock: on a busy machine whoever
/// logs would wait for it as long.
fn out_of_the_way<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    let work = || {
        #[cfg(target_os = "linux")]
        logtree_os::let_others_go_before(NICENESS);
        work()
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("logtree-codec".into()).spawn_scoped(scope, work)?;
        thread.join().map_err(|_| io::Error::other("the thread that compresses has panicked"))
    })
}

/// A rolled file that is not compressed.
struct Source {
    path: PathBuf,
    metadata: Metadata,
}

impl Source {
    fn of(path: PathBuf) -> Option<Self> {
        let metadata = path.symlink_metadata().ok().filter(Metadata::is_file)?;
        Some(Self { path, metadata })
    }

    fn inode(&self) -> u64 {
        self.metadata.ino()
    }

    fn identity(&self) -> (u64, u64) {
        (self.metadata.dev(), self.metadata.ino())
    }

    fn age(&self) -> (i64, i64) {
        (self.metadata.mtime(), self.metadata.mtime_nsec())
    }

    /// Opens it, if it still is this one.
    fn open(&self) -> io::Result<Option<File>> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file = match File::options().read(true).custom_flags(flags).open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let metadata = file.metadata()?;
        Ok(((metadata.dev(), metadata.ino()) == self.identity()).then_some(file))
    }

    fn is_there(&self) -> bool {
        self.path.symlink_metadata().is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.identity())
    }
}

/// Whether both give the same bytes.
fn is_same(one: &mut impl Read, mut other: Box<dyn Read>, is_over: &dyn Fn() -> bool) -> io::Result<bool> {
    let mut buffers = [vec![0; 64 << 10], vec![0; 64 << 10]];
    loop {
        let [a, b] = &mut buffers;
        let (a_length, b_length) = (fill(one, a)?, fill(&mut *other, b)?);
        if is_over() || a[..a_length] != b[..b_length] {
            return Ok(false);
        }
        if a_length == 0 {
            return Ok(true);
        }
    }
}

fn fill(read: &mut (impl Read + ?Sized), buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match read.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write as _;
    use std::os::unix::fs::FileTypeExt as _;

    use super::*;
    use crate::compression::Compression;
    use crate::{FileHandler, FileHandlerConfig, Namer};

    #[test]
    fn a_pair_that_is_moved_while_it_is_looked_at_is_looked_at_again() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let [path, form] = [at("a.log.1"), at("a.log.1.gz")];
        std::fs::write(&path, "a line\n").unwrap();
        // Whoever opens it waits for whoever writes to it.
        rustix::fs::mkfifoat(rustix::fs::CWD, &form, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        let handler = FileHandler::new(FileHandlerConfig::new(at("a.log"))).unwrap();
        let names = Namer::default().names(handler.path()).unwrap();
        let compression = Compression::new(Compress::Gzip, &handler, names, Box::new(|_| true)).unwrap();
        let source = Source::of(path.clone()).unwrap();
        let outcome = std::thread::scope(|scope| {
            let rolling = scope.spawn(|| {
                let mut other = File::options().write(true).open(&form).unwrap();
                std::fs::rename(&path, at("a.log.2")).unwrap();
                other.write_all(b"another one's\n").unwrap();
            });
            let outcome = compression.0.choose(&source, &form, Compress::Gzip, &mut Memory::default());
            rolling.join().unwrap();
            outcome
        });
        assert!(form.metadata().unwrap().file_type().is_fifo());
        assert_eq!(outcome.unwrap(), Outcome::Moved);
    }
}
