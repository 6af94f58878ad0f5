//! Records of the `log` crate, with their own target, file, line and key-values.
//!
//! Where logtree is alone, [`LogRecords`] is the program's logger and takes them at first hand: the way through
//! `tracing` would lose their key-values (tracing-log 0.2). Where other layers stand beside it, they come as events of
//! tracing-log and are taken for what they were.

use std::fmt::Write as _;

use logtree_core::{FieldName, FieldsBuf, Source, Tree, Value};
use tracing_core::field::Visit;
use tracing_core::{Event, Field};
use tracing_log::{AsTrace as _, NormalizeEvent as _};

use crate::TreeHandle;
use crate::callsite::level_of;
use crate::place::Place;

/// The logger of the `log` crate that hands its records to a tree.
#[derive(Debug)]
pub struct LogRecords {
    tree: TreeHandle,
}

impl LogRecords {
    /// Makes `tree` the destination of all `log` records of the program, and has `log`'s own threshold follow it.
    ///
    /// # Errors
    /// If the program has a logger already.
    pub fn install(tree: TreeHandle) -> Result<(), log::SetLoggerError> {
        log::set_boxed_logger(Box::new(Self { tree: tree.clone() }))?;
        tree.take_log_records();
        Ok(())
    }
}

impl log::Log for LogRecords {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        self.tree.load().find(metadata.target()).wants(level_of(metadata.level().as_trace()))
    }

    fn log(&self, log: &log::Record<'_>) {
        let place = Place {
            target: log.target(),
            level: level_of(log.level().as_trace()),
            module_path: log.module_path().unwrap_or_default(),
            file: log.file(),
            line: log.line(),
            source: Source::Log,
        };
        place.handle(&self.tree.load(), |text| {
            let _ = text.message.write_fmt(*log.args());
            let _ = log.key_values().visit(&mut KeyValues(&mut text.fields));
        });
    }

    fn flush(&self) {}
}

/// Handles an event that tracing-log made of a `log` record.
pub(crate) fn on_event(tree: &Tree, event: &Event<'_>) {
    let Some(metadata) = event.normalized_metadata() else { return };
    let place = Place {
        target: metadata.target(),
        level: level_of(*metadata.level()),
        module_path: metadata.module_path().unwrap_or_default(),
        file: metadata.file(),
        line: metadata.line(),
        source: Source::Log,
    };
    place.handle(tree, |text| event.record(&mut MessageOnly(&mut text.message)));
}

/// Takes the message; the other fields of tracing-log's events are the place, told as fields.
struct MessageOnly<'a>(&'a mut String);

impl Visit for MessageOnly<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }
}

/// The key-values of a record, as fields named inline.
struct KeyValues<'a>(&'a mut FieldsBuf);

impl<'kvs> log::kv::VisitSource<'kvs> for KeyValues<'_> {
    fn visit_pair(&mut self, key: log::kv::Key<'kvs>, value: log::kv::Value<'kvs>) -> Result<(), log::kv::Error> {
        let name = FieldName::Inline(key.as_str());
        if let Some(value) = value.to_bool() {
            self.0.push(name, Value::Bool(value));
        } else if let Some(value) = value.to_i64() {
            self.0.push(name, Value::I64(value));
        } else if let Some(value) = value.to_u64() {
            self.0.push(name, Value::U64(value));
        } else if let Some(value) = value.to_i128() {
            self.0.push(name, Value::I128(value));
        } else if let Some(value) = value.to_u128() {
            self.0.push(name, Value::U128(value));
        } else if let Some(value) = value.to_f64() {
            self.0.push(name, Value::F64(value));
        } else if let Some(value) = value.to_borrowed_str() {
            self.0.push(name, Value::Str(value));
        } else {
            self.0.push(name, Value::Display(&value.to_string()));
        }
        Ok(())
    }
}
