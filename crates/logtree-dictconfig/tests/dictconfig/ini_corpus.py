"""INI files and what CPython's fileConfig makes of them, one JSON object a line.

`error` is the type and message of the exception that leaves fileConfig; without one, `root` and `loggers` have level,
propagate and the names of the handlers, `handlers` the class, the level and whether there is a formatter. The files are
drawn with a fixed seed, so that every run prints the same lines. Run with CPython 3.13:

    python3.13 ini_corpus.py > ../data/ini.jsonl
"""

import json
import logging
import logging.config
import logging.handlers
import os
import random
import sys
import tempfile
import warnings

DOCUMENTED = """[loggers]
keys=root,log02,log03

[handlers]
keys=hand01,hand02,hand03,hand04

[formatters]
keys=form01,form02

[logger_root]
level=NOTSET
handlers=hand01

[logger_log02]
level=DEBUG
handlers=hand02
propagate=1
qualname=compiler.parser

[logger_log03]
handlers = hand03, hand04
propagate = 0
qualname : compiler

[handler_hand01]
class=StreamHandler
level=NOTSET
formatter=form01
args=(sys.stdout,)

[handler_hand02]
class=FileHandler
level=DEBUG
formatter=form02
args=('python.log', 'w')
kwargs={'delay': True}

[handler_hand03]
class=handlers.SocketHandler
level=INFO
args=('localhost', handlers.DEFAULT_TCP_LOGGING_PORT)

[handler_hand04]
class=logging.handlers.MemoryHandler
# A comment
args=(10, ERROR)
target=hand01

[formatter_form01]
format=F1 %(asctime)s %(levelname)s %(message)s %(customfield)s
datefmt=
style=%
defaults={'customfield': 'defaultvalue'}
class=logging.Formatter

[formatter_form02]
format = F2 %(asctime)s
  %(message)s
"""

INTERPOLATED = """; Another one
[DEFAULT]
directory = logs
Base = INFO
file = %(directory)s.log

[loggers]
keys: root , app
  ,other
[handlers]
keys = file,rotating,timed,null
[formatters]
keys = simple,brace

[logger_root]
level = %(base)s
handlers = file

[logger_app]
qualname = app.db
handlers = rotating,timed

[logger_other]
qualname = other
level = ERROR
handlers =
propagate = 0

[handler_file]
class = FileHandler
args = ('%(file)s', 'a', None, True)
formatter = simple

[handler_rotating]
class = handlers.RotatingFileHandler
args = ('100%%.log',
    'a',

    10 * 1024 * 1024, 5, 'utf-8')
kwargs = {'delay': 1}
level = WARNING
formatter = brace

[handler_timed]
class = handlers.TimedRotatingFileHandler
args = ('t.log', 'midnight')
kwargs = {'backupCount': 7, 'utc': True, 'delay': True}

[handler_null]
class = NullHandler
level = CRITICAL

[formatter_simple]
format = %(asctime)s %(name)-12s %(levelname)s %(message)s
datefmt = %H:%M:%S

[formatter_brace]
format = {levelname} {message}
style = {
"""

NETWORK = """[loggers]
keys=root
[handlers]
keys=syslog,mail,http,datagram,watched
[formatters]
keys=
[logger_root]
handlers=syslog,mail,http,datagram,watched
level=WARN
qualname=root
propagate=1
[handler_syslog]
class=handlers.SysLogHandler
args=(('localhost', handlers.SYSLOG_UDP_PORT), handlers.SysLogHandler.LOG_USER)
[handler_mail]
class=handlers.SMTPHandler
args=('localhost', 'from@abc', ['user1@abc', 'user2@xyz'], 'Logger Subject')
kwargs={'timeout': 10.0}
[handler_http]
class=handlers.HTTPHandler
args=('localhost:9022', '/log', 'GET')
kwargs={'secure': False}
[handler_datagram]
class=handlers.DatagramHandler
args=('localhost', handlers.DEFAULT_UDP_LOGGING_PORT)
[handler_watched]
class=handlers.WatchedFileHandler
args=('w.log',)
kwargs={'delay': True}
"""

PIECES = list("=:[](),%#;{}'\" \t\n") + [
    "\n\n", "\n ", "\n[", "]\n", "%%", "%(level)s", "%(nope)s", "%(", "root", "DEFAULT", "NOTSET", "info", "10", "-1", "x", "É", "\r\n", "\r",
    "\n# x\n", "\n; x\n", " # x", " ; x", "args=()\n", "level=\n", "keys=\n", "None", "True", "1.5", "1", "\n\n[formatters]\nkeys=\n",
]

VALUES = {
    "keys": ["", "root", "x", "root,root", "hand01", "hand01,hand01", "file", ",", "root,"],
    "class": ["StreamHandler", "logging.StreamHandler", "NullHandler", "Nope", "logging.Nope", "handlers.Nope", "nope.H", "Formatter",
              "logging.Formatter", "", "os", "getLogger", "handlers.MemoryHandler", "handlers.RotatingFileHandler", "handlers.SocketHandler"],
    "args": ["", "()", "(1,)", "('a',)", "('a')", "'ab'", "[]", "['a.log', 'a', None, True]", "{'a': 1}", "5", "None", "(", "(nope,)", "('x', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)",
             "(sys.stderr,)", "('a' 'b', 'a', 'utf-8', 1)", "(r'\\x41', 'a', None, True)", "('\\x41', 'a', None, True)", "(10*1024,)", "(-1,)", "(1 +,)", "(10, WARNING)", "'a', 'a', None, 1"],
    "kwargs": ["", "{}", "{'delay': True}", "{'delay': True, 'filename': 'k.log'}", "{'x': 1}", "{1: 2}", "[]", "5", "{", "{'level': 10}", "{'class': 1}", "{'formatter': 1}", "{'mode': 'a'}"],
    "level": ["DEBUG", "info", "10", "", "NOTSET", "Level 5", "WARN", "FATAL", "%(level)s", "%"],
    "formatter": ["form01", "form02", "simple", "nope", "", "form01,form02"],
    "target": ["hand01", "nope", "", "hand03"],
    "handlers": ["", "hand01", "hand01,hand02", "hand01,hand01", "nope", "hand01,", " hand01 , hand02 "],
    "qualname": ["", "root", "a", "a.b", "compiler", "é"],
    "propagate": ["0", "1", "2", "-1", "yes", "", " 1 ", "1_0", "0x1", "False", "+1"],
    "format": ["", "hello", "%(message)s", "%(message)", "{message}", "$message", "%%", "%(x)d %(message)s"],
    "style": ["%", "{", "$", "x", ""],
    "datefmt": ["", "%H", "%%"],
    "defaults": ["", "{}", "{'x': 1}", "None", "5", "{", "{'customfield': nope}"],
    "validate": ["0"],
}


def mutated(draw, text):
    """The text with one thing about it changed."""
    lines = text.split("\n")
    kind = draw.random()
    if kind < 0.55:
        at = draw.choice([at for at, line in enumerate(lines) if "=" in line or ":" in line])
        name = lines[at].replace(":", "=").split("=")[0].strip().lower()
        lines[at] = f"{name}={draw.choice(VALUES.get(name, ['x']))}"
    elif kind < 0.7:
        del lines[draw.randrange(len(lines))]
    elif kind < 0.8:
        lines.insert(draw.randrange(len(lines)), draw.choice(["", " ", "x", "x=1", "X = 1", " x", "[x]", " [x]", "[handler_x] y", "# x", "propagate=0", "level=INFO", "filters=x", "style=$"]))
    else:
        text = "\n".join(lines)
        at = draw.randint(0, len(text))
        end = min(len(text), at + draw.choice([0, 0, 1, 1, 2, 5]))
        return text[:at] + draw.choice(PIECES + ["", ""]) + text[end:]
    return "\n".join(lines)


INSTALL = logging.config._install_handlers
INSTALLED = {}


def install(*arguments):
    """What CPython installs, held: it forgets handlers that no logger has."""
    INSTALLED.clear()
    INSTALLED.update(INSTALL(*arguments))
    return INSTALLED


def answer(text):
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)
    logging.root.propagate = True
    logging.root.manager.loggerDict.clear()
    logging._handlers.clear()
    with open("logging.ini", "w", encoding="utf-8", newline="") as file:
        file.write(text)
    try:
        logging.config.fileConfig("logging.ini", encoding="utf-8")
    except Exception as error:
        return {"error": [type(error).__name__, str(error)]}

    def state(logger):
        return [logger.level, bool(logger.propagate), [handler.name for handler in logger.handlers]]

    loggers = {name: logger for name, logger in logging.root.manager.loggerDict.items() if isinstance(logger, logging.Logger)}
    return {
        "root": state(logging.root),
        "loggers": {name: state(logger) for name, logger in sorted(loggers.items())},
        "handlers": {
            name: [f"{type(handler).__module__}.{type(handler).__qualname__}", handler.level, handler.formatter is not None]
            for name, handler in sorted(INSTALLED.items())
        },
    }


def texts():
    draw = random.Random(20261125)
    bases = [DOCUMENTED, INTERPOLATED, NETWORK]
    yield from bases
    yield from ["", "\n", "# x\n", "[loggers]\n", "\ufeff" + NETWORK, NETWORK.replace("\n", "\r\n"), NETWORK.replace("\n", "\r")]
    yield "".join(f"  {line}\n" for line in DOCUMENTED.split("\n"))
    for _ in range(900):
        text = draw.choice(bases)
        for _ in range(draw.choice([1, 1, 1, 2, 3])):
            text = mutated(draw, text)
        yield text


def main():
    warnings.simplefilter("ignore")
    logging.config._install_handlers = install
    sys.stdout.reconfigure(encoding="utf-8")
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        for text in dict.fromkeys(texts()):
            print(json.dumps({"text": text, **answer(text)}))
    sys.stdout.flush()
    # What the handlers hold is of no interest.
    os._exit(0)


main()
