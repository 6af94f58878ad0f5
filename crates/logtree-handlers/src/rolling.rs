//! Appending to a file that begins anew when it is full or when its time has come.

use std::io;

use logtree_core::{EmitError, Moves, Steps};
use logtree_os::{ForkLock, ForkReset};

use crate::FileHandler;
use crate::file::Line;

/// So often a record finds the file full and has it rolled, or sees that others have. Then it is written all the same.
const ATTEMPTS: usize = 16;

/// What a handler that rolls has besides its file.
#[derive(Debug, Default)]
pub(crate) struct Rolling(ForkLock<Turn>);

/// Whose turn it is to roll, among the threads of this process.
#[derive(Debug, Default)]
struct Turn;

impl ForkReset for Turn {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self
    }
}

impl Rolling {
    /// Appends a line, if the file is empty or ends before `limit`; else `moves` give the file another name first.
    ///
    /// # Errors
    /// If the line could not be written; and if the file could not be rolled: then the line stands in the old one.
    pub(crate) fn append(
        &self,
        file: &FileHandler,
        line: Line<'_>,
        limit: u64,
        steps: &mut dyn Steps,
        moves: &mut Moves<'_>,
    ) -> Result<(), EmitError> {
        // As in Python, a record that has no bytes rolls the file all the same.
        let bytes = line.bytes.as_deref().unwrap_or_default();
        if !steps.append_below(file.appended(), bytes, limit)? {
            self.roll_and_append(file, bytes, limit, steps, moves)?;
        }
        Ok(line.bytes.map(|_| ())?)
    }

    #[cold]
    fn roll_and_append(
        &self,
        file: &FileHandler,
        bytes: &[u8],
        limit: u64,
        steps: &mut dyn Steps,
        moves: &mut Moves<'_>,
    ) -> io::Result<()> {
        let _turn = self.0.lock();
        for _ in 0..ATTEMPTS {
            // Another thread or process may have rolled it meanwhile.
            if steps.append_below(file.appended(), bytes, limit)? {
                return Ok(());
            }
            if let Err(error) = steps.roll(file.appended(), moves) {
                // DIFFERENCE: Python loses the record.
                steps.append(file.appended(), bytes)?;
                let message = format!("cannot roll '{}': {error}", file.path().display());
                return Err(io::Error::new(error.kind(), message));
            }
        }
        steps.append(file.appended(), bytes)
    }
}
