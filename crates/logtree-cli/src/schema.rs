//! `logtree schema`: JSON Schema of configs, for editors.

use clap::Args;

use crate::{Outcome, answer};

/// Print JSON Schema (2020-12) of configs, for editors to complete and check by.
///
/// Put it beside your configs and name it in them, as `"$schema": "logtree.schema.json"`, or for YAML in the first line:
/// `# yaml-language-server: $schema=logtree.schema.json`.
#[derive(Args, Debug)]
pub(crate) struct Schema {}

impl Schema {
    pub(crate) fn run(&self) -> Outcome {
        let schema = logtree_dictconfig::schema(&logtree::registry());
        // A value that is made of nothing but JSON is always written.
        let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
        answer(&format!("{text}\n"));
        Outcome::Good
    }
}
