#!/usr/bin/env python3
"""Breaks a copy of the queue on purpose, in one place after the other, and tells which test notices.

    python3 crates/logtree-prefork/tests/broken/run.py              # all kinds, some ten minutes
    python3 crates/logtree-prefork/tests/broken/run.py --list
    python3 crates/logtree-prefork/tests/broken/run.py flip fence   # kinds whose names contain one of these

The copy lies in target/broken; the working tree is left alone. Each break must apply at exactly one place. It fails if a break
no longer applies, if a test fails without one, or if a break survives.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

OS, PREFORK = "crates/logtree-os/src/", "crates/logtree-prefork/src/"


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
        # A test that waits for ever notices too.
        try:
            ran = subprocess.run(run, cwd=tree, env=environment, capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            return "it hangs"
        if ran.returncode == 0:
            return None
        said = ran.stdout + ran.stderr
        failed = re.findall(r"^test (\S+) \.\.\. FAILED", said, re.M) or re.findall(r"^---- (\S+) stdout", said, re.M)
        return ", ".join(dict.fromkeys(failed)) or said.strip().splitlines()[-1]


def walk(filter):
    flags = "--cfg logtree_kill_points"
    return Test("walk", flags, f"-p logtree-prefork --test queue {filter}", LOGTREE_WALK_ROUNDS="3")


LISTENER = walk("listener_killed_at_any_point_writes")
PRODUCER = walk("producer_killed_at_any_point")
INSTALLER = walk("while_it_installs")
BURIAL = walk("any_point_while_it_frees")
LANES = Test("loom", "--cfg loom", "-p logtree-os --release --test loom_lanes")
LISTENING = Test("loom", "--cfg loom", "-p logtree-os --release --test loom_listener")
TRANSACTION = Test("loom", "--cfg loom", "-p logtree-os --release --test loom_transaction")
SHRINKING = Test("memory", "", "-p logtree-os --test shared_memory shrinking")
TAKING_MEMORY = Test("walk", "--cfg logtree_kill_points", "-p logtree-os --test shared_memory shrinking")
QUEUE = Test("queue", "", "-p logtree-prefork --test queue share_one_listener")

# The kind, the test that must notice, and the changes: file, what stands there, what is put in its place.
BROKEN = [
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
     (OS + "closing.rs", "        state.store(CLOSING, Ordering::SeqCst);\n", "")),
    ("publication without Release", LANES,
     (OS + "lane/producer.rs", "producer.tail.store(self.tail.pack(), Ordering::Release)",
      "producer.tail.store(self.tail.pack(), Ordering::Relaxed)")),
    ("look at the tail without Acquire", LANES,
     (OS + "lane/reader.rs", "let word = self.cell().producer.tail.load(Ordering::Acquire);",
      "let word = self.cell().producer.tail.load(Ordering::Relaxed);")),
    ("unit given back without Release", LANES,
     (OS + "units.rs", "word.compare_exchange(owner, free, Ordering::AcqRel", "word.compare_exchange(owner, free, Ordering::Relaxed")),
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
     (PREFORK + "listener.rs", "        self.batch.plan(self.merge.unpublished_heads());\n        loop {\n            let outcome = self.batch.carry_out();\n",
      "        loop {\n            let outcome = self.batch.carry_out();\n            self.batch.plan(self.merge.unpublished_heads());\n")),
    ("heads before the second file", LISTENER,
     (PREFORK + "batch.rs", "                    self.count_done();\n",
      "                    self.count_done();\n                    if let Some(committed) = self.committed.take() { committed.finish(); }\n"),
     (PREFORK + "listener.rs", "        self.batch.plan(self.merge.unpublished_heads());\n",
      "        self.batch.plan(self.merge.unpublished_heads());\n        self.merge.publish_heads();\n")),
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
]


def main():
    chosen = [kind for kind in BROKEN if not sys.argv[1:] or any(part in kind[0] for part in sys.argv[1:])]
    if sys.argv[1:] == ["--list"]:
        print("\n".join(kind[0] for kind in BROKEN))
        return
    root = pathlib.Path(__file__).resolve().parents[4]
    place = root / "target/broken"
    tree = place / "tree"
    copy(root, tree)
    for kind, _, *changes in chosen:
        for file, old, _ in changes:
            count = (tree / file).read_text().count(old)
            if count != 1:
                sys.exit(f"{kind}: what is to be broken stands {count} times in {file}:\n{old}")
    for test in dict.fromkeys(test for _, test, *_ in chosen):
        noticed = test.run(tree, place)
        if noticed:
            sys.exit(f"nothing is broken, and yet: {noticed}")
    print("| broken | noticed by |\n|---|---|", flush=True)
    survivors = 0
    for kind, test, *changes in chosen:
        before = {}
        for file, old, new in changes:
            text = (tree / file).read_text()
            before.setdefault(file, text)
            (tree / file).write_text(text.replace(old, new))
        noticed = test.run(tree, place)
        survivors += noticed is None
        print(f"| {kind} | {f'{test.what}: {noticed}' if noticed else 'NOBODY'} |", flush=True)
        for file, text in before.items():
            (tree / file).write_text(text)
    sys.exit(survivors > 0)


def copy(root, tree):
    """What git knows of, as it is in the working tree; files that did not change keep their times, so that little is built."""
    names = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=root, capture_output=True, check=True)
    for name in names.stdout.decode().split("\0"):
        source, target = root / name, tree / name
        if name and source.is_file() and not (target.is_file() and target.read_bytes() == source.read_bytes()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


main()
