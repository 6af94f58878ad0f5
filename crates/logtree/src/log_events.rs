//! Records of the `log` crate, for layers that stand beside others.

use crate::error::Error;

/// Has each record of the `log` crate become an event of the current subscriber, for all its layers: what
/// `tracing_log::LogTracer::init` does; and, as that does not, has the record's key-values reach the
/// [layers](crate::Config::layer) of logtree.
///
/// Under [`Config::install`](crate::Config::install) there is no need for it.
///
/// ```
/// use logtree::Format;
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let layer = logtree::from_str(r#"{"version": 1}"#, Format::Json)?.layer()?;
/// // Not `init()`, which makes a `LogTracer` the program's one logger, unless tracing-subscriber's feature `tracing-log` is off.
/// let subscriber = tracing_subscriber::registry().with(layer);
/// tracing::subscriber::set_global_default(subscriber).expect("it is the first");
/// logtree::log_as_events()?;
/// # Ok::<(), logtree::Error>(())
/// ```
///
/// # Errors
/// If the program has a logger of the `log` crate already.
pub fn log_as_events() -> Result<(), Error> {
    logtree_layer::LogEvents::install().map_err(|_| Error::has_logger())
}
