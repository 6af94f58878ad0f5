"""Asks CPython what its RotatingFileHandler leaves in a directory after sequences of records.

Prints one JSON object a line; rotating.jsonl beside this file is what CPython 3.13 answered. Everything random is seeded,
so that the same interpreter prints the same lines. A message is [text, times]; files' bytes are given as latin-1, and a
directory as null. A message that is null is a call of doRollover.

    python3.13 rotating.py > rotating.jsonl
"""

import json
import logging
import logging.handlers
import os
import random
import tempfile

from namers import TEMPLATES, namer_of

chosen = random.Random(20261125)
CHARACTERS = ["x", "x", "x", "é", "€", "😀"]


def spread(directory, files):
    for name, content in files.items():
        path = os.path.join(directory, name)
        if content is None:
            os.mkdir(path)
        else:
            with open(path, "wb") as file:
                file.write(content.encode("latin-1"))


def gather(directory):
    found = {}
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if os.path.isdir(path):
            found[name] = None
        else:
            with open(path, "rb") as file:
                found[name] = file.read().decode("latin-1")
    return found


def some_files(count):
    """What an earlier program left: with gaps, with a directory in the way, with names that only look like ours."""
    names = ["app.log"] + [f"app.log.{number}" for number in range(1, count + 3)]
    files = {name: f"old {name}\n" for name in names if chosen.random() < 0.3}
    for name in ["app.log.01", "app.log.x", "app.log.1.gz", "app2.log.1", "app.log.", "app.log.-1"]:
        if chosen.random() < 0.1:
            files[name] = f"other {name}\n"
    if count > 4 and chosen.random() < 0.1:
        files["app.log.1"] = None
    return files


def case():
    count = chosen.choice([0, 1, 1, 2, 3, 5, 30])
    arguments = {"maxBytes": chosen.choice([0, 1, 2, 20, 50, 64, 100, 99.5]), "backupCount": count}
    if chosen.random() < 0.5:
        arguments["encoding"] = chosen.choice(["utf-8", "latin-1", "ascii"])
        arguments["errors"] = chosen.choice(["strict", "replace", "ignore", "backslashreplace", "xmlcharrefreplace"])
    else:
        arguments["encoding"] = "utf-8"
    if chosen.random() < 0.3:
        arguments["delay"] = True
    if chosen.random() < 0.2:
        arguments["mode"] = chosen.choice(["a", "w"])
    terminator = chosen.choice(["\n"] * 5 + ["\r\n", "", "; end\n"])
    files = some_files(count) if chosen.random() < 0.4 else {}
    messages = []
    for _ in range(chosen.randrange(1, 25)):
        length = chosen.choice([0, 1, 5, 17, 18, 19, 20, 21, 49, 50, 97, 98, 99, chosen.randrange(150)])
        messages.append([chosen.choice(CHARACTERS), length])
    return {"arguments": arguments, "terminator": terminator, "files": files, "messages": messages}


def long_case():
    """So many old files are kept that logtree does not look at the file's size at each record."""
    arguments = {"maxBytes": 14_000, "backupCount": 10_000, "encoding": "utf-8"}
    messages = [[chosen.choice(CHARACTERS), chosen.choice([0, 1, 40, 90, 400])] for _ in range(200)]
    return {"arguments": arguments, "terminator": chosen.choice(["\n", "", "\r\n"]), "files": {}, "messages": messages}


def case_by_hand():
    """doRollover between the records, where there is something to roll."""
    case_ = case()
    # DIFFERENCE: behind a roll logtree has the new file open, delay or not.
    case_["arguments"].pop("delay", None)
    for _ in range(chosen.randrange(1, 4)):
        case_["messages"].insert(chosen.randrange(len(case_["messages"]) + 1), None)
    return case_


def case_named():
    """Files that are called otherwise, beside some that would be the handler's without that."""
    case_ = case()
    template = chosen.choice(TEMPLATES)
    namer = namer_of(template, "app.log")
    case_["files"] = {
        name if chosen.random() < 0.2 else namer(name): content
        for name, content in case_["files"].items() if content is not None
    }
    case_["arguments"]["namer"] = template
    return case_


class Counting(logging.handlers.RotatingFileHandler):
    errors_seen = 0
    errors_of_files = 0

    def handleError(self, record):
        import sys

        self.errors_seen += 1
        self.errors_of_files += isinstance(sys.exception(), OSError)


def answer(case):
    with tempfile.TemporaryDirectory() as directory:
        spread(directory, case["files"])
        arguments = dict(case["arguments"])
        template = arguments.pop("namer", None)
        handler = Counting(os.path.join(directory, "app.log"), **arguments)
        handler.namer = template and namer_of(template, "app.log")
        handler.terminator = case["terminator"]
        for message in case["messages"]:
            if message is not None:
                character, times = message
                handler.handle(logging.makeLogRecord({"msg": character * times}))
            # DIFFERENCE: CPython rolls an empty file too, and where nothing is kept it empties a file of mode "w".
            elif handler.backupCount and os.path.exists(handler.baseFilename) and os.path.getsize(handler.baseFilename):
                try:
                    handler.doRollover()
                except OSError:
                    return
        handler.close()
        # A directory that cannot be deleted: there Python loses records, and logtree does not.
        if not handler.errors_of_files:
            left = gather(directory)
            if len(case["messages"]) > 100:
                left = {name: len(content) for name, content in left.items()}
            answer = {**case, "errors": handler.errors_seen, "left": left}
            print(json.dumps(answer, ensure_ascii=False, separators=(",", ":")))


for _ in range(300):
    answer(case())
for _ in range(10):
    answer(long_case())
for _ in range(100):
    answer(case_by_hand())
for _ in range(100):
    answer(case_named())
