//! What all records of one callsite have in common, gathered at its first record.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use logtree_core::{Callsite, Level, Tree, logger_name};
use logtree_os::AddressMap;
use tracing_core::Metadata;

/// The field that names another logger than the target.
pub(crate) const LOGGER_FIELD: &str = "logtree.logger";
/// The field that names another level than `tracing`'s.
pub(crate) const LEVEL_FIELD: &str = "logtree.level";

/// A callsite and where its fields of special meaning stand.
#[derive(Debug)]
pub(crate) struct KnownCallsite {
    pub(crate) callsite: Callsite,
    pub(crate) level: Level,
    pub(crate) message_field: Option<usize>,
    pub(crate) logger_field: Option<usize>,
    pub(crate) level_field: Option<usize>,
    /// Whether it is one of the few that tracing-log makes all its events at.
    pub(crate) is_of_log: bool,
    /// The route found last: the tree's generation, whether the route refuses the callsite's level (one bit), and the
    /// route's index. One word, so that it is never torn.
    route: AtomicU64,
    /// Whether it is to be asked about at each event although it was refused, until all callsites are asked again.
    pub(crate) is_unsettled: AtomicBool,
}

/// How many were met.
static MET: AtomicU32 = AtomicU32::new(0);

/// The bit that says "refused", and below it the index.
const REFUSED: u64 = 1 << 31;

/// All callsites that were met, by the addresses of their metadata.
static KNOWN: AddressMap<KnownCallsite> = AddressMap::new();

impl KnownCallsite {
    /// What is known of a callsite that lives as long as the process.
    #[inline]
    pub(crate) fn find(metadata: &'static Metadata<'static>) -> &'static Self {
        match KNOWN.find(std::ptr::from_ref(metadata).addr()) {
            Some(known) => known,
            None => Self::insert(metadata),
        }
    }

    /// The same of metadata that may be a shorter-lived one's, if the callsite was met.
    pub(crate) fn look(metadata: &Metadata<'_>) -> Option<&'static Self> {
        KNOWN.find(std::ptr::from_ref(metadata).addr())
    }

    /// How many there are.
    pub(crate) fn count() -> u32 {
        MET.load(Ordering::Relaxed)
    }

    #[cold]
    fn insert(metadata: &'static Metadata<'static>) -> &'static Self {
        KNOWN.find_or_insert(std::ptr::from_ref(metadata).addr(), || {
            let mut known = Self::of(metadata);
            known.callsite.index = Some(MET.fetch_add(1, Ordering::Relaxed));
            known
        })
    }

    fn of(metadata: &Metadata<'_>) -> Self {
        let module_path = metadata.module_path().unwrap_or_default();
        let field = |wanted: &str| metadata.fields().iter().position(|field| field.name() == wanted);
        Self {
            callsite: Callsite {
                index: None,
                name: logger_name(metadata.target()).into(),
                target: metadata.target().into(),
                pathname: metadata.file().unwrap_or_default().into(),
                module: last_segment(module_path).into(),
                module_path: module_path.into(),
                line: metadata.line().unwrap_or_default(),
                field_names: metadata.fields().iter().map(|field| field.name().into()).collect(),
            },
            level: level_of(*metadata.level()),
            message_field: field("message"),
            logger_field: field(LOGGER_FIELD),
            level_field: field(LEVEL_FIELD),
            is_of_log: field("log.target").is_some(),
            route: AtomicU64::new(0),
            is_unsettled: AtomicBool::new(false),
        }
    }

    /// Whether the tree of that generation is known to refuse all events of the callsite. Two loads, so that an event that
    /// nobody wants costs hardly more than finding its callsite.
    #[inline]
    pub(crate) fn is_refused_in(&self, generation: u32) -> bool {
        self.route.load(Ordering::Relaxed) & !(REFUSED - 1) == u64::from(generation) << 32 | REFUSED
    }

    /// The index of the callsite's route in this tree.
    #[inline]
    pub(crate) fn route_index(&self, tree: &Tree) -> u32 {
        let known = self.route.load(Ordering::Relaxed);
        if (known >> 32) as u32 == tree.generation() {
            return (known & (REFUSED - 1)) as u32;
        }
        let index = tree.route_index(&self.callsite.name);
        let is_refused = !self.is_routed_by_event() && !tree.route(index).wants_of(&self.callsite.name, self.level);
        let refused = if is_refused { REFUSED } else { 0 };
        self.route.store(u64::from(tree.generation()) << 32 | refused | u64::from(index), Ordering::Relaxed);
        index
    }

    /// Whether the field of that index names a logger or a level.
    pub(crate) fn is_routing_field(&self, index: usize) -> bool {
        [self.logger_field, self.level_field].contains(&Some(index))
    }

    /// Whether an event can have its own logger or level, so that nothing is known before it is there.
    #[inline]
    pub(crate) fn is_routed_by_event(&self) -> bool {
        self.logger_field.is_some() || self.level_field.is_some() || self.is_of_log
    }
}

/// Python's `module`: the last segment of a module path.
pub(crate) fn last_segment(module_path: &str) -> &str {
    module_path.rsplit("::").next().unwrap_or(module_path)
}

/// The level that a level of `tracing` stands for.
pub(crate) fn level_of(level: tracing_core::Level) -> Level {
    match level {
        tracing_core::Level::ERROR => Level::ERROR,
        tracing_core::Level::WARN => Level::WARNING,
        tracing_core::Level::INFO => Level::INFO,
        tracing_core::Level::DEBUG => Level::DEBUG,
        tracing_core::Level::TRACE => Level::TRACE,
    }
}
