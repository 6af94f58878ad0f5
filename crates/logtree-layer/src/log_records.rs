//! Records of the `log` crate, with their own target, file, line and key-values.
//!
//! Where logtree is alone, [`LogRecords`] is the program's logger and takes them at first hand: the way through
//! `tracing` would lose their key-values (tracing-log 0.2). Where other layers stand beside it, they come as events of
//! tracing-log and are taken for what they were; from [`LogEvents`] with their key-values, which travel beside the event.

use std::cell::Cell;
use std::fmt::Write as _;

use logtree_core::{FieldName, FieldsBuf, Source, SpansBuf, Tree, Value, caught, write_caught};
use tracing_core::field::Visit;
use tracing_core::{Event, Field, LevelFilter, dispatcher};
use tracing_log::{AsTrace as _, NormalizeEvent as _};

use crate::TreeHandle;
use crate::callsite::level_of;
use crate::place::{Place, current_spans};
use crate::visit::EventText;

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
        self.tree.load().wants(metadata.target(), level_of(metadata.level().as_trace()))
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
        let fill = |text: &mut EventText| {
            write_caught(&mut text.message, |out| out.write_fmt(*log.args()));
            gather(log, &mut text.fields);
        };
        place.handle(&self.tree.load(), fill, current_spans);
    }

    fn flush(&self) {}
}

/// Takes a record's key-values, as many as their source gives before it fails or panics.
fn gather(log: &log::Record<'_>, fields: &mut FieldsBuf) {
    _ = caught(|| log.key_values().visit(&mut KeyValues(fields)));
}

/// The logger of the `log` crate that makes events of its records, for all layers of the current subscriber: as tracing-log's
/// `LogTracer`, and with key-values for those of logtree.
#[derive(Debug)]
pub struct LogEvents(());

thread_local! {
    /// The key-values of the record that is an event now. Lent while they are read.
    static KEY_VALUES: Cell<FieldsBuf> = const { Cell::new(FieldsBuf::new()) };
}

impl LogEvents {
    /// Makes the current subscribers the destination of all `log` records of the program.
    ///
    /// # Errors
    /// If the program has a logger already.
    pub fn install() -> Result<(), log::SetLoggerError> {
        log::set_logger(&Self(()))?;
        // Subscribers come and go; `enabled` asks the one that is there.
        log::set_max_level(log::LevelFilter::Trace);
        Ok(())
    }
}

impl log::Log for LogEvents {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level().as_trace() <= LevelFilter::current()
            && dispatcher::get_default(|dispatch| dispatch.enabled(&metadata.as_trace()))
    }

    fn log(&self, log: &log::Record<'_>) {
        // Whether it is enabled, `format_trace` asks.
        if log.level().as_trace() > LevelFilter::current() {
            return;
        }
        let mut key_values = FieldsBuf::new();
        gather(log, &mut key_values);
        // A layer may log while it handles this one.
        let outer = KEY_VALUES.try_with(|current| current.replace(key_values)).ok();
        let _restore = Restore(outer);
        let _ = tracing_log::format_trace(log);
    }

    fn flush(&self) {}
}

/// Gives the record outside of this one its key-values back, also when a layer panics.
struct Restore(Option<FieldsBuf>);

impl Drop for Restore {
    fn drop(&mut self) {
        let outer = self.0.take().unwrap_or_default();
        let _ = KEY_VALUES.try_with(|current| current.set(outer));
    }
}

/// Handles an event that tracing-log made of a `log` record; `append_spans` as for [`Place::handle`].
pub(crate) fn on_event(
    tree: &Tree,
    event: &Event<'_>,
    append_spans: impl FnOnce(&mut SpansBuf, Option<&str>) -> Option<&'static str>,
) {
    let Some(metadata) = event.normalized_metadata() else { return };
    let place = Place {
        target: metadata.target(),
        level: level_of(*metadata.level()),
        module_path: metadata.module_path().unwrap_or_default(),
        file: metadata.file(),
        line: metadata.line(),
        source: Source::Log,
    };
    let fill = |text: &mut EventText| {
        event.record(&mut MessageOnly(&mut text.message));
        let _ = KEY_VALUES.try_with(|current| {
            let key_values = current.take();
            text.fields.extend(key_values.as_fields());
            current.set(key_values);
        });
    };
    place.handle(tree, fill, append_spans);
}

/// Takes the message; the other fields of tracing-log's events are the place, told as fields.
struct MessageOnly<'a>(&'a mut String);

impl Visit for MessageOnly<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            write_caught(self.0, |out| write!(out, "{value:?}"));
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
            let mut text = String::new();
            write_caught(&mut text, |out| write!(out, "{value}"));
            self.0.push(name, Value::Display(&text));
        }
        Ok(())
    }
}
