//! What an argument of a class may be, found out by asking the class.

use logtree_core::{Argument, ArgumentError, Registry};
use serde_json::{Map, Value, json};

use super::{either, reference, words};
use crate::catalog::Signature;
use crate::check::absent;

type Arguments = Vec<(String, Argument)>;

/// The schema of one argument.
pub(super) fn argument(registry: &Registry, class: &str, signature: &Signature, keyword: &str) -> Value {
    let asked = Asked { judge: &|arguments| judge(registry, class, arguments), keyword };
    let fill = asked.fill(signature);
    asked.schema(&fill)
}

/// What a class says to arguments.
fn judge(registry: &Registry, class: &str, arguments: Arguments) -> Option<ArgumentError> {
    let kwargs = |arguments| registry.kwargs("f()", arguments);
    if let Some(class) = registry.find_handler(class) {
        class(kwargs(arguments)).err()
    } else if let Some(class) = registry.find_formatter(class) {
        class(kwargs(arguments)).err()
    } else if let Some(class) = registry.find_filter(class) {
        class(kwargs(arguments)).err()
    } else if let Some(class) = registry.find_factory(class) {
        class(kwargs(arguments)).err()
    } else {
        absent::check(class, &arguments).err()
    }
}

/// A question about one argument of a class.
struct Asked<'a> {
    judge: &'a dyn Fn(Arguments) -> Option<ArgumentError>,
    keyword: &'a str,
}

impl Asked<'_> {
    /// The arguments without which nothing could be said of the one in question.
    fn fill(&self, signature: &Signature) -> Arguments {
        // Those that mean something beside another one only.
        let companion = match self.keyword {
            "flushLevel" | "flushInterval" if signature.keywords().contains(&"buffering") => Some("buffering"),
            "context" => Some("secure"),
            _ => None,
        };
        let needed = signature.required().iter().copied().chain(companion).filter(|needed| *needed != self.keyword);
        let mut fill: Arguments = needed.map(|needed| (needed.to_owned(), text("x"))).collect();
        // Another try for each that is refused.
        let others = [Argument::Int(1), Argument::Int(4096), Argument::List(Vec::new())];
        for other in others.iter().flat_map(|other| (0..fill.len()).map(move |_| other)).cloned().collect::<Vec<_>>() {
            let refused = (self.judge)(fill.clone()).and_then(|error| error.keyword);
            let Some(wrong) = fill.iter_mut().find(|(keyword, _)| Some(keyword) == refused.as_ref()) else { break };
            wrong.1 = other;
        }
        fill
    }

    /// Whether the class has nothing against the argument.
    fn takes(&self, fill: &Arguments, argument: Argument) -> bool {
        let mut arguments = fill.clone();
        arguments.push((self.keyword.to_owned(), argument));
        (self.judge)(arguments).is_none_or(|error| error.keyword.as_deref() != Some(self.keyword))
    }

    fn schema(&self, fill: &Arguments) -> Value {
        let takes = |argument| self.takes(fill, argument);
        let words = words::of(self.keyword);
        let any_text = |texts: &[&str]| texts.iter().any(|word| takes(text(word)));
        let [is_list, is_dict] = [LISTS, DICTS].map(|samples| samples.iter().any(|sample| takes(sample())));
        let mut types = Vec::new();
        for (name, is_taken) in [
            ("null", takes(Argument::None)),
            ("boolean", takes(Argument::Bool(true)) || takes(Argument::Bool(false))),
            ("array", is_list),
            ("object", is_dict),
        ] {
            types.extend(is_taken.then_some(name));
        }
        let mut choices = Vec::new();
        if let Some(number) = number(&takes) {
            choices.push(number);
        }
        let is_any_text = takes(text("x"));
        match words {
            _ if is_any_text && words.is_none_or(|words| words.suggested.is_empty()) => types.push("string"),
            Some(words) if is_any_text => choices.push(json!({"type": "string", "examples": words.suggested})),
            // What the words say is what the class says: see the test.
            Some(words) if any_text(words.suggested) => choices.push(match words.pattern {
                Some(pattern) => json!({"type": "string", "pattern": pattern, "examples": words.suggested}),
                None => json!({"enum": words.suggested}),
            }),
            _ if any_text(TEXTS) => types.push("string"),
            // As good as nothing.
            _ if takes(text("")) => choices.push(json!({"const": ""})),
            _ => {}
        }
        if types.len() == 5 && choices == [json!({"type": "number"})] {
            return json!({});
        }
        if !types.is_empty() {
            choices.insert(0, json!({"type": types}));
        }
        if !types.contains(&"string") {
            choices.push(reference());
        }
        if !types.contains(&"object") {
            choices.push(json!({"type": "object", "required": ["()"]}));
        }
        either(choices)
    }
}

/// Which numbers are taken.
fn number(takes: &dyn Fn(Argument) -> bool) -> Option<Value> {
    let is_fraction = takes(Argument::Float(0.5)) || takes(Argument::Float(1.5));
    let least = [-1, 0, 1, 4096].into_iter().find(|number| takes(Argument::Int(*number)));
    let least = match least {
        None if !is_fraction => return None,
        Some(0) => Some(0),
        // A fraction may lie between.
        Some(1) if !is_fraction => Some(1),
        _ => None,
    };
    let mut number = Map::new();
    number.insert("type".to_owned(), if is_fraction { "number" } else { "integer" }.into());
    if let Some(least) = least {
        number.insert("minimum".to_owned(), least.into());
    }
    Some(number.into())
}

fn text(text: &str) -> Argument {
    Argument::Str(text.to_owned())
}

/// Strings of which one is taken by every argument that may be a string.
const TEXTS: &[&str] = &[
    "1",
    "1 KiB",
    "%(message)s",
    "{message}",
    "INFO",
    "w",
    "utf-8",
    "strict",
    "root",
    "640",
    "u=rw",
    "a.b",
    "2024-01-01",
    "12:30",
    "1 d",
    "a=b",
    "https://example.org",
    "/tmp",
    "sys.stdout",
];

const LISTS: &[fn() -> Argument] = &[
    || Argument::List(Vec::new()),
    || Argument::List(vec![text("x")]),
    || Argument::List(vec![text("x"), text("y")]),
    || Argument::List(vec![text("x"), Argument::Int(1)]),
    || Argument::List(vec![Argument::Int(1)]),
];

const DICTS: &[fn() -> Argument] = &[
    || Argument::Map(Vec::new()),
    || Argument::Map(vec![("x".to_owned(), text("y"))]),
    || Argument::Map(vec![("x".to_owned(), text("y")), ("z".to_owned(), Argument::Int(1))]),
    || Argument::Map(vec![("x".to_owned(), Argument::Int(1))]),
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::catalog;

    /// The words of an argument are what its class says: those that are suggested are taken, and others are not.
    #[test]
    fn words_are_what_the_classes_say() {
        let registry = crate::registry();
        let mut looked_at = 0;
        for class in catalog::names().filter(|name| registry.names().any(|registered| registered == *name)) {
            let Some(signature) = catalog::signature(class) else { continue };
            for keyword in signature.keywords() {
                let Some(words) = words::of(keyword) else { continue };
                let asked = Asked { judge: &|arguments| judge(&registry, class, arguments), keyword };
                let fill = asked.fill(signature);
                if asked.takes(&fill, text("x")) || !asked.takes(&fill, text(words.suggested[0])) {
                    continue;
                }
                looked_at += 1;
                for word in words.suggested {
                    assert!(asked.takes(&fill, text(word)), "{class} {keyword} {word:?}");
                }
                for word in words.refused {
                    assert!(!asked.takes(&fill, text(word)), "{class} {keyword} {word:?}");
                }
            }
        }
        assert!(looked_at > 25, "{looked_at}");
    }

    #[test]
    fn types_are_found_out() {
        let schema = crate::schema(&crate::registry());
        let of = |class: &str, keyword: &str| schema["$defs"][class]["properties"][keyword]["anyOf"].to_string();
        let made = r#"{"pattern":"^[a-z]+://|\\$\\{","type":"string"},{"required":["()"],"type":"object"}"#;
        assert_eq!(
            of("logging.FileHandler", "filename"),
            r#"[{"type":["string"]},{"required":["()"],"type":"object"}]"#
        );
        let rate = format!(r#"[{{"minimum":1,"type":"integer"}},{made}]"#);
        assert_eq!(of("logtree.RateLimitFilter", "rate"), rate);
        assert_eq!(of("logtree.SamplingFilter", "ratio"), format!(r#"[{{"minimum":0,"type":"number"}},{made}]"#));
        assert!(of("logtree.LevelRangeFilter", "min_level").contains(r#"{"enum":["DEBUG","INFO","#));
        assert!(of("logtree.RedactFilter", "fields").contains(r#"{"type":["null","array","string"]}"#));
        let flush_interval = of("logging.FileHandler", "flushInterval");
        assert!(flush_interval.contains(r#""number""#) && !flush_interval.contains("boolean"), "{flush_interval}");
    }
}
