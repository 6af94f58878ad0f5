"""Mutated configs and what CPython's dictConfig answers, one JSON object a line.

The configs are drawn with a fixed seed, so that every run prints the same lines. Run with CPython 3.13:

    python3.13 mutate.py [--seed N] [--cases N] > ../data/mutations.jsonl
"""

import argparse
import copy
import json
import logging
import logging.config
import logging.handlers
import os
import random
import socket
import sys
import tempfile

CONFIGS = [
    {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "f": {"format": "%(levelname)s %(message)s", "datefmt": "%H:%M"},
            "g": {"()": "logging.Formatter", "format": "%(message)s"},
        },
        "filters": {"x": {"name": "a.b"}, "y": {"()": "logging.Filter", "name": "a"}},
        "handlers": {
            "h": {
                "class": "logging.StreamHandler", "level": "INFO", "formatter": "f", "filters": ["x", "y"],
                "stream": "ext://sys.stderr",
            },
            "n": {"class": "logging.NullHandler", "level": 10},
            "d": {"class": "logging.FileHandler", "filename": "app.log", "delay": True, "encoding": "utf-8"},
        },
        "loggers": {
            "a": {"level": "DEBUG", "handlers": ["h", "n"], "propagate": False, "filters": ["x"]},
            "a.b": {"level": "cfg://shared.level", "handlers": []},
        },
        "shared": {"level": "INFO"},
        "root": {"level": "WARNING", "handlers": ["h", "d"], "filters": ["y"]},
    },
    {
        "version": 1,
        "handlers": {
            "q": {
                "class": "logging.handlers.QueueHandler", "queue": {"()": "queue.Queue", "maxsize": 10},
                "listener": "logging.handlers.QueueListener", "handlers": ["s", "m"], "respect_handler_level": True,
            },
            "m": {"class": "logging.handlers.MemoryHandler", "capacity": 10, "flushLevel": "ERROR", "target": "s"},
            "s": {"class": "logging.StreamHandler", ".": {"terminator": "\r\n"}},
        },
        "root": {"level": 20, "handlers": ["q"]},
    },
    {
        "version": 1,
        "formatters": {
            "b": {"format": "{message:>9} {x[0].y!r}", "style": "{", "defaults": {"x": None}, "validate": True},
            "d": {"format": "$message", "style": "$"},
            "t": {"()": "logging.Formatter", "fmt": "%(asctime)s", ".": {"default_msec_format": None, "nobody": 1}},
        },
        "handlers": {
            "r": {
                "class": "logging.handlers.RotatingFileHandler", "filename": "r.log", "maxBytes": 1000, "backupCount": 3, "delay": True,
                "formatter": "b",
            },
            "w": {"class": "logging.handlers.WatchedFileHandler", "filename": "w.log", "delay": True, "formatter": "d", "level": "ERROR"},
            "m": {"class": "logging.handlers.MemoryHandler", "capacity": 5, "target": "r", "flushOnClose": False},
            "a": {"class": "logging.handlers.MemoryHandler", "capacity": 5, "target": "w", "formatter": "t"},
            "f": {"()": "logging.FileHandler", "filename": "f.log", "delay": True, "mode": "w", "errors": "replace"},
        },
        "loggers": {"a": {"handlers": ["a", "m"]}, "b.c": {"handlers": ["f"], "propagate": 0, "level": None}},
        "root": {"handlers": ["r"]},
    },
    {
        "version": 1,
        "handlers": {
            "h": {"class": "logging.handlers.HTTPHandler", "host": "h", "url": "/", "method": "POST", "secure": True, "context": None},
            "s": {"class": "logging.handlers.SMTPHandler", "mailhost": ["h", 25], "fromaddr": "a", "toaddrs": ["b"], "subject": "s"},
            "k": {"class": "logging.handlers.SocketHandler", "host": "localhost", "port": 9020, "level": "cfg://levels_of.k"},
            "u": {"class": "logging.handlers.DatagramHandler", "host": "localhost", "port": 9021},
            "y": {"class": "logging.handlers.SysLogHandler", "address": "/dev/log", "facility": "local0", "socktype": "ext://socket.SOCK_DGRAM"},
            "z": {"class": "logging.handlers.BufferingHandler", "capacity": 5},
        },
        "levels_of": {"k": "ERROR"},
        "loggers": {"a": {"handlers": ["h", "s"], "level": "ext://logging.ERROR"}, "a.b": {"handlers": ["k", "u"]}},
        "root": {"handlers": ["y", "z"]},
    },
    {
        "version": 1,
        "incremental": True,
        "loggers": {"a": {"level": "ERROR", "propagate": False}},
        "root": {"level": "DEBUG"},
    },
]

VALUES = [
    None, True, False, 0, 1, -5, 10.5, "", "x", "f", "h", "zz", "INFO", "info", "10", "false", [], ["h"], ["zz"], [5],
    [None], [["h"]], {}, {"h": 1}, {"()": "nope.X"}, {"class": "logging.NullHandler"}, {"name": "a"},
    "logging.StreamHandler", "logging.NullHandler", "logging.Nope", "logging.INFO", "logging.getLogger", "nope.H",
    "ext://sys.stdout", "ext://sys.nope", "ext://nope", "ext://logging.INFO", "cfg://version", "cfg://nope",
    "cfg://root.level", "cfg://!", "cfg://root[0]", "foo://x", "queue.Queue", "%(message)s", "hello", "{message}", "${message}", "{", "$ ", "%",
    "r", "w", ["r", "w"], "logging.handlers.RotatingFileHandler", "logging.handlers.MemoryHandler", "GET", "x.log",
]
KEYS = [
    "level", "class", "()", "handlers", "filters", "formatter", "propagate", "bogus", "9", "stream", "queue", "h", "target", "format", "style",
    "defaults", "filename", ".",
]


def places(node, path=()):
    """Every path in a config, the root's left out."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def mutate(rng, config):
    path = rng.choice([path for path in places(config) if path != ("version",)] or [("version",)])
    parent = config
    for key in path[:-1]:
        parent = parent[key]
    key = path[-1]
    kind = rng.random()
    if kind < 0.6:
        parent[key] = copy.deepcopy(rng.choice(VALUES))
    elif kind < 0.75 and key != "version":
        del parent[key]
    elif isinstance(parent[key], dict):
        parent[key][rng.choice(KEYS)] = copy.deepcopy(rng.choice(VALUES))
    elif isinstance(parent, dict):
        parent[rng.choice(KEYS)] = parent.pop(key)


def look_up(host, port, *rest, found=socket.getaddrinfo):
    """What `SysLogHandler` asks of the network as it is made. DIFFERENCE: a check asks nobody, and takes any name."""
    try:
        return found(host, port, *rest)
    except socket.gaierror:
        return found("127.0.0.1", 514, *rest)


def answer(config):
    """`OK` or the message of the exception that leaves dictConfig, with its type."""
    logging.root.handlers.clear()
    logging.root.filters.clear()
    logging.root.manager.loggerDict.clear()
    logging._handlers.clear()
    socket.getaddrinfo = look_up
    try:
        logging.config.dictConfig(copy.deepcopy(config))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "OK"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seed", type=int, default=20261122)
    arguments.add_argument("--cases", type=int, default=1200)
    arguments = arguments.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        sys.stdout.reconfigure(encoding="utf-8")
        seen = set()
        while len(seen) < arguments.cases:
            config = copy.deepcopy(rng.choice(CONFIGS))
            for _ in range(rng.choice([1, 1, 1, 2, 3])):
                mutate(rng, config)
            text = json.dumps(config)
            if text not in seen:
                seen.add(text)
                print(json.dumps({"config": text, "cpython": answer(config)}))


main()
