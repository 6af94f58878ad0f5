//! JSON Schema as far as ours uses it. A word that is not here is no schema of ours: it panics, so that nothing passes by not
//! being looked at. That it says what Python's jsonschema says is tested where that is at hand.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::Regex;
use serde_json::Value;

pub(super) struct Evaluator<'s> {
    schema: &'s Value,
    /// Patterns are many times the same.
    patterns: RefCell<HashMap<&'s str, Regex>>,
}

/// Words that say nothing about what is valid.
const NOTES: &[&str] = &["$schema", "$defs", "title", "description", "default", "examples"];

impl<'s> Evaluator<'s> {
    pub(super) fn new(schema: &'s Value) -> Self {
        Self { schema, patterns: RefCell::default() }
    }

    pub(super) fn is_valid(&self, value: &Value) -> bool {
        self.satisfies(self.schema, value)
    }

    fn satisfies(&self, schema: &'s Value, value: &Value) -> bool {
        let Value::Object(words) = schema else {
            return schema.as_bool().unwrap_or_else(|| panic!("no schema: {schema}"));
        };
        words.iter().all(|(word, wanted)| self.word(schema, word, wanted, value))
    }

    fn word(&self, schema: &'s Value, word: &str, wanted: &'s Value, value: &Value) -> bool {
        let list = || wanted.as_array().unwrap();
        let has = |key: &Value| value.get(key.as_str().unwrap()).is_some();
        match word {
            note if NOTES.contains(&note) => true,
            "$ref" => {
                let name = wanted.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                self.satisfies(self.schema["$defs"].get(name).unwrap_or_else(|| panic!("no {name}")), value)
            }
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|of| is_of_type(value, of.as_str().unwrap())),
                of => is_of_type(value, of.as_str().unwrap()),
            },
            "const" => is_same(wanted, value),
            "enum" => list().iter().any(|wanted| is_same(wanted, value)),
            "anyOf" => list().iter().any(|schema| self.satisfies(schema, value)),
            "allOf" => list().iter().all(|schema| self.satisfies(schema, value)),
            "not" => !self.satisfies(wanted, value),
            "if" => {
                let then = if self.satisfies(wanted, value) { "then" } else { "else" };
                schema.get(then).is_none_or(|schema| self.satisfies(schema, value))
            }
            "then" | "else" => schema.get("if").is_some(),
            "required" => !value.is_object() || list().iter().all(has),
            "properties" => wanted
                .as_object()
                .unwrap()
                .iter()
                .all(|(key, schema)| value.get(key).is_none_or(|value| self.satisfies(schema, value))),
            "additionalProperties" => {
                let is_known = |key: &String| schema.get("properties").is_some_and(|known| known.get(key).is_some());
                let others = value.as_object().into_iter().flatten().filter(|(key, _)| !is_known(key));
                others.map(|(_, value)| value).all(|value| self.satisfies(wanted, value))
            }
            "items" => value.as_array().into_iter().flatten().all(|item| self.satisfies(wanted, item)),
            "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
            "pattern" => {
                let pattern = wanted.as_str().unwrap();
                let mut patterns = self.patterns.borrow_mut();
                let regex = patterns.entry(pattern).or_insert_with(|| Regex::new(pattern).unwrap());
                value.as_str().is_none_or(|text| regex.is_match(text))
            }
            other => panic!("the schema uses {other}"),
        }
    }
}

fn is_of_type(value: &Value, of: &str) -> bool {
    match of {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        other => panic!("no type {other}"),
    }
}

/// Numbers are the same whatever they are written like.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}
