//! Which file a config writes.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Failure;

/// The first file that the config's handlers name, as it stands there.
pub(crate) fn of(config: &Path) -> Result<Option<PathBuf>, Failure> {
    let file = File::open(config).map_err(|error| format!("cannot read {}: {error}", config.display()))?;
    let config: Value =
        serde_json::from_reader(BufReader::new(file)).map_err(|error| format!("{}: {error}", config.display()))?;
    let handlers = config.get("handlers").and_then(Value::as_object);
    let names =
        handlers.into_iter().flat_map(|handlers| handlers.values()).filter_map(|handler| handler.get("filename"));
    Ok(names.filter_map(Value::as_str).map(PathBuf::from).next())
}
