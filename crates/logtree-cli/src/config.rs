//! The config that a command is about.

use std::path::PathBuf;

use clap::Args;
use logtree::Registry;
use logtree_dictconfig::{Color, Config, Plan};

use crate::{Outcome, say};

/// A config to be looked at, with nothing of it opened.
#[derive(Args, Debug)]
pub(crate) struct ConfigArgs {
    /// The config file; the extension tells the format
    #[arg(value_name = "CONFIG")]
    pub(crate) path: PathBuf,
    #[command(flatten)]
    assumed: Assumed,
}

/// What only the program of a config has.
#[derive(Args, Debug)]
pub(crate) struct Assumed {
    /// Take it that the program registers the class, factory or object NAME; 'my_app.*' is all below my_app
    #[arg(long, value_name = "NAME")]
    assume_class: Vec<String>,
}

impl Assumed {
    /// Reads configs that may name it, and what is registered.
    pub(crate) fn reader<'r>(&self, registry: &'r Registry) -> Config<'r> {
        self.assume_class.iter().fold(Config::new(registry), Config::assume_class)
    }
}

impl ConfigArgs {
    /// Reads and checks it. If it is refused, the problems are on standard error by then.
    pub(crate) fn plan(&self) -> Result<Plan, Outcome> {
        let registry = logtree::registry();
        self.assumed.reader(&registry).load(&self.path).map_err(|problems| {
            say(&problems.render(Color::Always));
            Outcome::Refused
        })
    }
}
