//! The layer that stands beside others.

use std::sync::Arc;

use logtree_core::Tree;
use logtree_layer::{Mode, TreeHandle};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::guard::{self, Guard, Guarded};
use crate::reload::FileOrigin;

/// A layer of a logger tree, beside others: what [`Config::layer`](crate::Config::layer) answers with.
///
/// It goes wherever a layer goes, as often as you like. Dropped, with the subscriber that it was given to, it flushes, for 5 s
/// at most; so does the end of the process by `std::process::exit`, or by the end of `main`, where a global subscriber never is
/// dropped. Whatever else there is to do with it, its [`guard`](Self::guard) does.
#[derive(Debug)]
pub struct TreeLayer {
    layer: logtree_layer::TreeLayer,
    guarded: Arc<Guarded>,
    /// The trees of the other ones, in the subscriber that this one was put on.
    below: Vec<TreeHandle>,
}

impl TreeLayer {
    pub(crate) fn new(tree: Arc<Tree>, origin: Option<FileOrigin>) -> Self {
        let layer = logtree_layer::TreeLayer::new(tree, Mode::Shared);
        let guarded = Arc::new(Guarded { tree: layer.handle(), origin });
        Self { layer, guarded, below: Vec::new() }
    }

    /// Flushes this logging, reloads it, and changes it: all that the guard of an install does.
    ///
    /// ```no_run
    /// use logtree::Level;
    /// use tracing_subscriber::layer::SubscriberExt as _;
    ///
    /// let layer = logtree::from_file("logging.yaml")?.layer()?;
    /// let guard = layer.guard();
    /// let subscriber = tracing_subscriber::registry().with(layer);
    /// tracing::subscriber::set_global_default(subscriber).expect("it is the first");
    /// # #[cfg(feature = "watch")]
    /// guard.watch(logtree::Watch::new().reload_on_sighup().flush_on_sigterm())?;
    /// guard.set_level("my_app.db", Level::DEBUG);
    /// # Ok::<(), logtree::Error>(())
    /// ```
    pub fn guard(&self) -> Guard {
        Guard(Arc::clone(&self.guarded))
    }

    /// The logger tree as it is now, with its handlers.
    pub fn tree(&self) -> Arc<Tree> {
        self.guarded.tree.tree()
    }

    pub(crate) fn guarded(&self) -> &Arc<Guarded> {
        &self.guarded
    }

    /// Its own tree, and those below it.
    pub(crate) fn trees(&self) -> impl Iterator<Item = &TreeHandle> {
        std::iter::once(&self.guarded.tree).chain(&self.below)
    }
}

/// Calls `use_it` with the topmost layer of the calling thread's subscriber, if that has one.
pub(crate) fn with_current<R>(use_it: impl FnOnce(Option<&TreeLayer>) -> R) -> R {
    // Taken out: as long as it is lent, `tracing` hands nothing over that is logged.
    let dispatch = tracing::dispatcher::get_default(Dispatch::clone);
    use_it(dispatch.downcast_ref())
}

impl Drop for TreeLayer {
    fn drop(&mut self) {
        guard::flush_in_time(&self.guarded);
    }
}

impl<S> Layer<S> for TreeLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_layer(&mut self, subscriber: &mut S) {
        let below: Option<&Self> = (subscriber as &dyn Subscriber).downcast_ref();
        self.below = below.into_iter().flat_map(Self::trees).cloned().collect();
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        Layer::<S>::register_callsite(&self.layer, metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, cx: Context<'_, S>) -> bool {
        self.layer.enabled(metadata, cx)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Layer::<S>::max_level_hint(&self.layer)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        self.layer.on_new_span(attributes, id, cx);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        self.layer.on_record(id, values, cx);
    }

    #[inline]
    fn on_enter(&self, id: &Id, cx: Context<'_, S>) {
        self.layer.on_enter(id, cx);
    }

    #[inline]
    fn on_exit(&self, id: &Id, cx: Context<'_, S>) {
        self.layer.on_exit(id, cx);
    }

    #[inline]
    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        self.layer.on_close(id, cx);
    }

    #[inline]
    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        self.layer.on_event(event, cx);
    }
}
