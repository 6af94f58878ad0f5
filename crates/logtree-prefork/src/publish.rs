//! Giving a segment a config: the newest one that a process has brought, with the claims of its files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use logtree_core::BuildError;
use logtree_os::claim::{Claim, Meeting};
use logtree_os::{Segment, kill_point};

use crate::config::{Configured, Shared};
use crate::handover;
use crate::join::{claim_text, make_directory, meeting_places, other_queue, start_handlers};
use crate::queue::Queue;
use crate::words;

/// Gives the segment this queue's config, if it is newer than the one there, and waits until the listener has it.
///
/// # Errors
/// If a claim or its directory cannot be used, or another live queue writes a file of the config.
pub(crate) fn bring_config(queue: &Arc<Queue>, segment: &Arc<Segment>, patience: Duration) -> Result<(), BuildError> {
    let start = |shared: Option<&Shared>| {
        start_handlers(&queue.listener.handlers, &|file| shared.is_some_and(|shared| !shared.writes(file)))
    };
    publish_config(queue, segment, patience, start)
}

/// [`bring_config`], with `start` to start the handlers before they are another process's: with the config that was there
/// before, if the queue's takes its place.
pub(crate) fn publish_config(
    queue: &Arc<Queue>,
    segment: &Arc<Segment>,
    patience: Duration,
    start: impl Fn(Option<&Shared>) -> Result<(), BuildError>,
) -> Result<(), BuildError> {
    let Some(Configured { config, .. }) = &queue.configured else { return start(None) };
    let shared = Shared::of(segment);
    if let Some(generation) = config.generation_in(&shared) {
        queue.generation.store(generation, Ordering::Relaxed);
        handover::offer_if_asked(queue, segment);
        return start(None);
    }
    if !config.is_newer_than(&shared) {
        return start(None);
    }
    // Whoever changes the text of a segment has locked its own claim, which needs a directory.
    make_directory();
    let files = meeting_places(queue);
    let places: Vec<&Path> = files.iter().map(PathBuf::as_path).chain([segment.path()]).collect();
    let mut meeting = Meeting::lock(&places, patience).map_err(|error| BuildError::new(error.to_string()))?;
    let id = segment.id();
    let is_ours = |claim: &Claim| claim.text().is_some_and(|text| text.segment_id() == id.0);
    for claim in meeting.claims() {
        if let Some(other) = other_queue(claim, id.0, |_| true) {
            let (log, name) = (claim.log().display(), &queue.listener.name);
            let why =
                format!("{log} is written by the queue '{other}' already; the queue '{name}' cannot write it too");
            return Err(BuildError::new(why));
        }
    }
    // Another process may have been faster.
    let shared = Shared::of(segment);
    if config.is_newer_than(&shared) {
        // Before anything is claimed: a config that fails here changes nothing.
        start(Some(&shared))?;
        let text = claim_text(queue, segment);
        let is_named = queue.options.name.is_some();
        let is_missing = |claim: &Claim| !is_ours(claim) && (is_named || claim.log() != segment.path());
        meeting.write_where(&text, is_missing).map_err(|error| BuildError::new(error.to_string()))?;
        kill_point!("config: files claimed");
        let are_former_freed = segment.word(words::LISTENING) >= Some(shared.generation);
        let next = shared.next(config, &queue.listener.name, absolute(files), are_former_freed);
        queue.generation.store(next.generation, Ordering::Relaxed);
        next.publish(segment);
        kill_point!("config: published");
    } else {
        queue.generation.store(config.generation_in(&shared).unwrap_or_default(), Ordering::Relaxed);
        start(None)?;
    }
    drop(meeting);
    handover::wait_until_followed(queue, segment);
    Ok(())
}

pub(crate) fn absolute(files: Vec<PathBuf>) -> Vec<PathBuf> {
    files.into_iter().map(|file| std::path::absolute(&file).unwrap_or(file)).collect()
}

/// Gives up the claim of a file that the config of this generation does not write, as long as that is the segment's; whether it is
/// seen to. It is not if somebody else holds the claim for longer than `patience`.
pub(crate) fn free_former_file(segment: &Segment, generation: u64, file: &Path, patience: Duration) -> bool {
    let mut meeting = match Meeting::lock(&[file], patience) {
        Ok(meeting) => meeting,
        Err(error) => return !error.is_timeout(),
    };
    // A config that came meanwhile may write it again; or may not, while the listener still does.
    let shared = Shared::of(segment);
    let is_current = shared.generation == generation;
    if is_current && !shared.writes(file) {
        let _ = meeting.remove_if(segment.id().0);
    }
    is_current
}
