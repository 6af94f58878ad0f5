//! A program with a handler of its own: what it logs goes to the console, into a file and into an SQLite database, each by
//! a handler that [`logging.json`](logging.json) names.
//!
//! ```sh
//! cargo run --example sqlite [DIRECTORY]
//! ```
//!
//! It writes `shop.log` and `shop.db` into the directory (without one into a temporary one), then reads the rows back and
//! prints how many there are of which kind. A `logging.json` that stands in the directory is used in place of its own.
//! [`handler.rs`](handler.rs) is all that such a handler takes.
#![forbid(unsafe_code)]

mod handler;

use std::io::{Write as _, stdout};
use std::path::Path;

use handler::SqliteHandler;
use logtree::{Config, Format};
use rusqlite::Connection;
use tracing::{debug, error, info, info_span, warn};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let temporary = tempfile::tempdir()?;
    let directory = std::env::args_os().nth(1);
    // The config's relative names are looked for here.
    std::env::set_current_dir(directory.as_deref().map_or(temporary.path(), Path::new))?;

    let mut registry = logtree::registry();
    registry.handler("shop.SqliteHandler", SqliteHandler::plan);
    let config = match Path::new("logging.json").exists() {
        true => Config::load("logging.json", &registry)?,
        false => Config::parse(include_str!("logging.json"), Format::Json, &registry)?,
    };
    let guard = config.install()?;
    work();
    // What waits for a batch to fill is written now.
    drop(guard);

    print_rows("shop.db")
}

/// What a program does all day.
fn work() {
    let tills: Vec<_> = (1..=3)
        .map(|till| std::thread::Builder::new().name(format!("till-{till}")).spawn(move || serve(till)))
        .collect();
    for till in tills {
        // A till that did not start or fell over has said so.
        let _ = till.map(std::thread::JoinHandle::join);
    }
    error!(target: "shop::stock", item = "green tea", "sold out");
}

fn serve(till: u32) {
    let _till = info_span!("till", till).entered();
    for order in 1..=20 {
        debug!(target: "shop::orders", order, "asked");
        if order % 10 == 0 {
            warn!(target: "shop::orders", order, "paid in coins");
        } else {
            info!(target: "shop::orders", order, "paid");
        }
    }
}

/// How often what was logged, by the database.
fn print_rows(database: &str) -> Result<(), Failure> {
    let connection = Connection::open(database)?;
    let mut rows = connection.prepare(
        "SELECT level, logger, thread, count(*), min(message) FROM log GROUP BY level, logger, thread ORDER BY 1, 2, 3",
    )?;
    let mut rows = rows.query([])?;
    let mut out = stdout().lock();
    writeln!(out, "\n{:<8} {:<12} {:<8} {:>5}  first message", "level", "logger", "thread", "rows")?;
    while let Some(row) = rows.next()? {
        let (level, logger, thread): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (count, first): (u32, String) = (row.get(3)?, row.get(4)?);
        writeln!(out, "{level:<8} {logger:<12} {thread:<8} {count:>5}  {first}")?;
    }
    Ok(())
}
