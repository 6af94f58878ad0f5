//! The filters that configs name: Python's own and Django's.

use std::sync::Arc;

use logtree_core::{Argument, ArgumentError, Filter, Kwargs, Level, NameFilter, Object, Record, Registry, Verdict};

/// Where `django.utils.log.RequireDebugTrue` and `RequireDebugFalse` look, as in Django; false unless registered.
const DEBUG: &str = "django.conf.settings.DEBUG";

pub(crate) fn register(registry: &mut Registry) {
    registry
        .filter("logging.Filter", name_filter)
        .filter("django.utils.log.CallbackFilter", callback_filter)
        .filter("django.utils.log.RequireDebugFalse", |kwargs| require_debug(kwargs, false))
        .filter("django.utils.log.RequireDebugTrue", |kwargs| require_debug(kwargs, true));
}

/// `logging.Filter`, called by its name.
fn name_filter(mut kwargs: Kwargs) -> Result<Arc<dyn Filter>, ArgumentError> {
    let name = match kwargs.take("name") {
        None => String::new(),
        Some(Argument::Str(name)) => name,
        // DIFFERENCE: CPython takes a list or dict, and the filter then fails at each record.
        Some(other) => {
            let message = format!("object of type '{}' has no len()", other.type_name());
            return Err(ArgumentError::new("TypeError", message).at("name").expected("the name of a logger"));
        }
    };
    kwargs.finish()?;
    Ok(Arc::new(NameFilter { name }))
}

/// `django.utils.log.CallbackFilter`: asks a function that the program registers as [`Object::filter`].
///
/// DIFFERENCE: in Django anything passes for a callback, and each record fails; a dotted name is none there.
fn callback_filter(mut kwargs: Kwargs) -> Result<Arc<dyn Filter>, ArgumentError> {
    let callback = kwargs.required("callback")?;
    let object = match &callback {
        Argument::Object(object) => Some(object),
        Argument::Str(name) => kwargs.object(name),
        _ => None,
    };
    let filter = object.and_then(Object::downcast::<Arc<dyn Filter>>).cloned().ok_or_else(|| {
        let message = format!("'{}' object is not callable", callback.type_name());
        ArgumentError::new("TypeError", message).at("callback").expected("ext:// and the name of a registered filter")
    })?;
    kwargs.finish()?;
    Ok(filter)
}

/// `django.utils.log.RequireDebugTrue` and `RequireDebugFalse`: all records or none. Their `name` is `logging.Filter`'s,
/// and as there nobody reads it.
fn require_debug(mut kwargs: Kwargs, wanted: bool) -> Result<Arc<dyn Filter>, ArgumentError> {
    let debug = match kwargs.object(DEBUG) {
        None => false,
        Some(object) => *object.downcast::<bool>().ok_or_else(|| {
            ArgumentError::new("TypeError", format!("{DEBUG} must be bool"))
                .expected("a registered object of type bool")
        })?,
    };
    kwargs.take("name");
    kwargs.finish()?;
    Ok(Arc::new(AllOrNone(debug == wanted)))
}

/// Passes all records, or none.
struct AllOrNone(bool);

impl Filter for AllOrNone {
    fn filter(&self, _: &Record<'_>) -> Verdict {
        self.0.into()
    }

    fn decides(&self, _: &str, _: Level) -> Option<bool> {
        Some(self.0)
    }

    fn keeps_name_and_level(&self) -> bool {
        true
    }
}
