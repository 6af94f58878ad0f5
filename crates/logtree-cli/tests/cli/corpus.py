"""Random configs and events, and what CPython 3.13 makes of them: one JSON object a line.

    python3.13 corpus.py [--seed N] [--cases N]

Each case runs in a process and an empty directory of its own. `code` is what `logtree emit` is to exit with: 2 if
dictConfig refuses the config, 1 if a line is no event that could reach a handler, else 0. `stderr` is null where
CPython would have printed a traceback: those are not compared.
"""

import argparse
import json
import logging
import logging.config
import os
import random
import sys
import tempfile
import time

NAMES = ["a", "a.b", "a.b.c", "a.bb", "b", "b.c", "app", "app.db.pool", "요청"]
ZONES = ["UTC0", "KST-9", "EST5EDT,M3.2.0,M11.1.0", "<+0545>-5:45"]
LEVELS = ["DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL", "FATAL", "NOTSET", 0, 5, 15, 35, -1, True]
# As configs have them: most let most records through.
LEVELS += ["DEBUG", "INFO"] * 8
PIECES = [
    "%(asctime)s", "%(name)s", "%(name)10.4s", "%(levelname)s", "%(levelname)-8s|", "%(levelname)r", "%(levelno)d",
    "%(levelno)s", "%(levelno)+05d", "%(message)s", "%(message)s", "%(message).5s", "%(message)r", "%(msg)s", "%(msg)r",
    "%(pathname)s", "%(filename)s", "%(module)s", "%(lineno)d", "%(lineno)5s", "%(funcName)s", "%(funcName)r",
    "%(created)f", "%(created).3f", "%(created)r", "%(msecs)03d", "%(msecs)s", "%(relativeCreated)d", "%(process)d",
    "%(processName)s", "%(thread)d", "%(threadName)s", "%(taskName)s", "%(exc_text)s", "%(stack_info)r", "%(args)s",
    "%(exc_info)s", "%(user)s", "%(user)r", "%(user)a", "%(n)d", "%(n)05d", "%(n)x", "%(n).2f", "%(n)g", "%(n)-7s|",
    "%(data)s", "%(data)r", "%%", "100%%",
]
DATEFMTS = [None, None, None, "", "%H:%M:%S", "%Y/%m/%d %j", "%a %d %b %I%p", "%Y-%m-%dT%H:%M:%S%z"]
MESSAGES = [
    "hello", "", "line\n", "two\nlines", "100% %s %(x)s", "API가 요청되었습니다", "emoji 😀", "tab\tend", "nul\0end",
    "\x1b[31mred", "é" * 40, " spaced ", "it's \"so\"",
]
TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\nValueError: 요청'


def as_json(value, ensure_ascii=True):
    """JSON that has no word for infinity."""
    return json.dumps(value, ensure_ascii=ensure_ascii).replace("Infinity", "1e999")


class Draw(random.Random):
    def maybe(self, chance):
        return self.random() < chance

    def some(self, items, least=0, most=3):
        return self.sample(items, self.randint(min(least, len(items)), min(most, len(items))))

    def value(self, depth=0):
        """Any JSON value."""
        kinds = ["none", "bool", "int", "big", "float", "str", "str"] + (["list", "dict"] if depth < 2 else [])
        match self.choice(kinds):
            case "none":
                return None
            case "bool":
                return self.maybe(0.5)
            case "int":
                return self.randint(-1000, 1000)
            case "big":
                # DIFFERENCE: beyond 128 bits integers print, but are no numbers to conversions such as %d.
                return self.choice([2**31, -(2**63), 2**64, 10**30, -(2**127)])
            case "float":
                return self.choice([0.1, -0.0, 1e16, 1e-5, 1e22, 123456.789, 1e400, 5e-324, self.uniform(-1e6, 1e6)])
            case "str":
                return self.choice(MESSAGES)
            case "list":
                return [self.value(depth + 1) for _ in range(self.randint(0, 3))]
            case "dict":
                return {self.choice(MESSAGES): self.value(depth + 1) for _ in range(self.randint(0, 3))}

    def scalar(self):
        """Any JSON value but a list or dict."""
        while isinstance(value := self.value(2), (list, dict)):
            pass
        return value

    def formatter(self):
        made = {}
        if self.maybe(0.95):
            made["format"] = " ".join(self.choice(PIECES) for _ in range(self.randint(1, 6))) + " %(message)s"
        if (datefmt := self.choice(DATEFMTS)) is not None:
            made["datefmt"] = datefmt
        if self.maybe(0.1):
            made["style"] = "%"
        if self.maybe(0.1):
            made["class"] = "logging.Formatter"
        if self.maybe(0.3):
            # DIFFERENCE: integers in configs have 64 bits at most.
            made["defaults"] = {"user": self.choice([None, "anon", 1.5, [1, "x"], {"é": {}}, ""]), "n": 7, "data": True}
        return made

    def handler(self, number, formatters, filters):
        match self.choice(["file", "file", "file", "stdout", "stdout", "stderr", "null"]):
            case "file":
                made = {"class": "logging.FileHandler", "filename": f"{number}.log"}
                if self.maybe(0.2):
                    made["mode"] = self.choice(["a", "w"])
                if self.maybe(0.2):
                    made["delay"] = self.maybe(0.7)
                if self.maybe(0.3):
                    made["encoding"] = self.choice(["utf-8", "utf-8", "ascii", "latin-1"])
                    if self.maybe(0.5):
                        made["errors"] = self.choice(["strict", "backslashreplace", "replace", "ignore"])
            case "stdout":
                made = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}
            case "stderr":
                made = {"class": "logging.StreamHandler"}
                if self.maybe(0.5):
                    made["stream"] = self.choice(["ext://sys.stderr", None])
            case "null":
                made = {"class": "logging.NullHandler"}
        if self.maybe(0.5):
            made["level"] = self.choice(LEVELS)
        if formatters and self.maybe(0.85):
            made["formatter"] = self.choice(formatters)
        if self.maybe(0.25):
            made["filters"] = self.some(filters)
        if made["class"] != "logging.NullHandler" and self.maybe(0.1):
            made["."] = {"terminator": self.choice(["\r\n", "", " END\n", "\0"])}
        return made

    def logger(self, handlers, filters):
        made = {}
        if self.maybe(0.8):
            made["level"] = self.choice(LEVELS)
        if self.maybe(0.85):
            made["handlers"] = self.some(handlers, least=1)
        if self.maybe(0.2):
            made["filters"] = self.some(filters)
        return made

    def config(self):
        config = {"version": 1}
        if self.maybe(0.5):
            config["disable_existing_loggers"] = self.maybe(0.5)
        config["formatters"] = {f"f{at}": self.formatter() for at in range(self.randint(0, 3))}
        config["filters"] = {
            f"x{at}": {"name": self.choice(NAMES)} if self.maybe(0.8) else {} for at in range(self.randint(0, 2))
        }
        formatters, filters = list(config["formatters"]), list(config["filters"])
        config["handlers"] = {f"h{at}": self.handler(at, formatters, filters) for at in range(self.choice([0, 1, 2, 2, 3, 4]))}
        handlers = list(config["handlers"])
        config["loggers"] = {}
        for name in self.some(NAMES + [""], most=5):
            config["loggers"][name] = self.logger(handlers, filters)
            if self.maybe(0.5):
                config["loggers"][name]["propagate"] = self.maybe(0.6)
        if self.maybe(0.9):
            config["root"] = self.logger(handlers, filters)
        if self.maybe(0.04):
            self.spoil(config)
        return config

    def spoil(self, config):
        """Makes dictConfig refuse it."""
        match self.choice(["level", "version", "handler", "format"]):
            case "level":
                config["root"] = {"level": "info"}
            case "version":
                config["version"] = 2
            case "handler":
                config["root"] = {"handlers": ["nobody"]}
            case "format":
                config["formatters"]["bad"] = {"format": "hello"}

    def event(self, is_filtered):
        # These differ from run to run where an event does not say them.
        event = {
            "created": self.choice([1.0, 0, -1.5, 1700000000, 1700000000.999, self.uniform(0, 2e9), self.uniform(0, 2e9)]),
            "msecs": self.choice([0.0, 7, 999.0, float(self.randint(0, 999))]),
            "relativeCreated": self.uniform(0, 1e6),
            "process": self.randint(1, 99999),
            "thread": self.randint(1, 2**47),
        }
        if self.maybe(0.97):
            event["msg"] = self.choice(MESSAGES) if self.maybe(0.85) else self.value()
        # A filter with a name fails on a record whose name is None, and the exception is the program's.
        if is_filtered or self.maybe(0.9):
            event["name"] = self.choice(NAMES) if self.maybe(0.9) else self.choice(["root", "", "a.b.c.d", "nobody"])
        elif self.maybe(0.5):
            event["name"] = None
        if self.maybe(0.9):
            event["levelno"] = self.choice([5, 10, 20, 20, 30, 30, 40, 50, 35, 15, 0, -1, 20.0, 25.5, True, 2**40])
        if self.maybe(0.3):
            event["levelname"] = self.choice(["INFO", "FINE", None, 5, "경고"])
        for key in ["pathname", "filename", "module", "funcName", "threadName", "processName", "taskName"]:
            if self.maybe(0.5):
                event[key] = self.choice(["main.py", "/srv/app/main.py", "f", "", "작업"])
        if self.maybe(0.7):
            event["lineno"] = self.randint(0, 5000)
        for key in ["exc_text", "stack_info"]:
            if self.maybe(0.25):
                event[key] = self.choice([TRACEBACK, "one line", "ends\n", "", None])
        for key in ["user", "n", "data"]:
            if self.maybe(0.85):
                event[key] = self.randint(-9, 999) if key == "n" and self.maybe(0.7) else self.value()
        if self.maybe(0.1):
            event[self.choice(["args", "exc_info"])] = self.choice([None, [], {}, False])
        # Null, or another type, where it is least expected.
        for key in self.some(list(event), most=2) if self.maybe(0.25) else []:
            if key not in ("created", "name", "levelno", "args", "exc_info"):
                event[key] = None if self.maybe(0.5) else self.scalar()
        return event

    def line(self, is_filtered):
        line = as_json(self.event(is_filtered), ensure_ascii=self.maybe(0.3))
        if self.maybe(0.01):
            line = self.choice(["{", "nope", "[]", '{"levelno": "INFO"}', '{"levelno": null}', '{"name": 5}', line + "x"])
        return line


def case(seed):
    draw = Draw(seed)
    config = draw.config()
    is_filtered = any(made.get("name") for made in config["filters"].values())
    lines = [draw.line(is_filtered) for _ in range(draw.randint(1, 7))]
    return {"tz": draw.choice(ZONES), "config": as_json(config), "events": lines}


def emit(config, lines):
    """What `logtree emit` does, by CPython: the exit code, and whether a traceback was printed."""
    failures = []
    logging.Handler.handleError = lambda handler, record: failures.append(record)
    try:
        logging.config.dictConfig(json.loads(config))
    except ValueError:
        return 2, True
    code = 0
    for line in lines:
        try:
            event = json.loads(line)
            event.setdefault("levelno", logging.INFO)
            event.setdefault("levelname", logging.getLevelName(event["levelno"]))
            record = logging.makeLogRecord(event)
            logger = logging.getLogger(record.name)
            is_enabled = logger.isEnabledFor(record.levelno)
        except Exception:
            code = 1
            continue
        if is_enabled:
            logger.handle(record)
    handlers = map(logging.getHandlerByName, logging.getHandlerNames())
    delayed = [handler for handler in handlers if getattr(handler, "delay", False)]
    logging.shutdown()
    for handler in delayed:
        # DIFFERENCE: a record that cannot be formatted or encoded does not create the file either.
        if os.path.exists(handler.baseFilename) and not os.path.getsize(handler.baseFilename):
            os.remove(handler.baseFilename)
    return code, bool(failures)


def answer(case):
    """The case with CPython's answer, found in a process of its own."""
    with tempfile.TemporaryDirectory() as directory:
        work, said = os.path.join(directory, "work"), os.path.join(directory, "said")
        os.mkdir(work)
        child = os.fork()
        if child == 0:
            os.chdir(work)
            os.environ["TZ"] = case["tz"]
            time.tzset()
            for stream in (1, 2):
                os.dup2(os.open(f"../{stream}", os.O_CREAT | os.O_WRONLY, 0o600), stream)
            outcome = emit(case["config"], case["events"])
            with open(said, "w", encoding="utf-8") as file:
                json.dump(outcome, file)
            sys.stdout.flush()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0, case

        def read(path):
            # Bytes as the characters of the same numbers, so that JSON holds them whatever they are.
            with open(os.path.join(directory, path), "rb") as file:
                return file.read().decode("latin-1")

        with open(said, encoding="utf-8") as file:
            code, has_tracebacks = json.load(file)
        case["code"] = code
        if code != 2:
            case["files"] = {name: read(f"work/{name}") for name in sorted(os.listdir(work))}
            case["stdout"] = read("1")
            case["stderr"] = None if has_tracebacks or code else read("2")
    return case


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--cases", type=int, default=500)
    arguments = arguments.parse_args()
    for number in range(arguments.cases):
        drawn = answer(case(f"{arguments.seed}/{number}"))
        print(json.dumps(drawn, ensure_ascii=True, separators=(",", ":")), flush=True)


if __name__ == "__main__":
    # The child's streams are what a terminal in UTF-8 would be; a locale of this machine's has no say.
    if sys.flags.utf8_mode != 1:
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    main()
