//! Where there are no such locks.

use std::io;

use rustix::fd::RawFd;

pub(crate) enum Kind {
    Exclusive,
}

pub(crate) fn lock(_: RawFd, _: u64, _: Kind) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn is_locked_anywhere(_: RawFd) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}
