//! A batch: what the handlers of many records do to files, done together.

use std::io;
use std::sync::Arc;

use logtree_core::{AppendFile, Steps};

/// What stands to be appended, file by file, in the order in which the files came.
///
/// The steps of a batch will be one transaction, recorded in shared memory before it is done; for that they go through
/// here and nowhere else.
#[derive(Default)]
pub(crate) struct Batch {
    files: Vec<Staged>,
}

struct Staged {
    file: Arc<dyn AppendFile>,
    bytes: Vec<u8>,
}

impl Steps for Batch {
    fn append(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8]) -> io::Result<()> {
        let found = self.files.iter_mut().find(|staged| Arc::ptr_eq(&staged.file, file));
        match found {
            Some(staged) => staged.bytes.extend_from_slice(bytes),
            None => self.files.push(Staged { file: Arc::clone(file), bytes: bytes.to_vec() }),
        }
        Ok(())
    }
}

impl Batch {
    /// How many bytes stand to be written.
    pub(crate) fn staged_bytes(&self) -> usize {
        self.files.iter().map(|staged| staged.bytes.len()).sum()
    }

    /// Writes everything, one write for each file. What could not be written stays staged, for another attempt.
    ///
    /// # Errors
    /// The first file's that could not be written.
    pub(crate) fn commit(&mut self) -> io::Result<()> {
        let mut outcome = Ok(());
        for staged in self.files.iter_mut().filter(|staged| !staged.bytes.is_empty()) {
            match staged.file.append(&staged.bytes) {
                Ok(()) => staged.bytes.clear(),
                Err(error) => {
                    let said = io::Error::new(error.kind(), format!("{}: {error}", staged.file.path().display()));
                    outcome = outcome.and(Err(said));
                }
            }
        }
        outcome
    }

    /// Gives up what could not be written.
    pub(crate) fn abandon(&mut self) {
        self.files.iter_mut().for_each(|staged| staged.bytes.clear());
    }
}
