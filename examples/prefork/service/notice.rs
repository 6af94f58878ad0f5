//! What a worker tells its master, over a pipe that all workers share.

use std::io::{self, PipeReader, PipeWriter, Read, Write};

/// A message of one worker. All are of one size, far below `PIPE_BUF`, so that those of several workers never mix (pipe(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The worker serves from now on.
    Ready {
        /// Its process id.
        process: u32,
    },
    /// The worker ends in good order.
    Finished {
        /// Its process id.
        process: u32,
        /// How many requests it answered in its life.
        requests: u64,
    },
}

const BYTES: usize = 16;
const READY: u32 = 1;
const FINISHED: u32 = 2;

impl Notice {
    /// Sends the notice. A master that is gone needs none.
    pub(super) fn send(self, mut pipe: &PipeWriter) {
        let (kind, process, requests) = match self {
            Notice::Ready { process } => (READY, process, 0),
            Notice::Finished { process, requests } => (FINISHED, process, requests),
        };
        let mut bytes = [0; BYTES];
        bytes[..4].copy_from_slice(&kind.to_le_bytes());
        bytes[4..8].copy_from_slice(&process.to_le_bytes());
        bytes[8..].copy_from_slice(&requests.to_le_bytes());
        let _ = pipe.write_all(&bytes);
    }

    /// Takes the notices that are there. It waits if there is none.
    pub(super) fn receive(pipe: &mut PipeReader) -> io::Result<Vec<Self>> {
        // As only whole notices are written, only whole ones are read.
        let mut bytes = [0; 64 * BYTES];
        let filled = pipe.read(&mut bytes)?;
        let (notices, _) = bytes[..filled].as_chunks::<BYTES>();
        Ok(notices.iter().filter_map(Self::decode).collect())
    }

    fn decode(bytes: &[u8; BYTES]) -> Option<Self> {
        let [k0, k1, k2, k3, p0, p1, p2, p3, requests @ ..] = *bytes;
        let process = u32::from_le_bytes([p0, p1, p2, p3]);
        match u32::from_le_bytes([k0, k1, k2, k3]) {
            READY => Some(Notice::Ready { process }),
            FINISHED => Some(Notice::Finished { process, requests: u64::from_le_bytes(requests) }),
            _ => None,
        }
    }
}
