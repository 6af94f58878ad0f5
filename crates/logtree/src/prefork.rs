//! The queue between processes, from the side of a program that forks.
//!
//! A prefork master installs logging while it has one thread, then forks its workers. `install` makes two helper
//! processes: one listens, one stands by. The program does not see them: their end raises no SIGCHLD, `waitpid(-1)` does
//! not know them, they hold none of its sockets. They leave when no process of the queue is left, and with them every
//! trace of it.
//!
//! ```no_run
//! use logtree::prefork::{Fork, fork};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let _guard = logtree::from_file("logging.json")?.install()?;
//!     for _ in 0..4 {
//!         if let Fork::Child = fork()? {
//!             tracing::info!("a worker");
//!             return Ok(()); // the guard flushes what this worker has logged
//!         }
//!     }
//!     Ok(())
//! }
//! ```
#![cfg(target_os = "linux")]

pub use logtree_prefork::{Drops, Fork, LaneStats, OwnerStats, QueueLook, QueueStats, fork, on_listener_start, stats};
