//! The arguments of Python's handlers that logtree does not have: checked all the same, as CPython's constructors do.
//!
//! DIFFERENCE: those of CPython also look names up and connect sockets, and fail if that fails; a check does not.

use logtree_core::{Argument, ArgumentError};

/// What the constructor of `class` says to arguments whose names are right.
///
/// # Errors
/// CPython's.
pub(crate) fn check(class: &str, arguments: &[(String, Argument)]) -> Result<(), ArgumentError> {
    let given = |keyword: &str| arguments.iter().find(|(name, _)| name == keyword).map(|(_, argument)| argument);
    match class {
        "logging.handlers.SysLogHandler" => syslog(given("address"), given("socktype")),
        "logging.handlers.SMTPHandler" => ["mailhost", "credentials"].into_iter().try_for_each(|keyword| {
            let pair = given(keyword).filter(|argument| matches!(argument, Argument::List(_)));
            pair.map_or(Ok(()), |pair| unpack(pair).map(drop).map_err(|error| error.at(keyword)))
        }),
        "logging.handlers.HTTPHandler" => {
            let method = given("method").map_or(Ok(()), method);
            let is_secure = given("secure").is_some_and(Argument::is_truthy);
            method.and_then(|()| match given("context") {
                Some(Argument::None) | None => Ok(()),
                Some(_) if is_secure => Ok(()),
                Some(_) => {
                    let message = "context parameter only makes sense with secure=True";
                    Err(ArgumentError::new("ValueError", message).at("context"))
                }
            })
        }
        _ => Ok(()),
    }
}

/// A facility that the SysLogHandler does not know, which Python minds at each record only.
pub(super) fn unknown_facility<'a>(class: &str, arguments: &'a [(String, Argument)]) -> Option<&'a str> {
    let facility = arguments.iter().find(|(name, _)| name == "facility").map(|(_, facility)| facility);
    match facility {
        Some(Argument::Str(name)) if class == "logging.handlers.SysLogHandler" => {
            Some(name.as_str()).filter(|name| !FACILITIES.contains(name))
        }
        _ => None,
    }
}

/// The names of facilities (CPython's `SysLogHandler.facility_names`).
#[rustfmt::skip]
pub(super) const FACILITIES: [&str; 24] = [
    "auth", "authpriv", "console", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "ntp", "security",
    "solaris-cron", "syslog", "user", "uucp", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// `createSocket`, which asks the system about an address that is no path.
fn syslog(address: Option<&Argument>, socktype: Option<&Argument>) -> Result<(), ArgumentError> {
    let pair = match address {
        None | Some(Argument::Str(_)) => None,
        Some(address) => Some(
            unpack(address)
                .map_err(|error| error.at("address").expected("a list of host and port, or the path of a socket"))?,
        ),
    };
    match socktype {
        None | Some(Argument::None | Argument::Int(_) | Argument::Bool(_)) => {}
        Some(other) => {
            let message = format!("'{}' object cannot be interpreted as an integer", other.type_name());
            let error = ArgumentError::new("TypeError", message).at("socktype");
            return Err(error.expected("ext://socket.SOCK_DGRAM or ext://socket.SOCK_STREAM"));
        }
    }
    match pair {
        Some((host, _)) if !matches!(host, Argument::Str(_) | Argument::None) => {
            Err(ArgumentError::new("TypeError", "getaddrinfo() argument 1 must be string or None").at("address"))
        }
        Some((_, Argument::None | Argument::Int(_) | Argument::Str(_))) | None => Ok(()),
        Some(_) => Err(ArgumentError::new("OSError", "Int or String expected").at("address")),
    }
}

/// Python's `host, port = address`. The parts of a dict are its keys.
fn unpack(address: &Argument) -> Result<(Argument, Argument), ArgumentError> {
    let parts: Vec<Argument> = match address {
        Argument::List(items) => items.clone(),
        Argument::Map(items) => items.iter().map(|(key, _)| Argument::Str(key.clone())).collect(),
        other => {
            let message = format!("cannot unpack non-iterable {} object", other.type_name());
            return Err(ArgumentError::new("TypeError", message));
        }
    };
    let error = |message: String| Err(ArgumentError::new("ValueError", message).expected("a list of two"));
    match <[Argument; 2]>::try_from(parts) {
        Ok([first, second]) => Ok((first, second)),
        Err(parts) if parts.len() > 2 => error("too many values to unpack (expected 2)".into()),
        Err(parts) => error(format!("not enough values to unpack (expected 2, got {})", parts.len())),
    }
}

fn method(method: &Argument) -> Result<(), ArgumentError> {
    let error = match method {
        Argument::Str(method) if matches!(&*method.to_uppercase(), "GET" | "POST") => return Ok(()),
        Argument::Str(_) => ArgumentError::new("ValueError", "method must be GET or POST"),
        other => {
            let message = format!("'{}' object has no attribute 'upper'", other.type_name());
            ArgumentError::new("AttributeError", message)
        }
    };
    Err(error.at("method").expected("GET or POST"))
}
