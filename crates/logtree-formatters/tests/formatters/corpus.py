"""Asks CPython what its logging.Formatter makes of formats, values, records and times.

Prints one JSON object a line; corpus.jsonl beside this file is what CPython 3.13 answered. Everything random is seeded,
so that the same interpreter prints the same lines.

    python3.13 corpus.py > corpus.jsonl
"""

import itertools
import json
import logging
import os
import random
import struct
import sys
import time

chosen = random.Random(20260131)


def line(**case):
    print(json.dumps(case, ensure_ascii=True, separators=(",", ":")))


def tagged(value):
    """A value that JSON would not keep as it is, under the name of its type."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"float": struct.pack(">d", value).hex()}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    raise TypeError(type(value))


def answer(format_record):
    """The text, or the exception in a list of its own."""
    try:
        return format_record()
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]


def formatted(fmt, record, **arguments):
    return answer(lambda: logging.Formatter(fmt, validate=False, **arguments).format(record))


# Conversions: every letter with flags, width and precision, on values of every kind.

VALUES = [
    None, True, False, 0, 1, -1, 7, 42, -42, 65, 255, 256, 1000, 8364, 128512, 1114111, 1114112, 123456789,
    2**31, -2**31, 2**63 - 1, -2**63, 2**64 - 1, 2**64, 2**100, -2**127, 2**127 - 1, 2**128 - 1, 10**30,
    0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 0.125, 0.1, 1 / 3, 2 / 3, 1.005, 3.14159265358979, 99.5, 999999.5,
    9999995.0, 123456.789, 1e5, 1e6, 1e15, 1e16, 1e17, 1.5e16, 123456789012345680.0, 1e22, 1e23, 1e100, -1e100, 1e300,
    1.7976931348623157e308, 5e-324, 2.2250738585072014e-308, 1e-4, 1e-5, 9.9999e-5, 1.5e-7, 0.00012345,
    float("inf"), float("-inf"), float("nan"), float("-nan"), 2.0**53, 2.0**70,
    "", "a", "é", "abc", "hello world", "가나다", "it's", 'say "hi"', "it's \"x\"", "tab\tnew\nline\\", "\x00\x7f\x85\xad",
    "e\u0301", "\u200b\u2028\ue000", "😀", "\U0010ffff", "x" * 40,
    b"", b"bytes", b"\x00\xff'\"\\\n",
]
LETTERS = "diouxXeEfFgGcrsa"


def conversions():
    line(values=[tagged(value) for value in VALUES])
    for letter in LETTERS:
        specs = {("", "", "")}
        while len(specs) < 45:
            flags = "".join(chosen.sample("-+ #0", chosen.choice([0, 1, 1, 2, 3])))
            width = chosen.choice(["", "", "1", "5", "12", "30"])
            precision = chosen.choice(["", "", ".", ".0", ".1", ".3", ".10", ".25"])
            specs.add((flags, width, precision))
        for flags, width, precision in sorted(specs):
            plain = (flags, width, precision) == ("", "", "")
            length = chosen.choice(["", "", "", "h", "l", "L"])
            at = range(len(VALUES)) if plain else sorted(chosen.sample(range(len(VALUES)), 9))
            fmt = f"<%(x){flags}{width}{precision}{length}{letter}>"
            results = [formatted(fmt, logging.makeLogRecord({"x": VALUES[i]})) for i in at]
            line(format=fmt, at=list(at), results=results)


# Formats that are broken, or look it.

BROKEN = [
    "", "%", "%%", "100%", "%(", "%(x", "%()s", "%(x)", "%(x)q", "%(x)D", "%(x)S", "%(x)é", "%(x)\x00", "%(x)\n", "%(x)%",
    "%(x)5%", "%5%", "%%(x)s", "%%%(x)s", "%(x)s%", "%(x)s%%", "%(x)s %", "%(x)s %(y", "%(y)s", "%(y)q", "%(y", "%(y)*d",
    "%(x)*d", "%(x)*s", "%(s)*d", "%(x).*d", "%(s).*f", "%(x)5.*d", "%(x)*q", "%(x)*", "%(x)**d", "%(x)s %d", "%(x)s %s",
    "%(x)s %q", "%d", "%i", "%x", "%X", "%o", "%c", "%f", "%e", "%*d", "%.*d", "%d %(x)s", "%q", "%5", "%-", "%.", "%(x).", "%(x).d", "%(x).5d", "%(x)5.*f", "가 %(x)q", "%(x)s가나%(x)q",
    "%(x)-", "%(x)5", "%(x)l", "%(x)ld", "%(x)lld", "%(x)hd", "%(x)hhd", "%(x)Ld", "%((x))s", "%(x(y)z)s", "%(x)s%(x)d",
    "%( x)s", "%(x )s", "%(X)s", "%(x)99999999999999999999d", "%(x).99999999999999999999d", "%(x)s text ümlaut 가 %(s)s",
    "%(x)+-0 #5d", "%(x)--5d|", "%(x)0-5d|", "%(s)05s|", "%(s).0s|", "%(s)r %(s)a", "%(it's)s", '%(say "x")s', "%(it's \"x\")d",
    "%(x)s\n%(s)s\n", "%(message)", "%(message)x", "hello", "%(message)s", "%(message)s %(bogus", "%(messages", "%(x)1$s",
    "{message}", "$message", "%(message)s {message} $message", "%(x)%d", "%(s)c", "%(x)*c", "%%%", "%%%d",
    "%(name)-15s - %(message) 5s - %(x)03d - %(module) - %(name)*.3s", "%(name)*s - %(name)*.3s - %(x)-34.33o", "%(x)#+027.23X", "%(x)#.*g",
    "%(name)Z", "%(name)b", "%(name)*", "%(name)*3s", "%(name)_", "%(x)#12.3*f", "%(x)0*.8*f", "{x}", "${x}", "${%(message)s}",
]


def broken():
    for fmt in BROKEN:
        record = logging.makeLogRecord({"x": 42, "s": "text", "msg": "the message", "levelno": 20})
        try:
            refused = None
            logging.Formatter(fmt)
        except ValueError as error:
            refused = str(error)
        # Python prints the dict of all attributes where a conversion has no name. DIFFERENCE
        result = formatted(fmt, record)
        line(broken=fmt, refused=refused, result=None if isinstance(result, str) and "'msg'" in result else result)


# Records: every attribute, as it is and as something else.

ATTRIBUTES = [
    "name", "levelno", "levelname", "pathname", "filename", "module", "lineno", "funcName", "created", "msecs",
    "relativeCreated", "thread", "threadName", "taskName", "process", "processName", "message", "msg", "args", "exc_info",
    "exc_text", "stack_info",
]
START_NS = 1_700_000_000_000_000_000
PLAIN = {
    "ns": START_NS + 12_345_678_901, "start_ns": START_NS, "name": "my_app.db", "level": 20, "pathname": "src/db/pool.rs",
    "module": "pool", "line": 42, "function": "connect", "process": 4711, "processName": "MainProcess",
    "thread": 140_000_000_000_001, "threadName": "worker-1", "msg": "process:[4711] API가 요청되었습니다", "exc_text": None,
    "stack_info": None, "extras": {}, "attributes": {},
}
RECORDS = [
    PLAIN,
    PLAIN | {"name": "", "level": 35, "pathname": "", "module": "", "line": 0, "function": None, "msg": ""},
    PLAIN | {"level": -5, "pathname": "/a/b/", "ns": START_NS + 999_999_999, "msg": "two\nlines", "name": "ünï.cödé"},
    PLAIN | {"level": 50, "ns": -1, "exc_text": "Traceback\nValueError: x", "stack_info": "Stack (most recent call last):\n  x"},
    PLAIN | {"exc_text": "error\n", "stack_info": "stack", "msg": "ends with a newline\n"},
    PLAIN | {"exc_text": "error", "msg": ""},
    PLAIN | {"extras": {"user": "ann", "count": 3, "ratio": 0.25, "ok": True, "nothing": None, "raw": b"\xff", "message": "mine",
                        "asctime": "mine", "spans": "mine"}},
    PLAIN | {"attributes": {"name": None, "levelno": None, "levelname": None, "pathname": None, "lineno": None, "funcName": 7,
                            "msg": 42, "thread": None, "threadName": None, "process": None, "processName": b"p", "module": 1.5,
                            "filename": False, "taskName": "task-1", "msecs": 7.9, "relativeCreated": "x", "args": None}},
    PLAIN | {"attributes": {"msg": None, "exc_text": 5, "levelno": 20.0, "lineno": "42"}},
    PLAIN | {"attributes": {"stack_info": True, "msecs": "x", "created": 1_700_000_000}},
    PLAIN | {"attributes": {"exc_text": "", "stack_info": 0, "created": 1_700_000_000.75, "msecs": 1234.5}},
    PLAIN | {"attributes": {"exc_text": 0.0, "stack_info": b"", "created": "now", "msecs": None}},
    PLAIN | {"attributes": {"created": float("nan")}},
    PLAIN | {"attributes": {"created": True, "msecs": -1.5}},
]
FORMATS = [
    "%(asctime)s -process[%(process)d] -thread[%(thread)d] -%(name)s - [%(levelname)s]-[%(lineno)d] - %(message)s",
    "%(levelname)s:%(name)s:%(message)s",
    "%(asctime)s %(levelname)-8s %(name)-15.10s %(message)s",
    "%(message)s", "%(msg)s", "[%(message)20s] [%(message)-20.5s] [%(message)r] [%(message)a]", "%(message)d", "%(message)c",
    "%(asctime)30s|%(asctime)-30.10s|%(asctime)r", "%(asctime)#15s|%(asctime)-15s", "%(asctime)d", "%(levelname)10s|%(levelname).3s|%(levelname)r",
    "%(user)s %(count)03d %(ratio).3f %(ok)s %(nothing)s %(raw)s", "%(spans)s", "%(user)s %(missing)s", "%(missing)d",
    "%(created)f %(msecs)03d %(relativeCreated)d", "%(msecs)s %(created)s %(relativeCreated)s", "%%(name)s %(message)s",
]


def record_of(spec):
    now, logging._startTime = spec["ns"], spec["start_ns"]
    real, time.time_ns = time.time_ns, lambda: now
    try:
        record = logging.LogRecord(
            spec["name"], spec["level"], spec["pathname"], spec["line"], spec["msg"], (), None, spec["function"],
            spec["stack_info"])
    finally:
        time.time_ns = real
    for key in ("module", "process", "processName", "thread", "threadName", "exc_text"):
        setattr(record, key, spec[key])
    record.__dict__.update(spec["extras"])
    record.__dict__.update(spec["attributes"])
    return record


def keep(spec):
    spec = dict(spec)
    for part in ("extras", "attributes"):
        spec[part] = {key: tagged(value) for key, value in spec[part].items()}
    return spec


def records():
    line(records=[keep(spec) for spec in RECORDS])
    every = [f"%({name}){letter}" for name in ATTRIBUTES for letter in "srdfxc"]
    for fmt in FORMATS + every:
        line(format=fmt, results=[formatted(fmt, record_of(spec)) for spec in RECORDS])
    for defaults in ({"missing": "none", "user": "nobody"}, {"missing": 7}, {"missing": None}, {"missing": 1.5, "name": "x"},
                     {"missing": ["a", 1, None, 1.5, True, {"k": "it's"}], "asctime": "x"}):
        for fmt in ("%(user)s %(missing)s", "%(missing)d", "%(missing)r", "%(missing)5s", "%(name)s %(asctime)s %(missing)s"):
            results = [formatted(fmt, record_of(spec), defaults=defaults) for spec in RECORDS[:7]]
            line(format=fmt, defaults=defaults, results=results)


# Times: every directive, with glibc's flags, widths and modifiers, in several zones.

ZONES = ["UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "<+0545>-5:45", "<-0330>3:30<-0230>,M3.2.0,M11.1.0",
         "KST-9", "AEST-10AEDT,M10.1.0,M4.1.0/3", "<+03>-3"]
INSTANTS = [
    0, -1, 951_782_399, 951_782_400, 1_583_020_799, 1_609_459_199, 1_609_459_200, 1_609_632_000, 1_704_067_199, 1_711_846_799,
    1_711_846_800, 1_729_990_799, 1_729_990_800, 1_729_994_400, 1_710_054_000, 1_710_053_999, 1_730_613_599, 1_730_613_600,
    1_735_516_800, 1_735_689_599, 1_767_225_600, 4_102_444_800, 1_000_000_000, 253_370_764_800,
]


def times():
    line(instants=INSTANTS)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%+!가"
    formats = [f"%{letter}" for letter in letters] + [f"%{modifier}{letter}" for modifier in "EO" for letter in letters]
    for letter in letters:
        for _ in range(5):
            flags = "".join(chosen.choice("_-0^#+") for _ in range(chosen.choice([0, 1, 1, 2])))
            formats.append(f"<%{flags}{chosen.choice(['', '', '1', '5', '12'])}{letter}>")
    formats += ["%", "%%", "%Y%", "%5", "%-", "%E", "%O5d", "plain", " ", "%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S%z", "%d/%b/%Y:%T %z",
                "%a, %d %b %Y %H:%M:%S %Z", "시각 %H시", "%EEd", "%OEy", "%-d.%-m.%y", "%5%", "%#5Z|", "%^5Z|", "%^B %^a %#p", "%010Y"]
    for number, fmt in enumerate(formats):
        zone = ZONES[number % len(ZONES)]
        at = sorted(chosen.sample(range(len(INSTANTS)), 4))
        in_zone(zone, fmt, at)
    # The usual formats at every instant in every zone.
    for zone, fmt in itertools.product(ZONES, ["", "%c|%x|%X|%r|%D", "%s %z %Z %j", "%G-W%V-%u %g|%U %W %w|%C %y|%I %l %k %p"]):
        in_zone(zone, fmt, list(range(len(INSTANTS))))


def in_zone(zone, fmt, at):
    os.environ["TZ"] = zone
    time.tzset()
    results = []
    for i in at:
        record = logging.makeLogRecord({"created": float(INSTANTS[i]), "msecs": 0.0})
        results.append(formatted("%(asctime)s", record, datefmt=fmt))
    line(datefmt=fmt, zone=zone, at=at, results=results)


# The attributes of a formatter that its time reads, in zones that UTC is not.

TIME_ATTRIBUTES = {
    "converter": [None, None, "time.gmtime"],
    "datefmt": [None, None, None, None, "", "%H:%M %Z %z", "%c"],
    "default_time_format": [None, None, "%d.%m.%y", "", "%H:%M:%S %Z", "no directive", "%H", "%%"],
}
MSEC_FORMATS = [
    "%s.%03d", "%s,%03dZ", "%s", "%s,%d", "%s,%i", "%s,%s", "%s %.3f", "%-25s|%5.1f|", "%30s|%-6d|", "%.4s%03d", "%r %a", "%s%%%d", "%s", "%",
    "%%", "", "x", "%s%", "%s,%", "%s %s %s", "%(a)s", "%(asctime)s,%(msecs)03d", "%s %(msecs)d", "%d %s", "%x %s", "%c%c", "%*d", "%.*f", "%s %*d",
    "%s %.*f", "%s %q", "%s %é", "%s,%x", "%s,%o", "%s,%c", "%s,%e", "%s,%g", "%s,%+d", "%s,%ld", "가 %s,%03d", "%s\n%s", "%999999999999999999999s %s",
]
TIME_FORMATS = ["%(asctime)s", "%(asctime)s", "%(asctime)40s|%(message)s", "%%(asctime)s", "%(message)s", "%(missing)s %(asctime)s"]


def time_attributes():
    cases = [{"default_msec_format": fmt} for fmt in MSEC_FORMATS + [None, 0, False]]
    while len(cases) < 140:
        made = {name: value for name, values in TIME_ATTRIBUTES.items() if (value := chosen.choice(values)) is not None}
        if chosen.random() < 0.7:
            made["default_msec_format"] = chosen.choice(MSEC_FORMATS + [None])
        if made not in cases:
            cases.append(made)
    line(time_records=[keep(spec) for spec in TIME_RECORDS])
    for number, made in enumerate(cases):
        os.environ["TZ"] = ZONES[number % len(ZONES)]
        time.tzset()
        fmt = TIME_FORMATS[number % len(TIME_FORMATS)] if number > len(MSEC_FORMATS) else "%(asctime)s"
        formatter = logging.Formatter(fmt, validate=False)
        for name, value in made.items():
            setattr(formatter, name, time.gmtime if value == "time.gmtime" else value)
        results = [answer(lambda: formatter.format(record_of(spec))) for spec in TIME_RECORDS]
        line(zone=os.environ["TZ"], format=fmt, made=made, results=results)


TIME_RECORDS = [RECORDS[at] for at in (0, 2, 3)] + [
    PLAIN | {"attributes": {"msecs": 7}},
    PLAIN | {"attributes": {"msecs": "x", "created": 1_711_846_800}},
    PLAIN | {"attributes": {"created": "now", "msecs": None}},
]


# The styles `{` and `$`: format specs on values of every kind, fields and templates that are broken, and records.

SPEC_VALUES = [
    None, True, False, 0, 1, -1, 42, -42, 65, 8364, 1114112, 1234567, -1234567, 2**63 - 1, -2**63, 2**63, 2**64 - 1, 2**100,
    -2**127, 2**128 - 1, 0.0, -0.0, 1.0, -1.5, 2.5, 0.125, 1 / 3, -0.0001, 0.04, -0.04, 999999.5, 123456.0, 1234567.891, 1e15,
    1e16, 1.5e16, -1e22, 1e100, 1e-5, 1.5e-7, 5e-324, 1e308, float("inf"), float("-inf"), float("nan"), float("-nan"),
    "", "a", "hello world", "가나다", "it's", "e\u0301\u200b", "😀 x", b"", b"\x00\xff'",
]
OF_TYPES = {kinds: [i for i, value in enumerate(SPEC_VALUES) if isinstance(value, types)] for kinds, types in
            (("s", str), ("bcdnoxX", int), ("eEfFgGn%", (int, float)))}


def random_spec():
    """A spec, and the values that it is good for; mostly it is good for them."""
    kinds = chosen.choice(list(OF_TYPES))
    is_text, has_precision = kinds == "s", "d" not in kinds
    spec = chosen.choice(["", "", "<", ">", "^", "*<", "0>", "가^", "(<", "<^"] + ["=", "0=", "x="] * (not is_text))
    if not is_text:
        spec += chosen.choice(["", "", "", "+", "-", " "])
        spec += chosen.choice(["", "", "z"]) * has_precision + chosen.choice(["", "", "#"])
    spec += chosen.choice(["", "", "0"]) + chosen.choice(["", "", "1", "5", "12", "13", "14", "30"])
    if not is_text:
        spec += chosen.choice(["", "", ",", "_"])
    spec += chosen.choice(["", "", ".0", ".1", ".3", ".17"]) * has_precision
    return spec + chosen.choice(["", "", *kinds]), OF_TYPES[kinds]


FIXED_SPECS = [
    "z.1f", "z.0e", "zg", "z", "z%", "-z.3", "#", "#.1", "#.3", "#.6", ".0", ".6", ".7", "#x", "#X", "#b", "#o", "#08x", "#_x", "_b",
    "_o", "_X", "#_d", "08,", "09,", "010,", "011,d", "012_x", "0=8,", "*=12,", "06,.1f", "010,.2f", "015_.3%", "0<9", "<09", "^9",
    ">9", "=9", "<", "c", "5c", "05c", "<5c", "*^5c", "+c", "#c", ",c", ".1c", "s", "5s", ".2s", "+s", " s", "#s", "=5s", "0s", "09s",
    "zs", ",s", "_s", ",", "_", ",_", "_,", ",x", ",b", ",n", "_n", ",_d", ",é", "é", "5é", "é5", "é<5", "\x7f", " ", "  ", "-",
    "+-", ".", "5.", ".d", ".5.5", "10.5.5d", "q", "dd", "5 5", "5d ", "D", "S", "i", "u", "r", "a", "!", "٥", "٠", "٠٥d", ".٢f", "99999999999999999999",
    ".99999999999999999999f", "\n", "5\n", "\n<5",
]


def specs():
    line(spec_values=[tagged(value) for value in SPEC_VALUES])
    every = range(len(SPEC_VALUES))
    for spec in FIXED_SPECS:
        spec_line("", spec, chosen.sample(every, 14))
    for _ in range(360):
        spec, at = random_spec()
        spec_line("", spec, chosen.sample(at, 7) + [chosen.choice(every)])
    for _ in range(60):
        spec, at = random_spec()
        spec_line(chosen.choice(["!s", "!r", "!a"]), spec, chosen.sample(every, 3))
    for fmt in ("{x}", "{x!s}", "{x!r}", "{x!a}", "{x:}", "{x.real}", "{x.imag}", "{x.numerator}", "{x.denominator}", "{x.nobody}",
                "{x[0]}", "{x[3]:>4}", "{x[99]}", "{x[key]}", "{x[-1]}", "{x.real.imag:+}", "{x[0][0][0]}", "{x[0].real}"):
        results = [formatted(fmt, logging.makeLogRecord({"x": value}), style="{") for value in SPEC_VALUES]
        line(style="{", format=fmt, at=list(range(len(SPEC_VALUES))), results=results)


def spec_line(conversion, spec, at):
    at = sorted(set(at))
    fmt = "<{x" + conversion + ":" + spec + "}>"
    results = [formatted(fmt, logging.makeLogRecord({"x": SPEC_VALUES[i]}), style="{") for i in at]
    line(style="{", format=fmt, at=at, results=results)


BROKEN_BRACES = [
    "", "{", "}", "{{", "}}", "{}", "{{}}", "{{x}}", "{{{x}}}", "{x", "x}", "{x}}", "{{x}", "{x}{", "{x}}{", "{ x}", "{x }", "{x y}",
    "{x!", "{x!}", "{x!r", "{x!r}", "{x!r:", "{x!rx}", "{x!r:5", "{x!q}", "{x!R}", "{x!é}", "{x!:}", "{x!s:>5}", "{s!r:>12}", "{x! }",
    "{!}", "{!r}", "{:}", "{:5}", "{0}", "{1} {x}", "{00}", "{٣}", "{x} {}", "{99999999999999999999}", "{9223372036854775807}", "{-1}", "{0.x}", "{0[x]}",
    "{x.}", "{x.a.}", "{x[}", "{x[]}", "{x[0}", "{x[0]y}", "{x[0].}", "{s[0]y}", "{s[0].}", "{s[0]}{s[1]!r}", "{s[99999999999999999999]}", "{s[}]}", "{s[:]}", "{s[!]}",
    "{s[{]}", "{s[0", "{s.nobody.x}", "{x.y[0].z}", "{.x}", "{[0]}", "{x..y}", "{s[ 0]}", "{s[0 ]}", "{s[٠]}",
    "{x:", "{x:{", "{x:{}", "{x:{}}", "{x:{y}}", "{x:{x}}", "{x:{x}", "{x:>{w}}", "{x:>{w}.{p}f}", "{s:{w}}", "{s:.{p}}", "{s:{s}}", "{s:{e}}", "{x:{e}}",
    "{s:>{x:{w}}}", "{s:>{w:{p:{x}}}}", "{s:{{}}}", "{x:{{w}}}", "{s:}>5}", "{s:{>5}", "{x:{w!q}}", "{x:{w!r}}", "{x:{s[0]}}", "{y:{w}}", "{y:{z}}", "{y!q}", "{y.z}",
    "{x!q:{y}}", "{x.q!q}", "{x:{w.q}}", "{s:{w}d}", "{x:{w}q}", "{message} {", "{message} }", "{message} {y} {", "{message} { {y}", "{asctime", "{message:{w}}", "{message!r:>{w}}",
    "{message:d}", "{message!a}", "{message.x}", "{message[4]}", "{message[x]}", "{message:+}", "{x:z.1f}", "{x:z}", "{x:08,.2f}", "{x:é<5}",
    "{x:<<5}", "{x:<=5}", "{x:=<5}", "{x:\n<5}", "{x:5\n}", "{x\n}", "{x.y\n}", "{x\n\n}", "{x:005}", "{x:0{w}}", "{x:00{w}}", "{x:5{w}}", "{x:{w}5}", "{x:{w w}}",
    "{x:{w.a}}", "{x:{}}", "{x:.{w}f}", "{x:.}", "{x:.f}", "{x:,}", "{x:_}", "{x:,_}", "{x:F}", "{x:ſ}", "{x:S}", "{x:i}", "{x:+#05,.3f}", "{x: 5}", "{x:-5}", "{x:--5}",
    "{x:%H:%M}", "{x-y}", "{x:%}", "{가}", "{é}", "{x_1}", "{_}", "{1x}", "{x1}", "{x,}", "{x'}", "{it's}", "{it\"s}", "{x:it's}", "{x!'}", "hello", "$message", "%(message)s",
    "{message} %(x)s $x", "100%{x}$", "가나 {x} 다", "{{message}}", "{name.upper", "{args}", "{args[0]}", "{args[x]}", "{args!r:>5}", "{args:>5}", "{args.x}", "{exc_info[0]}",
    "{exc_info}", "{exc_info!s:>6}", "{exc_info:>6}", "{levelno:05d} {levelno:x} {levelno:c}", "{levelname:>{levelno}}", "{lineno:{lineno}}",
    "$%{message}%$", "$%{message}%$ - {name!a:15} - {x['k']}", "{x:.2f} - {s.f:.4f}", "{x!s:#<30}", "{x!r:4.2}", "{x!s:<#30,.12f}- {x:=+#30,.1d} - {module:^30}",
    "{x!s:{w},.{p}}", "{x:12.{p}}", "{x:{w}.6}", "{x[0].y[1].z}", "{x[k].y[l].z}", "{12[k].y[l].z}", "{x!s:#30,15f}", "{x!aa:15}", "{x:.2ff}", "{x:.2Z}", "{x!s:<##30,12g}",
    "{x!s:<#30#,12g}", "{x!s:{{w}},{{p}}}", "{{x!r:4.2}", "{{x!r:4.2}}", "{x/y}", "{x:{{w}}.{{p}}}}", "{x!X:{{w}}.{{p}}}", "{x!a:random}", "{x!a:ran{dom}", "{x!a:ran{d}om}", "{x.!a:d}",
]
BROKEN_DOLLARS = [
    "", "$", "$$", "$$$", "$$$$", "$x", "${x}", "$$x", "$${x}", "$$$x", "$x$", "$x $", "$x $$", "$x$$", "5$", "$5", "$ x", "$-", "${", "${}",
    "${x", "$x}", "${x y}", "${ x}", "${x }", "${5}", "${x}$s", "$x$s", "${x}{s}", "$x.s", "$x[0]", "$x_1", "$_", "$x1", "$1x", "$X", "$é", "${é}", "$xé",
    "$ſ", "$K", "${xé}", "$가", "a\nb $ c", "a\r\nb\r\n $", "a\rb\n\rc$!", "a\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029b $", "\n$", "$y", "${y}", "$y $", "$ $y", "$x $y $s", "$message $ $y",
    "$message", "${message}", "$messages", "${message}s", "$asctime_", "$$asctime $x", "{message}", "%(message)s", "$args ${exc_info} $levelno", "가 $x 나 ${s} 다", "$x\n$s\n", "$it's",
    "$x:>5", "${x:>5}", "${x!r}", "$$${x}$$", "hello", "$$%${message}%$$", "${asctime} - $message", "${asctime}--", "$x $$$$", "$x $$$", "x $", "x $.", "${asctime",
]


def broken_styles():
    os.environ["TZ"] = "UTC0"
    time.tzset()
    for style, formats in (("{", BROKEN_BRACES), ("$", BROKEN_DOLLARS)):
        for fmt in formats:
            record = record_of(PLAIN | {"extras": {"x": 42, "s": "text", "w": 7, "p": 2, "e": ""}})
            try:
                refused = None
                logging.Formatter(fmt, style=style)
            except ValueError as error:
                refused = str(error)
            line(style=style, broken=fmt, refused=refused, result=formatted(fmt, record, style=style))


BRACE_FORMATS = [
    "{asctime} -process[{process:d}] -thread[{thread}] -{name} - [{levelname}]-[{lineno}] - {message}",
    "{asctime} {levelname:<8} {name:15.10} {message}", "[{message:>20}] [{message:-^20.5}] [{message!r}] [{message!a:.9}]", "{message:{levelno}}",
    "{asctime:>30}|{asctime:.10}|{asctime!r}|{asctime[3]}", "{asctimes} {missing}", "{missing} {asctime}", "{{asctime}} {message}",
    "{levelname:>10}|{levelname:.3}|{levelname!r}|{levelname[0]}|{levelname[99]}",
    "{user} {count:03d} {ratio:.3f} {ok} {nothing} {raw}", "{user!r:>8} {count:>{count}} {ok:d} {ok:>6} {raw!s:>9} {nothing!s:>6} {ratio:%}", "{spans}",
    "{user} {missing}", "{created:.3f} {msecs:03.0f} {relativeCreated:,.1f}", "{msecs} {created} {relativeCreated}", "{nothing:>5}", "{raw:>5}", "{raw[0]} {user[1]} {count.real}",
]
DOLLAR_FORMATS = [
    "$asctime -process[$process] -thread[${thread}] -$name - [$levelname]-[$lineno] - $message", "$message", "$$asctime $message", "$asctimes", "$missing $asctime",
    "$user $count $ratio $ok $nothing $raw", "${spans}", "$msecs $created $relativeCreated $levelno",
]
NESTED = {"missing": ["a", 1, None, 1.5, True, {"0": "zero", "k": "it's"}], "user": {"id": 7, "name": "ann"}, "width": 6, "asctime": "x", "name": "y"}
NESTED_FORMATS = [
    "{missing[0]:>3}", "{missing[5][k]!r}", "{missing[5][0]}", "{missing[5][z]}", "{missing[9]}", "{missing[x]}", "{missing.x}", "{missing[0][0]}", "{missing[1].real}",
    "{missing[3]:{width}.2f}", "{missing[2]:5}", "{missing[4]:5}", "{missing}", "{missing:5}", "{missing!s:.5}", "{user}", "{user[name]:>{width}}", "{user[id]:0{width}}", "{user[id][0]}", "{user[0]}", "{user:5}",
    "{user.name}", "{name} {asctime}", "{message:>{width}}", "{missing[0}", "{missing[0]x}",
]


def styled_records():
    for style, formats, every in (("{", BRACE_FORMATS, ["{{{}}}", "{{{}!r:>9}}", "{{{}:>9}}", "{{{}:09}}", "{{{}:.3f}}"]), ("$", DOLLAR_FORMATS, ["${}"])):
        for fmt in formats + [pattern.format(name) for name in ATTRIBUTES for pattern in every]:
            line(style=style, format=fmt, results=[formatted(fmt, record_of(spec), style=style) for spec in RECORDS])
    for fmt in NESTED_FORMATS:
        results = [formatted(fmt, record_of(spec), style="{", defaults=NESTED) for spec in RECORDS[:7]]
        line(style="{", format=fmt, defaults=NESTED, results=results)
    for fmt in ("$user $missing", "$name $asctime $missing $width", "$message $user $nobody"):
        results = [formatted(fmt, record_of(spec), style="$", defaults=NESTED) for spec in RECORDS[:7]]
        line(style="$", format=fmt, defaults=NESTED, results=results)



if __name__ == "__main__":
    assert sys.version_info[:2] == (3, 13), "the corpus is CPython 3.13's"
    assert sys.platform == "linux", "strftime is glibc's"
    os.environ["TZ"] = "UTC0"
    time.tzset()
    sys.stdout.reconfigure(newline="\n")
    conversions()
    broken()
    records()
    times()
    specs()
    broken_styles()
    styled_records()
    time_attributes()
