#!/usr/bin/env python3
"""Breaks a copy on purpose, in one place after the other, and tells which test notices: the queue (kinds.py), and a layer of
`tracing` in the ways in which one goes wrong (traps.py).

    python3 crates/logtree-prefork/tests/broken/run.py              # all kinds: an hour, of which most is building
    python3 crates/logtree-prefork/tests/broken/run.py --list
    python3 crates/logtree-prefork/tests/broken/run.py flip fence   # kinds whose names contain one of these

The copy lies in target/broken; the working tree is left alone. Each break must apply at exactly one place. It fails if a break
no longer applies, if a test fails without one, or if a break survives.
"""

import pathlib
import shutil
import subprocess
import sys

# Nothing is to be left beside these files.
sys.dont_write_bytecode = True

from kinds import QUEUE_KINDS
from traps import TRAP_KINDS


def main():
    every = QUEUE_KINDS + TRAP_KINDS
    chosen = [kind for kind in every if not sys.argv[1:] or any(part in kind[0] for part in sys.argv[1:])]
    if sys.argv[1:] == ["--list"]:
        print("\n".join(kind[0] for kind in every))
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
