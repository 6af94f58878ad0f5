//! The formats of configs, and what reading any of them shares.

use std::path::Path;
use std::sync::Arc;

use crate::node::{Node, Span};
use crate::problem::Problem;
use crate::source::Source;
use crate::{ini, json};

/// The format of the text of a config.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// JSON as serde_json reads it: without comments, trailing commas and NaN.
    #[default]
    Json,
    /// YAML as PyYAML's `safe_load` reads it, that is version 1.1: `no` and `off` are false. Needs the feature `yaml`.
    Yaml,
    /// TOML 1. Needs the feature `toml`.
    Toml,
    /// The older format of Python's `logging.config.fileConfig`, with its own sections and keys.
    Ini,
}

/// How deep configs may be nested: serde_json's own limit for its values.
pub(crate) const MAX_DEPTH: usize = 128;

/// Why a text is not of its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) message: String,
    pub(crate) span: Span,
    pub(crate) hint: Option<&'static str>,
}

impl SyntaxError {
    #[cold]
    pub(crate) fn new(message: impl Into<String>, span: Span) -> Self {
        Self { message: message.into(), span, hint: None }
    }

    pub(crate) fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

/// The error of a text that is nested too deeply.
pub(crate) fn too_deep(span: Span) -> SyntaxError {
    SyntaxError::new(format!("nested deeper than {MAX_DEPTH} levels"), span)
}

/// The error of a text in a format for which it must not begin with a byte order mark, as Python has it for all but YAML.
pub(crate) fn refuse_byte_order_mark(text: &str) -> Result<(), SyntaxError> {
    match text.starts_with('\u{feff}') {
        false => Ok(()),
        true => {
            let span = Span { start: 0, end: '\u{feff}'.len_utf8() };
            let error = SyntaxError::new("the text begins with a byte order mark", span);
            Err(error.hint("save the file as UTF-8 without a byte order mark"))
        }
    }
}

impl Format {
    /// The format that a file's extension tells: `json`, `yaml` or `yml`, `toml`, and `ini`, `conf` or `cfg`.
    pub fn of(path: impl AsRef<Path>) -> Option<Self> {
        let extension = path.as_ref().extension()?.to_str()?.to_ascii_lowercase();
        Some(match &*extension {
            "json" => Self::Json,
            "yaml" | "yml" => Self::Yaml,
            "toml" => Self::Toml,
            "ini" | "conf" | "cfg" => Self::Ini,
            _ => return None,
        })
    }

    /// The nodes of a text, and what is wrong with it though it is of its format; nothing if this build does not read
    /// the format.
    pub(crate) fn read(self, source: &Arc<Source>) -> Option<Result<(Node, Vec<Problem>), SyntaxError>> {
        let text = &*source.text;
        let well = |node| (node, Vec::new());
        Some(match self {
            Self::Json => json::parse(text).map(well),
            #[cfg(feature = "yaml")]
            Self::Yaml => crate::yaml::parse(text).map(well),
            #[cfg(feature = "toml")]
            Self::Toml => crate::toml::parse(text).map(well),
            Self::Ini => ini::parse(text).map(|ini| ini::nodes(source, &ini)),
            #[allow(unreachable_patterns, reason = "with every feature there is no other")]
            _ => return None,
        })
    }

    /// How messages call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Toml => "TOML",
            Self::Ini => "INI",
        }
    }
}
