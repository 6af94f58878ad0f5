"""TOML texts and what Python's tomllib makes of them, one JSON object a line.

`value` is the repr of what it makes, null where it raises, and false where it makes what logtree refuses by choice: dates
and times. The texts are drawn with a fixed seed, so that every run prints the same lines. Run with CPython 3.13:

    python3.13 toml_corpus.py > ../data/toml.jsonl
"""

import json
import random
import sys
import tomllib

VALUES = """
0 -0 +0 1 +1 -1 01 1_0 1__0 _1 1_ 0x1F 0xdead_BEEF 0X1 0o17 0o8 0b101 0b2 -0x1 9223372036854775807 9223372036854775808 -9223372036854775809
99999999999999999999999999 0xfffffffffffffffffffff 1.0 -1.5 +1.5 1. .5 1e3 1E3 1e+3 1e-3 1.0e3 1_0.5_0 1._5 1e400 inf +inf -inf nan -nan Inf NaN
true false True FALSE yes null None 1979-05-27 07:32:00 1979-05-27T07:32:00Z 1979-05-27T07:32:00.999-07:00 1979-13-27 07:32 "a" 'a' "" '' "a\\\\nb"
"\\\\u00e9" "\\\\U0001F600" "\\\\ud800" "\\\\x41" "\\\\e" "\\\\q" 'a\\\\nb' "a'b" 'a"b' "a 'a a bare [] [1] [1,] [,] [1,2] [1,,2] [[1],[2]] [1,"a"] {} {a=1} {a=1,} {a=1,b=2}
{a=1,a=2} {a.b=1} {a={b=1}} [{a=1},{b=2}] \\"\\"\\"a\\"\\"\\" '''a''' \\"\\"\\"\\"\\"\\" ''''''
""".replace('\\"', '"').replace("\\\\", "\\").split()

VALUES += [
    '"""a\nb"""', '"""\na\n"""', '"""a\\\n   b"""', "'''\na\\\n'''", '"a\nb"', "'a\nb'", '""""a""""', "[\n 1, # x\n 2\n]", "[1 2]", "{\na=1}", "{a=1\n}",
    "{ a = 1, # x\n}", "1 # x", "1 2", '"a" "b"', "1979-05-27 07:32:00", '"a\tb"', '"a\x01b"', "'a\x7fb'", '"\u2028"', '"\ufeff"', "[[[[[[1]]]]]]",
]

KEYS = ["a", "a-b", "a_b", "1", "1.2", '"a b"', "'a b'", '""', "''", '"a.b"', "a.b", "a . b", "é", "a b", "", "a.", ".a", "a..b", '"\\u00e9"', '"""a"""', "a\n"]

DOCUMENTS = [
    "", "\n", "# x\n", "# \x01\n", "\ufeffa = 1\n", "a = 1", "a = 1\r\nb = 2\r\n", "a = 1\rb = 2\n", "a = 1 b = 2\n", "a\n", "a =\n", "= 1\n", " a = 1\n\tb = 2\n", "a = 1\na = 2\n",
    "[a]\nb = 1\n[a]\nc = 1\n", "[a.b]\nc = 1\n[a]\nd = 1\n", "a.b = 1\n[a]\nc = 1\n", "[a]\nb.c = 1\n[a.b]\nd = 1\n", "a = 1\n[a]\n", "a = {b = 1}\n[a.c]\n", "a = {b = 1}\na.c = 1\n", "[a]\n[a.b]\n[a.b.c]\n",
    "[[a]]\nb = 1\n[[a]]\nb = 2\n", "[[a]]\n[a.b]\nc = 1\n[[a]]\n[a.b]\nc = 2\n", "[[a]]\n[a]\n", "[a]\n[[a]]\n", "a = []\n[[a]]\n", "[[a.b]]\n[a]\nc = 1\n", "[a]\n[[a.b]]\nc = 1\n", "[ a ]\n", "[ a . b ]\n", "[a", "[a]]\n", "[[a]\n", "[]\n",
    "[[]]\n", "[a] # x\n", "[a] b = 1\n", "[\"a.b\"]\nc = 1\n", "a.b.c = 1\na.b.d = 2\na.e = 3\nf = 4\n", "b = 1\na = 2\nc.d = 3\nB = 4\n", "[z]\na = 1\n[y]\n[x.w]\n[z.v]\n", "a = 1 # é\n", "a = 'x' # \ufffe\n",
]

CONFIG = """version = 1 # one
disable_existing_loggers = false

[formatters.line]
format = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"
datefmt = '%H:%M:%S'

[handlers]
console = {class = "logging.StreamHandler", stream = "ext://sys.stdout"}

[handlers.file]
class = "logging.handlers.RotatingFileHandler"
filename = "app.log"
maxBytes = 10_485_760
backupCount = 0x7
"level" = "INFO"

[loggers."a.b"]
handlers = ["file", "console"]
propagate = false

[loggers]
c.level = 10
text = \"\"\"
two
lines\"\"\"

[[list]]
a = 1
[[list]]
a = 2

[root]
handlers = [
  "file", # x
  "console",
]
"""

PIECES = list("=.,[]{}\"'#\\\n\t _-+0") + ["\n[", "]\n", "\n[[", " = ", "\"\"\"", "'''", "true", "1e5", "inf", "é", "a.b", "# x\n", "\r\n"]


def value_of(text):
    try:
        value = tomllib.loads(text)
    except ValueError:
        return None

    def is_plain(node):
        if isinstance(node, dict):
            return all(map(is_plain, node.values()))
        return all(map(is_plain, node)) if isinstance(node, list) else isinstance(node, (bool, int, float, str))

    return repr(value) if is_plain(value) else False


def texts():
    draw = random.Random(20261125)
    yield from (f"a = {value}\n" for value in VALUES)
    yield from (f"a = [{value}, {value}]\n" for value in VALUES)
    yield from (f"a = {{b = {value}}}\n" for value in VALUES)
    yield from (f"{key} = 1\n" for key in KEYS)
    yield from (f"[{key}]\n{other} = 1\n" for key in KEYS for other in KEYS[:8])
    yield from DOCUMENTS
    yield CONFIG
    for _ in range(300):
        yield "a = " + "".join(draw.choice("0123456789_.+-eExob") for _ in range(draw.randint(1, 6))) + "\n"
    for base in [CONFIG] * 500 + DOCUMENTS * 8:
        for _ in range(draw.choice([1, 1, 1, 2])):
            at = draw.randint(0, len(base))
            end = min(len(base), at + draw.choice([0, 0, 1, 1, 2, 5]))
            base = base[:at] + draw.choice(PIECES + ["", "", ""]) + base[end:]
        yield base


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    for text in dict.fromkeys(texts()):
        print(json.dumps({"text": text, "value": value_of(text)}))


main()
