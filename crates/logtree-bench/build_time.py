#!/usr/bin/env python3
"""How long a program that says one line takes to build, in release and from nothing: with logtree, and with tracing-subscriber.

    python3 crates/logtree-bench/build_time.py              # three rounds
    python3 crates/logtree-bench/build_time.py 1 --timings  # one, and where cargo's report of each lies

Both have the features that they have by default. The two take turns; the table has the medians, on the clock and of all
processors together.
"""

import argparse
import pathlib
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

PROGRAMS = {
    "logtree": (
        f'logtree = {{ path = "{ROOT}/crates/logtree" }}',
        'let _guard = logtree::from_file("logging.json").and_then(logtree::Config::install);',
    ),
    "tracing-subscriber": ('tracing-subscriber = "0.3"', "tracing_subscriber::fmt().init();"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", type=int, nargs="?", default=3)
    parser.add_argument("--timings", action="store_true")
    asked = parser.parse_args()
    place = pathlib.Path(tempfile.mkdtemp(prefix="logtree-build-time-"))
    try:
        crates = [create(place, *program) for program in PROGRAMS.items()]
        rounds = [[build(crate, asked.timings) for crate in crates] for _ in range(asked.rounds)]
        report(rounds)
        for crate in crates if asked.timings else []:
            kept = shutil.move(crate / "target/cargo-timings/cargo-timing.html", f"{place}-{crate.name}.html")
            print(kept)
    finally:
        shutil.rmtree(place)


def create(place, name, program):
    """A crate beside the others, with the versions that this repository has."""
    dependency, begin = program
    crate = place / name
    (crate / "src").mkdir(parents=True)
    manifest = f'[package]\nname = "hello"\nedition = "2024"\n\n[dependencies]\ntracing = "0.1"\n{dependency}\n'
    (crate / "Cargo.toml").write_text(manifest)
    (crate / "src/main.rs").write_text(f'fn main() {{\n    {begin}\n    tracing::info!(order = 17, "paid");\n}}\n')
    shutil.copy(ROOT / "Cargo.lock", crate)
    subprocess.run(["cargo", "fetch", "--quiet"], cwd=crate, check=True)
    return crate


def build(crate, timings):
    """Seconds on the clock, and of processors."""
    shutil.rmtree(crate / "target", ignore_errors=True)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    arguments = ["cargo", "build", "--quiet", "--release", "--offline"] + ["--timings"] * timings
    subprocess.run(arguments, cwd=crate, check=True)
    after, took = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def report(rounds):
    print("|  | on the clock | of processors |\n| --- | ---: | ---: |")
    medians = [[statistics.median(one[at][unit] for one in rounds) for unit in range(2)] for at in range(len(PROGRAMS))]
    for name, median in zip(PROGRAMS, medians):
        print(f"| {name} | {median[0]:.1f} s | {median[1]:.1f} s |")
    ratios = [statistics.median(one[0][unit] / one[1][unit] for one in rounds) for unit in range(2)]
    print(f"| logtree takes | × {ratios[0]:.2f} | × {ratios[1]:.2f} |")


main()
