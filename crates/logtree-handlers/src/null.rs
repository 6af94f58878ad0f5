//! `logging.NullHandler`: does nothing.

use logtree_core::{ArgumentError, EmitError, Formatter, Handler, HandlerPlan, Kwargs, Record, Steps};

/// Does nothing with a record, and does not even format it.
///
/// Where it stands no record falls through to `logging.lastResort`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullHandler;

impl Handler for NullHandler {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        Ok(())
    }
}

/// The class `logging.NullHandler`. Its constructor is `Handler`'s and takes a level, which a config gives otherwise.
pub(crate) fn plan(kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
    kwargs.finish()?;
    Ok(Box::new(|_| Ok(Box::new(NullHandler))))
}
