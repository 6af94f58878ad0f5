//! Python's own library, as of CPython 3.13 (`inspect.signature` of each).

use super::{Item, Signature};

/// Modules, and whether they are packages.
pub(super) const MODULES: &[(&str, bool)] = &[
    ("logging", true),
    ("logging.config", false),
    ("logging.handlers", false),
    ("multiprocessing", true),
    ("multiprocessing.queues", false),
    ("os", false),
    ("queue", false),
    ("socket", false),
    ("sys", false),
    ("time", false),
];

#[rustfmt::skip]
pub(super) const CLASSES: &[(&str, Item)] = &[
    ("logging.StreamHandler", Item::Handler(&Signature::new("StreamHandler.__init__()", &[], &["stream"]))),
    ("logging.FileHandler", Item::Handler(&Signature::new("FileHandler.__init__()", &["filename"], FILE).and(BEYOND))),
    ("logging.Handler", Item::Handler(&Signature::new("Handler.__init__()", &[], &["level"]))),
    ("logging.NullHandler", Item::Handler(&Signature::new("Handler.__init__()", &[], &["level"]))),
    ("logging.handlers.BaseRotatingHandler", Item::Handler(&Signature::new(
        "BaseRotatingHandler.__init__()", &["filename", "mode"], &["encoding", "delay", "errors"],
    ))),
    ("logging.handlers.RotatingFileHandler", Item::Handler(&Signature::new(
        "RotatingFileHandler.__init__()",
        &["filename"],
        &["mode", "maxBytes", "backupCount", "encoding", "delay", "errors"],
    ).and(&[
        "maxAge", "maxTotalBytes", "compress", "namer", "permissions", "owner", "group", "fsync", "latest", "makedirs",
        "buffering", "flushLevel", "flushInterval",
    ]))),
    ("logging.handlers.TimedRotatingFileHandler", Item::Handler(&Signature::new(
        "TimedRotatingFileHandler.__init__()",
        &["filename"],
        &["when", "interval", "backupCount", "encoding", "delay", "utc", "atTime", "errors"],
    ).and(&[
        "maxBytes", "maxAge", "maxTotalBytes", "compress", "namer", "permissions", "owner", "group", "fsync", "latest",
        "makedirs", "buffering", "flushLevel", "flushInterval",
    ]))),
    ("logging.handlers.WatchedFileHandler", Item::Handler(&Signature::new(
        "WatchedFileHandler.__init__()", &["filename"], FILE,
    ).and(BEYOND))),
    ("logging.handlers.SocketHandler", Item::Handler(&Signature::new(
        "SocketHandler.__init__()", &["host", "port"], &[],
    ))),
    ("logging.handlers.DatagramHandler", Item::Handler(&Signature::new(
        "DatagramHandler.__init__()", &["host", "port"], &[],
    ))),
    ("logging.handlers.SysLogHandler", Item::Handler(&Signature::new(
        "SysLogHandler.__init__()", &[], &["address", "facility", "socktype"],
    ))),
    ("logging.handlers.SMTPHandler", Item::Handler(&Signature::new(
        "SMTPHandler.__init__()",
        &["mailhost", "fromaddr", "toaddrs", "subject"],
        &["credentials", "secure", "timeout"],
    ))),
    ("logging.handlers.NTEventLogHandler", Item::Handler(&Signature::new(
        "NTEventLogHandler.__init__()", &["appname"], &["dllname", "logtype"],
    ))),
    ("logging.handlers.HTTPHandler", Item::Handler(&Signature::new(
        "HTTPHandler.__init__()", &["host", "url"], &["method", "secure", "credentials", "context"],
    ))),
    ("logging.handlers.BufferingHandler", Item::Handler(&Signature::new(
        "BufferingHandler.__init__()", &["capacity"], &[],
    ))),
    ("logging.handlers.MemoryHandler", Item::Handler(&Signature::new(
        "MemoryHandler.__init__()", &["capacity"], &["flushLevel", "target", "flushOnClose"],
    ))),
    // dictConfig gives it an in-process queue if there is none, and takes the keys of its listener out beforehand.
    ("logging.handlers.QueueHandler", Item::Handler(&Signature::new(
        "QueueHandler.__init__()", &[], &["queue"],
    ).and(&["listener", "handlers", "respect_handler_level"]))),
    ("logging.Formatter", FORMATTER),
    ("logging.BufferingFormatter", Item::Class),
    ("logging.Filter", FILTER),
    ("queue.Queue", Item::Queue(&Signature::new("Queue.__init__()", &[], &["maxsize"]).and(IN_PROCESS))),
    ("queue.LifoQueue", Item::Queue(&Signature::new("Queue.__init__()", &[], &["maxsize"]).and(IN_PROCESS))),
    ("queue.PriorityQueue", Item::Queue(&Signature::new("Queue.__init__()", &[], &["maxsize"]).and(IN_PROCESS))),
    ("queue.SimpleQueue", Item::Queue(&Signature::new("SimpleQueue()", &[], &[]))),
    ("multiprocessing.Queue", Item::Queue(&Signature::new("BaseContext.Queue()", &[], &["maxsize"]).and(CROSS_PROCESS))),
    ("multiprocessing.JoinableQueue", Item::Queue(&Signature::new("BaseContext.JoinableQueue()", &[], &["maxsize"]).and(CROSS_PROCESS))),
    ("multiprocessing.SimpleQueue", Item::Queue(&Signature::new("BaseContext.SimpleQueue()", &[], &[]))),
    ("logging.handlers.QueueListener", Item::Class),
    ("logging.Filterer", Item::Class),
    ("logging.LogRecord", Item::Class),
    ("logging.Logger", Item::Class),
    ("logging.LoggerAdapter", Item::Class),
    ("logging.Manager", Item::Class),
    ("logging.PercentStyle", Item::Class),
    ("logging.PlaceHolder", Item::Class),
    ("logging.RootLogger", Item::Class),
    ("logging.StrFormatStyle", Item::Class),
    ("logging.StringTemplateStyle", Item::Class),
];

pub(super) const FORMATTER: Item = Item::Formatter(
    &Signature::new("Formatter.__init__()", &[], &["fmt", "datefmt", "style", "validate", "defaults"]).and(OF_LINES),
);
/// What logtree's formatters of lines take besides.
pub(super) const OF_LINES: &[&str] = &["escape", "timespec", "utc"];
pub(super) const FILTER: Item = Item::Filter(&Signature::new("Filter.__init__()", &[], &["name"]));
const FILE: &[&str] = &["mode", "encoding", "delay", "errors"];
/// What logtree's files take besides.
#[rustfmt::skip]
const BEYOND: &[&str] = &[
    "permissions", "owner", "group", "fsync", "latest", "makedirs", "buffering", "flushLevel", "flushInterval",
];
/// What logtree's queues take besides.
const IN_PROCESS: &[&str] = &["capacity", "overflow", "timeout", "reserve_above"];
const CROSS_PROCESS: &[&str] = &["capacity", "overflow", "timeout", "reserve_above", "name", "listener_in"];

/// The functions of the module `logging`.
#[rustfmt::skip]
const FUNCTIONS: &[&str] = &[
    "addLevelName", "basicConfig", "captureWarnings", "critical", "currentframe", "debug", "disable", "error",
    "exception", "fatal", "getHandlerByName", "getHandlerNames", "getLevelName", "getLevelNamesMapping",
    "getLogRecordFactory", "getLogger", "getLoggerClass", "info", "log", "makeLogRecord", "setLogRecordFactory",
    "setLoggerClass", "shutdown", "warn", "warning",
];

/// Integers that configs name with `ext://`. Those of `socket` are Linux's.
const INTEGERS: &[(&str, i64)] = &[
    ("logging.CRITICAL", 50),
    ("logging.FATAL", 50),
    ("logging.ERROR", 40),
    ("logging.WARNING", 30),
    ("logging.WARN", 30),
    ("logging.INFO", 20),
    ("logging.DEBUG", 10),
    ("logging.NOTSET", 0),
    ("logging.handlers.DEFAULT_TCP_LOGGING_PORT", 9020),
    ("logging.handlers.DEFAULT_UDP_LOGGING_PORT", 9021),
    ("logging.handlers.DEFAULT_HTTP_LOGGING_PORT", 9022),
    ("logging.handlers.DEFAULT_SOAP_LOGGING_PORT", 9023),
    ("logging.handlers.SYSLOG_UDP_PORT", 514),
    ("logging.handlers.SYSLOG_TCP_PORT", 514),
    ("socket.SOCK_STREAM", 1),
    ("socket.SOCK_DGRAM", 2),
];

/// The facilities and priorities of `logging.handlers.SysLogHandler`.
#[rustfmt::skip]
const SYSLOG: &[(&str, i64)] = &[
    ("LOG_EMERG", 0), ("LOG_ALERT", 1), ("LOG_CRIT", 2), ("LOG_ERR", 3), ("LOG_WARNING", 4), ("LOG_NOTICE", 5),
    ("LOG_INFO", 6), ("LOG_DEBUG", 7), ("LOG_KERN", 0), ("LOG_USER", 1), ("LOG_MAIL", 2), ("LOG_DAEMON", 3),
    ("LOG_AUTH", 4), ("LOG_SYSLOG", 5), ("LOG_LPR", 6), ("LOG_NEWS", 7), ("LOG_UUCP", 8), ("LOG_CRON", 9),
    ("LOG_AUTHPRIV", 10), ("LOG_FTP", 11), ("LOG_NTP", 12), ("LOG_SECURITY", 13), ("LOG_CONSOLE", 14),
    ("LOG_SOLCRON", 15), ("LOG_LOCAL0", 16), ("LOG_LOCAL1", 17), ("LOG_LOCAL2", 18), ("LOG_LOCAL3", 19),
    ("LOG_LOCAL4", 20), ("LOG_LOCAL5", 21), ("LOG_LOCAL6", 22), ("LOG_LOCAL7", 23),
];

/// A function or an integer.
pub(super) fn find(name: &str) -> Option<Item> {
    let integer = |table: &[(&str, i64)], name: &str| {
        table.iter().find(|(known, _)| *known == name).map(|(_, value)| Item::Int(*value))
    };
    if let Some(name) = name.strip_prefix("logging.handlers.SysLogHandler.") {
        return integer(SYSLOG, name);
    }
    let function = name.strip_prefix("logging.").filter(|function| FUNCTIONS.contains(function));
    function.map(|_| Item::Function).or_else(|| integer(INTEGERS, name))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    #[test]
    fn signatures_are_cpythons() {
        let theirs: BTreeMap<String, (String, Vec<String>, Vec<String>)> =
            serde_json::from_str(include_str!("../../tests/data/signatures.json")).unwrap();
        assert_eq!(theirs.len(), 22);
        for (name, (call, required, optional)) in theirs {
            let ours = crate::catalog::signature(&name).unwrap();
            let [required, optional] =
                [&required, &optional].map(|names| names.iter().map(|name| &**name).collect::<Vec<_>>());
            assert_eq!(ours.call, call, "{name}");
            if name == "logging.handlers.QueueHandler" {
                // dictConfig takes these out beforehand, and puts a queue in if there is none.
                assert_eq!((&*required, &*optional), (ours.optional, ours.required));
                continue;
            }
            assert_eq!((ours.required, ours.optional), (&*required, &*optional), "{name}");
            // Queues take more here than in Python, where their dict says so, and so do formatters and handlers of files.
            let may_be_more = ["ueue", "FileHandler", "logging.Formatter"].iter().any(|part| name.contains(part));
            assert!(may_be_more || ours.further.is_empty(), "{name}");
        }
    }
}
