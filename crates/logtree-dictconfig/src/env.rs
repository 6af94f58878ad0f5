//! `${NAME}` and `${NAME:-default}` in the strings of a config, if its top-level key `env` is true.
//!
//! A name is of letters, digits and `_`; the default is taken where the variable is not set or is empty, as in a shell,
//! and may hold further variables. `$${` stands for `${`. Whatever else stands behind a `$` is left as it is, so that formats
//! of the style `$` go on to say `$message`. What comes from the environment stays text, and is not looked at again.

use std::ffi::OsString;
use std::sync::Arc;

use crate::check::At;
use crate::found::Found;
use crate::node::{Kind, Node};
use crate::problem::Problem;
use crate::python::repr_str;
use crate::source::Source;

/// How deep defaults may stand in defaults.
const MAX_DEPTH: usize = 16;

/// Puts the environment into the strings of a config that asks for it. Gives what is wrong with them.
pub(crate) fn expand(
    source: &Arc<Source>,
    root: &mut Node,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Vec<Problem> {
    let is_wanted = root.entry("env").is_some_and(|entry| entry.value.is_truthy());
    let mut expansion = Expansion { variable: &variable, found: Found::new(source) };
    if is_wanted {
        let at = At::root(root);
        expansion.node(root, &at);
    }
    expansion.found.finish()
}

struct Expansion<'a> {
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    found: Found,
}

impl Expansion<'_> {
    fn node(&mut self, node: &mut Node, at: &At) {
        match &mut node.kind {
            Kind::Str(text) if text.contains("${") => match self.text(text, MAX_DEPTH) {
                Ok(expanded) => *text = expanded,
                Err(message) => {
                    let expected = Some("${NAME}, ${NAME:-default}, or $${ for ${ itself".to_owned());
                    self.found.add(true, &at.path, at.span, message).expected = expected;
                }
            },
            Kind::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let at = at.index(index, item);
                    self.node(item, &at);
                }
            }
            Kind::Dict(entries) => {
                for entry in entries {
                    let at = at.value(entry);
                    self.node(&mut entry.value, &at);
                }
            }
            _ => {}
        }
    }

    /// The text with its variables in it, or what is wrong with them.
    fn text(&self, text: &str, depth_left: usize) -> Result<String, String> {
        let depth_left = depth_left.checked_sub(1).ok_or("too many defaults in defaults")?;
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if let Some(before) = rest[..at].strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            out.push_str(&rest[..at]);
            let inside = &rest[at + 2..];
            let end = closing(inside).ok_or_else(|| format!("nothing closes {}", repr_str(&clipped(&rest[at..]))))?;
            out.push_str(&self.reference(&inside[..end], depth_left)?);
            rest = &inside[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    /// What `NAME` or `NAME:-default` stands for.
    fn reference(&self, inside: &str, depth_left: usize) -> Result<String, String> {
        let (name, default) = inside.split_once(":-").map_or((inside, None), |(name, default)| (name, Some(default)));
        let is_word = name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
        if !is_word || name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(format!("{} is no name of an environment variable", repr_str(&clipped(name))));
        }
        match (self.variable)(name).map(OsString::into_string) {
            Some(Err(_)) => Err(format!("the environment variable {name} is not UTF-8")),
            Some(Ok(value)) if !value.is_empty() || default.is_none() => Ok(value),
            _ => match default {
                Some(default) => self.text(default, depth_left),
                None => Err(format!("the environment variable {name} is not set")),
            },
        }
    }
}

/// Where the bracket closes that stands open before the text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0;
    for (at, char) in text.char_indices() {
        match char {
            '{' if text[..at].ends_with('$') => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

/// So much of a text as a message shows.
fn clipped(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    fn variable(name: &str) -> Option<OsString> {
        match name {
            "HOME" => Some("/srv".into()),
            "EMPTY" => Some("".into()),
            "MONEY" => Some("${HOME}$${".into()),
            "RAW" => Some(OsString::from_vec(vec![0xff])),
            _ => None,
        }
    }

    fn expanded(text: &str) -> Result<String, String> {
        let mut root = crate::json::from_value(&serde_json::json!({"env": true, "list": [text]}));
        let source = Arc::new(Source { origin: "x".into(), text: String::new() });
        let problems = expand(&source, &mut root, variable);
        match problems.first() {
            Some(problem) => Err(format!("{}: {}", problem.path(), problem.message())),
            None => {
                let Kind::List(items) = &root.entry("list").unwrap().value.kind else { unreachable!("a list") };
                Ok(items[0].text())
            }
        }
    }

    #[test]
    fn variables_and_defaults() {
        // sh: echo "${HOME}", "${EMPTY:-x}" and the others, but for the escape, which shells have as a backslash.
        let cases = [
            ("${HOME}/log", "/srv/log"),
            ("a${HOME}${HOME}b", "a/srv/srvb"),
            ("${EMPTY}", ""),
            ("${EMPTY:-x}", "x"),
            ("${NOPE:-}", ""),
            ("${NOPE:-a:-b}", "a:-b"),
            ("${NOPE:-${HOME}/x}y", "/srv/xy"),
            ("${NOPE:-${NOPE:-{z}}", "{z"),
            ("${HOME:-${!}}", "/srv"),
            ("$${HOME}", "${HOME}"),
            ("$$${HOME}", "$${HOME}"),
            ("${MONEY}", "${HOME}$${"),
            ("$message $$ $", "$message $$ $"),
            ("%(message)s {message} $HOME $(x)", "%(message)s {message} $HOME $(x)"),
            ("é${HOME}é", "é/srvé"),
        ];
        for (text, value) in cases {
            assert_eq!(expanded(text), Ok(value.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let cases = [
            ("${NOPE}", "list[0]: the environment variable NOPE is not set"),
            ("${RAW}", "list[0]: the environment variable RAW is not UTF-8"),
            ("${a-b}", "list[0]: 'a-b' is no name of an environment variable"),
            ("${}", "list[0]: '' is no name of an environment variable"),
            ("${1}", "list[0]: '1' is no name of an environment variable"),
            ("x${HOME", "list[0]: nothing closes '${HOME'"),
        ];
        for (text, message) in cases {
            assert_eq!(expanded(text), Err(message.to_owned()), "{text}");
        }
        assert!(expanded(&"${N:-".repeat(100_000)).is_err());
        assert!(expanded(&format!("{}{}", "${N:-".repeat(1000), "}".repeat(1000))).unwrap_err().contains("too many"));
    }

    #[test]
    fn it_is_not_done_unasked() {
        let source = Arc::new(Source { origin: "x".into(), text: String::new() });
        for env in [serde_json::Value::Null, false.into(), 0.into()] {
            let mut root = crate::json::from_value(&serde_json::json!({"env": env, "a": "${NOPE}"}));
            assert_eq!(expand(&source, &mut root, variable), []);
            assert_eq!(root.entry("a").unwrap().value.as_str(), Some("${NOPE}"));
        }
    }
}
