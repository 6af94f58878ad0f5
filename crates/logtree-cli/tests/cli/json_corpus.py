"""Random events through configs with pythonjsonlogger's JsonFormatter, and what the package makes of them.

    pip install python-json-logger==4.2.0
    python3.13 json_corpus.py

The first cases have the config of logtree-dictconfig's tests/data/configs that has such a formatter.
"""

import importlib.metadata
import json
import os
import pathlib
import random
import sys

import corpus

CONFIGS = pathlib.Path(__file__).parents[3] / "logtree-dictconfig/tests/data/configs"
CLASSES = ["pythonjsonlogger.json.JsonFormatter", "pythonjsonlogger.json.JsonFormatter", "pythonjsonlogger.jsonlogger.JsonFormatter"]
FORMATS = [
    {}, {"fmt": "%(asctime)s %(levelname)s %(name)s %(message)s"}, {"format": "%(message)s %(levelno)d %(data)s"}, {"fmt": ["levelname", "name", "message", "user"]},
    {"format": "{asctime} {message} {n}", "style": "{"}, {"fmt": "$name ${levelname} $message", "style": "$"}, {"fmt": "asctime, message, taskName,exc_info", "style": ","},
]
EVERY = ["args", "asctime", "created", "exc_info", "exc_text", "filename", "funcName", "levelname", "levelno", "lineno", "message", "module", "msecs", "msg", "name",
         "pathname", "process", "processName", "relativeCreated", "stack_info", "taskName", "thread", "threadName"]


MESSAGES = ["hello", "", "two\nlines", "API가 요청되었습니다", "emoji 😀", "tab\tend", "nul\0end\x7f", "it's \"so\" \\", "\u2028é"]
TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\nValueError: 요청'


class Draw(random.Random):
    def maybe(self, chance):
        return self.random() < chance

    def value(self, depth=0):
        """Any JSON value."""
        kinds = [lambda: None, lambda: self.maybe(0.5), lambda: self.randint(-1000, 1000), lambda: self.choice([2**31, -(2**63), 2**64, 10**45]),
                 lambda: self.choice([0.1, -0.0, 1e16, 1e-5, 1e22, 123456.789, 1e400, 5e-324]), lambda: self.choice(MESSAGES)]
        if depth < 3:
            kinds += [lambda: [self.value(depth + 1) for _ in range(self.randint(0, 3))]] * 2
            kinds += [lambda: {self.choice(MESSAGES): self.value(depth + 1) for _ in range(self.randint(0, 3))}] * 2
        return self.choice(kinds)()

    def event(self):
        # These differ from run to run where an event does not say them.
        event = {
            "created": self.choice([1.0, 0, -1.5, 1700000000, 1700000000.999, self.uniform(0, 2e9)]), "msecs": float(self.randint(0, 999)),
            "relativeCreated": self.uniform(0, 1e6), "process": self.randint(1, 99999), "thread": self.randint(1, 2**47),
            "msg": self.choice(MESSAGES) if self.maybe(0.7) else self.value(), "name": self.choice(["a.b", "app", "", "요청"]),
            "levelno": self.choice([10, 20, 30, 40, 50, 35, 25.5]),
        }
        for key in ["pathname", "filename", "module", "funcName", "threadName", "processName", "taskName"]:
            if self.maybe(0.5):
                event[key] = self.choice(["main.py", "f", "", "작업", None, 5])
        for key in ["exc_text", "stack_info"]:
            if self.maybe(0.3):
                event[key] = self.choice([TRACEBACK, "one line", "ends\n", "", None])
        for key in ["user", "n", "data", "_private"]:
            if self.maybe(0.7):
                event[key] = self.value()
        if isinstance(event["msg"], dict) and self.maybe(0.5):
            event["msg"] |= {self.choice(["exc_info", "stack_info", "user", "message", "_x"]): self.value(2)}
        return json.dumps(event, ensure_ascii=self.maybe(0.3)).replace("Infinity", "1e999")

    def config(self):
        """Two handlers that show everything."""
        handlers = {"out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "f0"}, "file": {"class": "logging.FileHandler", "filename": "a.log", "encoding": "utf-8", "formatter": "f1"}}
        return {"version": 1, "formatters": {"f0": formatter(self), "f1": formatter(self)}, "handlers": handlers, "root": {"level": "DEBUG", "handlers": ["out", "file"]}}


def formatter(draw):
    if draw.maybe(0.2):
        # By its class it takes what every formatter takes.
        made = {"class": draw.choice(CLASSES)}
        made |= draw.choice([{}, {"format": "%(asctime)s %(message)s", "datefmt": "%H:%M"}, {"format": "name,message", "style": ","}, {"format": "hello", "validate": False}])
        if draw.maybe(0.5):
            made["defaults"] = {"user": "anon", "env": "cfg://version", "data": [1.5, {"é": None}]}
        return made
    made = {"()": draw.choice(CLASSES)} | draw.choice(FORMATS)
    some = {
        "rename_fields": draw.choice([{"levelname": "level", "message": "msg", "user": "data"}, {"asctime": "@timestamp", "nobody": "n"}, {"exc_info": "error", "data": "é\"x"}]),
        "static_fields": {"service": "api", "version": "cfg://version", "level": "ext://logging.INFO", "deep": {"not": "cfg://version", "list": [[], {"a": 1e16}]}},
        "timestamp": draw.choice([True, "ts", "user"]),
        "defaults": {"user": draw.choice([None, "anon", 1.5]), "env": {"a": "ext://logging.INFO"}},
        # What an earlier formatter left in the record is nothing that one knows here.
        "reserved_attrs": draw.choice([["asctime", "message"], draw.sample(EVERY, 12) + ["asctime", "message", "n"]]),
        "json_ensure_ascii": False,
        "json_indent": draw.choice([1, 4, "\t"]),
        "exc_info_as_array": True,
        "stack_info_as_array": True,
        "rename_fields_keep_missing": True,
        "prefix": draw.choice(["@cee: ", ""]),
        "json_encoder": draw.choice(["ext://json.JSONEncoder", "ext://pythonjsonlogger.json.JsonEncoder"]),
        "json_serializer": "ext://json.dumps",
        "json_default": "ext://builtins.str",
        "zzz": 1,
    }
    for key, value in some.items():
        if draw.maybe({"zzz": 0.01, "static_fields": 0.5, "rename_fields": 0.5, "json_indent": 0.1}.get(key, 0.25)):
            made[key] = value
    return made


def answer(number):
    draw = Draw(number)
    config = (CONFIGS / "json_rename_fields.json").read_text() if number < 20 else json.dumps(draw.config())
    events = [draw.event() for _ in range(draw.randint(1, 5))]
    case = {"tz": draw.choice(["UTC0", "KST-9", "<+0545>-5:45"]), "format": "json", "config": config, "events": events}
    return corpus.answer(case, json.loads(config))


if __name__ == "__main__":
    if sys.flags.utf8_mode != 1:
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    assert importlib.metadata.version("python-json-logger") == "4.2.0", "the corpus is python-json-logger 4.2.0's"
    for number in range(200):
        print(json.dumps(answer(number), ensure_ascii=True, separators=(",", ":")), flush=True)
