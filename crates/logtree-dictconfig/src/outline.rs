//! The outline: the tree that a plan will build, with stand-ins for its handlers.

use std::path::Path;
use std::sync::Arc;

use logtree_core::{
    Argument, EmitError, Filter, Formatter, Handler, HandlerEntry, Level, Record, StdStream, Steps, TreeBuilder,
    Verdict,
};
use logtree_formatters::default_formatter;

use crate::apply::{Parts, last_resort};
use crate::build::Built;
use crate::plan::{HandlerSpec, Made, Plan};

impl Plan {
    /// The tree that the plan will build in a process that has configured nothing before, last resort included, to look at:
    /// its handlers do nothing. Classes that this program has not are in it all the same.
    ///
    /// ```
    /// use logtree_core::Level;
    /// use logtree_dictconfig::{Config, Format, registry};
    ///
    /// let text = r#"{
    ///     "version": 1,
    ///     "handlers": {"mail": {"class": "logging.handlers.SMTPHandler", "mailhost": "m", "fromaddr": "a", "toaddrs": ["b"],
    ///                           "subject": "s", "level": "ERROR"}},
    ///     "root": {"level": "INFO", "handlers": ["mail"]}
    /// }"#;
    /// let plan = Config::new(&registry()).parse(text, Format::Json, "logging.json")?;
    /// let tree = plan.outline().build();
    /// assert!(tree.explain("my_app", Level::WARNING).reached().is_empty());
    /// assert_eq!(tree.explain("my_app", Level::ERROR).reached().len(), 1);
    /// # Ok::<(), logtree_dictconfig::Problems>(())
    /// ```
    pub fn outline(&self) -> TreeBuilder {
        let mut parts = Parts::default();
        for (name, made) in &self.filters {
            let filter = match made {
                Made::Ready(filter) => Arc::clone(filter),
                Made::Unavailable(..) | Made::Refused => Arc::new(Absent),
            };
            parts.filters.insert(name.clone(), filter);
        }
        let mut handlers = Vec::with_capacity(self.handlers.len());
        for spec in &self.handlers {
            let mut entry = HandlerEntry::new(spec.name(), Box::new(StandIn::new(spec, &parts)), default_formatter());
            entry.set_level(spec.level());
            entry.filters = spec.filters().iter().filter_map(|name| parts.filters.get(name)).cloned().collect();
            let entry = Arc::new(entry);
            parts.handlers.insert(spec.name().to_owned(), Arc::clone(&entry));
            handlers.push(entry);
        }
        let built = Built {
            source: Arc::clone(&self.source),
            handlers,
            parts,
            loggers: self.loggers.clone(),
            handler_levels: Vec::new(),
            levels: self.levels.clone(),
            directives: self.directives.clone(),
            is_incremental: self.is_incremental,
            disable_existing: self.disable_existing,
        };
        let mut tree = built.tree();
        tree.last_resort(last_resort());
        tree
    }
}

/// A filter of a class that this program has not: nobody knows what it decides.
struct Absent;

impl Filter for Absent {
    fn filter(&self, _: &Record<'_>) -> Verdict {
        Verdict::Pass
    }
}

/// A handler that tells of itself what its arguments say, and does nothing.
struct StandIn {
    file: Option<String>,
    std_stream: Option<StdStream>,
    queue: Option<String>,
    children: Vec<Arc<HandlerEntry>>,
    respects_levels: bool,
}

impl StandIn {
    fn new(spec: &HandlerSpec, parts: &Parts) -> Self {
        let text = |keyword| match spec.argument(keyword) {
            Some(Argument::Str(text)) => Some(text.clone()),
            _ => None,
        };
        let std_stream = match spec.argument("stream") {
            Some(Argument::Object(stream)) => stream.downcast::<StdStream>().copied(),
            // Python's default.
            None | Some(Argument::None) if spec.class() == "logging.StreamHandler" => Some(StdStream::Stderr),
            _ => None,
        };
        let queue = match spec.argument("queue") {
            Some(Argument::Object(queue)) => Some(queue.name().to_owned()),
            _ => None,
        };
        Self {
            file: text("filename").or_else(|| text("directory")),
            std_stream,
            queue,
            children: spec.children().filter_map(|name| parts.handlers.get(name)).cloned().collect(),
            respects_levels: spec.argument("respect_handler_level").is_some_and(Argument::is_truthy),
        }
    }
}

impl Handler for StandIn {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        Ok(())
    }

    fn file(&self) -> Option<&Path> {
        self.file.as_deref().map(Path::new)
    }

    fn std_stream(&self) -> Option<StdStream> {
        self.std_stream
    }

    fn children(&self) -> &[Arc<HandlerEntry>] {
        &self.children
    }

    fn hands_on(&self, child: &HandlerEntry, level: Level) -> bool {
        !self.respects_levels || child.takes(level)
    }

    fn queue(&self) -> Option<&str> {
        self.queue.as_deref()
    }
}
