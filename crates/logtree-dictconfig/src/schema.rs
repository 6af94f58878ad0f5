//! JSON Schema of configs, for editors: what stands where, and what an argument of each class may be.
//!
//! Nothing about arguments is written down here. Their names are those of the catalog that the check uses, and their types are
//! found out by [asking the class](probe) that a config would call. What the check only warns of, the schema lets pass, as it
//! lets pass what only the whole of a config can tell: names that refer to nothing, classes of the program's own.

mod probe;
mod words;

use logtree_core::{LevelNames, Registry, SpanEvents};
use serde_json::{Map, Value, json};

use crate::catalog::{self, Item};

/// JSON Schema (2020-12) of the configs that name what is in `registry`, for editors to complete and check by.
///
/// What [`Config`](crate::Config) accepts is valid.
///
/// ```
/// let schema = logtree_dictconfig::schema(&logtree_dictconfig::registry());
/// assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
/// let max_bytes = &schema["$defs"]["logging.handlers.RotatingFileHandler"]["properties"]["maxBytes"];
/// assert!(max_bytes["anyOf"].as_array().is_some());
/// ```
pub fn schema(registry: &Registry) -> Value {
    let mut schema = Schema { registry, definitions: Map::new() };
    let sections = json!({
        "formatters": section("What makes the text of a record, by name.", schema.formatter()),
        "filters": section("What lets a record pass, by name.", schema.filter()),
        "handlers": section("Where records end, by name.", schema.handler()),
        "loggers": section("Loggers, by their names with dots (or colons, as in `my_app::db`).", logger("Whether records go on to the handlers of the logger above.")),
        "root": object_or(logger("Means nothing here."), vec![falsy(), reference()]),
    });
    schema.definitions.insert("level".to_owned(), level());
    let names: Vec<&str> = LevelNames::STANDARD.known().collect();
    schema.definitions.insert("knownLevel".to_owned(), known_level(&names));
    let incremental = json!({
        "handlers": either(vec![json!({"type": "object", "additionalProperties": with_level()}), falsy(), reference()]),
        "loggers": either(vec![json!({"type": "object", "additionalProperties": with_level()}), falsy(), reference()]),
        "root": either(vec![with_level(), falsy(), reference()]),
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "logtree config",
        "description": "Python's logging.config.dictConfig, as logtree reads it.",
        "type": "object",
        "required": ["version"],
        "properties": top_level(),
        "if": {"required": ["incremental"], "properties": {"incremental": {"not": falsy()}}},
        "then": {"properties": incremental},
        "else": {"properties": sections},
        "allOf": [{"if": {"not": {"required": ["levels"]}}, "then": levels_are_known()}],
        "$defs": schema.definitions,
    })
}

/// The keys that are no sections.
fn top_level() -> Value {
    json!({
        "$schema": {"type": "string", "description": "Where this schema is, for editors; read by nothing else."},
        "version": {
            "description": "The version of the schema of configs.",
            "anyOf": [{"enum": [1, true]}, reference()],
            "default": 1,
        },
        "incremental": {"description": "Whether only levels and `propagate` of what is there change.", "default": false},
        "disable_existing_loggers": {
            "description": "Whether loggers that are there and that the config does not name are disabled.",
            "default": true,
        },
        "env": {
            "description": "Whether `${NAME}` and `${NAME:-default}` in strings come from the environment; `$${` stands for `${`.",
            "default": false,
        },
        "directives": {
            "description": "Levels of loggers in one line, set on top: `info,my_app::db=debug`, as of EnvFilter.",
            "anyOf": [{"type": ["string", "null"]}, reference()],
            "examples": ["info,my_app::db=debug", "${RUST_LOG:-info}"],
        },
        "env_levels": {
            "description": "The variable of the environment whose levels are set on top: `info,my_app::db=debug`, as of EnvFilter.",
            "anyOf": [{"type": ["string", "null"]}, reference()],
            "examples": ["RUST_LOG"],
        },
        "levels": {
            "description": "Names of levels beyond Python's, with their numbers.",
            "anyOf": [{"type": "object", "additionalProperties": {"type": "integer"}}, reference()],
            "examples": [{"NOTICE": 25}],
        },
        "formatters": {}, "filters": {}, "handlers": {}, "loggers": {}, "root": {},
    })
}

struct Schema<'r> {
    registry: &'r Registry,
    definitions: Map<String, Value>,
}

impl Schema<'_> {
    fn handler(&mut self) -> Value {
        let classes = self.classes(
            |item| matches!(item, Item::Handler(_)),
            |schema, name| schema.registry.find_handler(name).is_some(),
        );
        for class in &classes {
            self.define(class, &["level", "formatter", "filters"]);
        }
        let shared = json!({
            "type": "object",
            "anyOf": [{"required": ["class"]}, {"required": ["()"]}],
            "properties": {
                "class": class("The class of the handler, by Python's dotted name.", &classes),
                "()": class("The same as `class`, with all other keys as keyword arguments.", &classes),
                "level": {"$ref": "#/$defs/level", "description": "Records below it are not handled."},
                "formatter": either(vec![json!({"type": "string"}), falsy()]),
                "filters": names("The names of its filters: all must let a record pass."),
            },
        });
        let mut handler = with_classes(shared, &classes, &["()", "class"]);
        if let Value::Array(cases) = &mut handler["allOf"] {
            cases.push(memory_by_class(json!({
                "flushLevel": {"$ref": "#/$defs/level", "not": {"type": "null"}},
                "target": {"type": "string"},
            })));
            cases.push(self.queue_by_factory());
        }
        handler
    }

    /// What a QueueHandler takes by `()`: then the config makes nothing for it of what stands there.
    fn queue_by_factory(&self) -> Value {
        const CLASS: &str = "logging.handlers.QueueHandler";
        let Some(signature) = catalog::signature(CLASS) else { return json!({}) };
        let argument = |keyword: &str| probe::argument(self.registry, CLASS, signature, keyword);
        let properties = json!({"queue": argument("queue"), "handlers": argument("handlers")});
        json!({
            "if": {"required": ["()"], "properties": {"()": {"const": CLASS}}},
            "then": {"properties": properties},
        })
    }

    fn filter(&mut self) -> Value {
        let classes = self.classes(
            |item| matches!(item, Item::Filter(_)),
            |schema, name| schema.registry.find_filter(name).is_some(),
        );
        for class in &classes {
            self.define(class, &[]);
        }
        let shared = json!({
            "type": "object",
            "properties": {
                "()": class("The class of the filter; without it, records of the logger `name` and those below pass.", &classes),
            },
            "if": {"not": {"required": ["()"]}},
            "then": {"properties": {"name": {"type": "string", "description": "The name of a logger."}}},
        });
        with_classes(shared, &classes, &["()"])
    }

    fn formatter(&mut self) -> Value {
        let classes = self.classes(
            |item| matches!(item, Item::Formatter(_)),
            |schema, name| schema.registry.find_formatter(name).is_some(),
        );
        for class in &classes {
            self.define(class, &[]);
        }
        let mut plain =
            self.definitions.get("logging.Formatter").map_or(json!({}), |class| class["properties"].clone());
        if let Value::Object(properties) = &mut plain {
            // Without `()` they are not keywords of the class, and what it does not know is ignored.
            properties.retain(|key, _| {
                ["format", "datefmt", "style", "validate", "escape", "timespec", "utc"].contains(&key.as_str())
            });
        }
        let shared = json!({
            "type": "object",
            "properties": {
                "class": {"description": "The class of the formatter; logging.Formatter."},
                "()": class("The class of the formatter, with all other keys as keyword arguments.", &classes),
            },
            "if": {"not": {"anyOf": [{"required": ["()"]}, {"required": ["class"]}]}},
            "then": {"properties": plain},
        });
        with_classes(shared, &classes, &["()"])
    }

    /// The names of classes that the catalog or the program has.
    fn classes(&self, is_one: impl Fn(&Item) -> bool, is_registered: impl Fn(&Self, &str) -> bool) -> Vec<String> {
        let known = catalog::names().filter(|name| catalog::find(name).is_some_and(|item| is_one(&item)));
        let registered = self.registry.names().filter(|name| is_registered(self, name));
        let mut classes: Vec<String> = known.map(str::to_owned).chain(registered.map(str::to_owned)).collect();
        classes.sort();
        classes.dedup();
        classes
    }

    /// Defines the entries of a class, if the catalog knows what it takes.
    fn define(&mut self, class: &str, own_keys: &[&str]) {
        let Some(signature) = catalog::signature(class) else { return };
        let mut properties = Map::new();
        for key in ["()", "class", "."].iter().chain(own_keys) {
            properties.insert((*key).to_owned(), json!({}));
        }
        for keyword in signature.keywords().into_iter().filter(|keyword| !own_keys.contains(keyword)) {
            // What refers to other entries of the config is not the class's own to judge.
            let mut schema = match (class, keyword) {
                ("logging.handlers.QueueHandler", "queue") => self.queue(),
                ("logging.handlers.QueueHandler", "handlers") => either(lists_of_names().into()),
                ("logging.handlers.QueueHandler", "listener") => {
                    either(vec![json!({"enum": ["logging.handlers.QueueListener"]}), reference()])
                }
                _ => probe::argument(self.registry, class, signature, keyword),
            };
            if let Some(description) = words::description(class, keyword) {
                schema["description"] = description.into();
            }
            if keyword == "fmt" {
                properties.insert("format".to_owned(), schema.clone());
            }
            properties.insert(keyword.to_owned(), schema);
        }
        let required = signature.required().iter().filter(|keyword| **keyword != "fmt").collect::<Vec<_>>();
        let definition = json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false,
        });
        self.definitions.insert(class.to_owned(), definition);
    }

    /// The key `queue`: the name of what makes one, or its dict.
    fn queue(&mut self) -> Value {
        let is_queue = |item: &Item| matches!(item, Item::Queue(_));
        let classes = self.classes(is_queue, |schema, name| schema.registry.find_factory(name).is_some());
        for class in &classes {
            self.define(class, &[]);
            if let Some(Value::Object(properties)) = self.definitions.get_mut(class).map(|of| &mut of["properties"]) {
                properties.remove("class");
            }
        }
        let shared = json!({
            "type": "object",
            "required": ["()"],
            "properties": {"()": class("What makes the queue.", &classes)},
        });
        object_or(with_classes(shared, &classes, &["()"]), vec![suggested(&classes)])
    }
}

/// A section of named entries.
fn section(description: &str, entry: Value) -> Value {
    let entries = json!({"type": "object", "additionalProperties": object_or(entry, vec![reference()])});
    // An empty list or string is a section without entries.
    let mut section = object_or(entries, vec![json!({"enum": ["", []]}), reference()]);
    section["description"] = description.into();
    section
}

fn with_level() -> Value {
    json!({"type": "object", "properties": {"level": {"$ref": "#/$defs/level"}}})
}

fn logger(propagate: &str) -> Value {
    json!({
        "type": "object",
        "properties": {
            "level": {"$ref": "#/$defs/level", "description": "Records below it end here; NOTSET asks the logger above."},
            "propagate": {"description": propagate, "default": true},
            "handlers": names("The names of its handlers, in order."),
            "filters": names("The names of its filters: all must let a record pass."),
            "span_events": span_events(),
        },
    })
}

fn span_events() -> Value {
    let names = json!({"enum": SpanEvents::NAMES.map(|(name, _)| name)});
    let mut events =
        either(vec![names.clone(), json!({"type": "array", "items": names}), json!({"type": "null"}), reference()]);
    events["description"] =
        "At which points of their lives there are records of the spans of this logger and those below.".into();
    events
}

/// An entry, each class of which has its own keys.
fn with_classes(mut shared: Value, classes: &[String], keys: &[&str]) -> Value {
    let mut cases = Vec::new();
    for class in classes.iter().filter(|class| catalog::signature(class).is_some()) {
        for (at, key) in keys.iter().enumerate() {
            let mut names_it = json!({"required": [key], "properties": {*key: {"const": class}}});
            if let Some(first) = keys[..at].first() {
                names_it["not"] = json!({"required": [first]});
            }
            cases.push(json!({"if": names_it, "then": {"$ref": format!("#/$defs/{class}")}}));
        }
    }
    shared["allOf"] = cases.into();
    shared
}

/// The dotted name of a class: one of these, or one of the program's own.
fn class(description: &str, classes: &[String]) -> Value {
    let mut class = suggested(classes);
    class["description"] = description.into();
    class
}

/// A string, of which an editor suggests some.
fn suggested<T: AsRef<str>>(words: &[T]) -> Value {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    json!({"anyOf": [{"enum": words}, {"type": "string"}]})
}

/// A list of names, or nothing.
fn names(description: &str) -> Value {
    let mut names = either(lists_of_names().into_iter().chain([falsy()]).collect());
    names["description"] = description.into();
    names
}

/// A list of names, or the keys of a dict, or, as in Python, the characters of a string, which editors show as outdated.
fn lists_of_names() -> [Value; 4] {
    let list = json!({"type": "array", "items": {"type": "string"}});
    let text = json!({"type": "string", "deprecated": true, "description": "Each character is a name."});
    [list, json!({"type": "object"}), text, reference()]
}

/// A level: names that the config adds may be anything.
fn level() -> Value {
    json!({"type": ["integer", "string", "boolean", "null"]})
}

/// A level in a config that adds no names.
fn known_level(names: &[&str]) -> Value {
    either(vec![json!({"enum": names}), json!({"type": ["integer", "boolean", "null"]}), reference()])
}

/// Where a level stands, in a config that adds no names.
fn levels_are_known() -> Value {
    let known = json!({"anyOf": [{"$ref": "#/$defs/knownLevel"}, falsy()]});
    let of_memory = memory_by_class(json!({"flushLevel": known}));
    let level = json!({"properties": {"level": known}});
    let entries = json!({"additionalProperties": level});
    let handlers = json!({"additionalProperties": {"allOf": [level, of_memory]}});
    json!({"properties": {"handlers": handlers, "loggers": entries, "root": level}})
}

/// What the config itself looks up for a MemoryHandler. It does so by `class` alone: by `()` the handler is given what stands
/// there, and takes it.
fn memory_by_class(properties: Value) -> Value {
    json!({
        "if": {
            "required": ["class"],
            "properties": {"class": {"const": "logging.handlers.MemoryHandler"}},
            "not": {"required": ["()"]},
        },
        "then": {"properties": properties},
    })
}

/// What Python takes for false, where that is as good as nothing.
fn falsy() -> Value {
    json!({"enum": [null, false, 0, "", [], {}]})
}

/// What stands for something else: an object, a part of the config, or a variable of the environment.
fn reference() -> Value {
    json!({"type": "string", "pattern": r"^[a-z]+://|\$\{"})
}

/// An object that is so, or something else that is no object. Said so that an editor can tell what is wrong in the object.
fn object_or(object: Value, others: Vec<Value>) -> Value {
    json!({"if": {"type": "object"}, "then": object, "else": either(others)})
}

fn either(choices: Vec<Value>) -> Value {
    json!({"anyOf": choices})
}
