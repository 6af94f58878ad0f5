//! Classes that only logtree has, those of its features included.

use super::{Item, Signature};

#[rustfmt::skip]
pub(super) const CLASSES: &[(&str, Item)] = &[
    ("logtree.DirectivesFilter", Item::Filter(&Signature::new(
        "DirectivesFilter.__init__()", &["directives"], &[],
    ))),
    ("logtree.DuplicateFilter", Item::Filter(&Signature::new(
        "DuplicateFilter.__init__()", &[], &["interval", "remember", "allowed", "ignore"],
    ))),
    ("logtree.FieldFilter", Item::Filter(&Signature::new(
        "FieldFilter.__init__()", &["field"], &["where", "equals", "matches", "min", "max", "invert"],
    ))),
    ("logtree.JsonFormatter", Item::Formatter(&Signature::new("JsonFormatter.__init__()", &[], &[
        "fmt", "datefmt", "style", "validate", "rename_fields", "static_fields", "defaults", "timespec", "utc",
        "exc_info_as_array", "stack_info_as_array",
    ]))),
    ("logtree.LevelRangeFilter", Item::Filter(&Signature::new(
        "LevelRangeFilter.__init__()", &[], &["min_level", "max_level"],
    ))),
    ("logtree.RateLimitFilter", Item::Filter(&Signature::new(
        "RateLimitFilter.__init__()", &["rate"], &["per", "burst", "by", "max_keys"],
    ))),
    ("logtree.RedactFilter", Item::Filter(&Signature::new(
        "RedactFilter.__init__()", &[], &["fields", "patterns", "replacement"],
    ))),
    ("logtree.SamplingFilter", Item::Filter(&Signature::new(
        "SamplingFilter.__init__()", &["ratio"], &["by", "keep_from"],
    ))),
    ("tracing_appender.non_blocking.NonBlocking", Item::Handler(&Signature::new("NonBlocking.__init__()", &[], &[
        "stream", "directory", "filename_prefix", "filename_suffix", "rotation", "max_log_files", "latest_symlink",
        "buffered_lines_limit", "lossy", "thread_name",
    ]))),
    ("tracing_appender.rolling.RollingFileAppender", Item::Handler(&Signature::new(
        "RollingFileAppender.__init__()", &["directory"],
        &["filename_prefix", "filename_suffix", "rotation", "max_log_files", "latest_symlink"],
    ))),
    ("tracing_subscriber.fmt.format.Json", Item::Formatter(&Signature::new("Json.__init__()", &[], &[]).and(&[
        "flatten_event", "with_current_span", "with_span_list", "with_level", "with_target", "with_file", "with_line_number",
        "with_thread_names", "with_thread_ids", "without_time", "datefmt", "timespec", "utc",
    ]))),
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use logtree_core::{Argument, Kwargs};

    /// What a class without arguments, and with one that it cannot have, says of what it takes.
    #[test]
    fn signatures_are_those_of_the_classes() {
        let registry = crate::registry();
        let call = |name: &str, arguments: &[&str]| {
            let arguments = arguments.iter().map(|keyword| ((*keyword).to_owned(), Argument::None)).collect();
            let kwargs = Kwargs::new("f()", arguments);
            match (registry.find_filter(name), registry.find_formatter(name)) {
                (Some(class), _) => class(kwargs).err().map(|error| error.to_string()),
                (_, Some(class)) => class(kwargs).err().map(|error| error.to_string()),
                _ => unreachable!("{name}"),
            }
        };
        let names = super::CLASSES.iter().map(|(name, _)| *name);
        // Those of tracing-appender are a feature's.
        for name in names.filter(|name| !name.starts_with("tracing_appender.")) {
            let signature = crate::catalog::signature(name).unwrap();
            if let Some(first) = signature.required.first() {
                let missing = format!("TypeError: f() missing 1 required positional argument: '{first}'");
                assert_eq!(call(name, &[]), Some(missing), "{name}");
            }
            for keyword in signature.keywords() {
                let said = call(name, &[signature.required, &[keyword]].concat()).unwrap_or_default();
                assert!(!said.contains("unexpected"), "{name}: {said}");
            }
        }
    }

    #[test]
    fn every_class_of_logtrees_own_is_here() {
        let registry = crate::registry();
        for name in registry.names().filter(|name| name.starts_with("logtree.") || name.starts_with("tracing_")) {
            assert!(crate::catalog::find(name).is_some(), "{name}");
        }
    }
}
