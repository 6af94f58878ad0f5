//! Queues for programs.

use logtree::prefork::{LaneStats, OwnerStats, QueueStats};
use serde_json::{Value, json};

/// An array with an object for each queue.
pub(super) fn of(queues: &[QueueStats]) -> String {
    format!("{:#}\n", queues.iter().map(queue).collect::<Value>())
}

fn queue(queue: &QueueStats) -> Value {
    json!({
        "queue": queue.queue,
        "path": queue.path.display().to_string(),
        "segment": queue.segment.to_string(),
        "listener": queue.listener,
        "standby": queue.standby,
        "listeners_so_far": queue.claim_number,
        "processes": queue.processes,
        "lanes": queue.lanes,
        "waiting": queue.waiting,
        "waiting_bytes": queue.waiting_bytes,
        "handled": queue.handled,
        "late": queue.late,
        "dropped": {
            "total": queue.dropped,
            "full": queue.drops.full,
            "too_large": queue.drops.too_large,
            "no_memory": queue.drops.no_memory,
            "retired": queue.drops.retired,
            "no_lane": queue.drops.no_lane,
        },
        "cut": queue.cut,
        "bad_lanes": queue.bad_lanes,
        "refused_transactions": queue.refused_transactions,
        "disturbed_appends": queue.disturbed_appends,
        "unprotected_batches": queue.unprotected_batches,
        "memory_bytes": queue.memory_bytes,
        "config": {
            "generation": queue.config.generation,
            "listening": queue.config.listening,
            "origin": queue.config.origin,
            "directory": queue.config.directory.display().to_string(),
        },
        "owners": queue.owners.iter().map(owner).collect::<Value>(),
    })
}

fn owner(owner: &OwnerStats) -> Value {
    json!({
        "process": owner.process,
        "attached": owner.is_attached,
        "dead": owner.is_dead,
        "capacity_bytes": owner.capacity_bytes,
        "dropped_no_lane": owner.dropped_no_lane,
        "lanes": owner.lanes.iter().map(lane).collect::<Value>(),
    })
}

fn lane(lane: &LaneStats) -> Value {
    json!({
        "lane": lane.lane,
        "open": lane.is_open,
        "published": lane.published,
        "waiting": lane.waiting,
        "waiting_bytes": lane.waiting_bytes,
        "dropped": lane.dropped,
    })
}
