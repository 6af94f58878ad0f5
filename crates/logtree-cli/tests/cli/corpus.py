"""Random configs and events, and what CPython 3.13 makes of them: one JSON object a line.

    python3.13 corpus.py [--seed N] [--cases FIRST:END]

Each case runs in a process and an empty directory of its own. `code` is what `logtree emit` is to exit with: 2 if
dictConfig refuses the config, 1 if a line is no event that could reach a handler, else 0. `stderr` is null where
CPython would have printed a traceback: those are not compared. `empty` are files that are to be empty or not there.
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
LEVELS += ["DEBUG", "INFO"] * 12
PIECES = {
    "%": [
        "%(asctime)s", "%(name)s", "%(name)10.4s", "%(levelname)s", "%(levelname)-8s|", "%(levelname)r", "%(levelno)d",
        "%(levelno)s", "%(levelno)+05d", "%(message)s", "%(message)s", "%(message).5s", "%(message)r", "%(msg)s", "%(msg)r",
        "%(pathname)s", "%(filename)s", "%(module)s", "%(lineno)d", "%(lineno)5s", "%(funcName)s", "%(funcName)r",
        "%(created)f", "%(created).3f", "%(created)r", "%(msecs)03d", "%(msecs)s", "%(relativeCreated)d", "%(process)d",
        "%(processName)s", "%(thread)d", "%(threadName)s", "%(taskName)s", "%(exc_text)s", "%(stack_info)r", "%(args)s",
        "%(exc_info)s", "%(user)s", "%(user)r", "%(user)a", "%(n)d", "%(n)05d", "%(n)x", "%(n).2f", "%(n)g", "%(n)-7s|",
        "%(data)s", "%(data)r", "%%", "100%%",
    ],
    "{": [
        "{asctime}", "{asctime:>30}", "{name}", "{name:10.4}|", "{name!r:>9}", "{levelname}", "{levelname:<8}|", "{levelname!a}",
        "{levelno}", "{levelno:+05d}", "{levelno:x}", "{message}", "{message}", "{message:.5}", "{message!r}", "{message:-^20}", "{msg}",
        "{pathname}", "{filename}", "{module}", "{lineno}", "{lineno:5}", "{lineno:{lineno}}", "{funcName}", "{created:.3f}", "{created:,.1f}",
        "{msecs:03.0f}", "{msecs}", "{relativeCreated:_.2f}", "{process:d}", "{processName}", "{thread:x}", "{threadName}", "{taskName}",
        "{exc_text}", "{stack_info!r}", "{args}", "{exc_info}", "{user}", "{user!s:.6}", "{user!a}", "{n:05}", "{n:#x}", "{n:.2e}", "{n:%}",
        "{n:{lineno}}", "{name[0]}", "{levelno.real}", "{data}", "{data!r:>12}", "{{}}",
    ],
    "$": [
        "$asctime", "$name", "${name}s", "$levelname", "$levelno", "$message", "$message", "${msg}", "$pathname", "$filename", "$module",
        "$lineno", "$funcName", "$created", "$msecs", "$relativeCreated", "$process", "${processName}", "$thread", "$threadName", "$taskName",
        "$exc_text", "$stack_info", "$args", "$exc_info", "$user", "${n}", "$data", "$$",
    ],
}
MESSAGE = {"%": "%(message)s", "{": "{message}", "$": "$message"}
DATEFMTS = [None, None, None, "", "%H:%M:%S", "%Y/%m/%d %j", "%a %d %b %I%p", "%Y-%m-%dT%H:%M:%S%z"]
# What the key `.` sets on a formatter. A `converter` cannot be set by CPython, which sees a string there.
ATTRIBUTES = {
    "default_time_format": ["%H:%M:%S", "%d.%m.%y", "", "%c"],
    "default_msec_format": [None, "", "%s.%03d", "%s,%d", "%-25s|%.1f", "%s"],
    "datefmt": [None, "%H", "%x %X"],
    "nobody": ["reads it", 5],
}
MESSAGES = [
    "hello", "", "line\n", "two\nlines", "100% %s %(x)s", "API가 요청되었습니다", "emoji 😀", "tab\tend", "nul\0end",
    "\x1b[31mred", "é" * 40, " spaced ", "it's \"so\"",
]
TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\nValueError: 요청'


def as_json(value, ensure_ascii=True):
    """JSON that has no word for infinity."""
    return json.dumps(value, ensure_ascii=ensure_ascii, separators=(",", ":")).replace("Infinity", "1e999")


# What YAML 1.1 would read as something else than text.
WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


class Draw(random.Random):
    def yaml(self, value, indent=0):
        """The text of a value as YAML, as people write it: a value of one line, or lines that begin with a newline."""
        pad = "\n" + "  " * indent
        match value:
            case None:
                return self.choice(["null", "~", "Null"])
            case bool():
                return self.choice(["true", "True", "yes", "on"] if value else ["false", "False", "no", "off"])
            case str():
                is_plain = value.replace(".", "").replace("_", "").isalnum() and value.isascii() and value[0].isalpha()
                if is_plain and value.lower() not in WORDS and self.maybe(0.7):
                    return value
                if "'" not in value and value.isprintable() and self.maybe(0.5):
                    return f"'{value}'"
                return json.dumps(value)
            case list() if value and self.maybe(0.5):
                return "".join(f"{pad}- {self.yaml(item, indent + 1).lstrip()}" for item in value)
            case list():
                return f"[{', '.join(self.flow(item) for item in value)}]"
            case dict() if value and self.maybe(0.85):
                return "".join(f"{pad}{self.yaml(key)}:{self.spaced(self.yaml(item, indent + 1))}" for key, item in value.items())
            case dict():
                return self.flow(value)
            case _:
                return repr(value)

    def spaced(self, text):
        return text if text.startswith("\n") else f" {text}"

    def flow(self, value):
        """The same on one line. JSON is YAML."""
        return json.dumps(value, ensure_ascii=self.maybe(0.5))

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
        style = self.choice("%%%{$")
        if self.maybe(0.95):
            pieces = [self.choice(PIECES[style]) for _ in range(self.randint(0, 4))]
            made["format"] = " ".join([*pieces, MESSAGE[style]])
            if self.maybe(0.02):
                made["format"], made["validate"] = self.choice(["no field", "%(message)", "{message", "$", "%(message)d", "{0}"]), False
        if style != "%" or self.maybe(0.1):
            made["style"] = style
        if (datefmt := self.choice(DATEFMTS)) is not None:
            made["datefmt"] = datefmt
        if self.maybe(0.1):
            made["validate"] = made.get("validate", self.maybe(0.5))
        if self.maybe(0.3):
            # DIFFERENCE: integers in configs have 64 bits at most.
            made["defaults"] = {"user": self.choice([None, "anon", 1.5, [1, "x"], {"é": {}}, ""]), "n": 7, "data": True}
        match self.choice(["class", "()", "", "", "", "", ""]):
            case "class":
                made["class"] = "logging.Formatter"
            case "()":
                made["()"] = "logging.Formatter"
                if self.maybe(0.2) and "format" in made:
                    made["fmt"] = made.pop("format")
        # CPython looks at it beside `()` alone.
        if self.maybe(0.8 if "()" in made else 0.03):
            made["."] = {name: self.choice(ATTRIBUTES[name]) for name in self.some(list(ATTRIBUTES), least=1)}
        return made

    def file(self, made):
        """What all handlers of files take."""
        if self.maybe(0.2):
            made["mode"] = self.choice(["a", "w"])
        if self.maybe(0.2):
            made["delay"] = self.maybe(0.7)
        if self.maybe(0.3):
            made["encoding"] = self.choice(["utf-8", "utf-8", "ascii", "latin-1"])
            if self.maybe(0.5):
                made["errors"] = self.choice(["strict", "backslashreplace", "replace", "ignore"])

    def handler(self, number, others, formatters, filters):
        """One handler, by number; `others` are those before it."""
        match self.choice(["file"] * 3 + ["rotating"] * 3 + ["watched", "timed", "stdout", "stdout", "stderr", "null", "memory", "memory"]):
            case "file":
                made = {"class": "logging.FileHandler", "filename": f"{number}.log"}
                self.file(made)
            case "watched":
                made = {"class": "logging.handlers.WatchedFileHandler", "filename": f"{number}.log"}
                self.file(made)
                if made.get("delay"):
                    # DIFFERENCE: at its second record CPython empties a file that it opened late.
                    made.pop("mode", None)
            case "timed":
                # None of them rolls as long as a case takes.
                made = {"class": "logging.handlers.TimedRotatingFileHandler", "filename": f"{number}.log", "when": self.choice(["D", "h", "W0", "midnight"])}
                self.file(made)
                made.pop("mode", None)
                if self.maybe(0.5):
                    made.update(self.choice([{"interval": 3}, {"backupCount": 2}, {"utc": True}, {"interval": 2, "backupCount": 1}]))
            case "rotating":
                made = {"class": "logging.handlers.RotatingFileHandler", "filename": f"{number}.log"}
                self.file(made)
                if self.maybe(0.9):
                    made["maxBytes"] = self.choice([0, 1, 30, 60, 100, 250, 50.5, True])
                if self.maybe(0.85):
                    made["backupCount"] = self.choice([0, 1, 1, 2, 3, 12])
            case "stdout":
                made = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}
            case "stderr":
                made = {"class": "logging.StreamHandler"}
                if self.maybe(0.5):
                    made["stream"] = self.choice(["ext://sys.stderr", None])
            case "null":
                made = {"class": "logging.NullHandler"}
            case "memory":
                made = {"class": "logging.handlers.MemoryHandler", "capacity": self.choice([0, 1, 2, 3, 10])}
                # CPython finds those before it, and waits once for one behind it.
                if others and self.maybe(0.9):
                    made["target"] = self.choice(others)
                if self.maybe(0.6):
                    made["flushLevel"] = self.choice(LEVELS)
                if self.maybe(0.2):
                    made["flushOnClose"] = self.maybe(0.5)
        if made["class"] not in ("logging.NullHandler", "logging.handlers.MemoryHandler") and self.maybe(0.05):
            made["()"] = made.pop("class")
        if self.maybe(0.5):
            made["level"] = self.choice(LEVELS)
        if formatters and self.maybe(0.85):
            made["formatter"] = self.choice(formatters)
        if self.maybe(0.2):
            made["filters"] = self.some(filters, most=2)
        if self.maybe(0.1):
            made["."] = {"terminator": self.choice(["\r\n", "", " END\n", "\0"]), "nobody": ["reads", "it"]}
        return made

    def logger(self, handlers, filters):
        made = {}
        if self.maybe(0.8):
            made["level"] = self.choice(LEVELS)
        if self.maybe(0.85):
            made["handlers"] = self.some(handlers, least=1)
        if self.maybe(0.1):
            made["filters"] = self.some(filters, most=2)
        return made

    def config(self):
        config = {"version": 1}
        if self.maybe(0.5):
            config["disable_existing_loggers"] = self.maybe(0.5)
        config["formatters"] = {f"f{at}": self.formatter() for at in range(self.choice([0, 1, 1, 2]))}
        config["filters"] = {f"x{at}": self.filter() for at in range(self.randint(0, 2))}
        formatters, filters = list(config["formatters"]), list(config["filters"])
        config["handlers"] = {}
        for at in range(self.choice([1, 2, 2, 3, 3, 4] * 4 + [0])):
            config["handlers"][f"h{at}"] = self.handler(at, list(config["handlers"]), formatters, filters)
        self.put_off(config["handlers"])
        handlers = list(config["handlers"])
        if self.maybe(0.12):
            handlers = self.queue(config, formatters, filters)
        config["loggers"] = {}
        for name in self.some(NAMES + [""], most=4):
            config["loggers"][name] = self.logger(handlers, filters)
            if self.maybe(0.5):
                config["loggers"][name]["propagate"] = self.maybe(0.6)
        if self.maybe(0.95):
            config["root"] = self.logger(handlers, filters)
        if self.maybe(0.2):
            self.refer(config)
        if self.maybe(0.04):
            self.spoil(config)
        for key in ("formatters", "filters", "handlers", "loggers"):
            if not config[key] and self.maybe(0.9):
                del config[key]
        return config

    def filter(self):
        made = {"name": self.choice(["a", "a", "a.b", "b", "app", *NAMES])} if self.maybe(0.8) else {}
        if self.maybe(0.2):
            made["()"] = "logging.Filter"
        return made

    def put_off(self, handlers):
        """Renames a handler so that it comes behind those that name it as their target."""
        targets = {made.get("target") for made in handlers.values()} - {None}
        simple = sorted(name for name in targets if "target" not in handlers[name])
        if simple and self.maybe(0.3):
            name = self.choice(simple)
            handlers["z"] = handlers.pop(name)
            for made in handlers.values():
                if made.get("target") == name:
                    made["target"] = "z"

    def queue(self, config, formatters, filters):
        """Puts a queue in front of files that nothing else writes; answers with what loggers may have."""
        handlers = config["handlers"]
        targets = {made.get("target") for made in handlers.values()}
        behind = self.some([name for name, made in handlers.items() if "filename" in made and name not in targets], least=1, most=2)
        if not behind:
            return list(handlers)
        made = {"class": "logging.handlers.QueueHandler", "handlers": behind}
        if self.maybe(0.8):
            made["queue"] = self.choice(["queue.Queue", {"()": "queue.Queue"}, {"()": "queue.Queue", "maxsize": 1000}])
        if self.maybe(0.8):
            made["listener"] = "logging.handlers.QueueListener"
        if self.maybe(0.5):
            made["respect_handler_level"] = self.maybe(0.7)
        if self.maybe(0.3):
            made["level"] = self.choice(LEVELS)
        if formatters and self.maybe(0.2):
            made["formatter"] = self.choice(formatters)
        if self.maybe(0.2):
            made["filters"] = self.some(filters, most=2)
        # DIFFERENCE: in CPython a record has no args once it was in a queue.
        for formatter in config["formatters"].values():
            for key in ("format", "fmt"):
                if key in formatter:
                    formatter[key] = formatter[key].replace("args", "name")
        handlers["q"] = made
        return [name for name in handlers if name not in behind]

    def refer(self, config):
        """Puts things elsewhere, and cfg:// or ext:// in their place."""
        config["shared"] = {"level": self.choice(LEVELS), "a key": [self.choice(LEVELS), {"deep": self.choice(LEVELS)}]}
        places = ["cfg://shared.level", "cfg://shared[a key][0]", "cfg://shared[a key][1].deep", "ext://logging.INFO", "ext://logging.DEBUG"]
        for part in [*config["handlers"].values(), *config["loggers"].values(), config.get("root", {})]:
            if "level" in part and self.maybe(0.5):
                part["level"] = self.choice(places)
        for name, made in config["handlers"].items():
            if isinstance(made.get("formatter"), str) and self.maybe(0.3):
                config["shared"][f"{name}_formatter"] = made["formatter"]
                made["formatter"] = f"cfg://shared.{name}_formatter"
        if self.maybe(0.2):
            config["how"] = config["formatters"]
            config["formatters"] = "cfg://how"
        if self.maybe(0.2):
            config["where"] = config["handlers"]
            config["handlers"] = {name: f"cfg://where[{name}]" for name in config["handlers"]}

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
                config["formatters"] = {"bad": {"format": "hello"}}

    def event(self, config):
        """An event that says what the config's formats can show, and sometimes more."""
        is_shown = lambda *names: any(name in config for name in names) or self.maybe(0.02)
        event = {}
        # These differ from run to run where an event does not say them.
        if is_shown("asctime", "created"):
            event["created"] = self.choice([1.0, 0, -1.5, 1700000000, 1700000000.999, round(self.uniform(0, 2e9), 3)])
        if is_shown("asctime", "msecs"):
            event["msecs"] = self.choice([0.0, 7, 999.0, float(self.randint(0, 999))])
        if is_shown("relativeCreated"):
            event["relativeCreated"] = self.choice([0.0, 1234.5, self.uniform(0, 1e6)])
        if is_shown("process"):
            event["process"] = self.randint(1, 99999)
        if is_shown("thread"):
            event["thread"] = self.randint(1, 2**47)
        if self.maybe(0.97):
            event["msg"] = self.choice(MESSAGES) if self.maybe(0.85) else self.value()
        # A filter with a name fails on a record whose name is None, and the exception is the program's.
        if "x0" in config or self.maybe(0.9):
            event["name"] = self.choice(NAMES) if self.maybe(0.9) else self.choice(["root", "", "a.b.c.d", "nobody"])
        elif self.maybe(0.5):
            event["name"] = None
        if self.maybe(0.9):
            event["levelno"] = self.choice([5, 10, 20, 20, 30, 30, 40, 50, 35, 15, 0, -1, 20.0, 25.5, True, 2**40])
        if self.maybe(0.3):
            event["levelname"] = self.choice(["INFO", "FINE", None, 5, "경고"])
        for key in ["pathname", "filename", "module", "funcName", "threadName", "processName", "taskName"]:
            if is_shown(key) and self.maybe(0.7):
                event[key] = self.choice(["main.py", "/srv/app/main.py", "f", "", "작업"])
        if is_shown("lineno") and self.maybe(0.8):
            event["lineno"] = self.choice([0, 1, 7, 42, self.randint(0, 90), 4711])
        for key in ["exc_text", "stack_info"]:
            if self.maybe(0.15):
                event[key] = self.choice([TRACEBACK, "one line", "ends\n", "", None])
        for key in ["user", "n", "data"]:
            if is_shown(f"({key})", f"{{{key}", f"${key}", f"${{{key}") and self.maybe(0.95):
                event[key] = self.randint(-9, 999) if key == "n" and self.maybe(0.7) else self.value()
        if self.maybe(0.1):
            event[self.choice(["args", "exc_info"])] = self.choice([None, [], {}, False])
        if "QueueHandler" in config:
            # DIFFERENCE: in CPython message and traceback have become one message once they were in a queue.
            event["msg"] = str(event.get("msg", ""))
            for key in ("exc_text", "stack_info", "args", "exc_info"):
                event.pop(key, None)
        # Null, or another type, where it is least expected.
        for key in self.some(list(event), most=2) if self.maybe(0.25) else []:
            if key not in ("created", "name", "levelno", "args", "exc_info") and (key != "msg" or "QueueHandler" not in config):
                event[key] = None if self.maybe(0.5) else self.scalar()
        if isinstance(event.get("lineno"), int) and abs(event["lineno"]) > 4711:
            # DIFFERENCE: as a width CPython takes what fits into memory.
            event["lineno"] = 4711
        return event

    def line(self, config):
        line = as_json(self.event(config), ensure_ascii=self.maybe(0.3))
        if self.maybe(0.01):
            line = self.choice(["{", "nope", "[]", '{"levelno": "INFO"}', '{"levelno": null}', '{"name": 5}', line + "x"])
        return line


def case(seed):
    draw = Draw(seed)
    config = draw.config()
    text = as_json(config)
    lines = [draw.line(text) for _ in range(draw.choice([1, 2, 2, 3, 3, 4, 9]))]
    drawn = {"tz": draw.choice(ZONES), "format": draw.choice(["json", "yaml"]), "config": text, "events": lines}
    if drawn["format"] == "yaml":
        drawn["config"] = draw.yaml(config).lstrip("\n") + "\n"
    return drawn, config


def emit(config, lines):
    """What `logtree emit` does, by CPython: the exit code, and whether a traceback was printed."""
    failures = []
    logging.Handler.handleError = lambda handler, record: failures.append(record)
    try:
        logging.config.dictConfig(config)
    except ValueError:
        return 2, True, []
    listeners = [handler.listener for handler in map(logging.getHandlerByName, logging.getHandlerNames()) if getattr(handler, "listener", None)]
    for listener in listeners:
        listener.start()
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
    for listener in listeners:
        listener.stop()
    handlers = map(logging.getHandlerByName, logging.getHandlerNames())
    delayed = [handler for handler in handlers if getattr(handler, "delay", False)]
    logging.shutdown()
    # DIFFERENCE: a record that cannot be formatted or encoded need not create the file.
    files = [handler.baseFilename for handler in delayed]
    empty = [os.path.basename(file) for file in files if not os.path.exists(file) or not os.path.getsize(file)]
    return code, bool(failures), empty


def answer(case, config):
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
            outcome = emit(config, case["events"])
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
            code, has_tracebacks, empty = json.load(file)
        case["code"] = code
        if code != 2:
            case["files"] = {name: read(f"work/{name}") for name in sorted(os.listdir(work)) if name not in empty}
            if empty:
                case["empty"] = sorted(empty)
            case["stdout"] = read("1")
            case["stderr"] = None if has_tracebacks or code else read("2")
    return case


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--cases", default="0:2000")
    arguments = arguments.parse_args()
    for number in range(*map(int, arguments.cases.split(":"))):
        drawn = answer(*case(f"{arguments.seed}/{number}"))
        print(json.dumps(drawn, ensure_ascii=True, separators=(",", ":")), flush=True)


if __name__ == "__main__":
    # The child's streams are what a terminal in UTF-8 would be; a locale of this machine's has no say.
    if sys.flags.utf8_mode != 1:
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    main()
