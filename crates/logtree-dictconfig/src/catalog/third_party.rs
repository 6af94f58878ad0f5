//! Classes of other projects that configs in the wild name. Their arguments are for them to check.

use super::{Item, Signature};

#[rustfmt::skip]
const CLASSES: &[(&str, Item)] = &[
    ("cloghandler.ConcurrentRotatingFileHandler", CONCURRENT),
    ("colorlog.ColoredFormatter", Item::Formatter(&Signature::any("ColoredFormatter.__init__()"))),
    ("concurrent_log_handler.ConcurrentRotatingFileHandler", CONCURRENT),
    ("django.utils.log.AdminEmailHandler", Item::Handler(&Signature::any("AdminEmailHandler.__init__()"))),
    ("django.utils.log.CallbackFilter", Item::Filter(&Signature::any("CallbackFilter.__init__()"))),
    ("django.utils.log.RequireDebugFalse", Item::Filter(&Signature::any("RequireDebugFalse()"))),
    ("django.utils.log.RequireDebugTrue", Item::Filter(&Signature::any("RequireDebugTrue()"))),
    ("django.utils.log.ServerFormatter", Item::Formatter(&Signature::any("ServerFormatter.__init__()"))),
    ("pythonjsonlogger.json.JsonFormatter", JSON),
    ("pythonjsonlogger.jsonlogger.JsonFormatter", JSON),
    ("uvicorn.logging.AccessFormatter", Item::Formatter(&Signature::any("ColourizedFormatter.__init__()"))),
    ("uvicorn.logging.DefaultFormatter", Item::Formatter(&Signature::any("ColourizedFormatter.__init__()"))),
];

const CONCURRENT: Item = Item::Handler(&Signature::any("ConcurrentRotatingFileHandler.__init__()"));
const JSON: Item = Item::Formatter(&Signature::any("JsonFormatter.__init__()"));

pub(super) fn find(name: &str) -> Option<Item> {
    CLASSES.iter().find(|(known, _)| *known == name).map(|(_, item)| *item)
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    CLASSES.iter().map(|(name, _)| *name)
}
