//! Levels of many loggers in one line of text, as tracing-subscriber's `EnvFilter` has them.

mod spans;

pub use spans::SpanDirective;

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
/// decides about events, whatever spans they are in, directives for spans and fields (`[span{field=value}]`) are refused. Filters
/// [take them](Self::parse_with_spans).
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
        Self::parse_each(text, names, |directive| {
            let message = format!("the directive '{directive}' is for spans, about which loggers do not decide");
            let expected =
                "target=level, a target, or a level; logtree.DirectivesFilter, on a handler, takes those for spans";
            Err(BadDirective { message, expected, level: None })
        })
    }

    /// Reads directives, those for spans too.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with_spans(text: &str, names: &LevelNames) -> Result<(Self, Vec<SpanDirective>), Vec<BadDirective>> {
        let mut spans = Vec::new();
        let read = Self::parse_each(text, names, |directive| {
            spans.push(SpanDirective::parse(directive, names)?);
            Ok(())
        });
        Ok((read?, spans))
    }

    fn parse_each(
        text: &str,
        names: &LevelNames,
        mut for_spans: impl FnMut(&str) -> Result<(), BadDirective>,
    ) -> Result<Self, Vec<BadDirective>> {
        let (mut levels, mut bad) = (Vec::new(), Vec::new());
        for directive in split(text).map(str::trim).filter(|directive| !directive.is_empty()) {
            let outcome = match directive.contains(['[', ']', '{', '}']) {
                true => for_spans(directive),
                false => parse_one(directive, names).map(|level| levels.push(level)),
            };
            bad.extend(outcome.err());
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
        let above = self.0.iter().filter(|(above, _)| is_or_is_below(name, above));
        // Of several that are as near it is the last one.
        above.max_by_key(|(above, _)| above.len()).map(|(_, level)| *level)
    }
}

fn is_or_is_below(name: &str, above: &str) -> bool {
    match name.strip_prefix(above) {
        Some(below) => above.is_empty() || below.is_empty() || below.starts_with('.'),
        None => false,
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

fn parse_one(directive: &str, names: &LevelNames) -> Result<(String, Level), BadDirective> {
    let is_before_pattern = |before: &str| before.contains('=') || level_of(before.trim(), names).is_some();
    if directive.split_once('/').is_some_and(|(before, _)| is_before_pattern(before)) {
        let message = format!("the directive '{directive}' ends with a pattern for messages, as env_logger has it");
        let expected = "directives alone; logtree.FieldFilter with field: message and matches looks at messages";
        return Err(BadDirective { message, expected, level: None });
    }
    let (target, level) = match directive.split_once('=') {
        Some((target, level)) => (target.trim(), level.trim()),
        None => match level_of(directive, names) {
            Some(level) => return Ok((String::new(), level)),
            None => (directive, "trace"),
        },
    };
    if target.is_empty() {
        return Err(no_logger(directive));
    }
    Ok((logger_of(target, directive)?, level_in(directive, level, names)?))
}

/// The logger that a directive is for.
fn logger_of(target: &str, directive: &str) -> Result<String, BadDirective> {
    let is_name = |char: char| char.is_alphanumeric() || matches!(char, '_' | '-' | ':' | '.' | '/' | '$' | '@' | '+');
    if target.chars().all(is_name) { Ok(logger_name(target).into_owned()) } else { Err(no_logger(directive)) }
}

fn no_logger(directive: &str) -> BadDirective {
    let message = format!("the directive '{directive}' names no logger");
    BadDirective { message, expected: "target=level, such as my_app::db=debug", level: None }
}

/// The level that a directive gives.
fn level_in(directive: &str, level: &str, names: &LevelNames) -> Result<Level, BadDirective> {
    level_of(level, names).ok_or_else(|| {
        let message = format!("the directive '{directive}' gives no level");
        let expected = "off, error, warn, info, debug, trace, or the name of a level";
        BadDirective { message, expected, level: Some(level.to_owned()) }
    })
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
    fn who_takes_directives_for_spans_is_told_which_are_none() {
        let read = |text: &str| Directives::parse_with_spans(text, LevelNames::STANDARD);
        let (levels, spans) = read("info, a::b[s{f=\"x,y\", g}]=debug,[s],[{f}]=OFF").unwrap();
        assert_eq!((levels.iter().count(), spans.len()), (1, 3));
        let is_for = |at: usize, name, level| spans[at].is_for(name, Level(level));
        assert!(is_for(0, "a.b.c", 10) && !is_for(0, "a.b.c", 5) && !is_for(0, "a.bb", 10) && !is_for(0, "a", 10));
        assert!(is_for(1, "x", 5) && !is_for(2, "x", 50));
        for bad in ["[s", "s]", "[]", "[{}]", "[s}]", "[s{f=1]=debug", "[s][t]=debug", "[s]debug", "{f=1}=debug"] {
            let said = read(bad).unwrap_err().remove(0).message;
            assert_eq!(said, format!("the directive '{bad}' names no span"));
        }
        let said = |text: &str| read(text).unwrap_err().into_iter().map(|bad| bad.message).collect::<Vec<_>>();
        assert_eq!(
            said("[s]=verbose,a b[s]=info"),
            ["the directive '[s]=verbose' gives no level", "the directive 'a b[s]=info' names no logger"]
        );
    }

    #[test]
    fn what_is_no_directive_is_said_each_by_itself() {
        let spans = |directive| format!("the directive '{directive}' is for spans, about which loggers do not decide");
        assert_eq!(refused("info,[span]=debug,a[b]=trace"), [spans("[span]=debug"), spans("a[b]=trace")]);
        assert_eq!(refused("a[s{f=1}]=debug"), [spans("a[s{f=1}]=debug")]);
        assert_eq!(refused("a[s{f=\"x,y\"}]=debug,b=info"), [spans("a[s{f=\"x,y\"}]=debug")]);
        assert_eq!(
            refused("info/e .*db,a=info/x,a/b=info,a/b"),
            ["info/e .*db", "a=info/x"]
                .map(|bad| { format!("the directive '{bad}' ends with a pattern for messages, as env_logger has it") })
        );
        assert_eq!(refused("a=verbose"), ["the directive 'a=verbose' gives no level"]);
        assert_eq!(
            refused("=info,a b=info"),
            ["=info", "a b=info"].map(|bad| format!("the directive '{bad}' names no logger"))
        );
        assert_eq!(refused("a=9"), ["the directive 'a=9' gives no level"]);
    }
}
