"""Writes the texts of the corpora as files for the fuzzer to begin with: seeds.py DIRECTORY"""

import hashlib
import json
import pathlib
import sys

DATA = pathlib.Path(__file__).parent.parent / "crates/logtree-dictconfig/tests/data"
CORPORA = [("mutations.jsonl", "config", 0), ("yaml.jsonl", "text", 1), ("toml.jsonl", "text", 2), ("ini.jsonl", "text", 3)]

directory = pathlib.Path(sys.argv[1])
directory.mkdir(parents=True, exist_ok=True)
for name, key, format in CORPORA:
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        data = bytes([format]) + json.loads(line)[key].encode()
        (directory / hashlib.sha256(data).hexdigest()).write_bytes(data)
