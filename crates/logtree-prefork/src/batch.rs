//! A batch: what the handlers of many records do to files, planned together and done together.

use std::io;
use std::sync::Arc;

use logtree_core::{AppendFile, FileEnd, Moves, Steps};
use logtree_os::{Committed, LaneHead, Segment, TransactionTooLarge, Transactions, kill_point};

use crate::plan::{self, Step};
use crate::{appended, recovery};

/// What stands to be appended, file by file, in the order in which the files came.
///
/// A batch is [planned](Self::plan) in shared memory before it is [carried out](Self::carry_out), then
/// [finished](Self::finish): killed in between, it is taken up by the next listener where it stopped.
pub(crate) struct Batch {
    segment: Arc<Segment>,
    files: Vec<Staged>,
    transactions: Transactions,
    committed: Option<Committed>,
}

struct Staged {
    file: Arc<dyn AppendFile>,
    bytes: Vec<u8>,
    /// Where the file ended when the batch was planned.
    end: Option<FileEnd>,
    /// An attempt to write has failed: some of the bytes may stand there.
    has_failed: bool,
}

impl Steps for Batch {
    fn append(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8]) -> io::Result<()> {
        let found = self.files.iter_mut().find(|staged| Arc::ptr_eq(&staged.file, file));
        match found {
            Some(staged) => staged.bytes.extend_from_slice(bytes),
            None => {
                let (file, bytes) = (Arc::clone(file), bytes.to_vec());
                self.files.push(Staged { file, bytes, end: None, has_failed: false });
            }
        }
        Ok(())
    }

    // Behind a queue files do not roll yet: they grow.
    fn append_below(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8], _: u64) -> io::Result<bool> {
        self.append(file, bytes).map(|()| true)
    }

    fn roll(&mut self, _: &Arc<dyn AppendFile>, _: &mut Moves<'_>) -> io::Result<()> {
        Ok(())
    }
}

impl Batch {
    /// For a listener that has finished what the last one was killed in.
    pub(crate) fn new(segment: &Arc<Segment>) -> Self {
        let transactions = Transactions::new(segment);
        Self { segment: Arc::clone(segment), files: Vec::new(), transactions, committed: None }
    }

    /// How many bytes stand to be written.
    pub(crate) fn staged_bytes(&self) -> usize {
        self.files.iter().map(|staged| staged.bytes.len()).sum()
    }

    /// Says what will be done, and from where on the lanes will be read then. Where there is no memory to say it, it is done
    /// all the same: that is counted, and a listener killed in it leaves lines that its successor repeats.
    pub(crate) fn plan(&mut self, heads: impl IntoIterator<Item = LaneHead>) {
        let has_steps = self.files.iter().any(|staged| !staged.bytes.is_empty());
        self.committed = None;
        if has_steps {
            match self.commit(heads) {
                Ok(committed) => self.committed = Some(committed),
                Err(_) => recovery::count_unprotected(&self.segment),
            }
        }
    }

    fn commit(&mut self, heads: impl IntoIterator<Item = LaneHead>) -> Result<Committed, TransactionTooLarge> {
        let mut staging = self.transactions.begin();
        plan::stage_version(&mut staging)?;
        for Staged { file, bytes, end, has_failed } in self.files.iter_mut().filter(|staged| !staged.bytes.is_empty()) {
            // A file that does not open now is tried again when it is written: it must not hold up the others.
            *end = file.end().ok().flatten();
            *has_failed = false;
            Step::Append { path: file.path(), end: *end, bytes }.stage(&mut staging)?;
        }
        staging.commit(heads)
    }

    /// Writes everything, one write for each file. What could not be written stays, for another attempt.
    ///
    /// # Errors
    /// The first file's that could not be written.
    pub(crate) fn carry_out(&mut self) -> io::Result<()> {
        let mut outcome = Ok(());
        for staged in self.files.iter_mut().filter(|staged| !staged.bytes.is_empty()) {
            match staged.write() {
                Ok(()) => {
                    kill_point!("batch: appended");
                    staged.bytes.clear();
                    // Steps are counted from the first one on; one behind a step that failed is compared again.
                    if let (Ok(()), Some(committed)) = (&outcome, &mut self.committed) {
                        committed.step_done();
                    }
                }
                Err(error) => {
                    let said = io::Error::new(error.kind(), format!("{}: {error}", staged.file.path().display()));
                    outcome = outcome.and(Err(said));
                }
            }
        }
        kill_point!("batch: carried out");
        outcome
    }

    /// Gives up what could not be written.
    pub(crate) fn abandon(&mut self) {
        for staged in &mut self.files {
            staged.bytes.clear();
            staged.has_failed = false;
        }
    }

    /// All is done, and the heads are published.
    pub(crate) fn finish(&mut self) {
        if let Some(committed) = self.committed.take() {
            committed.finish();
        }
    }
}

impl Staged {
    fn write(&mut self) -> io::Result<()> {
        let standing = match self.end {
            // Nearly always nothing stands there: the file takes back what it could not write whole.
            Some(end) if self.has_failed => appended::whole_lines(self.file.path(), end, &self.bytes).unwrap_or(0),
            _ => 0,
        };
        let outcome = self.file.append(&self.bytes[standing..]);
        self.has_failed = outcome.is_err();
        outcome
    }
}
