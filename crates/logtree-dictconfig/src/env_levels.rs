//! Levels from the environment, on top of the config: the top-level key `env_levels` names a variable, such as `RUST_LOG`.
//!
//! Its value is written as for tracing-subscriber's `EnvFilter`: directives with commas between them, `my_app::db=debug` for a
//! logger, `info` for the root, `my_app` alone for everything of `my_app`. Levels are `tracing`'s names in whatever case (and
//! `off`, and the numbers 0 for `off` to 5 for `trace`), Python's, and those of the key `levels`. Of two directives for one
//! logger the later counts.
//!
//! DIFFERENCE to `EnvFilter`: a directive does what Python's `setLevel` does. What the config says of loggers further down, and
//! of handlers, still holds; names are compared by their parts, so that `my_app` is not `my_app2`; and as a logger's level
//! decides about events, never spans, directives for spans and fields (`[span{field=value}]`) are refused.

use logtree_core::{Level, LevelNames, logger_name};

/// The level of one logger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EnvLevel {
    /// With dots; empty for the root.
    pub(crate) name: String,
    pub(crate) level: Level,
}

/// What is wrong with one directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadDirective {
    pub(crate) message: String,
    pub(crate) expected: &'static str,
    /// The level that was given.
    pub(crate) level: Option<String>,
}

/// Nothing is as important.
const OFF: Level = Level(i32::MAX);

/// `tracing`'s names and numbers; those that both have are the same.
const TRACING: [(&str, &str, Level); 6] = [
    ("off", "0", OFF),
    ("error", "1", Level::ERROR),
    ("warn", "2", Level::WARNING),
    ("info", "3", Level::INFO),
    ("debug", "4", Level::DEBUG),
    ("trace", "5", Level::TRACE),
];

/// Reads the value of a variable: the levels in their order, or all that is wrong with it.
pub(crate) fn parse(value: &str, names: &LevelNames) -> Result<Vec<EnvLevel>, Vec<BadDirective>> {
    let (mut levels, mut bad) = (Vec::new(), Vec::new());
    for directive in split(value) {
        match parse_one(directive, names) {
            Ok(level) => levels.extend(level),
            Err(error) => bad.push(error),
        }
    }
    if bad.is_empty() { Ok(levels) } else { Err(bad) }
}

/// Splits at commas that no bracket is open around; a directive for a span may have some within.
fn split(value: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    value.split(move |char| {
        match char {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            _ => {}
        }
        char == ',' && depth <= 0
    })
}

fn parse_one(directive: &str, names: &LevelNames) -> Result<Option<EnvLevel>, BadDirective> {
    let directive = directive.trim();
    if directive.is_empty() {
        return Ok(None);
    }
    if directive.contains(['[', ']', '{', '}']) {
        let message = format!("the directive '{directive}' is for spans, about which loggers do not decide");
        return Err(BadDirective { message, expected: "target=level, a target, or a level", level: None });
    }
    let (target, level) = match directive.split_once('=') {
        Some((target, level)) => (target.trim(), level.trim()),
        None => match level_of(directive, names) {
            Some(level) => return Ok(Some(EnvLevel { name: String::new(), level })),
            None => (directive, "trace"),
        },
    };
    let is_name = |char: char| char.is_alphanumeric() || matches!(char, '_' | '-' | ':' | '.' | '/' | '$' | '@' | '+');
    if target.is_empty() || !target.chars().all(is_name) {
        let message = format!("the directive '{directive}' names no logger");
        return Err(BadDirective { message, expected: "target=level, such as my_app::db=debug", level: None });
    }
    let Some(level) = level_of(level, names) else {
        let message = format!("the directive '{directive}' gives no level");
        let expected = "off, error, warn, info, debug, trace, or the name of a level";
        return Err(BadDirective { message, expected, level: Some(level.to_owned()) });
    };
    Ok(Some(EnvLevel { name: logger_name(target).into_owned(), level }))
}

fn level_of(text: &str, names: &LevelNames) -> Option<Level> {
    let of_tracing = TRACING.iter().find(|(name, number, _)| name.eq_ignore_ascii_case(text) || *number == text);
    let named = || names.parse(text).or_else(|| names.parse(&text.to_uppercase()));
    of_tracing.map(|(_, _, level)| *level).or_else(named)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(value: &str) -> Vec<(String, i32)> {
        let mut names = LevelNames::default();
        names.add(Level(25), "NOTICE");
        parse(value, &names).unwrap().into_iter().map(|EnvLevel { name, level }| (name, level.0)).collect()
    }

    fn refused(value: &str) -> Vec<String> {
        let bad = parse(value, LevelNames::STANDARD).unwrap_err();
        bad.into_iter().map(|BadDirective { message, .. }| message).collect()
    }

    #[test]
    fn directives_are_those_of_env_filter() {
        // The examples of `EnvFilter`'s documentation that are not about spans, and `LevelFilter::from_str`.
        let pair = |name: &str, level| (name.to_owned(), level);
        assert_eq!(read("tokio::net=info"), [pair("tokio.net", 20)]);
        assert_eq!(read("warn,tokio::net=info"), [pair("", 30), pair("tokio.net", 20)]);
        assert_eq!(read("my_crate"), [pair("my_crate", 5)]);
        assert_eq!(read("my_crate=off, other = TRACE ,,"), [pair("my_crate", i32::MAX), pair("other", 5)]);
        assert_eq!(
            read("0,a=1,a=2,a=3,a=4,a=5").iter().map(|(_, level)| *level).collect::<Vec<_>>(),
            [i32::MAX, 40, 30, 20, 10, 5]
        );
        assert!(read("").is_empty() && read(" , ").is_empty());
    }

    #[test]
    fn levels_may_be_pythons_and_the_configs() {
        let pair = |name: &str, level| (name.to_owned(), level);
        assert_eq!(
            read("CRITICAL,a=warning,b=NOTICE,c=notset,root=info"),
            [pair("", 50), pair("a", 30), pair("b", 25), pair("c", 0), pair("", 20)]
        );
    }

    #[test]
    fn what_is_no_directive_is_said_each_by_itself() {
        let spans = |directive| format!("the directive '{directive}' is for spans, about which loggers do not decide");
        assert_eq!(refused("info,[span]=debug,a[b]=trace"), [spans("[span]=debug"), spans("a[b]=trace")]);
        assert_eq!(refused("a[s{f=1}]=debug"), [spans("a[s{f=1}]=debug")]);
        assert_eq!(refused("a[s{f=\"x,y\"}]=debug,b=info"), [spans("a[s{f=\"x,y\"}]=debug")]);
        assert_eq!(refused("a=verbose"), ["the directive 'a=verbose' gives no level"]);
        assert_eq!(
            refused("=info,a b=info"),
            ["=info", "a b=info"].map(|bad| format!("the directive '{bad}' names no logger"))
        );
        assert_eq!(refused("a=9"), ["the directive 'a=9' gives no level"]);
    }
}
