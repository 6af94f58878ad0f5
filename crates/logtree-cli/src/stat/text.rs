//! Queues for people.

use std::fmt::Write as _;

use logtree::prefork::{OwnerStats, QueueStats};

use super::Looked;

/// Owners are shown up to so many, the fullest first: a screen has no more room.
const OWNERS: usize = 20;

/// The queues, with what has changed since the look before.
pub(super) fn of(now: &Looked, before: Option<&Looked>) -> String {
    if now.queues.is_empty() && now.refused.is_empty() {
        return "no queues\n".to_owned();
    }
    let mut text = String::new();
    for (at, queue) in now.queues.iter().enumerate() {
        let earlier = before.and_then(|before| {
            let same = before.queues.iter().find(|earlier| earlier.segment == queue.segment)?;
            Some((same, now.at.duration_since(before.at).as_secs_f64()))
        });
        text.push_str(if at > 0 { "\n" } else { "" });
        // A string takes everything.
        let _ = one(&mut text, queue, earlier);
    }
    text
}

fn one(text: &mut String, queue: &QueueStats, earlier: Option<(&QueueStats, f64)>) -> std::fmt::Result {
    let somebody = |thread: Option<u32>| thread.map_or("nobody".to_owned(), |thread| thread.to_string());
    writeln!(text, "queue {}", queue.queue)?;
    writeln!(text, "  segment    {} ({})", queue.path.display(), bytes(queue.memory_bytes))?;
    writeln!(
        text,
        "  listener   {}, the {} so far; standing by: {}",
        somebody(queue.listener),
        ordinal(queue.claim_number),
        somebody(queue.standby),
    )?;
    let is_anybody_there =
        queue.listener.or(queue.standby).is_some() || queue.owners.iter().any(|owner| !owner.is_dead);
    if !is_anybody_there && queue.waiting > 0 {
        writeln!(text, "  ended      all its processes were killed; what waits is written when one is started")?;
    }
    match (queue.config.generation, queue.config.listening) {
        (0, _) => writeln!(text, "  config     in the code of its programs")?,
        (newest, listening) => {
            write!(text, "  config     {}, generation {newest}", queue.config.origin)?;
            match newest == listening {
                true => writeln!(text)?,
                false => writeln!(text, "; the listener has {listening}")?,
            }
        }
    }
    write!(text, "  records    {} handled", queue.handled)?;
    if let Some((earlier, seconds)) = earlier {
        let rate = queue.handled.saturating_sub(earlier.handled) as f64 / seconds.max(0.001);
        write!(text, " ({rate:.0}/s)")?;
    }
    writeln!(text, ", {} wait ({}), {} came late", queue.waiting, bytes(queue.waiting_bytes), queue.late)?;
    let drops = queue.drops;
    let reasons = [
        ("full", drops.full),
        ("too large", drops.too_large),
        ("no memory", drops.no_memory),
        ("lane given up", drops.retired),
        ("no lane", drops.no_lane),
    ];
    let reasons: Vec<_> = reasons.iter().filter(|(_, count)| *count > 0).collect();
    let reasons: Vec<_> = reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    write!(text, "  dropped    {}", queue.dropped)?;
    writeln!(text, "{}", if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) })?;
    let troubles = [
        ("records cut", queue.cut),
        ("lanes given up", queue.bad_lanes),
        ("plans refused", queue.refused_transactions),
        ("appends disturbed", queue.disturbed_appends),
        ("batches without a plan", queue.unprotected_batches),
    ];
    let troubles: Vec<_> = troubles.iter().filter(|(_, count)| *count > 0).collect();
    if !troubles.is_empty() {
        let troubles: Vec<_> = troubles.iter().map(|(trouble, count)| format!("{count} {trouble}")).collect();
        writeln!(text, "  trouble    {}", troubles.join(", "))?;
    }
    owners(text, queue)
}

fn owners(text: &mut String, queue: &QueueStats) -> std::fmt::Result {
    let plural = if queue.lanes == 1 { "" } else { "s" };
    writeln!(text, "  processes  {}, with {} lane{plural}", queue.processes, queue.lanes)?;
    let waiting = |owner: &OwnerStats| -> u64 { owner.lanes.iter().map(|lane| u64::from(lane.waiting)).sum() };
    let mut owners: Vec<_> = queue.owners.iter().collect();
    owners.sort_by_key(|owner| std::cmp::Reverse(waiting(owner)));
    if !owners.is_empty() {
        writeln!(
            text,
            "    {:>10} {:>6} {:>10} {:>10} {:>6} {:>10}",
            "PROCESS", "LANES", "WAIT", "BYTES", "FILL", "DROPPED"
        )?;
    }
    for owner in owners.iter().take(OWNERS) {
        let bytes_waiting: u64 = owner.lanes.iter().map(|lane| lane.waiting_bytes).sum();
        let dropped = owner.lanes.iter().map(|lane| lane.dropped).sum::<u64>() + owner.dropped_no_lane;
        // Of its fullest lane.
        let fullest = owner.lanes.iter().map(|lane| lane.waiting_bytes).max().unwrap_or_default();
        let fill = match owner.capacity_bytes {
            0 => "-".to_owned(),
            capacity => format!("{} %", (100 * fullest).div_ceil(capacity)),
        };
        let gone = match (owner.is_dead, owner.is_attached) {
            (true, _) => "  (dead)",
            (false, false) => "  (not attached)",
            (false, true) => "",
        };
        writeln!(
            text,
            "    {:>10} {:>6} {:>10} {:>10} {fill:>6} {dropped:>10}{gone}",
            owner.process,
            owner.lanes.len(),
            waiting(owner),
            bytes(bytes_waiting),
        )?;
    }
    match owners.len().saturating_sub(OWNERS) {
        0 => Ok(()),
        more => writeln!(text, "    and {more} more"),
    }
}

/// A number of bytes, in the largest unit of which it has one.
fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB"];
    let mut size = count as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{count} B"),
        _ => format!("{size:.1} {}", units[unit]),
    }
}

fn ordinal(number: u64) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        let sizes = [0, 1023, 1024, 1536, 16 << 20, u64::MAX].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "16.0 MiB", "17179869184.0 GiB"]);
        let places = [1, 2, 3, 4, 11, 12, 13, 21, 101, 111].map(ordinal);
        assert_eq!(places, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "101st", "111th"]);
    }
}
