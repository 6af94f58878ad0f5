"""Asks colorlog, uvicorn and Django what their formatters make of arguments and records.

Prints one JSON object a line; third_party.jsonl beside this file is what colorlog 6.12.0, uvicorn 0.54.0 and Django 6.1.3
answered on CPython 3.13. Everything random is seeded, so that the same packages print the same lines.

    pip install colorlog==6.12.0 uvicorn==0.54.0 django==6.1.3
    python3.13 third_party.py > third_party.jsonl
"""

import os
import random
import sys
import time
from unittest import mock

import colorlog
import corpus
import django.core.management.color
import django.utils.log
import uvicorn.logging

chosen = random.Random(20260131)
PLAIN = corpus.PLAIN | {"msg": "hello"}
RECORDS = [PLAIN | {"level": level} for level in (10, 20, 30, 40, 50, 35, -5, 0)] + [
    # DIFFERENCE: what Python calls Level 5 has a name in logtree.
    PLAIN | {"level": 5, "attributes": {"levelname": "TRACE"}},
    PLAIN | {"msg": "ends in \x1b[0m"},
    PLAIN | {"msg": "", "exc_text": "Traceback\nValueError: x", "stack_info": "Stack"},
    PLAIN | {"level": 40, "msg": "two\nlines", "exc_text": "error"},
    PLAIN | {"extras": {"red": "mine", "log_color": "mine", "reset": "mine", "levelprefix": "mine", "user": "ann"}},
    PLAIN | {"extras": {"color_message": "\x1b[1mhello\x1b[0m", "user": "가나다"}},
    PLAIN | {"extras": {"color_message": 42}},
    PLAIN | {"attributes": {"levelname": "NOTICE"}},
    PLAIN | {"attributes": {"levelname": "a long name of a level", "levelno": 20.0}},
    PLAIN | {"attributes": {"levelname": None, "levelno": None}},
    PLAIN | {"attributes": {"levelname": 7, "levelno": True, "msg": 5}},
    PLAIN | {"attributes": {"levelname": "요청", "created": "now"}},
    PLAIN | {"level": 30, "extras": {"user": "ann"}, "attributes": {"msg": None}},
]
STATUSES = [200, 204, 299, 100, 304, 301, 404, 400, 429, 500, 599, 600, 99, 0, -200, True, 404.0, 304.5, 0.0, None, "", "200"]
SERVED = [PLAIN | {"msg": '"GET / HTTP/1.1"', "extras": {"status_code": status}} for status in STATUSES] + [
    PLAIN | {"extras": {"server_time": "12/Jan"}},
    PLAIN | {"extras": {"server_time": None, "status_code": 200}, "attributes": {"msg": None}},
    PLAIN | {"extras": {"status_code": 500}, "attributes": {"msg": 0.0}, "exc_text": "error"},
    PLAIN | {"extras": {"status_code": 302}, "attributes": {"msg": 42, "created": 1_700_000_000, "msecs": 7}},
    PLAIN | {"extras": {"status_code": 404}, "attributes": {"created": "now"}},
]
REQUEST = ["client_addr", "method", "full_path", "http_version", "status_code"]
CODES = [*range(100, 104), *range(200, 209), 226, *range(300, 309), *range(400, 432), 451, *range(500, 512)]
REQUESTS = [("127.0.0.1:5000", "GET", f"/{code}", "1.1", code) for code in CODES] + [
    ("127.0.0.1:5000", "POST", "/a?b=c", "2", status)
    for status in ("404", " 200 ", "+204", "abc", "", 404.9, -1, 99, 600, True, None, 2**70, float("inf"), float("nan"), b"x")
] + [
    (None, "GET", "/", "1.0", 200), ("", "", "", "", 200), (5, None, 7.5, 1.1, 500), ("가", "GET", "/나", "1.1", 200), ("a", "GET", "/", "1.1"),
    (),
]


def asked(request):
    """A record as uvicorn logs it; what stands in `args` there is a field each here."""
    spec = PLAIN | {"extras": dict(zip(REQUEST, request)), "level": chosen.choice([20, 20, 30, 45])}
    return spec | {"msg": " ".join(str(part) for part in request)}


ALL = RECORDS + SERVED + [asked(request) for request in REQUESTS]


def record_of(at):
    record = corpus.record_of(ALL[at])
    if at >= len(RECORDS) + len(SERVED):
        request = REQUESTS[at - len(RECORDS) - len(SERVED)]
        for name in REQUEST:
            record.__dict__.pop(name, None)
        record.msg, record.args = " ".join(["%s"] * len(request)), request
    return record


class Piped:
    """A stream that is no terminal, as the test's own standard output."""

    def isatty(self):
        return False


def case(of, make, arguments, records, env={}, colors=None):
    """Asks one formatter about some records, in an environment."""
    given = {key: Piped() if key == "stream" and value == "stdout" else value for key, value in arguments.items()}
    with mock.patch.dict(os.environ, env), mock.patch.object(django.core.management.color, "supports_color", lambda: colors):
        formatter = corpus.answer(lambda: make(**given))
        if isinstance(formatter, list):
            results = [formatter for _ in records]
        else:
            results = [corpus.answer(lambda: formatter.format(record_of(at))) for at in records]
    corpus.line(of=of, arguments=arguments, env=env, colors=colors, at=records, results=results)


def some(records, count):
    return sorted(chosen.sample(records, count))


# colorlog.

COLORS = ["red", "bold_red", "thin_cyan", "light_blue", "bold_light_purple", "fg_green", "fg_bold_white", "bg_white", "bg_bold_black",
          "bg_light_red", "fg_0", "bg_255", "fg_17", "reset", "bold", "thin", "black", "yellow"]
NO_COLORS = ["crimson", "fg_256", "fg_007", "bg_thin_red", "bg_bold_light_red", "light_bold_red", "Red", "fg_", "thin_", "bold_bold_red", " red",
             "fg_fg_red", "fg_bg_red", "it's", "fg_-1", "fg_+1", "light_", "bg_bold_bold_red"]
LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "NOTICE", "Level 35", "TRACE", "요청", "7", "None"]
FORMATS = {
    "%": ["%(log_color)s%(levelname)-8s%(reset)s %(blue)s%(message)s", "%(log_color)s%(message)s", "%(message)s%(reset)s", "%(message)s",
          "%(name_log_color)s%(name)s %(_log_color)s%(log_color)r|%(red)9s|%(bg_bold_black).3s", "%(log_color)d", "%(crimson)s",
          "%(log_color)s%(asctime)s %(log_color)s%(message)s %(user)s", "%(fg_0)s%(bg_255)s%(bold_light_red)s%(msg)s%(thin)s", ""],
    "{": ["{log_color}{levelname:<8}{reset} {message}", "{message}{reset}", "{log_color!r:>30}{red!a}{name_log_color:_^9}{message:{bold}}",
          "{log_color.x}", "{message} {user}", "{asctime}{fg_bold_white}"],
    "$": ["${log_color}${levelname} $message$reset", "$message", "$name_log_color$red$user $$", "${asctime} $crimson"],
}
ENVS = [{}] * 6 + [{"NO_COLOR": ""}, {"NO_COLOR": "1"}, {"FORCE_COLOR": ""}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}]


def colors_by_level():
    levels = chosen.sample(LEVELS, chosen.randrange(len(LEVELS)))
    wrong = chosen.random() < 0.15
    return {level: ",".join(chosen.choice(COLORS + NO_COLORS * wrong + [""]) for _ in range(chosen.choice([1, 1, 2, 3]))) for level in levels}


def colorlog_cases():
    every = list(range(len(RECORDS)))
    make = colorlog.ColoredFormatter
    case("colorlog", make, {}, every)
    for name in COLORS + NO_COLORS:
        case("colorlog", make, {"fmt": f"%({name})s", "validate": False, "log_colors": {"INFO": name}}, [1, 2])
    for arguments in ({"bogus": 1}, {"log_colors": 5}, {"log_colors": "red"}, {"secondary_log_colors": []}, {"secondary_log_colors": {"x": 5}},
                      {"stream": "x"}, {"style": "x", "fmt": "x"}, {"fmt": "hello"}, {"defaults": {"user": "nobody"}, "fmt": "%(user)s%(red)s"},
                      {"defaults": {"log_color": "x"}, "fmt": "%(log_color)s%(message)s"}, {"log_colors": None, "secondary_log_colors": None}):
        case("colorlog", make, arguments, [1, 3])
    for _ in range(260):
        style = chosen.choice("%%%{{$")
        arguments = {"style": style, "fmt": chosen.choice(FORMATS[style] + [None])}
        optional = {
            "log_colors": colors_by_level(),
            "reset": chosen.choice([True, False, 0, "x", None]),
            "secondary_log_colors": {name: colors_by_level() for name in sorted(chosen.sample(["name", "", "red", "x"], 2))},
            "stream": chosen.choice(["stdout", None]),
            "no_color": chosen.choice([True, False, 1]),
            "force_color": chosen.choice([True, False, ""]),
            "datefmt": "%H:%M",
        }
        arguments |= {key: value for key, value in optional.items() if chosen.random() < (0.5 if key.endswith("colors") else 0.2)}
        case("colorlog", make, arguments, some(every, 5), chosen.choice(ENVS))


# uvicorn.

UVICORN = {
    "%": ["%(levelprefix)s %(message)s", "%(levelprefix)r|%(levelprefix)20s|%(levelname)s", "%(asctime)s %(levelprefix)s %(msg)s", "%(message)s", None,
          "%(levelprefix)s %(color_message)s", "%(levelprefix)s %(request_line)s"],
    "{": ["{levelprefix:>22}{message}", "{levelprefix!r} {message:>12}"],
    "$": ["$levelprefix ${message}"],
}
ACCESS = {
    "%": ['%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s', "%(status_code)r %(request_line)40s|%(client_addr)r", "%(message)s"],
    "{": ["{levelprefix}{client_addr} {request_line!r} {status_code:>40}"],
    "$": ["$client_addr $request_line $status_code"],
}
USE_COLORS = [True, False, None, 1, 0, 1.0, "yes", 2]


def uvicorn_cases():
    requests = list(range(len(RECORDS) + len(SERVED), len(ALL)))
    for of, make, formats, records in (("default", uvicorn.logging.DefaultFormatter, UVICORN, list(range(len(RECORDS)))),
                                       ("access", uvicorn.logging.AccessFormatter, ACCESS, requests)):
        for arguments in ({}, {"validate": True}, {"defaults": {}}, {"bogus": 1}, {"fmt": "hello"}, {"fmt": 5}, {"style": "x"}):
            case(of, make, arguments, [records[1]])
        for use_colors in (True, False):
            case(of, make, {"fmt": formats["%"][0], "use_colors": use_colors}, records)
        for _ in range(90):
            style = chosen.choice("%%{$")
            arguments = {"style": style, "fmt": chosen.choice(formats[style])}
            arguments |= {"use_colors": chosen.choice(USE_COLORS)} if chosen.random() < 0.8 else {}
            arguments |= {"datefmt": "%H:%M"} if chosen.random() < 0.2 else {}
            case(of, make, arguments, some(records, 6), chosen.choice([{}, {}, {}, {"NO_COLOR": "1"}, {"FORCE_COLOR": "1"}]))


# Django.

SERVER = {
    "%": ["%(server_time)s %(message)s", "%(asctime)s %(message)s", "%(message)s {server_time}", "%(msg)s", None],
    "{": ["[{server_time}] {message}", "[{server_time:>40}] {message!r} {status_code}", "{asctime} {message}", "{server_time}{server_time} {msg}",
          "{{{server_time}}}"],
    "$": ["$message", "${server_time} $message", "$message {server_time}"],
}
DJANGO_COLORS = ["", "dark", "light", "nocolor", "LIGHT;http_success=red", "http_success=red/blue,bold,blink;http_not_found=yellow,conceal",
                 "dark;nocolor", "nocolor;dark", "error=red", "error=", "bogus=red", "http_info=", "http_info=bold", "http_info=,bold", "x", ";;",
                 "http_bad_request=red=x", "http_server_error=green/nope/red,noreset,reverse,underscore", "http_redirect=nope/cyan",
                 "http_not_modified=blue,bold,bold;http_not_modified=,", " http_info=red", "light;http_info=bold/red,bold"]


def django_cases():
    served = list(range(len(RECORDS), len(RECORDS) + len(SERVED)))
    for arguments in ({}, {"bogus": 1}, {"fmt": "hello"}, {"style": "x"}, {"validate": False, "fmt": "x {server_time}"}, {"defaults": {"status_code": 404}}):
        case("server", django.utils.log.ServerFormatter, arguments, served[:2], {}, True)
    for colors in DJANGO_COLORS:
        arguments = {"style": "{", "fmt": "[{server_time}] {message}"}
        case("server", django.utils.log.ServerFormatter, arguments, served, {"DJANGO_COLORS": colors}, True)
    for _ in range(80):
        style = chosen.choice("%{{$")
        arguments = {"style": style, "fmt": chosen.choice(SERVER[style])}
        arguments |= {"datefmt": "%H:%M"} if chosen.random() < 0.3 else {}
        case("server", django.utils.log.ServerFormatter, arguments, some(served, 6), {}, chosen.choice([True, True, False]))


assert sys.version_info[:2] == (3, 13), "the corpus is CPython 3.13's"
for name in ("NO_COLOR", "FORCE_COLOR", "DJANGO_COLORS"):
    os.environ.pop(name, None)
os.environ["TZ"] = "UTC0"
time.tzset()
sys.stdout.reconfigure(newline="\n")
corpus.line(records=[corpus.keep(spec) for spec in ALL])
colorlog_cases()
uvicorn_cases()
django_cases()
