//! The layer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use logtree_core::{Fields, Record, Source, Timestamp, Tree};
use logtree_os::real_time_ns;
use tracing_core::span::{Attributes, Id, Record as Values};
use tracing_core::subscriber::Interest;
use tracing_core::{Dispatch, Event, LevelFilter, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::callsite::{KnownCallsite, LEVEL_FIELD, LOGGER_FIELD, level_of};
use crate::handle::{TreeHandle, hint};
use crate::scratch::{self, Scratch, with_scratch};
use crate::verdicts::Verdicts;
use crate::visit::EventVisitor;
use crate::{origin, span_events, spans};

/// Whether other layers stand beside this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// None does: a callsite that no handler wants is switched off, at the cost `tracing` itself gives it.
    Exclusive,
    /// Some may: every callsite stays on for them, and this layer decides at each event.
    Shared,
}

/// A layer that makes records of events and hands them to a logger tree.
#[derive(Debug)]
pub struct TreeLayer {
    tree: TreeHandle,
    mode: Mode,
    /// Tells the layers of one process apart.
    number: usize,
}

impl TreeLayer {
    /// A layer over `tree`.
    pub fn new(tree: Arc<Tree>, mode: Mode) -> Self {
        static NUMBERS: AtomicUsize = AtomicUsize::new(0);
        origin::started();
        Self { tree: TreeHandle::new(tree, mode), mode, number: NUMBERS.fetch_add(1, Ordering::Relaxed) }
    }

    /// The same for a layer that becomes the program's, and is complete with [`TreeHandle::ask_callsites`] after that: until then
    /// `tracing` is told that nothing is wanted.
    ///
    /// `tracing` asks all callsites when a subscriber is made, and from then on lets those be met that its level allows. A thread
    /// that meets one before the subscriber is everyone's finds none that wants it. It notes that when it comes to it, maybe
    /// after all were asked again, and the callsite is off until the next change. Where no subscriber was before, no thread meets
    /// a callsite meanwhile, as none is below a level of nothing.
    #[must_use]
    pub fn waiting(self) -> Self {
        self.verdicts().wait();
        self
    }

    /// The way to the layer's tree once the layer itself is given away.
    pub fn handle(&self) -> TreeHandle {
        self.tree.clone()
    }

    pub(crate) fn verdicts(&self) -> &Verdicts {
        self.tree.verdicts()
    }
}

impl<S> Layer<S> for TreeLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.verdicts().subscribed(dispatch);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.mode == Mode::Shared {
            return Interest::always();
        }
        let known = KnownCallsite::find(metadata);
        match known.is_of_log || is_wanted(&self.tree.load(), metadata) {
            true => Interest::always(),
            false => self.verdicts().of_refused(known),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // Events of `log` come with metadata that was never registered; all others, where another subscriber of the process
        // wants something else of the callsite, or the callsite is new.
        let is_wanted = self.mode == Mode::Shared || is_wanted(&self.tree.load(), metadata);
        if !is_wanted && let Some(known) = KnownCallsite::look(metadata) {
            self.tree.refused(known);
        }
        is_wanted
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        if self.mode == Mode::Shared {
            return None;
        }
        if self.verdicts().is_waiting() {
            return Some(LevelFilter::OFF);
        }
        let tree = self.tree.load();
        Some(if tree.wants_spans() { LevelFilter::TRACE } else { hint(tree.lowest_wanted()) })
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id) {
            if self.tree.load().wants_spans() {
                spans::on_new_span(&span, attributes, self.number);
            }
            if self.tree.has_span_events() {
                span_events::on_new(&self.tree, self.number, &span);
            }
        }
    }

    fn on_record(&self, id: &Id, values: &Values<'_>, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id) {
            spans::on_record(&span, values, self.number);
        }
    }

    #[inline]
    fn on_enter(&self, id: &Id, cx: Context<'_, S>) {
        if self.tree.has_span_events() {
            span_events::on_enter(&self.tree, self.number, cx.span(id));
        }
    }

    #[inline]
    fn on_exit(&self, id: &Id, cx: Context<'_, S>) {
        if self.tree.has_span_events() {
            span_events::on_exit(&self.tree, self.number, cx.span(id));
        }
    }

    #[inline]
    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        if self.tree.has_span_events() {
            span_events::on_close(&self.tree, self.number, cx.span(&id));
        }
    }

    #[inline]
    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let known = KnownCallsite::find(event.metadata());
        if !known.is_refused_in(self.tree.generation()) {
            self.make_record(known, event, &cx);
        }
    }
}

/// Whether the tree has any use for what a callsite makes.
fn is_wanted(tree: &Tree, metadata: &Metadata<'_>) -> bool {
    if metadata.is_span() {
        // A logger's level never decides about spans: their fields belong to every record inside.
        let is_recorded = || !tree.find(metadata.target()).span_events().is_empty();
        return tree.needs().spans || (tree.has_span_events() && is_recorded());
    }
    tree.wants(metadata.target(), level_of(*metadata.level()))
        || metadata.fields().iter().any(|field| [LOGGER_FIELD, LEVEL_FIELD].contains(&field.name()))
}

impl TreeLayer {
    /// The hot path: from an event to its handlers. Apart from `on_event`, so that an event that is refused pays for
    /// none of the registers and stack that this takes.
    #[inline(never)]
    fn make_record<S>(&self, known: &'static KnownCallsite, event: &Event<'_>, cx: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let tree = self.tree.load();
        #[cfg(feature = "log")]
        if known.is_of_log && tracing_log::NormalizeEvent::is_log(event) {
            return crate::log_records::on_event(&tree, event, |spans, file| {
                spans::append_all(&cx.event_span(event)?, Some(self.number), file, spans)
            });
        }
        let route = known.route_index(&tree);
        if !known.is_routed_by_event() && !tree.route(route).wants(known.level) {
            return;
        }
        with_scratch(|Scratch { text, spans }| {
            event.record(&mut EventVisitor { known, level_names: tree.level_names(), text });
            let level = text.level.unwrap_or(known.level);
            let route = text.logger.get().map_or(route, |name| tree.route_index(name));
            let reads = tree.route(route);
            if !reads.is_enabled_for(level) {
                return;
            }
            let mut function = None;
            if reads.needs().spans
                && let Some(span) = cx.event_span(event)
            {
                function = spans::append_all(&span, Some(self.number), event.metadata().file(), spans);
            }
            let record = Record {
                callsite: &known.callsite,
                name: text.logger.get().unwrap_or(&known.callsite.name),
                level,
                level_names: tree.level_names(),
                created: Timestamp(real_time_ns()),
                origin: &origin::current(),
                message: &text.message,
                fields: text.fields.as_fields(),
                spans: spans.as_spans(),
                function,
                exc_text: text.exc_text.get(),
                stack_info: None,
                source: Source::Tracing,
                attributes: Fields::EMPTY,
            };
            scratch::handle(&tree, route, &record);
        });
    }
}
