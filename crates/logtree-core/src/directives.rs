//! Levels of many loggers in one line of text, as tracing-subscriber's `EnvFilter` has them.

use crate::level::{Level, LevelNames};
use crate::logger_name;

/// Levels of loggers: what `info,my_app::db=debug` says.
///
/// It is written as for tracing-subscriber's `EnvFilter`: directives with commas between them, `my_app::db=debug` for a
/// logger, `info` for the root, `my_app` alone for everything of `my_app`. Levels are `tracing`'s names in whatever case (and
/// `off`, and the numbers 0 for `off` to 5 for `trace`), Python's, and those of the key `levels`. Of two directives for one
/// logger the later counts.
///
/// DIFFERENCE to `EnvFilter`: names are compared by their parts, so that `my_app` is not `my_app2`; and as a logger's level
/// decides about events, never spans, directives for spans and fields (`[span{field=value}]`) are refused.
///
/// ```
/// # use logtree_core as logtree;
/// use logtree::{Directives, Level, LevelNames};
///
/// let directives = Directives::parse("warn,my_app=debug,my_app::db=off", LevelNames::STANDARD).unwrap();
/// assert_eq!(directives.level_of("my_app.web"), Some(Level::DEBUG));
/// assert_eq!(directives.level_of("other"), Some(Level::WARNING));
/// let problems = Directives::parse("my_app=verbose", LevelNames::STANDARD).unwrap_err();
/// assert_eq!(problems[0].message, "the directive 'my_app=verbose' gives no level");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directives(Vec<(String, Level)>);

/// What is wrong with one directive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadDirective {
    /// What is wrong, with the directive in it.
    pub message: String,
    /// What it should be.
    pub expected: &'static str,
    /// The level that was given, if it is none.
    pub level: Option<String>,
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

impl Directives {
    /// Reads directives; `names` are those of levels beside `tracing`'s.
    ///
    /// # Errors
    /// If a directive is none: with all that are none.
    pub fn parse(text: &str, names: &LevelNames) -> Result<Self, Vec<BadDirective>> {
        let (mut levels, mut bad) = (Vec::new(), Vec::new());
        for directive in split(text) {
            match parse_one(directive, names) {
                Ok(level) => levels.extend(level),
                Err(error) => bad.push(error),
            }
        }
        if bad.is_empty() { Ok(Self(levels)) } else { Err(bad) }
    }

    /// The loggers, by their dotted names, and their levels, in the order of the directives; the root's name is empty.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Level)> {
        self.0.iter().map(|(name, level)| (name.as_str(), *level))
    }

    /// Puts others on top, which count where both say something.
    pub fn extend(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// The level of the logger called `name`, in dots: that of the directive for it, or for the nearest logger above it.
    pub fn level_of(&self, name: &str) -> Option<Level> {
        let is_above = |above: &str| match name.strip_prefix(above) {
            Some(below) => above.is_empty() || below.is_empty() || below.starts_with('.'),
            None => false,
        };
        let above = self.0.iter().filter(|(above, _)| is_above(above));
        // Of several that are as near it is the last one.
        above.max_by_key(|(above, _)| above.len()).map(|(_, level)| *level)
    }
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

fn parse_one(directive: &str, names: &LevelNames) -> Result<Option<(String, Level)>, BadDirective> {
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
            Some(level) => return Ok(Some((String::new(), level))),
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
    Ok(Some((logger_name(target).into_owned(), level)))
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
        let directives = Directives::parse(value, &names).unwrap();
        directives.iter().map(|(name, level)| (name.to_owned(), level.0)).collect()
    }

    fn refused(value: &str) -> Vec<String> {
        let bad = Directives::parse(value, LevelNames::STANDARD).unwrap_err();
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
    fn the_nearest_directive_decides_and_of_two_as_near_the_later() {
        let level = |text: &str, name: &str| Directives::parse(text, LevelNames::STANDARD).unwrap().level_of(name);
        let text = "warn,a=info,a::b=debug,a.b=error,ab=off";
        for (name, of) in [("", 30), ("a", 20), ("a.c", 20), ("a.b", 40), ("a.b.c", 40), ("a.bb", 20), ("x", 30)] {
            assert_eq!(level(text, name), Some(Level(of)), "{name}");
        }
        assert_eq!(level(text, "ab.c"), Some(OFF));
        assert_eq!(level("a=info", "b"), None);
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
