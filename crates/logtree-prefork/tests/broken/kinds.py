"""What is broken in a copy of the queue, and which test must notice: see run.py."""

import os
import re
import signal
import subprocess
import sys

CORE, HANDLERS, OS, PREFORK = (f"crates/logtree-{name}/src/" for name in ("core", "handlers", "os", "prefork"))

PATIENCE_SECONDS = 300
SAID = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}


class Test:
    """A command that passes as long as nothing is broken."""

    def __init__(self, what, flags, arguments, **environment):
        self.what, self.flags, self.arguments, self.environment = what, flags, arguments, environment

    def run(self, tree, targets):
        environment = dict(os.environ, RUST_BACKTRACE="0", **self.environment)
        environment["RUSTFLAGS"] = self.flags
        environment["CARGO_TARGET_DIR"] = str(targets / (re.sub(r"\W+", "-", self.flags).strip("-") or "plain"))
        build = ["cargo", "test", "-q", *self.arguments.split(" -- ")[0].split(), "--no-run"]
        built = subprocess.run(build, cwd=tree, env=environment, capture_output=True, text=True)
        if built.returncode != 0:
            sys.exit(f"it does not build:\n{built.stderr}")
        run = ["cargo", "test", "-q", *self.arguments.split()]
        ran = subprocess.Popen(run, cwd=tree, env=environment, text=True, start_new_session=True, **SAID)
        # A test that waits for ever notices too; and so would its children wait.
        try:
            said, _ = ran.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(ran.pid, signal.SIGKILL)
            ran.communicate()
            return "it hangs"
        if ran.returncode == 0:
            return None
        failed = re.findall(r"^test (\S+) \.\.\. FAILED", said, re.M) or re.findall(r"^---- (\S+) stdout", said, re.M)
        failed = failed or re.findall(r"panicked at (\S+):\d+:$", said, re.M)
        return ", ".join(dict.fromkeys(failed)) or said.strip().splitlines()[-1]


def walk(filter):
    flags = "--cfg logtree_kill_points"
    return Test("walk", flags, f"-p logtree-prefork --test queue {filter}", LOGTREE_WALK_ROUNDS="3")


LISTENER = walk("listener_killed_at_any_point_writes")
PRODUCER = walk("producer_killed_at_any_point")
INSTALLER = walk("while_it_installs")
BURIAL = walk("any_point_while_it_frees")
REPORTS = walk("any_point_tells_of_each_drop")
LEAVING = walk("who_leaves_holds_its_claims")
LATE = walk("any_point_between_look_and_write_may_last")
SWEPT = walk("a_claim_that_is_swept_away")
SWEEP = Test("sweep", "", "-p logtree-prefork --test queue claims_that_name_no_segment")
LANES = Test("loom", "--cfg loom", "-p logtree-os --release --test loom_lanes")
LISTENING = Test("loom", "--cfg loom", "-p logtree-os --release --test loom_listener")
SHRINKING = Test("memory", "", "-p logtree-os --test shared_memory shrinking")
TAKING_MEMORY = Test("walk", "--cfg logtree_kill_points", "-p logtree-os --test shared_memory shrinking")
TRANSACTION = Test("loom", "--cfg loom", "-p logtree-os --release --test loom_transaction")


def plain(what, arguments):
    return Test(what, "", arguments)


def queue(filter):
    return plain("queue", f"-p logtree-prefork --test queue {filter}")


QUEUE = queue("share_one_listener")
PRESSURE, RESERVE = queue("what_does_not_fit_is_counted"), queue("the_reserve_is_for_what_matters")
LARGE, CONFIG, REUSED = queue("records_that_have_no_place"), queue("a_newer_config_reaches"), queue("a_place_that_is_taken_again")
CLEANED, UNNAMED, TAKEN = queue("a_cleaner_makes"), queue("a_queue_without_names"), queue("another_queue_has_taken")
LOST, SWEPT = queue("said_to_be_lost"), queue("claim_is_held_is_not_swept")
LEFT, HELD = queue("when_all_have_left"), queue("claim_is_held_is_not_left")
CONFIGS = plain("unit", "-p logtree-prefork --lib config")
SPILLS, SEGMENTS, WAKING, DEFINITIONS, TRANSACTIONS = (
    plain("shared memory", f"-p logtree-os --test shared_memory {module}")
    for module in ("spills", "segments", "waking", "definitions", "transactions"))
WATCH = plain("process", "-p logtree-os --test process watch")
CLAIM, CLAIMS = plain("process", "-p logtree-os --test process claim"), plain("unit", "-p logtree-os --lib claim")
ENVIRONMENT = plain("environment", "-p logtree --features prefork --test environment")
ONCE = plain("exactly once", "-p logtree --features prefork --test exactly_once")
LIES = plain("unit", "-p logtree-os --lib lane")
CODEC = plain("codec", "-p logtree-core --test codec")


# The kind, the test that must notice, and the changes: file, what stands there, what is put in its place.
QUEUE_KINDS = [
    ("fence gone: a producer's, between publishing and its look", LISTENING,
     (OS + "wake.rs", "        sync::light_barrier();\n", "")),
    ("fence gone: a newcomer's, between its slot and its look", LISTENING,
     (OS + "attach.rs", "this look sees that it is closing.\n        fence(Ordering::SeqCst);\n", "this look sees that it is closing.\n")),
    ("fence gone: a claimer's, between its lane and its look", LISTENING,
     (OS + "attach.rs", "pub fn is_attached(&self) -> bool {\n        fence(Ordering::SeqCst);\n", "pub fn is_attached(&self) -> bool {\n")),
    ("fence gone: a listener's, between who has left and their lanes", LISTENING,
     (OS + "attach.rs", "pub fn has_left(&self, process: &ProcessView) -> bool {\n        fence(Ordering::SeqCst);\n",
      "pub fn has_left(&self, process: &ProcessView) -> bool {\n")),
    ("a lane kept in a slot that was left", LISTENING,
     (OS + "attach.rs", "self.segment.slot(self.slot).owner.load(Ordering::Acquire) == self.owner", "true")),
    ("no closing state: closed after one look", LISTENING,
     (OS + "closing.rs", "before, turn | CLOSING,", "before, turn | OPEN,"),
     (OS + "closing.rs", "state.compare_exchange(turn | CLOSING, decided,", "state.compare_exchange(turn | OPEN, decided,")),
    ("closed by a look from before another opened it", LISTENING,
     (OS + "closing.rs", "state.compare_exchange(turn | CLOSING, decided, Ordering::SeqCst, Ordering::SeqCst).is_ok()",
      "{ state.store(decided, Ordering::SeqCst); true }")),
    ("publication without Release", LANES,
     (OS + "lane/producer.rs", "producer.tail.store(self.tail.pack(), Ordering::Release)",
      "producer.tail.store(self.tail.pack(), Ordering::Relaxed)")),
    ("look at the tail without Acquire", LANES,
     (OS + "lane/reader.rs", "let word = self.cell().producer.tail.load(Ordering::Acquire);",
      "let word = self.cell().producer.tail.load(Ordering::Relaxed);")),
    ("unit given back without Release", LANES,
     (OS + "units.rs", "compare_exchange(owner, free, Ordering::AcqRel", "compare_exchange(owner, free, Ordering::Relaxed")),
    ("claim without compare-and-swap", LANES,
     (OS + "lane/producer.rs",
      "    let outcome = cell.consumer.owner.compare_exchange(word, claimed.pack(), Ordering::Acquire, Ordering::Relaxed);\n    outcome.is_ok().then_some(claimed.generation)\n",
      "    cell.consumer.owner.store(claimed.pack(), Ordering::Release);\n    Some(claimed.generation)\n")),
    ("definition after record", LANES,
     (OS + "definitions.rs", "definitions.store(self.tail.pack(), Ordering::Release)",
      "definitions.store(place.pack(), Ordering::Release)")),
    ("tail before the bytes", PRODUCER,
     (OS + "lane/producer.rs", "        self.write(self.tail.unit, self.tail.offset, head, kind, length, pieces);\n        self.tail.offset += frame as u32;\n        Ok(self.publish())\n",
      "        let (unit, at) = (self.tail.unit, self.tail.offset);\n        self.tail.offset += frame as u32;\n        let published = self.publish();\n        self.tail.sequence = self.tail.sequence.wrapping_sub(1);\n        self.write(unit, at, head, kind, length, pieces);\n        self.tail.sequence = self.tail.sequence.wrapping_add(1);\n        Ok(published)\n")),
    ("chain continued before its unit is written", PRODUCER,
     (OS + "lane/producer.rs", "        let (unit, end) = self.write(first, UNIT_START, head, kind, length, pieces);\n",
      "        let before = self.tail;\n        (self.tail.unit, self.tail.offset) = (first, UNIT_START);\n        self.publish();\n        self.tail = before;\n        let (unit, end) = self.write(first, UNIT_START, head, kind, length, pieces);\n")),
    ("flip early: committed before it is described", LISTENER,
     (OS + "transaction.rs", "        kill_point!(\"transaction: heads staged\");\n",
      "        line.committed.store(number, Ordering::Release);\n        kill_point!(\"transaction: heads staged\");\n")),
    ("flip early: committed without Release", TRANSACTION,
     (OS + "transaction.rs", "line.committed.store(number, Ordering::Release);", "line.committed.store(number, Ordering::Relaxed);")),
    ("step counted without Release", TRANSACTION,
     (OS + "transaction.rs", "steps.store(steps_word(self.number, self.steps), Ordering::Release)",
      "steps.store(steps_word(self.number, self.steps), Ordering::Relaxed)")),
    ("step counted before it is done", LISTENER,
     (PREFORK + "batch.rs", "            match step.carry_out(&*file.file, &mut self.given_up) {\n",
      "            if let Some(committed) = &mut self.committed { committed.step_done(); }\n            match step.carry_out(&*file.file, &mut self.given_up) {\n"),
     (PREFORK + "batch.rs", "                    self.count_done();\n", "")),
    ("rename before plan", LISTENER,
     (PREFORK + "batch.rs", "        self.names.put(from, Planned::Nothing);\n        self.names.put(to, found);\n        let work = Work::Rename",
      "        let _ = moved::rename(from, to);\n        self.names.put(from, Planned::Nothing);\n        self.names.put(to, found);\n        let work = Work::Rename")),
    ("written before plan", LISTENER,
     (PREFORK + "listener.rs", "        self.batch.plan(self.merge.unpublished_heads(), self.house.reports.being_told());\n        loop {\n            let outcome = self.house.may_write().and_then(|()| self.batch.carry_out());\n",
      "        loop {\n            let outcome = self.house.may_write().and_then(|()| self.batch.carry_out());\n            self.batch.plan(self.merge.unpublished_heads(), self.house.reports.being_told());\n")),
    ("heads before the second file", LISTENER,
     (PREFORK + "batch.rs", "                    self.count_done();\n",
      "                    self.count_done();\n                    if let Some(committed) = self.committed.take() { committed.finish(); }\n"),
     (PREFORK + "listener.rs", "        self.batch.plan(self.merge.unpublished_heads(), self.house.reports.being_told());\n",
      "        self.batch.plan(self.merge.unpublished_heads(), self.house.reports.being_told());\n        self.merge.publish_heads();\n")),
    ("heads not in the transaction", LISTENER,
     (PREFORK + "batch.rs", "        let committed = staging.commit(heads)?;\n",
      "        let _ = heads;\n        let committed = staging.commit([])?;\n")),
    ("finished before the heads are published", LISTENER,
     (PREFORK + "listener.rs", "            self.merge.publish_heads();\n            #[cfg(logtree_kill_points)]\n            if handled > 0 {\n                kill_point!(\"batch: heads published\");\n            }\n            self.batch.finish();\n",
      "            self.batch.finish();\n            self.merge.publish_heads();\n            #[cfg(logtree_kill_points)]\n            if handled > 0 {\n                kill_point!(\"batch: heads published\");\n            }\n")),
    ("recovery compares nothing", LISTENER,
     (PREFORK + "appended.rs", "    let missing = &bytes[standing.bytes..];\n", "    let missing = bytes;\n")),
    ("recovery after the lanes are read", LISTENER,
     (OS + "transaction.rs", "            self.committed.segment.publish_lane_head(head);\n", "")),
    ("unit given back before the anchor moves", LISTENER,
     (OS + "lane/reader.rs", "        consumer.anchor.store(next, Ordering::Release);\n        kill_point!(\"lane: anchor moved\");\n        if units.release(unit, owner) {\n            consumer.spare.store(unit, Ordering::Relaxed);\n        }\n",
      "        if units.release(unit, owner) {\n            consumer.spare.store(unit, Ordering::Relaxed);\n        }\n        kill_point!(\"lane: anchor moved\");\n        consumer.anchor.store(next, Ordering::Release);\n")),
    ("the seat taken before it is announced to the kernel", INSTALLER,
     (OS + "election.rs", "        self.list_op_pending.store(pending, Ordering::SeqCst);\n        kill_point!(\"seat: announced\");\n",
      "        kill_point!(\"seat: announced\");\n")),
    ("a standby that is a zombie keeps its place", INSTALLER,
     (PREFORK + "helpers.rs", "        0 => standby.pid != 0 && is_running(standby.pid),", "        0 => standby.pid != 0,")),
    ("a lane freed before its units", BURIAL,
     (OS + "lane/reclaim.rs", "        kill_point!(\"reclaim: lane marked\");\n        self.units()",
      "        self.lane(lane).consumer.owner.store(owner.with(LaneState::Free).pack(), Ordering::Release);\n        kill_point!(\"reclaim: lane marked\");\n        self.units()")),
    ("a slot freed before its units", BURIAL,
     (OS + "attach.rs", "            kill_point!(\"release: slot marked\");\n",
      "            clear_slot(cell, clearing);\n            kill_point!(\"release: slot marked\");\n")),
    ("half freed lanes forgotten by the next listener", BURIAL,
     (OS + "closing.rs", "        self.finish_reclaiming_lanes();\n", "")),
    ("memory taken before that is announced", LANES,
     (OS + "shrink.rs", "        segment.head().header.life.punches.fetch_add(1, Ordering::Relaxed);\n", ""),
     (OS + "shrink.rs", "            segment.head().header.progress.releases", "            segment.head().header.life.punches.fetch_add(1, Ordering::Relaxed);\n            segment.head().header.progress.releases")),
    ("a unit used without a look whether it has memory", SHRINKING,
     (OS + "units.rs", "        let has_memory = self.0.has_memory(unit);\n", "        let has_memory = true;\n")),
    ("which units had memory is not forgotten", LANES,
     (OS + "memory/backed.rs", "            self.units.iter().for_each(|word| word.store(0, Ordering::Relaxed));\n", "")),
    ("units that lose their memory forgotten by the next listener", TAKING_MEMORY,
     (OS + "closing.rs", "        self.units().release_all(Tag::PUNCHING);\n", "")),
    ("a forked child writes into its parent's lane", QUEUE,
     (PREFORK + "producer.rs", "        let ours = |lane: &ThreadLane| lane.queue == queue.place().number && lane.made_in == generation;\n        let at",
      "        let ours = |lane: &ThreadLane| lane.queue == queue.place().number;\n        let at")),
    ("a listener sleeps without a fence behind its announcement", LISTENING,
     (OS + "wake.rs", "        fence(Ordering::SeqCst);\n        // A nap needs no barrier", "        // A nap needs no barrier"),
     (OS + "wake.rs", "if how == Sleep::Deep && !sync::heavy_barrier() {", "if false {")),
    ("a listener sleeps without a last look", LISTENING,
     (OS + "wake.rs", "if !self.flush_waits() && !look() {", "if !self.flush_waits() {")),
    ("a listener sleeps although a flush was asked for", LISTENING,
     (OS + "wake.rs", "if !self.flush_waits() && !look() {", "if !look() {")),
    ("a record wakes nobody", LISTENING,
     (OS + "wake.rs", "        wake(&self.head().header.listener.state, SLEEPING);\n", "")),
    ("a flush does not wake who naps", LISTENING,
     (OS + "wake.rs", "        wake(&line.state, SLEEPING);\n        wake(&line.state, NAPPING);\n", "        wake(&line.state, SLEEPING);\n")),
    ("a lane that fills up does not wake who naps", WAKING,
     (OS + "lane/producer.rs", "            self.segment.wake_from_nap();\n", "")),
    ("progress wakes nobody", LISTENING,
     (OS + "wake.rs", "            sync::futex_wake(&line.progress);\n", "")),
    ("a record stands for a file that is not whole", LISTENER,
     (OS + "lane/spilled.rs", "        if !self.segment.spill(name, pieces, bytes) {\n            return Err(PushError(DropReason::NoMemory));\n        }\n        kill_point!(\"spill: written\");\n        let outcome = self.push_as(Kind::Spilled, head, &[&bytes.to_ne_bytes()], reserve);\n",
      "        let bytes: u64 = bytes;\n        let outcome = self.push_as(Kind::Spilled, head, &[&bytes.to_ne_bytes()], reserve);\n        kill_point!(\"spill: written\");\n        if !self.segment.spill(name, pieces, bytes) {\n            return Err(PushError(DropReason::NoMemory));\n        }\n")),
    ("another segment's spill files are taken for this one's", SPILLS,
     (OS + "spill.rs", "(is_ours && parts.next().is_none()).then_some(name)", "(is_ours | true && parts.next().is_none()).then_some(name)")),
    ("a spill file of another size is read", SPILLS,
     (OS + "spill.rs", "                && u64::try_from(found.st_size) == Ok(length)\n", "")),
    ("a spill file is whoever's", SPILLS,
     (OS + "spill.rs", "                && found.st_uid == geteuid().as_raw()\n", "")),
    ("a spill file is found through a link", SPILLS,
     (OS + "spill.rs", "let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;", "let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;")),
    ("a spill file is deleted when it is read", SPILLS,
     (OS + "lane/spilled.rs", "        if outcome != Spilled::NotNow {\n", "        self.segment().remove_spill(self.spill_name(self.head.sequence));\n        if outcome != Spilled::NotNow {\n")),
    ("a file that a record waits in is swept", SPILLS,
     (OS + "spill.rs", "            && Position { sequence: name.sequence, ..head }.records_since(head).is_some()\n", "            && false\n")),
    ("a lane spills without end", SPILLS,
     (OS + "lane/spilled.rs", "if waiting > 0 && waiting + bytes > most {", "if waiting + bytes > 99 * most {")),
    ("a spill directory that others may write is used", SPILLS,
     (OS + "spill.rs", "if found.st_uid != geteuid().as_raw() || others {", "if found.st_uid != geteuid().as_raw() || others && false {")),
    ("a spill file is begun that may not be so large", SPILLS,
     (OS + "spill.rs", "if getrlimit(Resource::Fsize).current.is_some_and(|limit| length > limit) {", "if getrlimit(Resource::Fsize).current == Some(0) {")),
    ("want of descriptors loses a spilled record", SPILLS,
     (OS + "spill.rs", "if error.is_some_and(|error| may_pass.contains(&error)) { Spilled::NotNow } else { Spilled::Lost }", "let _ = (may_pass, error);\n                Spilled::Lost")),
    ("a record is spilled where nobody would find it", SPILLS,
     (OS + "spill.rs", "        if !self.is_linked() {\n            return false;\n        }\n", "")),
    ("a config of before comes back", CONFIGS,
     (PREFORK + "config.rs", "self.age.is_act || self.age > shared.config.age && !was_there()", "self.age.is_act || self.age > shared.config.age")),
    ("the generation moves backward: any config is news", CONFIG,
     (PREFORK + "config.rs", "self.age.is_act || self.age > shared.config.age && !was_there()", "true")),
    ("the listener keeps its config", CONFIG,
     (PREFORK + "listener.rs", "        let has_it = wanted == self.queue.generation();\n", "        let has_it = wanted == self.queue.generation() || true;\n")),
    ("callsites of a process that is gone are remembered", REUSED,
     (PREFORK + "definitions.rs", "        self.callsites.forget(slot);\n", "")),
    ("origins of a process that is gone are remembered", REUSED,
     (PREFORK + "definitions.rs", "        self.origins.forget(slot);\n", "")),
    ("a compressed file gets its name before it is whole", LISTENER,
     (HANDLERS + "compression/enabled.rs", "            copy(read, &mut encoder)?;\n            encoder.finish().map(drop)\n        }\n        Compress::Zstd", "            copy(read, &mut encoder)?;\n            std::mem::forget(encoder);\n            Ok(())\n        }\n        Compress::Zstd")),
    ("the last eighth is everybody's", RESERVE,
     (OS + "lane/producer.rs", "Reserve::Ordinary => self.capacity_units - self.capacity_units / 8,", "Reserve::Ordinary => self.capacity_units,")),
    ("the last eighth is nobody's", RESERVE,
     (PREFORK + "producer.rs", "if queue.options.limits.is_urgent(level) { Reserve::Urgent } else { Reserve::Ordinary }", "let _ = (queue, level);\n    Reserve::Ordinary")),
    ("a drop is not counted", PRESSURE,
     (PREFORK + "producer.rs", "        lane.producer.count_drop(reason);\n        Some(())\n", "        let _ = reason;\n        Some(())\n")),
    ("drops are told twice", PRESSURE,
     (PREFORK + "reports.rs", "self.being_told.drain(..).for_each(|told| segment.remember_told(&told));", "let _ = segment;\n        self.being_told.clear();")),
    ("that drops are told stands in no plan", REPORTS,
     (PREFORK + "batch.rs", "        staging.tell(told);\n", "        let _ = told;\n")),
    ("a successor forgets what was told", REPORTS,
     (OS + "transaction.rs", "        self.told.iter().for_each(|told| self.committed.segment.remember_told(told));\n", "")),
    ("how much was told is counted by no plan", REPORTS,
     (PREFORK + "reports.rs", "        self.being_told.extend(values);\n", "        values.for_each(|told| segment.remember_told(&told));\n")),
    ("a cut record is not counted", LARGE,
     (PREFORK + "producer.rs", "                    self.producer.count_cut();\n", "")),
    ("drops of a lane that is freed are forgotten", LARGE,
     (PREFORK + "reports.rs", "        self.being_told.extend(values);\n", "        drop(values);\n")),
    ("who leaves lets go of its claims before the name is gone", LEAVING,
     (PREFORK + "departure.rs", "    let _ = segment.unlink();\n", "    drop(meeting);\n    let _ = segment.unlink();\n"),
     (PREFORK + "departure.rs", "    // Not before: another segment of this name could be made, and its name be taken away instead.\n    drop(meeting);\n", "")),
    ("nobody looks behind a write that took long", LATE,
     (HANDLERS + "log_file.rs", "let is_late = self.follow.is_of_a_file_that_rolls() && state.followed != Tick::now();", "let is_late = false;")),
    ("a claim is locked that has lost its name", SWEPT,
     (OS + "claim/file.rs", "Ok(()) if still_named(&place, &name, &file) => return", "Ok(()) => return")),
    ("the claim of a queue whose segment has no name is swept away", SWEEP,
     (PREFORK + "sweep.rs", " && !is_open()\n", " && { let _ = is_open; true }\n")),
    ("claims that name no segment stay", SWEEP,
     (PREFORK + "sweep.rs", "            remove_claim_of_none(&directory.join(segment));\n", "            let _ = segment;\n")),
    ("a claim is found through a link", CLAIM,
     (OS + "claim/file.rs", "    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;\n", "    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;\n")),
    ("a claim with two names is believed", CLAIM,
     (OS + "claim/file.rs", " || stat.st_nlink > 1 {", " {")),
    ("another user's claim is believed", CLAIM,
     (OS + "claim/file.rs", "if stat.st_uid != geteuid().as_raw() {", "if false {")),
    ("a claim is looked at without asking whose it is", CLAIM,
     (OS + "claim/file.rs", "    trusted(&fstat(&file).ok()?, Path::new(\"\")).ok()?;\n    let mut bytes = Vec::new();\n", "    let mut bytes = Vec::new();\n")),
    ("a claim is looked at through a link", CLAIM,
     (OS + "claim/file.rs", "fn peek(place: &Place) -> Option<ClaimText> {\n    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC", "fn peek(place: &Place) -> Option<ClaimText> {\n    let flags = OFlags::RDONLY | OFlags::CLOEXEC")),
    ("a claim's sum is not compared", CLAIMS,
     (OS + "claim/text.rs", "        if u64::from_str_radix(sum, 16).ok()? != fnv1a(body) {\n            return None;\n        }\n", "        let _ = sum;\n")),
    ("a segment is found through a link", SEGMENTS,
     (OS + "segment/place.rs", "let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;", "let flags = access | OFlags::CLOEXEC | OFlags::NONBLOCK;")),
    ("another user's segment is joined", SEGMENTS,
     (OS + "segment/place.rs", "    } else if found.st_uid != rustix::process::geteuid().as_raw() {\n        Err(Kind::Owner)\n", "")),
    ("a segment that others may write is joined", SEGMENTS,
     (OS + "segment/place.rs", "    } else if mode & (Mode::RWXU | Mode::RWXG | Mode::RWXO) != Mode::RUSR | Mode::WUSR {\n        Err(Kind::Mode)\n", "")),
    ("a segment with two names is joined", SEGMENTS,
     (OS + "segment/place.rs", "    } else if found.st_nlink != named as _ {\n        Err(Kind::Links)\n", "")),
    ("a directory that others may write is used", SEGMENTS,
     (OS + "segment/place.rs", "    } else if Mode::from_raw_mode(found.st_mode).intersects(Mode::RWXG | Mode::RWXO) {\n        Kind::Mode\n", "")),
    ("text that is not UTF-8 is passed over", CODEC,
     (CORE + "codec.rs", "std::str::from_utf8(self.bytes(length)?).map_err(|_| DecodeError::Utf8)", "Ok(std::str::from_utf8(self.bytes(length)?).unwrap_or_default())")),
    ("bytes behind a record are passed over", CODEC,
     (CORE + "codec.rs", "        stack_info: reader.optional_text(lengths[7])?,\n    };\n    if reader.is_empty() { Ok(parts) } else { Err(DecodeError::Length) }",
      "        stack_info: reader.optional_text(lengths[7])?,\n    };\n    Ok(parts)")),
    ("an unknown kind of record is taken for another", CODEC,
     (CORE + "codec.rs", "        3 => Source::Formatted,\n        _ => return Err(DecodeError::UnknownKind),\n", "        _ => Source::Formatted,\n")),
    ("a definition of another process is believed", DEFINITIONS,
     (OS + "definitions.rs", "        if !self.units().belongs_to(unit, Tag::process(slot)) {\n            return false;\n        }\n", "")),
    ("a definition's length is believed", DEFINITIONS,
     (OS + "definitions.rs", "        if room.is_none_or(|room| length > room) {\n            return false;\n        }\n", "        let _ = room;\n")),
    ("a frame's length is believed", LIES,
     (OS + "lane/reader.rs", "        if frame.kind != Kind::Spanning && self.head.offset + frame_bytes(frame.length as usize) as u32 > end {\n            return Err(corrupt(\"a record ends behind what is published\"));\n        }\n", "")),
    ("a frame of another sequence is read", LIES,
     (OS + "lane/reader.rs", "        if frame.sequence != self.head.sequence {\n            return Err(corrupt(\"a record is out of its sequence\"));\n        }\n", "")),
    ("an unknown kind of frame is read", LIES,
     (OS + "lane/frame.rs", "            3 if length == SPILLED_PAYLOAD && frame <= room => Kind::Spilled,\n            _ => return None,\n", "            _ if frame <= room => Kind::Whole,\n            _ => return None,\n")),
    ("a unit of another lane is read: the tail's", LIES,
     (OS + "lane/reader.rs", "(UNIT_START..=UNIT_BYTES).contains(&tail.offset) && self.owns(tail.unit);", "(UNIT_START..=UNIT_BYTES).contains(&tail.offset);")),
    ("a unit of another lane is read: the next one", LIES,
     (OS + "lane/reader.rs", "self.owns(next).then(|| self.segment.units().header(next)).flatten()", "self.segment.units().header(next)")),
    ("a chain that bites its tail is followed", LIES,
     (OS + "lane/reader.rs", "header.is_none_or(|header| header.ordinal.load(Ordering::Relaxed) != ordinal)", "header.is_none()")),
    ("a retired lane is not counted", LIES,
     (OS + "lane/reader.rs", "        self.segment.head().header.life.bad_lanes.fetch_add(1, Ordering::Relaxed);\n", "")),
    ("who is of another namespace is judged by his number", ENVIRONMENT,
     (OS + "process.rs", "self.namespaces != 0 && namespaces().ok() == Some(self.namespaces)", "self.namespaces != 0")),
    ("the dead of another namespace are not looked for", ENVIRONMENT,
     (PREFORK + "house.rs", "if unknown.is_empty() { Vec::new() } else { dead_elsewhere(&unknown) };", "if true { Vec::new() } else { dead_elsewhere(&unknown) };")),
    ("a claim whose helper lives is another container's leaving", ENVIRONMENT,
     (OS + "claim/file.rs", "            Err(error) => error == Errno::WOULDBLOCK,\n", "            Err(_) => false,\n")),
    ("a claim whose helpers were killed keeps all out", ENVIRONMENT,
     (OS + "claim/file.rs", "                let _ = flock(&self.file, FlockOperation::Unlock);\n                false\n", "                let _ = flock(&self.file, FlockOperation::Unlock);\n                true\n")),
    ("a descriptor that is open is taken for the segment's", ENVIRONMENT,
     (OS + "memory/file.rs", "if self.is_ours(known) { known }", "if known >= 0 { known }")),
    ("what handlers hold is not in the batch", ONCE,
     (PREFORK + "listener.rs", "            self.queue.listener.handlers.iter().for_each(|entry| entry.settle(&mut self.batch));\n            self.commit();\n", "            self.commit();\n")),
    ("a transaction's sum is not compared", TRANSACTIONS,
     (OS + "transaction.rs", "        if chain::checksum_of(&bytes) != line.checksum.load(Ordering::Relaxed) {\n            return None;\n        }\n", "")),
    ("a listener does not look for its claims", UNNAMED,
     (PREFORK + "claims.rs", "        if self.watch.look(segment.id().0) {\n", "        if true {\n")),
    ("a listener writes although another queue has the file", TAKEN,
     (PREFORK + "claims.rs", "self.taken.as_ref().map_or(Ok(()), |why| Err(io::Error::other(why.clone())))", "Ok(())")),
    ("a listener takes back a file that another queue has", TAKEN,
     (PREFORK + "claims.rs", " && !taken.iter().any(|log| log == claim.log())", " && (taken.is_empty() || true)")),
    ("nobody waits for a claim that is watched", CLEANED,
     (PREFORK + "join.rs", "claim.text().is_none() && claim.is_watched()", "claim.text().is_none() && claim.is_watched() && false")),
    ("a watch is given back while its queue is used", CLEANED,
     (PREFORK + "house.rs", "            if is_closed {\n                self.claims.end();\n            }\n", "            self.claims.end();\n")),
    ("a watch does not mark what it is over", WATCH,
     (OS + "claim/watch.rs", "            watched.mark(libc::F_RDLCK);\n", "")),
    ("a watch ends with the first who lets go of it", WATCH,
     (OS + "claim/watch.rs", "    fn drop(&mut self) {\n        self.retain(|_| false);\n", "    fn drop(&mut self) {\n        self.end();\n        self.retain(|_| false);\n")),
    ("a watch is the whole directory's", WATCH,
     (OS + "claim/watch.rs", "fnv1a(name.as_bytes())", "fnv1a(&name.as_bytes()[..0])")),
    ("a watch takes a claim that was written over for the same", WATCH,
     (OS + "claim/watch.rs", "lstat(&self.claim).is_ok_and(|found| Look::of(&found) == *look)", "lstat(&self.claim).is_ok_and(|found| Look::of(&found).inode == look.inode)")),
    ("a watch closes a claim that its process has locked", WATCH,
     (OS + "claim/watch.rs", "        let Some(_threads) = THREADS.try_lock() else { return true };\n", "")),
    ("a segment that was removed is another one's", SEGMENTS,
     (OS + "segment/removed.rs", ".filter(|segment| segment.id() == id)", ".filter(|segment| segment.id() == id || true)")),
    ("a segment that was removed is looked for nowhere", UNNAMED,
     (PREFORK + "join.rs", "Segment::open_removed(path, SegmentId(id?));", "Segment::open_removed(path, SegmentId(!id?));")),
    ("records stay where nobody finds them", LOST,
     (PREFORK + "departure.rs", "segment.is_linked() && (is_claimed || queue.options.name.is_some())", "segment.is_linked() && (is_claimed || queue.options.name.is_some() || true)")),
    ("a queue is left while somebody holds its claims", HELD,
     (PREFORK + "departure.rs", "Err(error) if error.is_timeout() => None,", "Err(error) if error.is_timeout() => Some(Left(None)),")),
    ("a queue leaves its claims behind", LEFT,
     (PREFORK + "departure.rs", "        let _ = meeting.remove_if(segment.id().0);\n", "        let _ = meeting.claims();\n")),
    ("a queue leaves its segment behind", HELD,
     (PREFORK + "departure.rs", "    let _ = segment.unlink();\n", "")),
    ("a segment whose name somebody holds is swept", SWEPT,
     (PREFORK + "sweep.rs", "let Ok(mut meeting) = Meeting::lock(&[path], Duration::ZERO) else { return };\n", "let mut meeting = Meeting::lock(&[path], Duration::ZERO).ok();\n"),
     (PREFORK + "sweep.rs", "        let _ = meeting.remove_if(segment.id().0);\n", "        let _ = meeting.as_mut().map(|meeting| meeting.remove_if(segment.id().0));\n")),
]
