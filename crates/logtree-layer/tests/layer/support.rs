//! A tree whose handler remembers records.

use std::sync::{Arc, Mutex};

use logtree_core::{
    EmitError, Field, FieldName, FormatError, Formatter, Handler, HandlerEntry, Level, Logger, Record, Steps, Tree,
    TreeBuilder,
};
use logtree_layer::{Mode, TreeHandle, TreeLayer};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

/// What a handler saw of a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) level: Level,
    pub(crate) message: String,
    /// `name=value` by the value's `Debug`, which tells the types apart.
    pub(crate) fields: Vec<String>,
    pub(crate) spans: Vec<String>,
    /// `span.name=value` of all of them.
    pub(crate) span_fields: Vec<String>,
    pub(crate) function: Option<String>,
    pub(crate) exc_text: Option<String>,
    pub(crate) place: (String, String, u32),
    /// Target and module path as they were written.
    pub(crate) paths: [String; 2],
    pub(crate) thread_name: String,
}

#[derive(Clone, Default)]
pub(crate) struct Remember(Arc<Mutex<Vec<Seen>>>);

impl Remember {
    /// What was seen since the last call.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    pub(crate) fn messages(&self) -> Vec<String> {
        self.take().into_iter().map(|seen| seen.message).collect()
    }

    pub(crate) fn one(&self) -> Seen {
        let mut seen = self.take();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

impl Handler for Remember {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        let name = |field: &Field<'_>| match field.name {
            FieldName::Inline(name) => name.to_owned(),
            FieldName::Index(index) => record.callsite.field_names[usize::from(index)].to_string(),
        };
        let callsite = record.callsite;
        self.0.lock().unwrap().push(Seen {
            name: record.name.to_owned(),
            level: record.level,
            message: record.message.to_owned(),
            fields: record.fields.iter().map(|field| format!("{}={:?}", name(&field), field.value)).collect(),
            spans: record.spans.iter().map(|span| span.name.to_owned()).collect(),
            span_fields: record
                .spans
                .iter()
                .flat_map(|span| {
                    let shown = |field: Field<'_>| format!("{}.{}={:?}", span.name, name(&field), field.value);
                    span.fields.iter().map(shown).collect::<Vec<_>>()
                })
                .collect(),
            function: record.function.map(str::to_owned),
            exc_text: record.exc_text.map(str::to_owned),
            place: (callsite.pathname.to_string(), callsite.module.to_string(), callsite.line),
            paths: [&callsite.target, &callsite.module_path].map(|path| path.to_string()),
            thread_name: record.origin.thread_name.to_string(),
        });
        Ok(())
    }
}

/// Reads everything of a record, and writes nothing.
pub(crate) struct ReadsAll;

impl Formatter for ReadsAll {
    fn format(&self, _: &Record<'_>, _: &mut String) -> Result<(), FormatError> {
        Ok(())
    }
}

pub(crate) fn entry(handler: impl Handler + 'static) -> Arc<HandlerEntry> {
    Arc::new(HandlerEntry::new("test", Box::new(handler), Arc::new(ReadsAll)))
}

/// A tree with a handler at the root and levels for some loggers.
pub(crate) fn tree(handler: &Arc<HandlerEntry>, levels: &[(&str, Level)]) -> Arc<Tree> {
    let mut builder: TreeBuilder = Tree::builder();
    for (name, level) in levels {
        builder.logger(name, Logger { level: *level, ..Logger::default() });
    }
    builder.logger_mut("root").handlers.push(Arc::clone(handler));
    Arc::new(builder.build())
}

/// Runs with a layer over that tree as the only one.
pub(crate) fn with_layer(mode: Mode, levels: &[(&str, Level)], body: impl FnOnce(&Remember, &TreeHandle)) {
    let remember = Remember::default();
    let layer = TreeLayer::new(tree(&entry(remember.clone()), levels), mode);
    let handle = layer.handle();
    tracing::subscriber::with_default(Registry::default().with(layer), || body(&remember, &handle));
}

/// A span that is made elsewhere than the events inside.
pub(crate) fn span_of_another_file() -> tracing::Span {
    tracing::info_span!("elsewhere")
}
