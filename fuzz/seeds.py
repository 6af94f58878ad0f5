"""Writes the texts of the corpora as files for the fuzzer to begin with, a directory for each target: seeds.py DIRECTORY"""

import hashlib
import json
import pathlib
import struct
import sys

CRATES = pathlib.Path(__file__).parent.parent / "crates"
DICTCONFIG = CRATES / "logtree-dictconfig/tests/data"
CONFIGS = [("mutations.jsonl", "config", 0), ("yaml.jsonl", "text", 1), ("toml.jsonl", "text", 2), ("ini.jsonl", "text", 3)]
STYLES = ["%", "{", "$"]


def lines(path):
    return map(json.loads, path.read_text(encoding="utf-8").splitlines())


def configs():
    for name, key, format in CONFIGS:
        for case in lines(DICTCONFIG / name):
            yield bytes([format]) + case[key].encode()


def records():
    """A formatter and an event of each random case."""
    for case in lines(CRATES / "logtree-cli/tests/cli/corpus.jsonl"):
        if case["format"] != "json":
            continue
        formatters = json.loads(case["config"]).get("formatters")
        for formatter in formatters.values() if isinstance(formatters, dict) else []:
            texts = [formatter.get("format") or "", formatter.get("datefmt") or "", case["events"][0]]
            yield bytes([STYLES.index(formatter.get("style", "%"))]) + b"\xff".join(text.encode() for text in texts)


def changes():
    """A change of each of the first places, in each way, before everything or before one of the first looks; claims."""
    for place in range(1024):
        for kind in (0, 0x80):
            yield struct.pack("=BBBHI", 0, kind | place % 4, place // 4 % 4, place, 1 << place % 32)
    claim = b"queue q\nsegment /dev/shm/%FF\nid 0123456789abcdef0123456789abcdef\ndevice 1\nboot 0\n"
    yield b"\x01" + claim
    yield b"\x01later x\n" + claim.replace(b"q\n", b"%C3%A4\n")


for target, seeds in [("config", configs()), ("line", records()), ("segment", changes())]:
    directory = pathlib.Path(sys.argv[1]) / target
    directory.mkdir(parents=True, exist_ok=True)
    for data in seeds:
        (directory / hashlib.sha256(data).hexdigest()).write_bytes(data)
