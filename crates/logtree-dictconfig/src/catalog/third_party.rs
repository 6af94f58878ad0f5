//! Classes of other projects that configs in the wild name, with the arguments of their newest versions.

use super::stdlib::{FILTER, FORMATTER, OF_LINES};
use super::{Item, Signature};

#[rustfmt::skip]
pub(super) const CLASSES: &[(&str, Item)] = &[
    ("cloghandler.ConcurrentRotatingFileHandler", CONCURRENT),
    ("colorlog.ColoredFormatter", Item::Formatter(&Signature::new("ColoredFormatter.__init__()", &[], &[
        "fmt", "datefmt", "style", "log_colors", "reset", "secondary_log_colors", "validate", "stream", "no_color",
        "force_color", "defaults",
    ]).and(OF_LINES))),
    ("concurrent_log_handler.ConcurrentRotatingFileHandler", CONCURRENT),
    ("concurrent_log_handler.ConcurrentTimedRotatingFileHandler", Item::Handler(&Signature::new(
        "ConcurrentTimedRotatingFileHandler.__init__()", &["filename"], &[
            "when", "interval", "backupCount", "encoding", "delay", "utc", "atTime", "errors", "maxBytes", "use_gzip", "owner",
            "chmod", "umask", "newline", "terminator", "unicode_error_policy", "lock_file_directory", "keep_file_open",
        ],
    ).and(&["mode", "debug", "compress", "namer", "makedirs"]))),
    ("django.utils.log.AdminEmailHandler", Item::Handler(&Signature::new(
        "AdminEmailHandler.__init__()", &[], &["include_html", "email_backend", "reporter_class", "using"],
    ))),
    ("django.utils.log.CallbackFilter", Item::Filter(&Signature::new(
        "CallbackFilter.__init__()", &["callback"], &[],
    ))),
    ("django.utils.log.RequireDebugFalse", FILTER),
    ("django.utils.log.RequireDebugTrue", FILTER),
    ("django.utils.log.ServerFormatter", FORMATTER),
    ("pythonjsonlogger.json.JsonFormatter", JSON),
    ("pythonjsonlogger.jsonlogger.JsonFormatter", JSON),
    ("uvicorn.logging.AccessFormatter", UVICORN),
    ("uvicorn.logging.DefaultFormatter", UVICORN),
];

const CONCURRENT: Item = Item::Handler(
    &Signature::new(
        "ConcurrentRotatingFileHandler.__init__()",
        &["filename"],
        &[
            "mode",
            "maxBytes",
            "backupCount",
            "encoding",
            "debug",
            "delay",
            "use_gzip",
            "owner",
            "chmod",
            "umask",
            "newline",
            "terminator",
            "unicode_error_policy",
            "lock_file_directory",
            "keep_file_open",
        ],
    )
    .and(&["compress", "namer", "makedirs"]),
);
const UVICORN: Item = Item::Formatter(
    &Signature::new("ColourizedFormatter.__init__()", &[], &["fmt", "datefmt", "style", "use_colors"]).and(OF_LINES),
);
/// python-json-logger 4.2, which passes on what it does not take itself.
const JSON: Item = Item::Formatter(&Signature::new("BaseJsonFormatter.__init__()", &[], JSON_ARGUMENTS));
#[rustfmt::skip]
const JSON_ARGUMENTS: &[&str] = &[
    "fmt", "datefmt", "style", "validate", "prefix", "rename_fields", "rename_fields_keep_missing", "static_fields",
    "reserved_attrs", "timestamp", "defaults", "exc_info_as_array", "stack_info_as_array", "json_default",
    "json_encoder", "json_serializer", "json_indent", "json_ensure_ascii",
];

/// The arguments whose items a class looks up one by one, so that `ext://` and `cfg://` stand for something in them too,
/// though not in what they hold in turn (CPython's `ConvertingDict`).
pub(super) fn looked_into(name: &str) -> &'static [&'static str] {
    match name {
        "pythonjsonlogger.json.JsonFormatter"
        | "pythonjsonlogger.jsonlogger.JsonFormatter"
        | "logtree.JsonFormatter" => &["defaults", "rename_fields", "static_fields"],
        "colorlog.ColoredFormatter" => &["log_colors"],
        _ => &[],
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    #[test]
    fn signatures_are_the_packages() {
        let theirs: BTreeMap<String, (String, Vec<String>, Vec<String>)> =
            serde_json::from_str(include_str!("../../tests/data/third_party.json")).unwrap();
        assert_eq!(theirs.len(), 12);
        for (name, (call, required, optional)) in theirs {
            let ours = crate::catalog::signature(&name).unwrap();
            assert_eq!(ours.call, call, "{name}");
            assert_eq!(ours.positional(), [required.clone(), optional].concat(), "{name}");
            assert_eq!(ours.required, required, "{name}");
        }
    }
}
