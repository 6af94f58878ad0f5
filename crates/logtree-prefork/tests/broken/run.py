#!/usr/bin/env python3
"""Breaks a copy on purpose, in one place after the other, and tells which test notices: the queue (kinds.py), and a layer of
`tracing` in the ways in which one goes wrong (traps.py).

    python3 crates/logtree-prefork/tests/broken/run.py              # all kinds: hours, of which most is building
    python3 crates/logtree-prefork/tests/broken/run.py --list
    python3 crates/logtree-prefork/tests/broken/run.py flip fence   # kinds whose names, or whose tests, contain one of these
    python3 crates/logtree-prefork/tests/broken/run.py --missing    # those that were not noticed since target/broken/outcomes began

The copy lies in target/broken; the working tree is left alone. Each break must apply at exactly one place. It fails if a break
no longer applies, if a test fails without one, or if a break survives.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys

# Nothing is to be left beside these files.
sys.dont_write_bytecode = True

from judge import NotJudged
from kinds import QUEUE_KINDS
from traps import TRAP_KINDS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check", action="store_true", help="see that each break applies, and run nothing")
    parser.add_argument("--missing", action="store_true")
    asked = parser.parse_args()
    is_named = lambda kind, test: any(part in kind or part in f"{test.what} {test.arguments}" for part in asked.parts)
    is_chosen = lambda kind, test: not asked.parts or is_named(kind, test)
    chosen = [kind for kind in QUEUE_KINDS + TRAP_KINDS if is_chosen(*kind[:2])]
    root = pathlib.Path(__file__).resolve().parents[4]
    place = root / "target/broken"
    tree = place / "tree"
    outcomes = place / "outcomes"
    if asked.missing and outcomes.exists():
        noticed = {line.partition("\t")[0] for line in outcomes.read_text().splitlines()}
        chosen = [kind for kind in chosen if kind[0] not in noticed]
    if asked.list:
        print("\n".join(kind[0] for kind in chosen))
        return
    if asked.check:
        sys.exit("\n".join(misplaced(root, chosen)) or 0)
    copy(root, tree)
    print("| broken | noticed by |\n|---|---|", flush=True)
    failures = 0
    # One test after the other, so that little is built.
    for test in dict.fromkeys(test for _, test, *_ in chosen):
        noticed = test.run(tree, place)
        if noticed:
            failures += 1
            print(f"| nothing, and yet {test.arguments} | {noticed} |", flush=True)
            continue
        for kind, _, *changes in (kind for kind in chosen if kind[1] is test):
            noticed = judge(tree, place, test, changes)
            failures += noticed is None
            print(f"| {kind} | {f'{test.what}: {noticed}' if noticed else 'NOBODY'} |", flush=True)
            if noticed:
                with outcomes.open("a") as file:
                    print(kind, noticed, sep="\t", file=file)
    sys.exit(failures > 0)


def judge(tree, place, test, changes):
    """What the test notices of these changes."""
    before = {}
    try:
        for file, old, new in changes:
            text = (tree / file).read_text()
            if text.count(old) != 1:
                print(f"| what is to be broken stands {text.count(old)} times in {file} | {old!r} |")
                return None
            before.setdefault(file, text)
            (tree / file).write_text(text.replace(old, new))
        return test.run(tree, place)
    except NotJudged as error:
        print(f"| not judged | {str(error)[-500:]!r} |")
        return None
    finally:
        for file, text in before.items():
            (tree / file).write_text(text)


def misplaced(root, kinds):
    """The breaks that do not stand at exactly one place."""
    for kind, _, *changes in kinds:
        for file, old, _ in changes:
            times = (root / file).read_text().count(old)
            if times != 1:
                yield f"{kind}: what is to be broken stands {times} times in {file}"


def copy(root, tree):
    """What git knows of, as it is in the working tree; files that did not change keep their times, so that little is built."""
    names = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=root, capture_output=True, check=True)
    for name in names.stdout.decode().split("\0"):
        source, target = root / name, tree / name
        if name and source.is_file() and not (target.is_file() and target.read_bytes() == source.read_bytes()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


main()
