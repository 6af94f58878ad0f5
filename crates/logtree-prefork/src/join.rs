//! Meeting: finding the segment of the processes that write the same files, or making it.
//!
//! Beside each log file stands a claim that names the queue and its segment. Whoever installs a queue locks the claims
//! of all its files, reads them, joins the segment that they name or makes one, sees to it that somebody listens, and
//! lets go. So of many processes that start at once one makes the queue, and the others find it.
//!
//! Whoever is stopped while he has the claims keeps nobody out of a queue that [lives](crate::living).

use std::collections::BTreeSet;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use logtree_core::{BuildError, HandlerEntry};
use logtree_os::claim::{Claim, ClaimText, Meeting};
use logtree_os::election::{self, is_vacant};
use logtree_os::{
    ProcessIdentity, Segment, SegmentError, SegmentId, SegmentOptions, SegmentState, default_directory, kill_point,
};

use crate::config::{Configured, Shared};
use crate::process::ProcessSide;
use crate::publish::{absolute, publish_config};
use crate::queue::{Joined, Queue};
use crate::{helpers, living, streams, sweep};

/// Nobody has the claims for so long, but whoever is stopped while he has them, or makes helpers out of a huge process.
const CLAIMS_ARE_HELD_FOR: Duration = Duration::from_millis(250);
/// So many segments may close before this process has attached to them, however late it is.
const ATTEMPTS: u32 = 3;
/// So long installing waits for a listener to put back claims that somebody has removed: it looks more often than that. And so
/// long for one to end that it does not see and cannot join: the kernel closes the files of who was killed after all his memory.
const CHANGES_WITHIN: Duration = Duration::from_secs(1);
/// Between two looks meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// So many names this process has given to segments of queues without one.
static NAMES_DRAWN: AtomicU32 = AtomicU32::new(0);

/// Joins the queue of the files behind this one, or makes it; afterwards somebody listens.
///
/// # Errors
/// If two live queues meet, a claim is another user's, or somebody does not let go of one. Whatever the machine lacks (shared
/// memory, a place for one process more, room for a claim, who could listen) is no error: a warning goes to stderr, and
/// records go straight to their handlers.
pub(crate) fn join(queue: &Arc<Queue>, patience: Duration) -> Result<Joining, BuildError> {
    match join_segment(queue, patience) {
        Ok(joining) => Ok(joining),
        Err(Unjoined::Shortage(why)) => {
            // Those that this process has started or closed already are none the worse for it.
            start_handlers(&queue.listener.handlers, &|_| true)?;
            warn(&format!("{why}; each process writes its records itself, in the thread that logs"));
            Ok(Joining { joined: Joined::Direct, process: None, met_others: false })
        }
        Err(Unjoined::Refused(why) | Unjoined::Lost(why)) => Err(BuildError::new(why)),
    }
}

/// What joining came to.
pub(crate) struct Joining {
    pub(crate) joined: Joined,
    pub(crate) process: Option<ProcessSide>,
    /// Whether the segment was there already, with a listener whose files may be open since long before.
    pub(crate) met_others: bool,
}

impl Joining {
    pub(crate) fn of(segment: Arc<Segment>, process: ProcessSide, met_others: bool) -> Self {
        Self { joined: Joined::Segment(segment), process: Some(process), met_others }
    }
}

/// Why a queue is not joined.
pub(crate) enum Unjoined {
    /// The machine lacks something.
    Shortage(String),
    /// The config is not to be accepted.
    Refused(String),
    /// A file is a living queue's whose memory this process cannot find, or not use: refused, unless it ends within a moment.
    Lost(String),
}

impl From<BuildError> for Unjoined {
    fn from(error: BuildError) -> Self {
        Self::Refused(error.to_string())
    }
}

fn join_segment(queue: &Arc<Queue>, patience: Duration) -> Result<Joining, Unjoined> {
    let files = meeting_places(queue);
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let until = Instant::now() + patience;
    // A process that logs already does not wait.
    let change_within = if matches!(queue.joined(), Joined::Not) { CHANGES_WITHIN } else { Duration::ZERO };
    let change_until = Instant::now() + change_within;
    election::supported()
        .map_err(|why| Unjoined::Shortage(format!("no listener for the queue can be told from a dead one ({why})")))?;
    // What it was in another segment says nothing of this one.
    queue.generation.store(0, Ordering::Relaxed);
    let mut attempts = 0;
    loop {
        attempts += 1;
        let left = until.saturating_duration_since(Instant::now());
        let mut meeting = match Meeting::lock(&files, left.min(CLAIMS_ARE_HELD_FOR)) {
            Ok(meeting) => meeting,
            Err(error) if error.is_timeout() || error.is_exposed() => match living::join(queue, &files)? {
                Some(joined) => return Ok(joined),
                None if Instant::now() < until => continue,
                None => return Err(Unjoined::Refused(error.to_string())),
            },
            Err(error) if error.is_foreign() || error.is_not_found() => {
                return Err(Unjoined::Refused(error.to_string()));
            }
            Err(error) => return Err(Unjoined::Shortage(error.to_string())),
        };
        say_exposed(&meeting);
        let found = find(queue, &meeting);
        let may_change = match &found {
            Ok(None) => meeting.claims().iter().any(|claim| claim.text().is_none() && claim.is_watched()),
            Err(Unjoined::Lost(_)) => true,
            _ => false,
        };
        if may_change && Instant::now() < change_until {
            drop(meeting);
            std::thread::sleep(LOOK_INTERVAL);
            continue;
        }
        let found = found?;
        let met_others = found.is_some();
        let segment = match found {
            Some(found) => {
                let shared = Shared::of(&found);
                let is_newer = queue.configured.as_ref().is_some_and(|mine| mine.config.is_newer_than(&shared));
                start_handlers(&queue.listener.handlers, &|file| is_newer && !shared.writes(file))?;
                found
            }
            None => make(queue, &mut meeting)?,
        };
        // Attached before anything else: a listener leaves when it finds nobody.
        let process = match ProcessSide::attach(&segment, queue.options.limits.capacity_bytes) {
            Ok(process) => process,
            Err(error) if error.is_full() => return Err(Unjoined::Shortage(error.to_string())),
            // It was closed since it was found; or since it was made, if this process was stopped in between: then its time is
            // over, and was none.
            Err(_) if Instant::now() < until || attempts < ATTEMPTS => continue,
            Err(error) => return Err(Unjoined::Refused(error.to_string())),
        };
        kill_point!("join: attached");
        if is_vacant(segment.seat())
            && !queue.is_service()
            && let Err(why) = helpers::begin(queue, &segment)
        {
            abandon(&segment, &process, &mut meeting);
            return Err(Unjoined::Shortage(why.to_string()));
        }
        kill_point!("join: somebody listens");
        drop(meeting);
        let left = until.saturating_duration_since(Instant::now());
        if let Err(error) = publish_config(queue, &segment, left, |_| Ok(())) {
            process.attachment.leave();
            return Err(error.into());
        }
        helpers::stand_by_for_thread(queue, &segment);
        return Ok(Joining::of(segment, process, met_others));
    }
}

/// Says of claims that others could write that they were not believed.
fn say_exposed(meeting: &Meeting) {
    for claim in meeting.claims() {
        if let Some(mode) = claim.was_exposed() {
            let claim = claim.path().display();
            warn(&format!(
                "{claim}: others could write the claim (its rights were {mode:03o}); what it said is not believed, and records \
                 that may be left in the queue that it named are not written"
            ));
        }
    }
}

/// Leaves a segment to which nobody can listen here, and removes it, unless others need it or have left records in it.
fn abandon(segment: &Segment, process: &ProcessSide, meeting: &mut Meeting) {
    let ours = process.attachment.slot();
    process.attachment.leave();
    if segment.try_abandon(|process| process.slot == ours || sweep::is_gone(segment, process)) {
        let _ = meeting.remove_if(segment.id().0);
        let _ = segment.unlink();
    }
}

/// Starts handlers that stand behind a queue. A file whose handler empties it is emptied when the queue begins to write it,
/// and not by each process that joins: what stands in it by then is other processes'.
pub(crate) fn start_handlers(handlers: &[Arc<HandlerEntry>], is_new: &dyn Fn(&Path) -> bool) -> Result<(), BuildError> {
    for entry in handlers {
        start_handlers(entry.handler.children(), is_new)?;
        let file = entry.handler.file().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.to_owned()));
        match file {
            Some(file) if !is_new(&file) => entry.close(),
            _ => entry.handler.start()?,
        }
        // It has one writer, which this process is not.
        entry.reopen();
    }
    Ok(())
}

/// What the claims of the queue are to say.
pub(crate) fn claim_text(queue: &Queue, segment: &Segment) -> ClaimText {
    let name = segment.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
    segment.claim(queue.options.name.as_deref().unwrap_or(name))
}

/// The name of another queue that lives, and of which `is_meant` is true, if the claim is that one's.
pub(crate) fn other_queue(claim: &Claim, id: u128, is_meant: impl Fn(&Segment) -> bool) -> Option<&str> {
    let text = claim.text().filter(|text| text.segment_id() != id && !text.is_of_former_boot())?;
    match open_live(text.segment(), Some(text.segment_id())) {
        Ok(Opened::Live(segment)) if is_meant(&segment) => Some(text.queue()),
        _ => None,
    }
}

/// Whether somebody listens to a queue, or may log into it.
pub(crate) fn is_used(segment: &Segment) -> bool {
    !is_vacant(segment.seat()) || segment.processes().any(|process| !sweep::is_gone(segment, &process))
}

/// The device of the shared memory that this process has; 0 if it has none.
fn device_of_memory() -> u64 {
    // The user's own directory may not be made yet.
    default_directory().ancestors().find_map(|path| Some(std::fs::metadata(path).ok()?.dev())).unwrap_or(0)
}

/// That a file is written by a queue whose memory is another one's, of another container with the same volume.
fn elsewhere(claim: &Claim, text: &ClaimText) -> Unjoined {
    Unjoined::Lost(format!(
        "{} is written by the queue '{}' already, whose memory {} is on device {}, while that of this process, {}, is on device \
         {}: containers that write the same file have to share /dev/shm too, or write a file each",
        claim.log().display(),
        text.queue(),
        text.segment().display(),
        text.device(),
        default_directory().display(),
        device_of_memory(),
    ))
}

/// That a file is written by a queue whose memory has no name any more, and is not to be found in any process.
fn removed(claim: &Claim, text: &ClaimText) -> Unjoined {
    Unjoined::Lost(format!(
        "{} is written by the queue '{}' already, whose memory {} was removed, and is open in no process that this one sees",
        claim.log().display(),
        text.queue(),
        text.segment().display(),
    ))
}

/// That a file is written by a queue that lives, and whose memory this program may not use.
fn useless(claim: &Claim, text: &ClaimText, error: &SegmentError) -> Unjoined {
    let (log, queue) = (claim.log().display(), text.queue());
    Unjoined::Lost(format!("{log} is written by the queue '{queue}' already, which cannot be joined ({error})"))
}

/// The live segment that the claims name, if there is one.
fn find(queue: &Queue, meeting: &Meeting) -> Result<Option<Arc<Segment>>, Unjoined> {
    let mut found: Option<(Arc<Segment>, &ClaimText, &Path)> = None;
    // The claims of several files, and the queue's name, may all lead to it.
    let mut said = BTreeSet::new();
    for claim in meeting.claims() {
        let Some(text) = claim.text().filter(|text| !text.is_of_former_boot()) else { continue };
        let segment = match open_live(text.segment(), Some(text.segment_id()))? {
            Opened::Live(segment) => segment,
            _ if claim.is_attended() && text.device() != device_of_memory() => return Err(elsewhere(claim, text)),
            Opened::Useless(error) if claim.is_attended() => return Err(useless(claim, text, &error)),
            Opened::Useless(error) => {
                say_useless(&error, &mut said);
                continue;
            }
            Opened::None if claim.is_attended() => return Err(removed(claim, text)),
            Opened::None => continue,
        };
        match &found {
            Some((first, of, log)) if first.id() != segment.id() => {
                return Err(Unjoined::Refused(format!(
                    "{} is written by the queue '{}' and {} by the queue '{}'; one queue cannot join both",
                    log.display(),
                    of.queue(),
                    claim.log().display(),
                    text.queue(),
                )));
            }
            _ => found = Some((segment, text, claim.log())),
        }
    }
    let named = queue.options.name.as_deref();
    let Some((segment, text, log)) = found else {
        let Some(name) = named else { return Ok(None) };
        return match open_live(&default_directory().join(file_name(name)), None)? {
            Opened::Live(segment) => Ok(Some(segment)),
            Opened::Useless(error) => {
                say_useless(&error, &mut said);
                Ok(None)
            }
            Opened::None => Ok(None),
        };
    };
    match named {
        Some(name) if name != text.queue() => Err(Unjoined::Refused(format!(
            "{} is written by the queue '{}' already; the queue '{name}' cannot write it too",
            log.display(),
            text.queue(),
        ))),
        _ => Ok(Some(segment)),
    }
}

/// What is where a segment is looked for.
enum Opened {
    Live(Arc<Segment>),
    /// No segment that this program may use; it is left alone.
    Useless(SegmentError),
    /// Nothing, or one that is closed, or another one.
    None,
}

/// The segment at a path, if it is this program's kind, and not closed; or the one of this id that was there.
fn open_live(path: &Path, id: Option<u128>) -> Result<Opened, Unjoined> {
    let removed = || Segment::open_removed(path, SegmentId(id?));
    let segment = match Segment::open(path) {
        Ok(segment) => segment,
        Err(error) if error.is_absent() => match removed() {
            Some(segment) => segment,
            None => return Ok(Opened::None),
        },
        Err(error) if is_useless(&error) => return Ok(Opened::Useless(error)),
        Err(error) => return Err(Unjoined::Shortage(error.to_string())),
    };
    let is_meant = id.is_none_or(|id| segment.id() == SegmentId(id)) && segment.state() != SegmentState::Closed;
    Ok(if is_meant { Opened::Live(segment) } else { Opened::None })
}

/// Says of what nobody listens to that it cannot be used, unless that is among what was `said`.
fn say_useless(error: &SegmentError, said: &mut BTreeSet<String>) {
    let error = error.to_string();
    if !said.contains(&error) {
        warn(&format!("{error}; it is not joined, and records that may be left in it are not written"));
        said.insert(error);
    }
}

/// Whether a file is there, and no segment that this program can ever use.
fn is_useless(error: &SegmentError) -> bool {
    error.is_untrusted() || error.is_invalid() || error.is_abi()
}

fn make(queue: &Queue, meeting: &mut Meeting) -> Result<Arc<Segment>, Unjoined> {
    let directory = default_directory();
    let name = match &queue.options.name {
        Some(name) => file_name(name),
        // Another one for each attempt: what one sweeps away that nobody has attached to yet, he knows by its name alone.
        None => {
            let number = NAMES_DRAWN.fetch_add(1, Ordering::Relaxed);
            file_name(&format!("{:016x}-{number}", ProcessIdentity::current().nonce))
        }
    };
    let segment = match Segment::create(&directory, &name, &SegmentOptions::default()) {
        Err(error) if error.is_exists() && make_room(error.path()) => {
            Segment::create(&directory, &name, &SegmentOptions::default())
        }
        outcome => outcome,
    };
    let segment = segment.map_err(|error| Unjoined::Shortage(format!("no shared memory for the queue ({error})")))?;
    streams::announce(&segment);
    kill_point!("join: segment made");
    if let Err(error) = start_handlers(&queue.listener.handlers, &|_| true) {
        let _ = segment.unlink();
        return Err(error.into());
    }
    if let Some(Configured { config, .. }) = &queue.configured {
        let first = Shared::default().next(config, &queue.listener.name, absolute(meeting_places(queue)), true);
        queue.generation.store(first.generation, Ordering::Relaxed);
        first.publish(&segment);
    }
    let text = claim_text(queue, &segment);
    if let Err(error) = meeting.write(&text) {
        let _ = meeting.remove_if(segment.id().0);
        let _ = segment.unlink();
        return Err(Unjoined::Shortage(error.to_string()));
    }
    Ok(segment)
}

/// Removes what stands where a segment is to be, if that is closed, or of another version, or no segment at all, which was said
/// when it was found; whether it did. The claim of the name is locked.
fn make_room(path: &Path) -> bool {
    match Segment::open(path) {
        Ok(segment) => segment.state() == SegmentState::Closed && segment.unlink().is_ok(),
        Err(error) => is_useless(&error) && std::fs::remove_file(path).is_ok(),
    }
}

pub(crate) fn file_name(queue: &str) -> String {
    format!("queue-{queue}")
}

/// The files at whose claims the processes of a queue meet: those that it writes and, if it has a name, its segment.
pub(crate) fn meeting_places(queue: &Queue) -> Vec<PathBuf> {
    let mut places = files_of(&queue.listener.handlers);
    if let Some(name) = &queue.options.name {
        let directory = make_directory();
        places.extend(directory.is_dir().then(|| directory.join(file_name(name))));
    }
    places
}

/// The directory of this user's queues. It is there already, or there is no shared memory, which will be said when a segment
/// is made.
pub(crate) fn make_directory() -> PathBuf {
    let directory = default_directory();
    let _ = std::fs::DirBuilder::new().mode(0o700).create(&directory);
    directory
}

/// The files that handlers write, and those that they hand on to.
fn files_of(handlers: &[Arc<HandlerEntry>]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in handlers {
        files.extend(entry.handler.file().map(Path::to_owned));
        files.extend(files_of(entry.handler.children()));
    }
    files
}

pub(crate) fn warn(what: &str) {
    let message = format!("logtree: warning: {what}\n");
    // There is nobody else to tell before anything is installed.
    let _ = logtree_os::streams::StandardStream::Stderr.write_all(message.as_bytes());
}
