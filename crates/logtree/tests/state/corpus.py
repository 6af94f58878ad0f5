"""Draws logging that changes while a program runs, and has CPython answer: `corpus.jsonl` is `--seed 1 --cases 300`.

A case is a row of steps: configs one after the other (whole ones, incremental ones, `basicConfig`), levels set by code,
`logging.disable`, and records of many loggers in between. The answer is what stands in every file and on both streams at the
end, and the exception of each step that raises one.

    PYENV_VERSION=3.13.0 python3.13 corpus.py --seed 1 --cases 300 > corpus.jsonl
"""

import argparse
import json
import logging
import logging.config
import logging.handlers
import os
import random
import sys
import tempfile

NAMES = ["", "root", "a", "a.b", "a.b.c", "a.bb", "a.b.c.d", "d", "d.e", "d.e.f", "x.y.z", "x.y"]
# DIFFERENCE: 5 is TRACE.
LEVELS = [0, 7, 10, 20, 25, 30, 40, 50]


class FileHandler(logging.FileHandler):
    """DIFFERENCE: logtree empties a file of mode `w` when it is first opened and appends from then on, also after the
    handler was closed, when CPython drops records; and it appends in the system's sense, so that two handlers of one file
    do not write over each other."""

    def _open(self):
        if self.mode == "w":
            open(self.baseFilename, "w").close()
            self.mode = "a"
        return super()._open()

    def close(self):
        super().close()
        self.mode = "a"


logging.FileHandler = FileHandler


class Draw:
    def __init__(self, random):
        self.random = random
        self.configs = 0
        # The handlers that an incremental config may name.
        self.handlers = []

    def maybe(self, likelihood):
        return self.random.random() < likelihood

    def level(self):
        # As configs have them: most let most records through.
        level = self.random.choice(LEVELS + [0, 7, 10, 10, 20])
        return logging.getLevelName(level) if level not in (7, 25) and self.maybe(0.3) else level

    def handler(self, name):
        kind = self.random.choice(["file", "file", "file", "stdout", "stderr", "null", "memory"])
        handler = {"class": "logging.NullHandler"}
        if kind == "file":
            handler = {"class": "logging.FileHandler", "filename": self.random.choice(["1.log", "2.log", "3.log"])}
            if self.maybe(0.3):
                handler["mode"] = self.random.choice("aw")
            if self.maybe(0.3):
                handler["delay"] = True
        elif kind == "memory" and name != "h1":
            # Its target is named before it, which CPython asks for.
            handler = {"class": "logging.handlers.MemoryHandler", "capacity": self.random.randrange(4), "target": "h1"}
            if self.maybe(0.3):
                handler["flushLevel"] = self.level()
            if self.maybe(0.2):
                handler["flushOnClose"] = False
        elif kind in ("stdout", "stderr"):
            handler = {"class": "logging.StreamHandler", "stream": "ext://sys." + kind}
        if self.maybe(0.8):
            handler["formatter"] = name
        if self.maybe(0.4):
            handler["level"] = self.level()
        if self.maybe(0.15):
            handler["filters"] = ["only"]
        return handler

    def logger(self, handlers, is_incremental):
        logger = {}
        if self.maybe(0.6):
            logger["level"] = self.level()
        if self.maybe(0.3):
            logger["propagate"] = self.maybe(0.5)
        if not is_incremental or self.maybe(0.1):
            if self.maybe(0.6):
                logger["handlers"] = [self.random.choice(handlers) for _ in range(self.random.randrange(3))]
            if self.maybe(0.15):
                logger["filters"] = ["only"]
        return logger

    def config(self):
        self.configs += 1
        config = {"version": 1}
        is_incremental = self.configs > 1 and self.maybe(0.35)
        handlers = ["h%d" % n for n in range(1, 4)]
        if is_incremental:
            config["incremental"] = True
            if self.handlers and self.maybe(0.6):
                named = self.random.sample(self.handlers, self.random.randrange(1, len(self.handlers) + 1))
                config["handlers"] = {name: {"level": self.level()} if self.maybe(0.9) else {} for name in named}
            if self.maybe(0.1):
                # The first of them: CPython would have changed those before it.
                config["handlers"] = {"zz": {"level": 10}}
        else:
            config["formatters"] = {
                name: {"format": "%d:%s %%(name)s %%(message)s" % (self.configs, name)} for name in handlers
            }
            config["filters"] = {"only": {"name": self.random.choice(["", "a", "a.b", "d"])}}
            config["handlers"] = {name: self.handler(name) for name in handlers}
            if self.maybe(0.7):
                config["disable_existing_loggers"] = self.maybe(0.3)
            self.handlers = handlers
        named = self.random.sample(NAMES, self.random.randrange(5))
        if named or self.maybe(0.5):
            config["loggers"] = {name: self.logger(handlers, is_incremental) for name in named}
        if self.maybe(0.7):
            config["root"] = self.logger(handlers, is_incremental) if self.maybe(0.9) else {}
            if not is_incremental and self.maybe(0.6):
                config["root"]["handlers"] = self.random.sample(handlers, self.random.randrange(1, 3))
        # As text, which keeps the order of the keys wherever it is read.
        return ["config", json.dumps(config, separators=(",", ":"))]

    def basic(self, is_first=False):
        arguments = {}
        if self.maybe(0.5):
            arguments["filename"] = self.random.choice(["1.log", "4.log"])
            if self.maybe(0.3):
                arguments["filemode"] = self.random.choice("aw")
        elif self.maybe(0.5):
            arguments["stream"] = self.random.choice(["stdout", "stderr"])
        if not is_first and self.maybe(0.1):
            # Together with `stream` it is refused, if the arguments are looked at.
            arguments["filename"] = "4.log"
        if self.maybe(0.4):
            arguments["style"] = self.random.choice("%{$")
        if self.maybe(0.3):
            arguments["format"] = {"%": "b %(message)s", "{": "b {message}", "$": "b $message"}[arguments.get("style", "%")]
        if self.maybe(0.6):
            arguments["level"] = self.random.choice(LEVELS)
        # DIFFERENCE: CPython has taken the handlers away by the time when it refuses the arguments.
        is_refused = "filename" in arguments and "stream" in arguments
        if not is_refused and self.maybe(0.5):
            arguments["force"] = self.maybe(0.8)
            # Those that it closes have no name any more. An incremental config that names one of them fails, after it has
            # changed those before it.
            self.handlers = []
        return ["basic", arguments]

    def records(self):
        for _ in range(self.random.randrange(3, 12)):
            yield ["log", self.random.choice(NAMES), self.random.choice(LEVELS[1:]), "%d" % self.random.randrange(1000)]

    def steps(self):
        yield self.basic(is_first=True) if self.maybe(0.15) else self.config()
        for _ in range(self.random.randrange(1, 4)):
            yield from self.records()
            for _ in range(self.random.randrange(3)):
                yield self.random.choice(
                    [
                        ["get", self.random.choice(NAMES)],
                        ["level", self.random.choice(NAMES), self.random.choice(LEVELS)],
                        ["disable", self.random.choice([0, 0, 0, 10, 20])],
                        self.basic(),
                    ]
                )
            yield self.config()
        yield from self.records()
        yield from self.records()


def step(what, *arguments):
    if what == "config":
        logging.config.dictConfig(json.loads(arguments[0]))
    elif what == "basic":
        arguments = dict(arguments[0])
        if "stream" in arguments:
            arguments["stream"] = getattr(sys, arguments["stream"])
        logging.basicConfig(**arguments)
    elif what == "log":
        name, level, message = arguments
        logging.getLogger(name).log(level, message)
    elif what == "get":
        logging.getLogger(arguments[0])
    elif what == "level":
        logging.getLogger(arguments[0]).setLevel(arguments[1])
    elif what == "disable":
        logging.disable(arguments[0])


def live(steps):
    """In a process of its own: takes the steps in the directory that it is in."""
    for number, path in ((1, "stdout"), (2, "stderr")):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(descriptor, number)
    raised = []
    for arguments in steps:
        try:
            step(*arguments)
            raised.append(None)
        except Exception as error:
            raised.append("%s: %s" % (type(error).__name__, error))
    logging.shutdown()
    with open("raised", "w") as file:
        json.dump(raised, file)


def answer(steps):
    with tempfile.TemporaryDirectory() as directory:
        child = os.fork()
        if child == 0:
            try:
                os.chdir(directory)
                live(steps)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        texts = {}
        for name in sorted(os.listdir(directory)):
            with open(os.path.join(directory, name)) as file:
                texts[name] = file.read()
    raised = json.loads(texts.pop("raised"))
    return {"steps": steps, "raised": raised, "files": texts}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=300)
    arguments = parser.parse_args()
    for case in range(arguments.cases):
        draw = Draw(random.Random("%d/%d" % (arguments.seed, case)))
        print(json.dumps(answer(list(draw.steps())), separators=(",", ":")))


main()
