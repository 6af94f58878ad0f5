//! Records that are no events of `tracing`: those of the `log` crate, and those of loggers named at run time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use logtree_core::{Callsite, Fields, Level, Record, Source, SpansBuf, Timestamp, Tree, logger_name};
use logtree_os::real_time_ns;
use tracing_core::dispatcher;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

use crate::callsite::last_segment;
use crate::scratch::{self, Scratch, with_scratch};
use crate::visit::EventText;
use crate::{origin, spans};

/// Where a record comes from that is no event; unlike a callsite of `tracing` it need not outlive the record.
pub(crate) struct Place<'a> {
    pub(crate) target: &'a str,
    pub(crate) level: Level,
    /// Python's `module` is the last segment.
    pub(crate) module_path: &'a str,
    pub(crate) file: Option<&'a str>,
    pub(crate) line: Option<u32>,
    pub(crate) source: Source,
}

impl Place<'_> {
    /// Hands a record over: of what `fill` fills in, and of the spans that `append_spans` appends, which answers with the
    /// innermost of the file that it is given.
    pub(crate) fn handle(
        &self,
        tree: &Tree,
        fill: impl FnOnce(&mut EventText),
        append_spans: impl FnOnce(&mut SpansBuf, Option<&str>) -> Option<&'static str>,
    ) {
        let known = self.known();
        let route = known.route_index(tree);
        if !tree.route(route).wants(self.level) {
            return;
        }
        with_scratch(|Scratch { text, spans }| {
            fill(text);
            let function = if tree.route(route).needs().spans { append_spans(spans, self.file) } else { None };
            let record = Record {
                callsite: &known.callsite,
                name: &known.callsite.name,
                level: self.level,
                level_names: tree.level_names(),
                created: Timestamp(real_time_ns()),
                origin: &origin::current(),
                message: &text.message,
                fields: text.fields.as_fields(),
                spans: spans.as_spans(),
                function,
                exc_text: None,
                stack_info: None,
                source: self.source,
                attributes: Fields::EMPTY,
            };
            scratch::handle(tree, route, &record);
        });
    }

    /// What this thread knows of the place, or finds out now. Also there while thread-locals are being destroyed, only slower.
    fn known(&self) -> Rc<KnownPlace> {
        let line = self.line.unwrap_or_default() as usize;
        let slot = (line + self.target.len()) % KNOWN_PLACES;
        let known = KNOWN.try_with(|all| {
            let mut all = all.try_borrow_mut().ok()?;
            match &all[slot] {
                Some(known) if known.is_at(self) => Some(Rc::clone(known)),
                _ => Some(Rc::clone(all[slot].insert(Rc::new(KnownPlace::new(self))))),
            }
        });
        known.ok().flatten().unwrap_or_else(|| Rc::new(KnownPlace::new(self)))
    }
}

/// What the records of one place have in common. Its address says nothing, as targets may be made at run time, and so it is
/// known again by what it says.
struct KnownPlace {
    callsite: Callsite,
    /// The route found last, and the generation of its tree.
    route: Cell<(u32, u32)>,
}

/// So many places are remembered by each thread; of two that meet, the later one.
const KNOWN_PLACES: usize = 64;

thread_local! {
    /// By thread, so that it needs no lock, and a child of `fork` finds it whole.
    static KNOWN: RefCell<[Option<Rc<KnownPlace>>; KNOWN_PLACES]> = const { RefCell::new([const { None }; KNOWN_PLACES]) };
}

impl KnownPlace {
    fn new(place: &Place<'_>) -> Self {
        let name = logger_name(place.target);
        let callsite = Callsite {
            index: None,
            // As Python calls it.
            name: if name.is_empty() { "root".into() } else { name.into() },
            target: place.target.into(),
            pathname: place.file.unwrap_or_default().into(),
            module: last_segment(place.module_path).into(),
            module_path: place.module_path.into(),
            line: place.line.unwrap_or_default(),
            field_names: Box::default(),
        };
        // No tree is of generation 0.
        Self { callsite, route: Cell::new((0, 0)) }
    }

    fn is_at(&self, place: &Place<'_>) -> bool {
        self.callsite.line == place.line.unwrap_or_default()
            && *self.callsite.target == *place.target
            && *self.callsite.pathname == *place.file.unwrap_or_default()
            && *self.callsite.module_path == *place.module_path
    }

    fn route_index(&self, tree: &Tree) -> u32 {
        let (generation, route) = self.route.get();
        if generation == tree.generation() {
            return route;
        }
        let route = tree.route_index(&logger_name(&self.callsite.target));
        self.route.set((tree.generation(), route));
        route
    }
}

/// Appends the spans that the calling thread is in; answers with the innermost of the given file.
///
/// Not for who is called by `tracing`, which lends its subscriber to one at a time.
pub(crate) fn current_spans(spans: &mut SpansBuf, file: Option<&str>) -> Option<&'static str> {
    dispatcher::get_default(|dispatch| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        let current = dispatch.current_span();
        spans::append_all(&registry.span(current.id()?)?, None, file, spans)
    })
}

#[cfg(test)]
mod tests {
    use logtree_core::Logger;

    use super::*;

    #[test]
    fn places_that_share_a_slot_are_told_apart_and_a_new_tree_is_asked_again() {
        let place = |target, module_path, file, line| Place {
            target,
            level: Level::INFO,
            module_path,
            file: Some(file),
            line: Some(line),
            source: Source::Log,
        };
        let tree = |level| {
            let mut tree = Tree::builder();
            tree.logger("a.b", Logger { level, ..Logger::default() });
            tree.build()
        };
        let (loud, quiet) = (tree(Level::DEBUG), tree(Level::ERROR));
        let places = [
            place("a::b", "a::b::c", "b.rs", 1),
            place("a::c", "a::b::c", "b.rs", 1),
            place("a::b", "a::b::d", "b.rs", 1),
            place("a::b", "a::b::c", "c.rs", 1),
            place("a::b", "a::b::c", "b.rs", 1 + KNOWN_PLACES as u32),
        ];
        for place in places.iter().chain(&places) {
            let known = place.known();
            let callsite = &known.callsite;
            assert_eq!(*callsite.name, place.target.replace("::", "."));
            assert_eq!(Some(&*callsite.module), place.module_path.rsplit("::").next());
            assert_eq!((Some(&*callsite.pathname), Some(callsite.line)), (place.file, place.line));
            for tree in [&loud, &quiet, &loud] {
                let expected = tree.route_index(&callsite.name);
                assert_eq!((known.route_index(tree), known.route_index(tree)), (expected, expected));
            }
        }
        assert!(Rc::ptr_eq(&places[0].known(), &places[0].known()));
    }
}
