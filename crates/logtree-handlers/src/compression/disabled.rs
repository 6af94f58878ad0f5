//! Nothing is compressed without the feature `compress`, and no config that asks for it is accepted.

use std::fs::File;
use std::io::{self, Read, Write};

use super::Compress;

pub(super) const IS_THERE: bool = false;

pub(super) fn encode(_: Compress, _: &mut impl Read, _: impl Write) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn decoder(_: Compress, _: File) -> io::Result<Box<dyn Read>> {
    Err(io::ErrorKind::Unsupported.into())
}
