//! Records of loggers whose names are known only at run time.

use std::fmt::{self, Write as _};
use std::panic::Location;

use logtree_core::{FieldName, Level, Source, Value, write_caught};

use crate::TreeHandle;
use crate::place::{Place, current_spans};
use crate::visit::EventText;

impl TreeHandle {
    /// Handles a record of the logger `name`, in dots or colons, as an event of that target made at `location`.
    pub fn log(
        &self,
        name: &str,
        level: Level,
        message: &dyn fmt::Display,
        fields: &[(&str, Value<'_>)],
        location: &Location<'_>,
    ) {
        let file = location.file();
        let file_name = file.rsplit('/').next().unwrap_or(file);
        let place = Place {
            target: name,
            level,
            // As Python's, which knows no more of a place than its file and line.
            module_path: file_name.strip_suffix(".rs").unwrap_or(file_name),
            file: Some(file),
            line: Some(location.line()),
            source: Source::Tracing,
        };
        let fill = |text: &mut EventText| {
            write_caught(&mut text.message, |out| write!(out, "{message}"));
            for (name, value) in fields {
                text.fields.push(FieldName::Inline(name), *value);
            }
        };
        place.handle(&self.load(), fill, current_spans);
    }
}
