//! A log file on disk: opened late, appended to, known again.

mod append;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use logtree_core::{AppendFile, FileEnd, sync_name};
use logtree_os::{ForkLock, ForkReset};
use rustix::fs::ftruncate;
use rustix::io::{Errno, retry_on_intr};

use self::append::Terms;
use crate::OpenMode;
use crate::access::Access;
use crate::follow::{Follow, LastLook, Tick, is_current};
use crate::fsync::{Fsync, sync_data};
use crate::look::Look;
use crate::open::Open;
use crate::roll_lock::RollLock;
use crate::room::Room;

/// So long the processes that roll a file wait for each other, once; then not at all until it is free again.
const PATIENCE: Duration = Duration::from_secs(1);

/// So often it is looked which file is under the name, while others roll it.
const LOOKS: usize = 16;

/// A file that lines are appended to, from any thread and any child of `fork`.
///
/// - Each [`append`](AppendFile::append) is one write(2) to a descriptor opened with `O_APPEND`, so that several
///   processes may write the same file. A reader sees a line whole as soon as the call returns, and after a crash of
///   the program; after a crash of the system only what the system had written back.
/// - Processes of several machines may not, on a network file system: each appends there where its machine believes the end to
///   be (open(2), `O_APPEND`), so that lines overwrite each other.
/// - Threads append side by side too, each by its own write(2). One is alone with the file where it is opened, closed or rolled,
///   where a line was not taken whole, and with `fsync: each`.
/// - The descriptor is asked before each write whether it still is this file's. A program that closes all descriptors, as
///   daemons do, may have opened something else under the number since: then the file is opened anew, and the number
///   left alone.
/// - When the disk is full, half a line that was written is taken back; where that is impossible, the next line begins
///   on a line of its own. On btrfs it may be, and half a line then stays, of which that file system makes NUL bytes.
/// - At the limit of a file's size (setrlimit(2), `RLIMIT_FSIZE`) each line is an error, if there was a limit when the file was
///   opened. One that is set later ends the program by SIGXFSZ, as it does any program but Python's, which ignore that signal:
///   to ask for it, or to block the signal, would be a system call or two more for each record.
/// - A file whose file system has gone from under it, as when a file system of FUSE is mounted again or an NFS server set up
///   anew, is opened anew by its name.
/// - A file that cannot be given its rights and owners, or be brought to the disk, is written to all the same: each line of it
///   is counted as an error, until it can.
/// - A file that was moved or deleted is written to as before, until [`reopen`](AppendFile::reopen); where its handler
///   rolls or watches it, the next lines go to a new one.
/// - Before it is given another name it is locked with flock(2), for a few system calls, so that of several processes only
///   one does it. Who waits longer than a second for the others goes on without. A lock ends with its process, whatever
///   ended that.
/// - A file that its handler rolls has a lock of one byte, far behind its end (fcntl(2), `F_OFD_SETLK`), while it is open:
///   nobody waits for it, but whoever would delete the file in the moment in which it was rolled sees it.
/// - A pipe with a name needs a reader when it is opened; without one that is an error, and so is each line until one comes.
///   (`DIFFERENCE`: Python waits for a reader, and all that logs with it.) A reader who stands still is waited for once, for a
///   second.
pub struct LogFile {
    path: PathBuf,
    mode: OpenMode,
    follow: Follow,
    access: Access,
    fsync: Fsync,
    /// A directory that is not there is made.
    makedirs: bool,
    /// Others who roll it lock this.
    roll_lock: Option<PathBuf>,
    state: ForkLock<State>,
    /// The file that was opened last.
    inode: AtomicU64,
    renewals: AtomicU32,
    /// Something failed besides writing: see [`State::failed`].
    has_failed: AtomicBool,
}

/// What keeps a file from being as its config wants it.
#[derive(Debug)]
pub(crate) struct Unfit {
    /// The key that cannot be followed.
    pub(crate) keyword: &'static str,
    /// What could not be done to what.
    pub(crate) what: String,
    pub(crate) error: io::Error,
}

impl From<Unfit> for io::Error {
    fn from(Unfit { what, error, .. }: Unfit) -> Self {
        Self::new(error.kind(), format!("{what}: {error}"))
    }
}

#[derive(Debug, Default)]
struct State {
    open: Option<Open>,
    /// It is emptied, or must be new, only the first time.
    was_opened: bool,
    /// It was opened, and is emptied not before it is written to.
    is_to_be_emptied: bool,
    /// When it was looked at last whether the file still has its name.
    followed: LastLook,
    /// Another process took too long to roll the file.
    roll_stalled: bool,
    /// What failed besides writing. Whoever appends must not hear of it: a line that stands there would be written again.
    failed: Option<io::Error>,
}

/// A child shares its parent's open file, which is right for appending.
impl ForkReset for State {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        let mut torn = Self::default();
        torn.was_opened = true;
        torn
    }
}

impl State {
    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            open.close();
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.close();
    }
}

impl LogFile {
    /// The file at `path`, which is not opened yet.
    pub fn new(path: impl Into<PathBuf>, mode: OpenMode) -> Self {
        Self::following(path, mode, Follow::Never)
    }

    /// The same, with looks whether it was moved.
    pub(crate) fn following(path: impl Into<PathBuf>, mode: OpenMode, follow: Follow) -> Self {
        let (inode, renewals) = (AtomicU64::new(0), AtomicU32::new(0));
        let (access, fsync, state) = (Access::default(), Fsync::Never, ForkLock::default());
        Self {
            path: path.into(),
            mode,
            follow,
            access,
            fsync,
            makedirs: false,
            roll_lock: None,
            state,
            inode,
            renewals,
            has_failed: AtomicBool::new(false),
        }
    }

    /// The same with rights, owners, a time at which it is brought to the disk, and a directory that is made.
    pub(crate) fn with(self, access: Access, fsync: Fsync, makedirs: bool) -> Self {
        Self { access, fsync, makedirs, ..self }
    }

    /// The same with a file that others who roll it lock.
    pub(crate) fn with_roll_lock(self, roll_lock: Option<PathBuf>) -> Self {
        Self { roll_lock, ..self }
    }

    /// How often the file was found to be another one than before, in this process and those that it was forked from.
    pub(crate) fn renewals(&self) -> u32 {
        self.renewals.load(Ordering::Relaxed)
    }

    /// The inode of the file that was opened last.
    pub(crate) fn inode(&self) -> u64 {
        self.inode.load(Ordering::Relaxed)
    }

    /// To be called behind each line.
    ///
    /// # Errors
    /// What failed besides writing, since the last call.
    #[inline]
    pub(crate) fn attend(&self) -> io::Result<()> {
        match self.has_failed.load(Ordering::Relaxed) && self.has_failed.swap(false, Ordering::Relaxed) {
            true => self.state.lock().failed.take().map_or(Ok(()), Err),
            false => Ok(()),
        }
    }

    /// Whether it is ever brought to the disk.
    pub(crate) fn is_synced(&self) -> bool {
        self.fsync != Fsync::Never
    }

    /// Does something while no process gives the file, or those that it was rolled to, other names. A file that is not there
    /// is begun.
    ///
    /// # Errors
    /// Those of opening the file, and if others take too long to roll it.
    #[cfg_attr(not(feature = "compress"), allow(dead_code, reason = "who compresses asks"))]
    pub(crate) fn while_not_rolled<T>(&self, work: impl FnOnce() -> T) -> io::Result<T> {
        for _ in 0..LOOKS {
            let lock = match Look::at_path(&self.path) {
                Ok(current) => RollLock::take(&self.path, &current, None, self.roll_lock.as_deref(), PATIENCE)?,
                Err(Errno::NOENT) => self.end().map(|_| None)?,
                Err(error) => return Err(error.into()),
            };
            if lock.is_some() {
                return Ok(work());
            }
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "other processes roll the file all the time"))
    }

    fn open_anew(&self, mode: OpenMode) -> io::Result<Open> {
        let rolls = self.follow.is_of_a_file_that_rolls();
        let open = |mode| {
            let mut open = self.open_now(mode)?;
            if rolls {
                open.mark();
            }
            Ok::<_, io::Error>(open)
        };
        let mut opened = open(mode)?;
        // It may have been rolled between the system's look at the name and its opening the file: whoever compresses rolled
        // files trusts that nobody opens one to write.
        for _ in 0..LOOKS {
            if !rolls || mode == OpenMode::Create || is_current(&self.path, &opened.opened) {
                break;
            }
            opened = open(OpenMode::Append)?;
        }
        let inode = opened.opened.inode();
        if !matches!(self.inode.swap(inode, Ordering::Relaxed), before if before == 0 || before == inode) {
            self.renewals.fetch_add(1, Ordering::Relaxed);
        }
        // Before its first line. What fails is tried again behind that, and said then.
        let _ = self.admit(&mut opened);
        Ok(opened)
    }

    fn open_now(&self, mode: OpenMode) -> io::Result<Open> {
        match Open::new(&self.path, mode) {
            Err(error) if self.makedirs && error.kind() == io::ErrorKind::NotFound => {
                self.make_directory()?;
                Open::new(&self.path, mode)
            }
            outcome => outcome,
        }
    }

    /// Makes the directory of the file, and those that it is in, with the rights that the program's umask leaves.
    fn make_directory(&self) -> io::Result<()> {
        let Some(directory) = self.path.parent().filter(|directory| !directory.exists()) else { return Ok(()) };
        let missing: Vec<_> = directory.ancestors().take_while(|directory| !directory.exists()).collect();
        std::fs::create_dir_all(directory)?;
        if self.is_synced() {
            missing.into_iter().try_for_each(sync_name)?;
        }
        Ok(())
    }

    /// Gives a file that was opened its rights, and brings its name to the disk where that is asked for, and with it the one
    /// that was given to the file before.
    fn admit(&self, open: &mut Open) -> Result<(), Unfit> {
        if open.opened.is_regular && !open.is_admitted {
            let path = self.path.display();
            self.access.apply(open.descriptor()).map_err(|(keyword, error)| {
                let what = format!("cannot give '{path}' its {keyword}");
                Unfit { keyword, what, error }
            })?;
            if self.is_synced() {
                sync_name(&self.path).map_err(|error| {
                    let what = format!("cannot bring the name '{path}' to the disk");
                    Unfit { keyword: "fsync", what, error }
                })?;
            }
        }
        open.is_admitted = true;
        Ok(())
    }

    /// Opens the file, unless it is open. One that is to be emptied keeps what stands in it until [`start`](Self::start) or
    /// the first line: the config that opens it may fail yet.
    ///
    /// # Errors
    /// Those of open(2), and what keeps the file from its rights and owners.
    pub fn open(&self) -> io::Result<()> {
        Ok(self.open_as_wanted()?)
    }

    /// The same, and the key that is to blame.
    pub(crate) fn open_as_wanted(&self) -> Result<(), Unfit> {
        let failed = |error: io::Error| {
            let is_to_be_new = self.mode == OpenMode::Create && error.kind() == io::ErrorKind::AlreadyExists;
            let what = format!("cannot open the log file '{}'", self.path.display());
            Unfit { keyword: if is_to_be_new { "mode" } else { "filename" }, what, error }
        };
        let mut state = self.state.lock();
        if self.mode == OpenMode::Truncate && !state.was_opened {
            let mut open = self.open_now(OpenMode::Append).map_err(failed)?;
            self.admit(&mut open)?;
            state.open = Some(open);
            (state.was_opened, state.is_to_be_emptied) = (true, true);
            return Ok(());
        }
        let (open, _) = self.opened(&mut state).map_err(failed)?;
        self.admit(open)
    }

    /// Makes the directory of a file that is opened later, if that is asked for: whether it can be is to be known at once.
    pub(crate) fn prepare(&self) -> Result<(), Unfit> {
        let failed = |error| {
            let what = format!("cannot make the directory of the log file '{}'", self.path.display());
            Unfit { keyword: "filename", what, error }
        };
        if self.makedirs { self.make_directory().map_err(failed) } else { Ok(()) }
    }

    /// Empties the file, if it is open and was opened for that.
    ///
    /// # Errors
    /// Those of open(2) and ftruncate(2).
    pub fn start(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.is_to_be_emptied { self.opened(&mut state).map(drop) } else { Ok(()) }
    }

    /// Closes the file; a line that comes all the same opens it again, and finds in it what stands there by then.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.close();
        (state.was_opened, state.is_to_be_emptied) = (true, false);
    }

    /// The open file, which is ours for sure, and what a look at it said just now, if it took one.
    fn opened<'a>(&self, state: &'a mut State) -> io::Result<(&'a mut Open, Option<Look>)> {
        let now = self.tick();
        let found = state.open.as_ref().map_or(Found::Foreign, |open| self.find(open, &state.followed, now));
        let mut looked = None;
        match found {
            Found::Ours(look) => looked = look,
            Found::Foreign => state.close(),
            Found::Moved(links) => match self.open_anew(OpenMode::Append) {
                Ok(open) => {
                    state.close();
                    (state.open, state.followed) = (Some(open), LastLook::at(now));
                }
                // Where it was moved to, a line is not lost.
                Err(_) if links > 0 => {}
                Err(error) => {
                    state.close();
                    return Err(error);
                }
            },
        }
        let open = match &mut state.open {
            Some(open) => open,
            none => {
                let open = self.open_anew(if state.was_opened { OpenMode::Append } else { self.mode })?;
                state.was_opened = true;
                none.insert(open)
            }
        };
        if state.is_to_be_emptied {
            // A pipe or device has nothing to be emptied of, and need not be able to.
            match retry_on_intr(|| ftruncate(open.descriptor(), 0)) {
                Err(error) if open.opened.end().is_some() => return Err(error.into()),
                _ => (state.is_to_be_emptied, open.room) = (false, Room::default()),
            }
        }
        if let Some(look) = &looked {
            open.room = Room::seen(look);
        }
        Ok((open, looked))
    }

    /// This moment, where files are looked at once in a tick.
    #[inline]
    fn tick(&self) -> Tick {
        if self.follow.is_of_a_file_that_rolls() { Tick::now() } else { Tick::NEVER }
    }

    fn find(&self, open: &Open, followed: &LastLook, now: Tick) -> Found {
        match self.follow {
            Follow::Never if open.is_ours() => Found::Ours(None),
            Follow::Always if open.is_ours() => match is_current(&self.path, &open.opened) {
                true => Found::Ours(None),
                false => Found::Moved(open.look().map_or(0, |look| look.links)),
            },
            Follow::Never | Follow::Always => Found::Foreign,
            Follow::EachTick => {
                let is_due = followed.is_due(now);
                if !is_due && open.is_marked {
                    return if open.is_ours() { Found::Ours(None) } else { Found::Foreign };
                }
                match open.look() {
                    Some(look) if is_due && !open.is_ours() || !look.is_same_file(&open.opened) => Found::Foreign,
                    Some(look) if look.links == 0 || is_due && !is_current(&self.path, &look) => {
                        Found::Moved(look.links)
                    }
                    Some(look) => {
                        followed.is_taken(now);
                        Found::Ours(Some(look))
                    }
                    None => Found::Foreign,
                }
            }
        }
    }
}

/// What became of the file that is open.
enum Found {
    /// It is the file to write to.
    Ours(Option<Look>),
    /// It has not its name any more, but so many others.
    Moved(u32),
    /// Something else, or nothing, is behind the number.
    Foreign,
}

impl AppendFile for LogFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.append_unless(bytes, Terms::default()).map(|_| ())
    }

    fn append_lines(&self, bytes: &[u8]) -> io::Result<()> {
        self.append_unless(bytes, Terms { keeps_lines: true, ..Terms::default() }).map(|_| ())
    }

    fn append_below(&self, bytes: &[u8], limit: u64) -> io::Result<bool> {
        self.append_unless(bytes, Terms { limit: Some(limit), ..Terms::default() })
    }

    fn end(&self) -> io::Result<Option<FileEnd>> {
        let mut state = self.state.lock();
        let (open, looked) = self.opened(&mut state)?;
        Ok(looked.map_or_else(|| Look::at(open.descriptor()), Ok)?.end())
    }

    fn reopen(&self) {
        let mut state = self.state.lock();
        if let Some(open) = state.open.as_ref().filter(|open| self.fsync != Fsync::Never && open.is_ours()) {
            // There is nobody to tell, and nothing else to do.
            let _ = sync_data(open.descriptor());
        }
        state.close();
    }

    fn roll(&self, moves: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
        let mut state = self.state.lock();
        let state = &mut *state;
        let (open, ..) = self.opened(state)?;
        let opened = open.opened;
        if self.fsync != Fsync::Never {
            sync_data(open.descriptor())?;
        }
        let patience = if state.roll_stalled { Duration::ZERO } else { PATIENCE };
        let inherited = state.open.as_ref().map(Open::descriptor);
        let lock = RollLock::take(&self.path, &opened, inherited, self.roll_lock.as_deref(), patience);
        state.roll_stalled = lock.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::TimedOut);
        let lock = lock?;
        let outcome = if lock.is_some() { moves() } else { Ok(()) };
        // Its descriptor may be the last one that there is.
        drop(lock);
        let now = Tick::now();
        // Also after an error: the file may have been moved before it. It is let go of not before there is another: on a disk
        // that has room and takes no more files lines go on in it.
        let new = self.open_anew(OpenMode::Append);
        match new {
            Ok(new) => {
                state.close();
                // It was looked at when it was opened.
                (state.open, state.followed) = (Some(new), LastLook::at(now));
                outcome
            }
            Err(error) => {
                state.followed.forget();
                outcome.and(Err(error))
            }
        }
    }
}

impl fmt::Debug for LogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogFile").field("path", &self.path).field("mode", &self.mode).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::File;

    use super::*;
    use crate::grace::Grace;

    #[test]
    fn a_child_that_cannot_know_whether_it_was_opened_does_not_empty_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        std::fs::write(&path, "the parent's\n").unwrap();
        let file = LogFile { state: ForkLock::new(State::torn()), ..LogFile::new(&path, OpenMode::Truncate) };
        file.append(b"the child's\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "the parent's\nthe child's\n");
    }

    /// Appends a line of ten bytes in the tick of the last look.
    fn append_in_time(file: &LogFile, limit: u64) -> bool {
        file.state.lock().followed = LastLook::at(Tick::now());
        file.append_below(b"123456789\n", limit).unwrap()
    }

    #[test]
    fn within_a_tick_it_is_seen_in_time_what_others_have_appended() {
        const LIMIT: u64 = 6400;
        // Should a tick pass within a round all the same, nothing is tested in it.
        for _ in 0..20 {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("a.log");
            let [one, other] = [0; 2].map(|_| LogFile::following(&path, OpenMode::Append, Follow::EachTick));
            assert!(append_in_time(&one, LIMIT));
            while append_in_time(&other, LIMIT - 20) {}
            let before = std::fs::metadata(&path).unwrap().len();
            while append_in_time(&one, LIMIT) {}
            let size = std::fs::metadata(&path).unwrap().len();
            assert!((LIMIT..=LIMIT + LIMIT / 16 + 10).contains(&size), "{before}, {size}");
        }
    }

    #[test]
    fn what_others_have_rolled_is_not_deleted_while_it_is_written_to_within_a_tick() {
        for _ in 0..20 {
            let directory = tempfile::tempdir().unwrap();
            let [path, rolled] = ["a.log", "a.log.1"].map(|name| directory.path().join(name));
            let file = LogFile::following(&path, OpenMode::Append, Follow::EachTick);
            assert!(append_in_time(&file, 1000) && append_in_time(&file, 1000));
            std::fs::rename(&path, &rolled).unwrap();
            Grace::Tick.wait(std::slice::from_ref(&rolled), None);
            std::fs::remove_file(&rolled).unwrap();
            assert!(file.append_below(b"123456789\n", 1000).unwrap());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "123456789\n");
        }
    }

    #[test]
    fn within_a_tick_its_number_is_not_trusted() {
        for _ in 0..20 {
            let directory = tempfile::tempdir().unwrap();
            let (path, database) = (directory.path().join("a.log"), directory.path().join("database"));
            let file = LogFile::following(&path, OpenMode::Append, Follow::EachTick);
            assert!(append_in_time(&file, 1000));
            let row = File::create(&database).unwrap();
            // As a program does that closes all descriptors and opens its own.
            file.state.lock().open.as_mut().unwrap().replace_descriptor(&row);
            assert!(append_in_time(&file, 1000));
            assert_eq!(std::fs::read_to_string(&database).unwrap(), "");
            assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
        }
    }

    #[test]
    fn its_end_is_where_the_next_line_begins() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        std::fs::write(&path, "of an earlier run\n").unwrap();
        let file = LogFile::new(&path, OpenMode::Truncate);
        let size = || file.end().unwrap().map(|end| end.size);
        assert_eq!(size(), Some(0), "it is emptied before");
        file.append(b"12345\n").unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().set_len(3).unwrap();
        assert_eq!(size(), Some(3));
        assert_eq!(LogFile::new("/dev/null", OpenMode::Append).end().unwrap(), None);
    }
}
