"""Asks pythonjsonlogger what its JsonFormatter makes of arguments and records.

Prints one JSON object a line; json_corpus.jsonl beside this file is what python-json-logger 4.2.0 on CPython 3.13 answered.
Everything random is seeded, so that the same package prints the same lines.

    pip install python-json-logger==4.2.0
    python3.13 json_corpus.py > json_corpus.jsonl
"""

import importlib.metadata
import json
import logging
import os
import random
import struct
import sys
import time

from pythonjsonlogger.json import JsonEncoder, JsonFormatter

chosen = random.Random(20260131)


def line(**case):
    print(json.dumps(case, ensure_ascii=True, separators=(",", ":")))


OBJECTS = {str: "builtins.str", json.JSONEncoder: "json.JSONEncoder", JsonEncoder: "pythonjsonlogger.json.JsonEncoder", json.dumps: "json.dumps"}


def tagged(value, is_argument=False):
    """A value that the test would not read back as it is, under the name of its type."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"float": struct.pack(">d", value).hex()}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if not is_argument:
        # Records carry what JSON has no type for as text.
        return {"repr": repr(value)}
    if isinstance(value, list):
        return [tagged(item, True) for item in value]
    if isinstance(value, dict):
        return {"map": [[key, tagged(item, True)] for key, item in value.items()]}
    return {"object": OBJECTS[value]}


def answer(make):
    """The text, or the exception in a list of its own."""
    try:
        return make()
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]


# Records: every attribute, as it is and as something else, and extras of every kind.

START_NS = 1_700_000_000_000_000_000
PLAIN = {
    "ns": START_NS + 12_345_678_901, "start_ns": START_NS, "name": "my_app.db", "level": 20, "pathname": "src/db/pool.rs",
    "module": "pool", "line": 42, "function": "connect", "process": 4711, "processName": "MainProcess",
    "thread": 140_000_000_000_001, "threadName": "worker-1", "msg": "process:[4711] API가 요청되었습니다", "exc_text": None,
    "stack_info": None, "extras": {}, "attributes": {},
}
STACK = "Stack (most recent call last):\r\n  File \"x.py\"\x0b\x85\u2028a"
NESTED = {"id": 7, "tags": ["a", "it's \"x\"", None, True, False], "deep": {"": [[], {}, [1, [2.5, -0.0, float("nan"), float("inf")]]], "é\n": 10**40}}
RECORDS = [
    PLAIN,
    PLAIN | {"name": "", "level": 35, "pathname": "", "module": "", "line": 0, "function": None, "msg": ""},
    PLAIN | {"level": -5, "pathname": "/a/b/", "ns": START_NS + 999_999_999, "msg": "two\nlines\t\"quoted\" \\ \x00\x1f\x7f\x80", "name": "ünï.cödé"},
    PLAIN | {"level": 50, "ns": -1, "exc_text": "Traceback\nValueError: x", "stack_info": STACK},
    PLAIN | {"exc_text": "error\n", "stack_info": "stack", "msg": "😀 \u2028 \U0010ffff", "extras": {"stack_info": 5, "x": 0}},
    PLAIN | {"ns": START_NS + 5_000_000_000, "exc_text": "error", "msg": "", "extras": {"user": "ann", "env": "prod", "timestamp": 1}},
    PLAIN | {"ns": START_NS + 123_456, "extras": {"user": "ann", "count": 3, "ratio": 0.25, "ok": True, "nothing": None, "raw": b"\xff\xfe\xfb", "_hidden": 1,
                                                  "env": "test", "": "empty", "lévél": 1, "level": "mine", "spans": "mine", "key \"x\"\n": 2}},
    PLAIN | {"extras": {"big": 2**64, "small": -(2**63), "huge": 2**127 - 1, "wide": 2**128 - 1, "nan": float("nan"), "inf": float("inf"),
                        "minus": float("-inf"), "zero": -0.0, "tiny": 5e-324, "large": 1e16, "third": 1 / 3, "int": 1e15, "small_e": 1e-5}},
    PLAIN | {"extras": {"user": NESTED, "list": [1, "two", [3, {}]], "empty_list": [], "empty_dict": {}}},
    PLAIN | {"attributes": {"msg": NESTED}},
    PLAIN | {"attributes": {"msg": {"message": "mine", "level": 1, "user": "bob", "_private": 1, "levelname": None}}, "extras": {"user": "ann", "x": 1}},
    PLAIN | {"attributes": {"msg": {"exc_info": "mine", "stack_info": None, "z": []}}, "exc_text": "error", "stack_info": STACK},
    PLAIN | {"attributes": {"msg": {"stack_info": "mine", "exc_info": "", "a": "\x00'\"\\\ud7ff"}}, "exc_text": "error\ntwo", "stack_info": "x\ny"},
    PLAIN | {"attributes": {"msg": {}}, "exc_text": "error"},
    PLAIN | {"attributes": {"msg": ["a", 1]}, "extras": {"user": []}},
    PLAIN | {"attributes": {"msg": None, "levelno": 20.0, "lineno": "42"}},
    PLAIN | {"attributes": {"name": None, "levelno": None, "levelname": None, "pathname": None, "lineno": None, "funcName": 7,
                            "msg": 42, "thread": None, "threadName": None, "process": None, "processName": b"p", "module": 1.5,
                            "filename": False, "taskName": "task-1", "msecs": 7.9, "relativeCreated": "x", "args": None}},
    PLAIN | {"attributes": {"msg": float("nan"), "exc_text": 5, "args": [], "taskName": {"a": 1}}},
    PLAIN | {"attributes": {"stack_info": True, "created": 1_700_000_000}},
    PLAIN | {"attributes": {"exc_text": "", "stack_info": 0, "created": 1_700_000_000.75, "msecs": 1234.5}},
    PLAIN | {"attributes": {"exc_text": 0.0, "stack_info": b"", "created": "now", "msecs": None}},
    PLAIN | {"attributes": {"created": float("nan")}},
    PLAIN | {"attributes": {"created": True, "msecs": -1.5}},
    PLAIN | {"attributes": {"created": -62_135_596_801, "msecs": 0}},
    PLAIN | {"attributes": {"created": -1.5e-6, "exc_info": None}, "extras": {f"key{number}": number for number in range(40)} | {"x": 1, "timestamp": "mine", "env": 1}},
]


def record_of(spec):
    """As a logging call would have made it; then the event's keys, as logging.makeLogRecord takes them."""
    real = time.time_ns
    time.time_ns = lambda: spec["ns"]
    try:
        record = logging.LogRecord(spec["name"], spec["level"], spec["pathname"], spec["line"], spec["msg"], (), None, spec["function"], spec["stack_info"])
    finally:
        time.time_ns = real
    record.module = spec["module"]
    record.process, record.processName = spec["process"], spec["processName"]
    record.thread, record.threadName = spec["thread"], spec["threadName"]
    record.exc_text = spec["exc_text"]
    record.relativeCreated = (spec["ns"] - spec["start_ns"]) / 1e6
    record.__dict__.update(spec["attributes"])
    record.__dict__.update({key: value for key, value in spec["extras"].items()})
    return record


def record_line(spec):
    spec = dict(spec)
    # What Python keeps in the record's own places counts as an attribute that was given.
    given = {key: value for key, value in spec["extras"].items() if key in ATTRIBUTES}
    spec["attributes"] = {key: tagged(value) for key, value in (spec["attributes"] | given).items()}
    spec["extras"] = [[key, tagged(value)] for key, value in spec["extras"].items() if key not in given]
    return spec


ATTRIBUTES = [
    "name", "msg", "args", "levelname", "levelno", "pathname", "filename", "module", "exc_info", "exc_text", "stack_info", "lineno",
    "funcName", "created", "msecs", "relativeCreated", "thread", "threadName", "processName", "process", "taskName", "message", "asctime",
]


# Arguments.

NAMES = ATTRIBUTES + ["message", "asctime", "levelname", "user", "env", "nobody", "ratio", "x", "_hidden", "exc_info"]
PERCENT = [
    "%(asctime)s %(levelname)s %(name)s %(message)s", "%(message)s", "", "%(levelname)8s %(nobody)d 100%% %(user)s", "%(msg)s%(args)r",
    "%(%(message)s", "%()s) %(message)s", "%(message)s %(user\n)s %(x", "%(asctime)",
]
BRACE = ["{asctime} {levelname} {message}", "{message:>20} {user!r}", "{message} {levelno:03d} {x}", "{}", "{{message}} {message}", "{message", "{user.name} {message}"]
DOLLAR = ["$asctime ${levelname} $message", "$message $$user ${x}", "${user name} $message", "$ſ $message", "$message $1 $", "$éx $message", "${message}$levelno"]
COMMA = ["asctime,levelname,message", " message , user,,x ", "", ",", "message\x1c,\u00a0env\u3000", "message levelname", "%(message)s,{x}"]
VALUES = [None, True, False, 0, -7, 2**40, 1.5, -0.0, 1e300, "text", "", "é가😀\"\\\n\x7f", [], {}, [1, "a", [None, {"k": []}]], NESTED | {"deep": {"x": [1.5]}}]
KEYS = ["env", "user", "message", "levelname", "level", "x", "exc_info", "timestamp", "static", "lévél", "a b", ""]


def some_dict(values, most):
    return {chosen.choice(KEYS): values() for _ in range(chosen.randint(0, most))}


def random_arguments():
    arguments = {}
    style = chosen.choice(["%", "%", "%", "{", "$", ",", "list", "none"])
    if style == "list":
        arguments["fmt"] = [chosen.choice(NAMES) for _ in range(chosen.randint(0, 6))]
    elif style != "none":
        formats = {"%": PERCENT, "{": BRACE, "$": DOLLAR, ",": COMMA}[style]
        arguments["fmt"] = chosen.choice(formats)
        if style != "%" or chosen.random() < 0.2:
            arguments["style"] = style
    sometimes = {
        "datefmt": lambda: chosen.choice(["%H:%M", "%Y-%m-%dT%H:%M:%S%z", "", None, "é%d"]),
        "validate": lambda: chosen.choice([True, False, False]),
        "prefix": lambda: chosen.choice(["@cee: ", "", "é"]),
        "rename_fields": lambda: some_dict(lambda: chosen.choice(KEYS + ["@timestamp", "log.level", 5, None, True, 1.5]), 4) | chosen.choice([{}, {"asctime": "timestamp"}, {"timestamp": "ts"}]),
        "rename_fields_keep_missing": lambda: chosen.choice([True, True, False, 0, "x"]),
        "static_fields": lambda: some_dict(lambda: chosen.choice(VALUES), 3),
        "reserved_attrs": lambda: chosen.choice([None, [], ["message"], chosen.sample(ATTRIBUTES, 18) + ["user"], {"name": 1, "msg": 2}, "xy", ATTRIBUTES + ["env", "x"], [None, 5, "args"]]),
        "timestamp": lambda: chosen.choice([True, False, "ts", "user", "", 1, None, ["x"]]),
        "defaults": lambda: some_dict(lambda: chosen.choice(VALUES), 4),
        "exc_info_as_array": lambda: chosen.choice([True, False]),
        "stack_info_as_array": lambda: chosen.choice([True, True, False]),
        "json_indent": lambda: chosen.choice([None, 0, 1, 2, 4, -1, True, False, "\t", "ab", ""]),
        "json_ensure_ascii": lambda: chosen.choice([False, False, True, None, 0]),
        "json_default": lambda: chosen.choice([None, str]),
        "json_encoder": lambda: chosen.choice([None, json.JSONEncoder, JsonEncoder]),
        "json_serializer": lambda: json.dumps,
    }
    usual = {"static_fields", "rename_fields", "defaults", "timestamp", "json_ensure_ascii", "reserved_attrs"}
    for name, make in sometimes.items():
        if chosen.random() < (0.35 if name in usual else 0.18):
            arguments[name] = make()
    return arguments


FIXED = [
    {}, {"fmt": "%(asctime)s %(levelname)s %(name)s %(message)s", "rename_fields": {"asctime": "timestamp", "levelname": "level", "name": "logger"}},
    {"fmt": ATTRIBUTES}, {"reserved_attrs": []}, {"reserved_attrs": [], "json_indent": 2}, {"timestamp": True}, {"json_encoder": json.JSONEncoder}, {"json_default": str, "timestamp": True},
    {"json_ensure_ascii": False}, {"json_ensure_ascii": False, "json_indent": 0, "static_fields": {"nested": NESTED | {"deep": {"": [[], {}]}}}},
    {"exc_info_as_array": True, "stack_info_as_array": True}, {"defaults": {"user": "nobody", "env": None}, "static_fields": {"env": "prod"}},
]
REFUSED = [
    {"fmt": 5}, {"fmt": True}, {"fmt": {"a": 1}}, {"fmt": ["a", ["b"]]}, {"fmt": "hello"}, {"fmt": "hello", "style": "{"}, {"fmt": "$", "style": "$"}, {"fmt": "{", "style": "{"},
    {"fmt": "{message} {x y}", "style": "{"}, {"fmt": "5 $", "style": "$"}, {"style": "x"}, {"style": None}, {"style": 5}, {"style": []}, {"style": {}}, {"style": "x", "validate": False}, {"style": "x", "validate": False, "fmt": ""},
    {"style": "x", "validate": False, "fmt": "a"}, {"style": 5, "validate": False, "fmt": "a"}, {"style": "it's", "validate": False, "fmt": "a"}, {"style": "list", "fmt": ["a"]},
    {"rename_fields": ["a"]}, {"rename_fields": []}, {"rename_fields": ""}, {"rename_fields": "abc"}, {"rename_fields": 5}, {"rename_fields": False}, {"rename_fields": 0.5},
    {"static_fields": ["a"]}, {"static_fields": []}, {"static_fields": "ab"}, {"static_fields": 0}, {"reserved_attrs": 5}, {"reserved_attrs": [["a"]]}, {"reserved_attrs": True}, {"reserved_attrs": [{}]},
    {"zzz": 1}, {"format": "%(message)s"}, {"level": 10}, {"validate": False, "fmt": "hello"}, {"validate": 0, "fmt": "", "style": "$"},
    # These fail at each record only.
    {"prefix": 5}, {"prefix": None}, {"json_indent": 2.5}, {"json_indent": []}, {"json_serializer": "json.dumps"}, {"json_serializer": None}, {"json_encoder": "JsonEncoder"},
    {"defaults": 5}, {"defaults": "abc"}, {"defaults": ["a"]}, {"defaults": []}, {"rename_fields": {"message": [1]}}, {"rename_fields": {"message": {}}},
]


def case(arguments, at):
    def made():
        return JsonFormatter(**arguments)

    def formatted(spec):
        return made().format(record_of(spec))

    results = [answer(lambda: formatted(RECORDS[i])) for i in at]
    encoded = [[key, tagged(value, True)] for key, value in arguments.items()]
    line(arguments=encoded, at=at, results=results)


assert sys.version_info[:2] == (3, 13), "the corpus is CPython 3.13's"
assert importlib.metadata.version("python-json-logger") == "4.2.0", "the corpus is python-json-logger 4.2.0's"
os.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"
time.tzset()
sys.stdout.reconfigure(newline="\n")
every = list(range(len(RECORDS)))
line(records=[record_line(spec) for spec in RECORDS])
for arguments in FIXED:
    case(arguments, every)
for arguments in REFUSED:
    case(arguments, [0])
for _ in range(380):
    case(random_arguments(), sorted(chosen.sample(every, 6)))
