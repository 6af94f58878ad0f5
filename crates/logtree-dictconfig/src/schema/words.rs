//! Words: which ones an argument may be, for editors to suggest, and what arguments are for.

/// The words of an argument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    /// To be suggested. Without a pattern they are all that there are.
    pub(super) suggested: &'static [&'static str],
    /// What all of them are like.
    pub(super) pattern: Option<&'static str>,
    /// Some that are none.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(super) refused: &'static [&'static str],
}

const LEVELS: Words = Words {
    suggested: &["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "TRACE", "NOTSET", "WARN", "FATAL"],
    pattern: None,
    refused: &["info", "NOTICE", "Error"],
};
const BYTES: Words = Words {
    suggested: &["64 KiB", "100 MiB", "1 GiB"],
    pattern: Some("^[0-9]+\\s*(B|KiB|MiB|GiB)?\\s*$"),
    refused: &["64 KB", "1.5 MiB", "-1", "MiB"],
};

/// The words of the arguments of this name, in all classes.
pub(super) fn of(keyword: &str) -> Option<Words> {
    let closed = |suggested, refused| Words { suggested, pattern: None, refused };
    Some(match keyword {
        "min_level" | "max_level" | "keep_from" | "reserve_above" | "flushLevel" => LEVELS,
        "buffering" | "capacity" => BYTES,
        "maxBytes" | "maxTotalBytes" => Words {
            suggested: &["100 MiB", "64 KiB", "1 GB"],
            pattern: Some("^[0-9]+\\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)$"),
            refused: &["512", "1.5 MiB", "MiB", "1 TB"],
        },
        "maxAge" => Words {
            suggested: &["14 days", "12 h", "1 week"],
            pattern: Some("^[0-9]+\\s*(s|seconds?|mins?|minutes?|h|hours?|d|days?|w|weeks?)$"),
            refused: &["14", "1 month", "1.5 h"],
        },
        "compress" => closed(&["gz", "zst"], &["bz2", "gzip"]),
        "namer" => Words {
            suggested: &["{stem}.{suffix}{ext}", "{name}.{suffix}"],
            pattern: Some("^([^{}/]|\\{(name|stem|ext)\\})*\\{suffix\\}([^{}/]|\\{(name|stem|ext)\\})*$"),
            refused: &["{name}", "{name}.{index}", "old/{name}.{suffix}", "{name}{suffix}{suffix}"],
        },
        "escape" => closed(&["none", "terminal", "controls"], &["Controls", "json"]),
        "timespec" => closed(&["seconds", "milliseconds", "microseconds", "nanoseconds"], &["micros", "auto"]),
        "style" => closed(&["%", "{", "$"], &["percent", "%%"]),
        "overflow" => closed(&["drop", "block"], &["wait", "Drop"]),
        "listener_in" => closed(&["process", "thread"], &["fork"]),
        "rotation" => closed(&["never", "minutely", "hourly", "daily", "weekly"], &["Daily", "monthly"]),
        "where" => closed(&["event", "span"], &["spans", "Event"]),
        "method" => {
            Words { suggested: &["GET", "POST"], pattern: Some("^([Gg][Ee][Tt]|[Pp][Oo][Ss][Tt])$"), refused: &["PUT"] }
        }
        "when" => Words {
            suggested: &["midnight", "S", "M", "H", "D", "W0", "W6"],
            pattern: Some("^([SsMmHhDd]|[Mm][Ii][Dd][Nn][Ii][Gg][Hh][Tt]|[Ww][0-6])$"),
            refused: &["W7", "daily", "W"],
        },
        _ => return None,
    })
}

/// What an argument is for, where its name and Python's documentation do not say it.
pub(super) fn description(class: &str, keyword: &str) -> Option<&'static str> {
    let is_queue = class.ends_with("Queue");
    Some(match keyword {
        "maxsize" if is_queue => "So many records wait in the queue; 0: as many as the memory holds.",
        "capacity" if is_queue => "So many bytes each producer has; a number, or one with KiB, MiB or GiB.",
        "overflow" if is_queue => "What a full queue does with a record: drop it and count, or block for `timeout`.",
        "timeout" if is_queue => "So many seconds a record waits for room where `overflow` is `block`.",
        "reserve_above" if is_queue => "Records from this level on have room of their own in a queue that is full.",
        "name" if is_queue => "Processes whose queues have the same name share one.",
        "listener_in" if is_queue => "Where the listener runs: in a helper process, or in a thread of the program.",
        "maxBytes" => "The file rolls before it becomes larger; a number, or one with KiB, MiB or GiB.",
        "backupCount" => "So many old files are kept.",
        "maxAge" => "Old files are deleted after so much time.",
        "maxTotalBytes" => "Old files are deleted when all together are larger.",
        "compress" => "How old files are compressed.",
        "namer" => "What old files are called: {suffix}, with {name} or {stem} and {ext} of the log's name.",
        "escape" => {
            "What becomes of control characters in what a record brings; `controls` keeps a record on one line."
        }
        "permissions" => "The file mode of what is created.",
        "makedirs" => "Whether the file's directory is made where there is none.",
        "fsync" => "When the file is brought to the disk.",
        "buffering" => "So many bytes are gathered before they are written.",
        "flushLevel" => "A record of this level is written at once, with all before it.",
        "flushInterval" => "So many seconds a record waits at most.",
        "rate" => "So many records pass in `per` seconds.",
        "per" => "So many seconds the rate is for.",
        "burst" => "So many records may pass at once.",
        "by" => "What has a limit or a draw of its own: a field, or an attribute by Python's name; one or a list.",
        "max_keys" => "So many limits are kept.",
        "interval" if class == "logtree.DuplicateFilter" => "So many seconds a message is held back after it passed.",
        "remember" => "With so many of the last messages one is compared.",
        "allowed" => "So often a message passes.",
        "ignore" => "Fields that may differ.",
        "directives" => "Levels of loggers: `info,my_app::db=debug`, as of EnvFilter.",
        "timespec" => "The time as RFC 3339 has it, so exact; with `datefmt` its fraction, behind that.",
        "utc" if !class.ends_with("Handler") => "Whether the time is in UTC.",
        "ratio" => "Which share passes, from 0 to 1.",
        "keep_from" => "Records from this level on all pass.",
        "min_level" => "The lowest level that passes.",
        "max_level" => "The highest level that passes.",
        "field" => "A field, of the event or of a span around it, or an attribute by Python's name.",
        "where" => "Where the field must stand.",
        "equals" => "One of these it must be.",
        "matches" => "A regular expression that must be found in it.",
        "invert" => "Whether those pass that otherwise would not.",
        "fields" => "Names of fields whose values are replaced; `*` stands for any characters.",
        "patterns" => "Regular expressions that are replaced wherever they are found.",
        "replacement" => "By what; `$1` stands for a group of a pattern.",
        _ => return None,
    })
}
