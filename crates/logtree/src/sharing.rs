//! Configs that other processes of a queue get to know: what there is without the feature `prefork`, and with it.

#[cfg(not(all(feature = "prefork", target_os = "linux")))]
mod disabled;
#[cfg(all(feature = "prefork", target_os = "linux"))]
mod enabled;

#[cfg(not(all(feature = "prefork", target_os = "linux")))]
pub(crate) use disabled::{Age, Sharing};
#[cfg(all(feature = "prefork", target_os = "linux"))]
pub(crate) use enabled::{Age, Sharing};
