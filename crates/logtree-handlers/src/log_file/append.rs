//! How lines get to the end of a log file: side by side, or one thread alone where something is to be found out first.

use std::io;
use std::sync::atomic::Ordering;

use logtree_os::kill_point;

use super::{Found, LogFile};
use crate::follow::Tick;
use crate::fsync::{Fsync, sync_data};
use crate::line_writer::LineWriter;
use crate::look::Look;
use crate::open::Open;
use crate::room::Room;
use crate::seal::Seal;

/// On which terms bytes are appended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Terms {
    /// Only to a file that ends before.
    pub(super) limit: Option<u64>,
    /// Whole lines among them may stay where not all can be written.
    pub(super) keeps_lines: bool,
}

impl LogFile {
    /// Appends, unless the file is full; answers whether it did.
    pub(super) fn append_unless(&self, bytes: &[u8], terms: Terms) -> io::Result<bool> {
        match self.append_beside_others(bytes, terms.limit) {
            Attempt::Done => Ok(true),
            Attempt::Begun(seal, first) => self.go_on(seal, first, bytes, terms),
            Attempt::None => self.append_alone(bytes, terms),
        }
    }

    /// Appends while other threads do, as other processes do: the system keeps their lines apart.
    fn append_beside_others(&self, bytes: &[u8], limit: Option<u64>) -> Attempt {
        let state = self.state.read();
        let Some((open, seal)) = state.open.as_ref().and_then(|open| Some((open, open.seal?))) else {
            return Attempt::None;
        };
        if state.is_to_be_emptied || self.fsync == Fsync::Each || !open.is_admitted || open.lines != LineWriter::NEW {
            return Attempt::None;
        }
        let began = self.tick();
        let Found::Ours(looked) = self.find(open, &state.followed, began) else {
            // Whoever has the file alone is to find the same.
            state.followed.forget();
            return Attempt::None;
        };
        // What other processes have written the room does not know, and what other threads have not written yet the look.
        let is_full = |limit| looked.and_then(|look| look.end()).is_some_and(|end| end.is_full(limit));
        match limit {
            Some(limit) if is_full(limit) || !open.room.append_below(bytes.len(), limit) => return Attempt::None,
            Some(_) => {}
            None => _ = open.room.append(bytes.len()),
        }
        to_be_written(open, bytes);
        match open.write(bytes) {
            Ok(written) if written == bytes.len() => {}
            first => return Attempt::Begun(seal, first),
        }
        if self.is_late(open, began) { Attempt::None } else { Attempt::Done }
    }

    /// Appends while no other thread does anything with the file.
    fn append_alone(&self, bytes: &[u8], terms: Terms) -> io::Result<bool> {
        let Terms { limit, keeps_lines } = terms;
        let mut state = self.state.lock();
        let began = self.tick();
        let (open, looked) = self.opened(&mut state).map_err(|error| {
            let message = format!("cannot open '{}': {error}", self.path.display());
            io::Error::new(error.kind(), message)
        })?;
        if limit.is_none_or(|limit| !open.room.append_below(bytes.len(), limit)) {
            if let Some(limit) = limit {
                let look = looked.map_or_else(|| Look::at(open.descriptor()), Ok)?;
                open.room = Room::seen(&look);
                if look.end().is_some_and(|end| end.is_full(limit)) {
                    return Ok(false);
                }
            }
            open.room.append(bytes.len());
        }
        to_be_written(open, bytes);
        if let Err(error) = open.append(bytes, keeps_lines, &self.path) {
            if is_gone(error.kind()) {
                state.close();
            }
            return Err(error);
        }
        let is_admitted = self.admit(open).map_err(io::Error::from);
        let is_synced = match self.fsync == Fsync::Each && open.opened.is_regular {
            true => sync_data(open.descriptor()).map_err(io::Error::from),
            false => Ok(()),
        };
        let is_late = self.is_late(open, began);
        if let Err(error) = is_admitted.and(is_synced) {
            state.failed = Some(error);
            self.has_failed.store(true, Ordering::Relaxed);
        }
        drop(state);
        if is_late { self.append_alone(bytes, terms) } else { Ok(true) }
    }

    /// Goes on with a line of which that became, with no other thread beside.
    #[cold]
    fn go_on(&self, seal: Seal, first: rustix::io::Result<usize>, bytes: &[u8], terms: Terms) -> io::Result<bool> {
        let mut state = self.state.lock();
        let is_gone = first.is_err_and(|error| is_gone(io::Error::from(error).kind()));
        match &mut state.open {
            Some(open) if open.seal == Some(seal) && !is_gone => {
                return open.go_on(first, bytes, terms.keeps_lines, &self.path).map(|()| true);
            }
            Some(open) if open.seal == Some(seal) => state.close(),
            // Another thread has let go of the file meanwhile.
            _ => {}
        }
        drop(state);
        self.append_alone(bytes, terms)
    }

    /// Whether a line that was begun in that tick went to a file that others had deleted by then.
    #[inline]
    fn is_late(&self, open: &Open, began: Tick) -> bool {
        began != self.tick() && open.look().is_some_and(|look| look.links == 0)
    }
}

/// Whether a file is not to be written to ever again, as its file system has gone from under it: a server of NFS that was set up
/// anew, a file system of FUSE whose program has ended. Its name may lead to the same file again.
fn is_gone(error: io::ErrorKind) -> bool {
    matches!(error, io::ErrorKind::StaleNetworkFileHandle | io::ErrorKind::NotConnected)
}

/// A process may be killed here.
#[inline]
fn to_be_written(open: &Open, bytes: &[u8]) {
    #[cfg(all(target_os = "linux", logtree_kill_points))]
    if logtree_os::kill_points::is_deadly("file: half written") {
        // As write(2) leaves it when its process is killed.
        let _ = open.write(&bytes[..bytes.len() / 2]);
        logtree_os::kill_points::die();
    }
    let _ = (open, bytes);
    kill_point!("file: to be written");
}

/// What became of an attempt to append beside other threads.
enum Attempt {
    Done,
    /// That became of the only write(2), to the file with that seal: not the whole line stands there.
    Begun(Seal, rustix::io::Result<usize>),
    /// Nothing: something is to be found out or put right first. Or it stands in a file that is deleted.
    None,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use logtree_core::AppendFile as _;

    use super::*;
    use crate::OpenMode;
    use crate::access::Access;
    use crate::follow::Follow;

    #[test]
    fn a_line_does_not_wait_for_that_of_another_thread() {
        for follow in [Follow::Never, Follow::EachTick, Follow::Always] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("a.log");
            let file = LogFile::following(&path, OpenMode::Append, follow);
            file.append(b"a line\n").unwrap();
            // Another thread is writing.
            let writing = file.state.read();
            file.append(b"a line beside\n").unwrap();
            drop(writing);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "a line\na line beside\n");
        }
    }

    #[test]
    fn a_thread_is_alone_where_something_is_to_be_done_besides() {
        let directory = tempfile::tempdir().unwrap();
        let file = LogFile::new(directory.path().join("a.log"), OpenMode::Append);
        let is_alone = |file: &LogFile| matches!(file.append_beside_others(b"a line\n", None), Attempt::None);
        assert!(is_alone(&file), "it is not open");
        file.open().unwrap();
        assert!(!is_alone(&file));
        file.state.lock().open.as_mut().unwrap().lines.torn = true;
        assert!(is_alone(&file), "half a line stands at its end");
        file.append(b"a line on its own\n").unwrap();
        assert!(!is_alone(&file));
        let synced = file.with(Access::default(), Fsync::Each, false);
        assert!(is_alone(&synced), "it is to be on the disk");
    }

    #[test]
    fn half_a_line_of_a_file_that_was_let_go_of_meanwhile_stands_whole_in_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let file = LogFile::new(&path, OpenMode::Append);
        file.append(b"first\n").unwrap();
        let seal = file.state.lock().open.as_ref().unwrap().seal.unwrap();
        std::fs::rename(&path, directory.path().join("b.log")).unwrap();
        file.reopen();
        file.open().unwrap();
        assert!(file.go_on(seal, Ok(3), b"second\n", Terms::default()).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "second\n");
    }
}
