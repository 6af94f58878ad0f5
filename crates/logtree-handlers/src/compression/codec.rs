//! gzip and zstd.

use std::fs::File;
use std::io::{self, Read, Write};

use flate2::Compression as Level;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::Compress;

/// gzip's own default, and zstd's.
const ZSTD_LEVEL: i32 = 3;

/// Compresses all that `read` gives, as one gzip member or zstd frame: what follows such a one is another one of them.
///
/// # Errors
/// Those of reading and writing.
pub(crate) fn encode(kind: Compress, read: &mut impl Read, write: impl Write) -> io::Result<()> {
    match kind {
        Compress::Gzip => {
            let mut encoder = GzEncoder::new(write, Level::default());
            copy(read, &mut encoder)?;
            encoder.finish().map(drop)
        }
        Compress::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(write, ZSTD_LEVEL)?;
            encoder.include_checksum(true)?;
            copy(read, &mut encoder)?;
            encoder.finish().map(drop)
        }
    }
}

fn copy(read: &mut impl Read, write: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 128 << 10];
    loop {
        match read.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => write.write_all(&buffer[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What a compressed file holds.
///
/// # Errors
/// If there is no memory for it.
pub(super) fn decoder(kind: Compress, file: File) -> io::Result<Box<dyn Read>> {
    Ok(match kind {
        Compress::Gzip => Box::new(MultiGzDecoder::new(io::BufReader::new(file))),
        Compress::Zstd => Box::new(zstd::stream::read::Decoder::new(file)?),
    })
}
