//! Nothing is compressed without the feature `compress`, and no config that asks for it is accepted.

use std::io::{self, Read, Write};

use logtree_core::{ArgumentError, Steps};

use super::{Compress, IsSuffix};
use crate::FileHandler;
use crate::namer::RolledNames;

pub(super) const IS_THERE: bool = false;

pub(super) fn end() {}

/// What no handler has.
#[derive(Debug)]
pub(crate) enum Compression {}

impl Compression {
    /// # Errors
    /// In any case.
    pub(crate) fn new(_: Compress, _: &FileHandler, _: RolledNames, _: Box<IsSuffix>) -> Result<Self, ArgumentError> {
        Err(Compress::needs_feature())
    }

    pub(crate) fn rolled(&self) {
        match *self {}
    }

    pub(crate) fn attend(&self, _: &dyn Steps) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn settle(&self, _: &mut dyn Steps) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn is_unsettled(&self) -> bool {
        match *self {}
    }

    pub(crate) fn close(&self) {
        match *self {}
    }
}

pub(super) fn encode(_: Compress, _: &mut impl Read, _: impl Write) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
