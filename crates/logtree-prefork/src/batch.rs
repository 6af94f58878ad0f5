//! A batch: what the handlers of many records do to files, planned together and done together.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use logtree_core::{AppendFile, FileEnd, Moves, Names, Steps, Timestamp};
use logtree_os::{Committed, LaneHead, Segment, Told, TransactionTooLarge, Transactions, kill_point};

use crate::listener::KEPT_BYTES;
use crate::names::{Planned, PlannedNames};
use crate::plan::{self, Begin, Step};
use crate::{appended, moved, words};

/// What stands to be done, in order: appends of one file are one step, until the file gets another name.
///
/// A batch is [planned](Self::plan) in shared memory before it is [carried out](Self::carry_out), then
/// [finished](Self::finish): killed in between, it is taken up by the next listener where it stopped.
pub(crate) struct Batch {
    /// Tells it from those before, as handlers know of each what it is to do for them.
    number: u64,
    segment: Arc<Segment>,
    steps: Vec<Staged>,
    files: Vec<File>,
    names: PlannedNames,
    /// The file that is given another name just now.
    rolling: usize,
    transactions: Transactions,
    committed: Option<Committed>,
    given_up: Vec<io::Error>,
    /// Memory that earlier batches had their bytes in.
    spare: Vec<Vec<u8>>,
}

/// A file that the batch appends to.
struct File {
    file: Arc<dyn AppendFile>,
    /// Where it ended before the batch, if somebody has asked; then whether it has an end.
    end: Option<Option<FileEnd>>,
    /// Bytes that stand to be appended since it began.
    added: u64,
    /// The step that appends to it, unless it got another name since.
    open_step: Option<usize>,
    /// It gets another name in this batch, and the next append begins a new one.
    rolls: bool,
    /// What it was before it got another name, if it was there before the batch.
    previous: Option<FileEnd>,
}

struct Staged {
    /// In the list of files.
    file: usize,
    work: Work,
    is_done: bool,
}

enum Work {
    Append {
        bytes: Vec<u8>,
        /// From where on they are to stand.
        begin: Begin,
        /// An attempt to write has failed: some of the bytes may stand there.
        has_failed: bool,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
        source: Option<FileEnd>,
    },
    Delete {
        path: PathBuf,
        victim: Option<FileEnd>,
    },
    Replace {
        made: PathBuf,
        to: PathBuf,
        from: PathBuf,
        victim: Option<FileEnd>,
        is_synced: bool,
    },
}

impl Steps for Batch {
    fn append(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8]) -> io::Result<()> {
        let at = self.file(file);
        self.stage(at, bytes);
        Ok(())
    }

    fn append_below(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8], limit: u64) -> io::Result<bool> {
        let at = self.file(file);
        let known = &mut self.files[at];
        let end = match known.end {
            Some(end) => end,
            // In a batch it is asked once: a file behind a queue has one writer. One that does not open now is tried again when
            // it is written, as if it had no limit.
            None => file.end().map_or(None, |end| *known.end.insert(end)),
        };
        let is_full = end.is_some_and(|end| FileEnd { size: end.size + known.added, ..end }.is_full(limit));
        if !is_full {
            self.stage(at, bytes);
        }
        Ok(!is_full)
    }

    fn roll(&mut self, file: &Arc<dyn AppendFile>, moves: &mut Moves<'_>) -> io::Result<()> {
        self.rolling = self.file(file);
        moves(self)
    }

    fn batch(&self) -> Option<u64> {
        Some(self.number)
    }
}

impl Names for Batch {
    fn exists(&self, path: &Path) -> bool {
        // What is appended to will be there when its turn has come.
        self.names.exists(path) || self.appends_to(path)
    }

    fn stat(&self, path: &Path) -> Option<(u64, i64)> {
        let appended = self.files.iter().find(|file| file.added > 0 && file.file.path() == path);
        let end = appended.and_then(|file| Some((file.end??.size + file.added, Timestamp::now().whole_seconds())));
        end.or_else(|| self.names.stat(path))
    }

    fn find(&self, path: &Path) -> Option<FileEnd> {
        if let Planned::Known(end, _) = self.names.find(path) { Some(end) } else { None }
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        self.names.list(directory)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let found = match self.names.find(from) {
            Planned::Nothing if self.appends_to(from) => Planned::New(0),
            Planned::Nothing => return Err(io::ErrorKind::NotFound.into()),
            found => found,
        };
        let file = &mut self.files[self.rolling];
        let is_base = file.file.path() == from;
        let found = match found {
            Planned::Known(end, changed) if is_base => Planned::Known(
                FileEnd { size: end.size + file.added, ..end },
                changed.max(Timestamp::now().whole_seconds()),
            ),
            Planned::New(size) if is_base => Planned::New(size + file.added),
            found => found,
        };
        let mut source = if let Planned::Known(end, _) = found { Some(end) } else { None };
        if is_base {
            // The new one is regular and empty.
            file.end = Some(Some(FileEnd { device: 0, inode: 0, size: 0 }));
            (file.added, file.open_step, file.rolls, file.previous) = (0, None, true, source);
        } else if let Some(source) = &mut source {
            // Nobody appends to it: whatever its size is, it is to be moved.
            source.size = u64::MAX;
        }
        self.names.put(from, Planned::Nothing);
        self.names.put(to, found);
        let work = Work::Rename { from: from.to_owned(), to: to.to_owned(), source };
        self.steps.push(Staged { file: self.rolling, work, is_done: false });
        Ok(())
    }

    fn delete(&mut self, path: &Path) -> io::Result<()> {
        let victim = match self.names.find(path) {
            Planned::Nothing => return Err(io::ErrorKind::NotFound.into()),
            Planned::Known(..) if path.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Planned::Known(end, _) => Some(end),
            Planned::New(_) => None,
        };
        self.names.put(path, Planned::Nothing);
        let work = Work::Delete { path: path.to_owned(), victim };
        self.steps.push(Staged { file: self.rolling, work, is_done: false });
        Ok(())
    }

    fn replace(&mut self, from: &Path, made: &Path, to: &Path, is_synced: bool) -> io::Result<()> {
        let found = match (self.names.find(from), self.names.find(made)) {
            (Planned::Nothing, _) | (_, Planned::Nothing) => return Err(io::ErrorKind::NotFound.into()),
            (_, found) => found,
        };
        if self.exists(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let victim = self.find(from);
        self.names.put(from, Planned::Nothing);
        self.names.put(made, Planned::Nothing);
        self.names.put(to, found);
        let (made, to, from) = (made.to_owned(), to.to_owned(), from.to_owned());
        let work = Work::Replace { made, to, from, victim, is_synced };
        self.steps.push(Staged { file: self.rolling, work, is_done: false });
        Ok(())
    }
}

impl Batch {
    /// For a listener that has finished what the last one was killed in.
    pub(crate) fn new(segment: &Arc<Segment>) -> Self {
        Self {
            number: next_number(),
            segment: Arc::clone(segment),
            steps: Vec::new(),
            files: Vec::new(),
            names: PlannedNames::default(),
            rolling: 0,
            transactions: Transactions::new(segment),
            committed: None,
            given_up: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// How many bytes stand to be written.
    pub(crate) fn staged_bytes(&self) -> usize {
        let bytes = |step: &Staged| if let Work::Append { bytes, .. } = &step.work { bytes.len() } else { 0 };
        self.steps.iter().filter(|step| !step.is_done).map(bytes).sum()
    }

    fn file(&mut self, file: &Arc<dyn AppendFile>) -> usize {
        let found = self.files.iter().position(|known| Arc::ptr_eq(&known.file, file));
        found.unwrap_or_else(|| {
            let file = Arc::clone(file);
            self.files.push(File { file, end: None, added: 0, open_step: None, rolls: false, previous: None });
            self.files.len() - 1
        })
    }

    fn appends_to(&self, path: &Path) -> bool {
        self.files.iter().any(|file| file.added > 0 && file.file.path() == path)
    }

    fn stage(&mut self, at: usize, more: &[u8]) {
        if more.is_empty() {
            return;
        }
        let file = &mut self.files[at];
        file.added += more.len() as u64;
        if let Some(Staged { work: Work::Append { bytes, .. }, .. }) = file.open_step.map(|at| &mut self.steps[at]) {
            bytes.extend_from_slice(more);
            return;
        }
        file.open_step = Some(self.steps.len());
        let begin = if file.rolls { Begin::New { previous: file.previous } } else { Begin::Unknown };
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.extend_from_slice(more);
        let work = Work::Append { bytes, begin, has_failed: false };
        self.steps.push(Staged { file: at, work, is_done: false });
    }

    /// Says what will be done, from where on the lanes will be read then, and what will have been told and counted. Where there
    /// is no memory to say it, it is done all the same: that is counted, and a listener killed in it leaves lines that its
    /// successor repeats. What does nothing to files is planned if it counts.
    pub(crate) fn plan(&mut self, heads: impl IntoIterator<Item = LaneHead>, told: &[Told]) {
        self.committed = None;
        if !self.steps.is_empty() || !told.is_empty() {
            match self.commit(heads, told) {
                Ok(committed) => self.committed = Some(committed),
                Err(_) if self.steps.is_empty() => {}
                Err(_) => words::count(&self.segment, words::UNPROTECTED, 1),
            }
        }
    }

    fn commit(
        &mut self,
        heads: impl IntoIterator<Item = LaneHead>,
        told: &[Told],
    ) -> Result<Committed, TransactionTooLarge> {
        let mut staging = self.transactions.begin();
        plan::stage_version(&mut staging)?;
        for Staged { file, work, .. } in &mut self.steps {
            let path = self.files[*file].file.path();
            match work {
                Work::Append { bytes, begin, .. } => {
                    if *begin == Begin::Unknown {
                        // A file that does not open now is tried again when it is written: it must not hold up the others.
                        *begin = self.files[*file].file.end().ok().flatten().map_or(Begin::Unknown, Begin::At);
                    }
                    Step::Append { path, begin: *begin, bytes }.stage(&mut staging)?;
                }
                Work::Rename { from, to, source } => {
                    Step::Rename { from, to, source: *source }.stage(&mut staging)?;
                }
                Work::Delete { path, victim } => Step::Delete { path, victim: *victim }.stage(&mut staging)?,
                Work::Replace { made, to, from, victim, .. } => {
                    Step::Replace { made, to, from, victim: *victim }.stage(&mut staging)?;
                }
            }
        }
        staging.tell(told);
        let committed = staging.commit(heads)?;
        #[cfg(logtree_kill_points)]
        if self.steps.iter().any(|step| matches!(step.work, Work::Append { .. })) {
            kill_point!("batch: planned");
        }
        Ok(committed)
    }

    /// Does every step, one write for each append. What could not be written stays, for another attempt, and so does what
    /// comes behind it in a file that gets another name. A name that cannot be given is given up.
    ///
    /// # Errors
    /// The first file's that could not be written.
    pub(crate) fn carry_out(&mut self) -> io::Result<()> {
        let mut outcome = Ok(());
        for at in 0..self.steps.len() {
            let step = &self.steps[at];
            if step.is_done || outcome.is_err() && self.files[step.file].rolls {
                continue;
            }
            let done = match self.carry_out_step(at) {
                Err(error) if self.take_back(at, &error) => self.carry_out_step(at),
                done => done,
            };
            match done {
                Ok(()) => {
                    self.steps[at].is_done = true;
                    self.count_done();
                }
                Err(error) => {
                    let path = self.files[self.steps[at].file].file.path();
                    let said = io::Error::new(error.kind(), format!("{}: {error}", path.display()));
                    outcome = outcome.and(Err(said));
                }
            }
        }
        kill_point!("batch: carried out");
        outcome
    }

    fn carry_out_step(&mut self, at: usize) -> io::Result<()> {
        let step = &mut self.steps[at];
        step.carry_out(&*self.files[step.file].file, &mut self.given_up)
    }

    /// Gives a file its name back where the one that lines were to go to cannot be made, as on a disk that has room and takes no
    /// more files: they go on in the old one. Answers whether it did.
    fn take_back(&mut self, at: usize, error: &io::Error) -> bool {
        let (before, rest) = self.steps.split_at(at);
        let Staged { file, work: Work::Append { begin: Begin::New { .. }, .. }, .. } = &rest[0] else { return false };
        let path = self.files[*file].file.path();
        let renamed = before.iter().rev().find_map(|step| match &step.work {
            Work::Rename { from, to, source } if from == path => Some((to, *source)),
            _ => None,
        });
        let is_back = renamed.is_some_and(|(to, source)| moved::take_back(path, to, source).is_ok());
        self.given_up.extend(is_back.then(|| moved::failed("begin anew", path, error)));
        is_back
    }

    /// Steps are counted from the first one on; one behind a step that failed is looked at again by a successor.
    fn count_done(&mut self) {
        let Some(committed) = &mut self.committed else { return };
        while self.steps.get(committed.steps_done() as usize).is_some_and(|step| step.is_done) {
            committed.step_done();
        }
    }

    /// What was given up since the last call: names that could not be given, files that could not be deleted.
    pub(crate) fn take_given_up(&mut self) -> Vec<io::Error> {
        std::mem::take(&mut self.given_up)
    }

    /// Forgets the files of handlers that are no more. Nothing may stand to be done.
    pub(crate) fn forget_files(&mut self) {
        self.files.clear();
    }

    /// Gives up what could not be written.
    pub(crate) fn abandon(&mut self) {
        self.clear();
    }

    /// All is done, and the heads are published.
    pub(crate) fn finish(&mut self) {
        if let Some(committed) = self.committed.take() {
            committed.finish();
        }
        self.transactions.rest();
        self.clear();
    }

    fn clear(&mut self) {
        self.number = next_number();
        for step in self.steps.drain(..) {
            if let Work::Append { mut bytes, .. } = step.work
                && self.spare.len() < self.files.len()
                && bytes.capacity() <= KEPT_BYTES
            {
                bytes.clear();
                self.spare.push(bytes);
            }
        }
        self.names.clear();
        for file in &mut self.files {
            (file.end, file.added, file.open_step, file.rolls, file.previous) = (None, 0, None, false, None);
        }
    }
}

/// Of all listeners that this process has one after the other.
fn next_number() -> u64 {
    static NUMBERS: AtomicU64 = AtomicU64::new(0);
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

impl Staged {
    fn carry_out(&mut self, file: &dyn AppendFile, given_up: &mut Vec<io::Error>) -> io::Result<()> {
        match &mut self.work {
            Work::Append { bytes, begin, has_failed } => {
                append(file, bytes, begin, has_failed)?;
                kill_point!("batch: appended");
            }
            Work::Rename { from, to, .. } => {
                if from == file.path() {
                    // What is to be on the disk is there before the next file is begun, whoever does that.
                    file.reopen();
                }
                given_up.extend(moved::rename(from, to).err().map(|error| moved::failed("rename", from, &error)));
                kill_point!("batch: renamed");
            }
            Work::Delete { path, .. } => {
                given_up.extend(moved::delete(path).err().map(|error| moved::failed("delete", path, &error)));
                kill_point!("batch: deleted");
            }
            Work::Replace { made, to, from, is_synced, .. } => {
                let replaced = moved::replace(made, to, from, *is_synced);
                given_up.extend(replaced.err().map(|error| moved::failed("replace", from, &error)));
                kill_point!("batch: replaced");
            }
        }
        Ok(())
    }
}

fn append(file: &dyn AppendFile, bytes: &[u8], begin: &mut Begin, has_failed: &mut bool) -> io::Result<()> {
    if !matches!(begin, Begin::At(_)) {
        // Where its name could not be given, it is the old one; where nothing could be planned, nobody has asked.
        *begin = file.end()?.map_or(Begin::Unknown, Begin::At);
    }
    let standing = match *begin {
        // Whole lines stay, where it could not write all.
        Begin::At(end) if *has_failed => appended::whole_lines(file.path(), end, bytes).unwrap_or(0),
        _ => 0,
    };
    let outcome = file.append_lines(&bytes[standing..]);
    *has_failed = outcome.is_err();
    outcome
}

#[cfg(test)]
mod tests;
