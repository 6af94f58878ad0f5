//! The layer.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;
#[cfg(feature = "log")]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use arc_swap::{ArcSwap, Guard};
use logtree_core::{Fields, Level, Record, Source, Timestamp, Tree};
use logtree_os::ForkLock;
use tracing_core::span::{Attributes, Id, Record as Values};
use tracing_core::subscriber::Interest;
use tracing_core::{Event, LevelFilter, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::callsite::KnownCallsite;
use crate::scratch::{self, Scratch, with_scratch};
use crate::visit::EventVisitor;
use crate::{origin, spans};

/// Whether other layers stand beside this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// None does: a callsite that no handler wants is switched off, at the cost `tracing` itself gives it.
    Exclusive,
    /// Some may: every callsite stays on for them, and this layer decides at each event.
    Shared,
}

/// The tree of a layer, to be swapped for another while the program runs.
#[derive(Clone, Debug)]
pub struct TreeHandle(Arc<Current>);

/// The tree in use.
#[derive(Debug)]
struct Current {
    tree: ArcSwap<Tree>,
    /// The tree's, read without the price of holding on to a tree; 0, which is no tree's, while it is swapped, and for good
    /// in a child that is forked just then.
    generation: AtomicU32,
    /// Whether the records of the `log` crate come here, whose own threshold then follows the tree.
    #[cfg(feature = "log")]
    takes_log_records: AtomicBool,
    /// Held to change them.
    changing: ForkLock<()>,
}

impl TreeHandle {
    fn new(tree: Arc<Tree>) -> Self {
        let generation = AtomicU32::new(tree.generation());
        Self(Arc::new(Current {
            tree: ArcSwap::new(tree),
            generation,
            #[cfg(feature = "log")]
            takes_log_records: AtomicBool::new(false),
            changing: ForkLock::new(()),
        }))
    }

    /// The tree in use.
    pub fn tree(&self) -> Arc<Tree> {
        self.0.tree.load_full()
    }

    /// The same for the time of a record, at the price of no counter that threads share.
    pub(crate) fn load(&self) -> Guard<Arc<Tree>> {
        self.0.tree.load()
    }

    /// Uses another tree from now on and answers with the old one: [`update`](Self::update) whatever is there.
    pub fn swap(&self, tree: Arc<Tree>) -> Arc<Tree> {
        match self.update(|_| Ok::<_, Infallible>(tree)) {
            Ok(old) => old,
        }
    }

    /// Uses what `change` makes of the tree in use from now on, and answers with that one. Callsites are asked again what
    /// they are worth. Changes wait for one another, so that none is lost: `change` must not ask for one.
    ///
    /// The old tree is the caller's to drop: dropping it closes files, which must not happen under a lock of `tracing`.
    /// Other threads may be handling a record of theirs in it; while they do, it is shared.
    ///
    /// # Errors
    /// Those of `change`; then the tree in use stays.
    pub fn update<E>(&self, change: impl FnOnce(&Tree) -> Result<Arc<Tree>, E>) -> Result<Arc<Tree>, E> {
        let changing = self.0.changing.lock();
        let tree = change(&self.0.tree.load())?;
        let generation = tree.generation();
        self.0.generation.store(0, Ordering::Release);
        let old = self.0.tree.swap(tree);
        self.0.generation.store(generation, Ordering::Release);
        #[cfg(feature = "log")]
        self.set_level_of_log();
        drop(changing);
        tracing_core::callsite::rebuild_interest_cache();
        Ok(old)
    }

    /// Has `log`'s own threshold follow the tree from now on.
    #[cfg(feature = "log")]
    pub(crate) fn take_log_records(&self) {
        let _changing = self.0.changing.lock();
        self.0.takes_log_records.store(true, Ordering::Relaxed);
        self.set_level_of_log();
    }

    #[cfg(feature = "log")]
    fn set_level_of_log(&self) {
        if self.0.takes_log_records.load(Ordering::Relaxed) {
            log::set_max_level(tracing_log::AsLog::as_log(&hint(self.0.tree.load().lowest_wanted())));
        }
    }

    /// Records that were dropped because a handler logged while records that had waited were being handled.
    pub fn dropped_inside_handlers(&self) -> u64 {
        scratch::dropped()
    }
}

/// A layer that makes records of events and hands them to a logger tree.
pub struct TreeLayer<S> {
    tree: TreeHandle,
    mode: Mode,
    /// Tells the layers of one process apart.
    number: usize,
    _subscriber: PhantomData<fn(S)>,
}

impl<S> TreeLayer<S> {
    /// A layer over `tree`.
    pub fn new(tree: Arc<Tree>, mode: Mode) -> Self {
        static NUMBERS: AtomicUsize = AtomicUsize::new(0);
        origin::started();
        Self {
            tree: TreeHandle::new(tree),
            mode,
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            _subscriber: PhantomData,
        }
    }

    /// The way to the layer's tree once the layer itself is given away.
    pub fn handle(&self) -> TreeHandle {
        self.tree.clone()
    }
}

impl<S> Layer<S> for TreeLayer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.mode == Mode::Shared {
            return Interest::always();
        }
        let tree = self.tree.0.tree.load();
        let is_wanted = if metadata.is_span() {
            // A logger's level never decides about spans: their fields belong to every record inside.
            tree.needs().spans
        } else {
            let known = KnownCallsite::find(metadata);
            known.is_routed_by_event() || tree.route(known.route_index(&tree)).wants(known.level)
        };
        if is_wanted { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // Events of `log` come with metadata that was never registered.
        self.mode == Mode::Shared
            || metadata.is_span()
            || self.tree.0.tree.load().find(metadata.target()).wants(crate::callsite::level_of(*metadata.level()))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        if self.mode == Mode::Shared {
            return None;
        }
        let tree = self.tree.0.tree.load();
        Some(if tree.needs().spans { LevelFilter::TRACE } else { hint(tree.lowest_wanted()) })
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id)
            && self.tree.0.tree.load().needs().spans
        {
            spans::on_new_span(&span, attributes, self.number);
        }
    }

    fn on_record(&self, id: &Id, values: &Values<'_>, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id) {
            spans::on_record(&span, values, self.number);
        }
    }

    #[inline]
    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let known = KnownCallsite::find(event.metadata());
        if !known.is_refused_in(self.tree.0.generation.load(Ordering::Acquire)) {
            self.make_record(known, event, &cx);
        }
    }
}

impl<S> TreeLayer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    /// The hot path: from an event to its handlers. Apart from `on_event`, so that an event that is refused pays for
    /// none of the registers and stack that this takes.
    #[inline(never)]
    fn make_record(&self, known: &'static KnownCallsite, event: &Event<'_>, cx: &Context<'_, S>) {
        let tree = self.tree.0.tree.load();
        #[cfg(feature = "log")]
        if known.is_of_log && tracing_log::NormalizeEvent::is_log(event) {
            return crate::log_records::on_event(&tree, event);
        }
        let route = known.route_index(&tree);
        if !known.is_routed_by_event() && !tree.route(route).wants(known.level) {
            return;
        }
        with_scratch(|Scratch { text, spans }| {
            event.record(&mut EventVisitor { known, level_names: tree.level_names(), text });
            let level = text.level.unwrap_or(known.level);
            let route = text.logger.as_deref().map_or(route, |name| tree.route_index(name));
            let reads = tree.route(route);
            if !reads.is_enabled_for(level) {
                return;
            }
            let mut function = None;
            if reads.needs().spans
                && let Some(scope) = cx.event_scope(event)
            {
                let file = event.metadata().file();
                for span in scope.from_root() {
                    spans::append(&span, spans);
                    if span.metadata().file() == file {
                        function = Some(span.metadata().name());
                    }
                }
            }
            let record = Record {
                callsite: &known.callsite,
                name: text.logger.as_deref().unwrap_or(&known.callsite.name),
                level,
                level_names: tree.level_names(),
                created: Timestamp::now(),
                origin: &origin::current(),
                message: &text.message,
                fields: text.fields.as_fields(),
                spans: spans.as_spans(),
                function,
                exc_text: text.exc_text.as_deref(),
                stack_info: None,
                source: Source::Tracing,
                attributes: Fields::EMPTY,
            };
            scratch::handle(&tree, route, &record);
        });
    }
}

/// The least verbose of `tracing`'s levels that still lets `lowest` through. An event of level ERROR may carry any
/// level above in the field `logtree.level`.
fn hint(lowest: Option<Level>) -> LevelFilter {
    match lowest {
        None => LevelFilter::OFF,
        Some(level) if level <= Level::TRACE => LevelFilter::TRACE,
        Some(level) if level <= Level::DEBUG => LevelFilter::DEBUG,
        Some(level) if level <= Level::INFO => LevelFilter::INFO,
        Some(level) if level <= Level::WARNING => LevelFilter::WARN,
        Some(_) => LevelFilter::ERROR,
    }
}
