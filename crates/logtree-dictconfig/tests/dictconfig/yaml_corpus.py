"""YAML texts and what PyYAML's safe_load makes of them, one JSON object a line.

`value` is the repr of what it makes, null where it raises, and false where it makes what logtree refuses by choice: dates,
times, bytes, sets, tuples and lists that contain themselves. The texts are drawn with a fixed seed, so that every run
prints the same lines. Run with CPython 3.13 and PyYAML 6.0.4:

    python3.13 yaml_corpus.py > ../data/yaml.jsonl
"""

import json
import random
import sys

import yaml

SCALARS = """
y Y yes Yes YES yEs n N no No NO nO on On ON oN off Off OFF oFF true True TRUE tRUE false False FALSE null Null NULL nULL ~ ~~
0 -0 +0 00 01 010 -010 +010 0o10 0O10 08 09 0_ 0_7 0__7 0b1 0b 0b_ 0b101 -0b1 0b2 0x 0x_ 0xf 0xF -0xAb 0X1 0xg 1_000 1__0 _1 1_
-_1 +1 -1 --1 1- 1:30 1:60 1:5 01:30 0:30 190:20:30 190:20:30.15 -1:30 +1:30.5 1:30. 1:30:61 1::30 1:30_ 1_0:30 9:9:9:9
18446744073709551616 -9223372036854775808 -9223372036854775809 9223372036854775807 9223372036854775808
99999999999999999999:59 0xfffffffffffffffffffff 0b11111111111111111111111111111111111111111111111111111111111111111111111
0777777777777777777777777 1. 1.0 1.5 -1.5 +1.5 .5 -.5 +.5 ._5 .5_ 1._5 1_0.5 1e3 1E3 1.e3 1.0e3 1.0e+3 1.0E-3 1.e+3 .5e+3 .5e3
1e+3 1.0e+ 1.0e+_3 . .. ... .inf .Inf .INF .iNF -.inf +.inf -.INF .nan .NaN .NAN .Nan -.nan nan inf 1.2.3 1.7976931348623157e+309
2001-12-14 2001-1-4 2001-12-1 01-12-14 2001-12-14t21:59:43.10-05:00 2001-12-14T21:59:43Z 2001-13-45 2001-12-14T1:59:43
2001-12-14T21:59:43+5 2001-12-14T21:59:43+05:3 2001-12-14T21:59 2001-12-14X1:59:43 20011214 2001-12-14T
<< = =x == << <<< ! & * - ? : -x ?x :x %x @x `x #x x#x ,x [x ]x {x }x |x >x 'x "x x'x x"x a:b a,b a[b a]b a{b !x !!x &x *x a&b
%(message)s $message {message} ext://sys.stdout cfg://a.b[0] a/b C:\\\\x é 日本 😀 \u00a0 \u2028 \ufeffx
""".split()

SCALARS += [
    "2001-12-14 21:59:43.10 -5", "2001-12-14  1:59:43", "2001-12-14 21:59:43 Z", "a b", "a  b", "a #b", "a# b", "a: b", "a:  b",
    "a :b", "- a", "-  a", "? a", "'it''s'", "'a\\\\nb'", '"a\\\\nb"', '"\\\\x41\\\\u00e9\\\\U0001f600"', '"\\\\q"', '"\\\\ud800"', "''", '""', "' '",
    "'<<'", "'='", '"no"', "'1'", '"a', "'a", "| x", "> x", "", " ", "  # x", "a\u0085b", "a\u2028b", "a\\u0000b", "a\tb", "\tb", "\x7f",
    "[]", "{}", "[a, b]", "[a,b]", "[a, ]", "[, a]", "[a,, b]", "[a b, c]", "[a: b, c]", "[a:b]", "[? a : b]", "[[a], {b: c}]",
    "{a, b: c}", "{a: }", "{a:1}", "{'a':1}", '{"a":1}', "{a: 1, a: 2}", "{1: a, true: b, 1.0: c}", "{null: a, ~: b}", "{[a]: b}",
    "{{a: b}: c}", "{? a : b}", "{: a}", "{a: [b, c}", "[a", "{a", "]", "}", "[a]b", "[a] b", "[a]: b", "*a", "&a", "&a b", "&a &b c", "& a",
    "[&a b, *a]", "[*a, &a b]", "{&a b: *a}", "[&a [b], *a]", "&a [*a]", "[&a b, &a c, *a]", "{a: &a {b: 1}, c: {<<: *a, d: 2}}",
    "{a: &a {b: 1}, c: {b: 2, <<: *a}}", "{a: &a {b: 1}, c: {<<: [*a, {e: 3}], d: 2}}", "{<<: {a: 1}, <<: {b: 2}}", "{<<: 1}", "{<<: [1]}",
    "{<<: []}", "{<<: {}}", "{'<<': 1}", "{!!merge x: {a: 1}}", "{!!str <<: {a: 1}}", "{=: 1}", "{!!value x: 1}", "[=]", "{a: =}", "[<<]",
    "{a: &a {b: &b {c: 1}}, d: {<<: *a, e: {<<: *b}}}", "{a: &a {xy: 1, xy: 2}, b: {<<: *a}}",
]
TAGS = [
    "!", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!seq", "!!map", "!!set", "!!omap", "!!pairs", "!!binary", "!!timestamp", "!x",
    "!!x", "!<tag:yaml.org,2002:str>", "!<!x>", "!!python/none", "!!python/name:os.system", "!!python/object/apply:os.system", "!e!x",
    "!!merge", "!!value", "!!int &a", "&a !!int",
]
TAGGED = ["1", "'1'", '"0x1f"', "1.5", "1e3", "no", "'NO'", "nO", "", "~", "x", "[]", "[a]", "{}", "{a: 1}", "' 3 '", "-", "+", "_", "0o17", "0"]

DOCUMENTS = [
    "", "\n", "# x\n", "---\n", "---\n...\n", "--- a\n", "--- a\n--- b\n", "--- a\n...\nb\n", "a: 1\n...\n", "a: 1\n---\n", "...\n", "--- |\n a\n",
    "%YAML 1.1\n---\na: 1\n", "%YAML 1.2\n---\na: 1\n", "%YAML 2.0\n---\na: 1\n", "%YAML 1.1\na: 1\n", "%TAG !e! tag:yaml.org,2002:\n---\n!e!str 1\n",
    "%TAG !e! tag:x,\n---\n!e!str 1\n", "%X y\n---\na\n", "\ufeffa: 1\n", "\ufeff# x\na: 1\n", "a: 1\n\ufeffb: 2\n", "a: 1\n\ufeff", "a: \ufeff1\n",
    "a: 1\nb: 2\n", "a: 1\n b: 2\n", " a: 1\nb: 2\n", " a: 1\n b: 2\n", "a:\n  b: 1\n c: 2\n", "a:\n- b\n- c\n", "a:\n  - b\n  - c\n", "a:\n - b\n  - c\n",
    "- a\nb: c\n", "- - a\n  - b\n- c\n", "-\n  a: 1\n  b: 2\n", "- a: 1\n  b: 2\n", "- a: 1\n   b: 2\n", "-a\n", "- \n", "-\n-\n", "a:\nb:\n", "a\n", "a b\nc\n",
    "a: b\n  c\n", "a: b\n\n  c\n", "a: b\nc\n", "a: 'b\n  c'\n", "a: 'b\nc'\n", "a: \"b\\\n  c\"\n", "a: 'b\n\n\n c'\n", "a: [b,\n c]\n", "a: [b,\nc]\n", "a: {b: 1,\n c: 2}\n",
    "a: [\n b,\n # x\n c\n ]\n", "a: [b # x\n]\n", "a: [b# x\n]\n", "a: b # x\n", "a: # x\n  b\n", "a: |\n  b\n  c\n", "a: |\n  b\n   c\n", "a: |\n  b\n c\n", "a: |-\n  b\n\n",
    "a: |+\n  b\n\n", "a: >\n  b\n  c\n\n  d\n   e\n", "a: >-\n  b\n\n\n", "a: >+\n  b\n\nc: 1\n", "a: |2\n    b\n", "a: |1\n  b\n", "a: |9\n  b\n", "a: |0\n  b\n",
    "a: |x\n  b\n", "a: | # x\n  b\n", "a: |\n", "a: |\nb: 1\n", "a: |\n  b", "a: >\n  b", "a: |\n\n  b\n", "a: |\n   \n  b\n", "|\n a\n", "- |\n a\n- >\n b\n", "a: |\n\tb\n",
    "? a\n: b\n", "? a\n", "? - a\n: b\n", "? |\n  a\n: b\n", "a: &x\n  b: 1\nc: *x\n", "a: &x b\nc: *x\n", "a: *x\n", "&x a: b\nc: *x\n", "*x : a\n", "- &x a\n- *x : b\n",
    "a: &x [1]\na: *x\n", "<<: {a: 1}\nb: 2\n", "a: &x\n  b: 1\nc:\n  <<: *x\n  d: 2\n", "c:\n  <<: *x\n", "a: !!int\n", "a: !!str\nb: 1\n", "!!map\na: 1\n", "!!seq\n- a\n",
    "!!omap\n- a: 1\n", "!!set\n? a\n", "a: 1\r\nb: 2\r\n", "a: 1\rb: 2\r", "a: |\r\n  b\r\n", "a:\t1\n", "a: 1\t\n", "a: 1\t# x\n", "\ta: 1\n", "a:\n\tb: 1\n", "a:\n  - b\n\t- c\n", "- \ta\n",
    "[a,\tb]\n", "a: [b,\n\tc]\n", "a: 'b\n\tc'\n", "a: b\n\tc\n", "# \t\na: 1\n", "a: b: c\n", "a: 'b': c\n", "a: 'b' c\n", "'a' b: c\n", "a: -\n", "a: - b\n", "a: ? b\n", "a: :\n", "::\n",
    "a::b: c\n", "a: b:\n", "{a: b}: c\n", "[a]: c\n", "a: {b: c}: d\n", "a: x y: z\n", "\"a\": 1\n'b': 2\n", "\"a\n b\": 1\n", "a" * 1100 + ": 1\n", "? " + "a" * 1100 + "\n: 1\n", "'" + "a" * 1100 + "': 1\n",
    "a: \x01\n", "a: \x00\n", "a: \x1b\n", "a: \x80\n", "a: \x85b\n", "a: b\u2028c: d\n", "\ufffe\n", "a: \ud7ff\n", "1: a\ntrue: b\n1.0: c\nnull: d\n0x1: e\n", "2001-12-14: a\n", "no: a\n", "[a]\n[b]\n",
    "a: 1\nb\n", "a\nb: 1\n", "- a\n- b\nc\n", "a:\n  b\n  c: 1\n", "a: 'b\n---\nc'\n", "a: 'b\n...\nc'\n", "a: b\n---x\n", "---x\n", "--- # x\na: 1\n", "---\ta\n", "--- a: 1\n", "--- - a\n", "key: >\n\n\n a\n\n\n",
    "a: \"\\\n  b\"\n", "a: \"b \\\n   c\"\n", "a: \"\\t\\0\\a\\e\\N\\_\\L\\P\\/\\ \"\n", "a: \"\\x4\"\n", "a: \"\\U0011ffff\"\n", "a: '\\'\n", "!x a\n", "! a\n", "! 1\n", "! [a]\n", "!!int 010\n",
]

CONFIG = """# Comment
version: 1
disable_existing_loggers: no
formatters:
  line: &line
    format: '%(asctime)s %(levelname)-8s %(name)s: %(message)s'
    datefmt: "%H:%M:%S"
  other: {<<: *line, style: "%", validate: off}
handlers:
  file:
    class: logging.handlers.RotatingFileHandler
    filename: app.log
    maxBytes: 10_485_760
    backupCount: 0x7
    level: &level INFO
  console: {class: logging.StreamHandler, stream: ext://sys.stdout, level: *level, formatter: line}
loggers:
  a.b:
    handlers: [file, console]
    propagate: no
  c: {level: 010}
text: |
  two
    lines
folded: >-
  one
  line

root:
  level: *level
  handlers:
  - file
  - console
"""

PIECES = list(":-?,[]{}#&*!|>'\"%@`~ \n\t") + ["  ", ": ", "- ", "\n  ", "\n\n", "no", "1", "*line", "&x ", "<<: ", "!!str ", "é", "---\n", "...\n", "''", "|\n", "# x\n"]


def value_of(text):
    """The repr of the value, false if logtree refuses it by choice, None if PyYAML raises."""
    try:
        value = yaml.safe_load(text)
    except Exception:
        return None

    def is_plain(node, above=()):
        if id(node) in above:
            return False
        above = (*above, id(node))
        if isinstance(node, dict):
            return all(is_plain(key, above) and is_plain(item, above) for key, item in node.items())
        if isinstance(node, list):
            return all(is_plain(item, above) for item in node)
        return node is None or isinstance(node, (bool, int, float, str))

    return repr(value) if is_plain(value) else False


class Draw(random.Random):
    def text(self):
        return "".join(self.choice("aé :-#'\"\n\t{}[],&*!|>%0123456789._\u2028\x85") for _ in range(self.randint(0, 12)))

    def value(self, depth=0):
        kinds = ["scalar", "scalar", "text", "int", "float"] + (["list", "dict", "dict"] if depth < 4 else [])
        match self.choice(kinds):
            case "scalar":
                return self.choice(SCALARS)
            case "text":
                return self.text()
            case "int":
                return self.choice([0, -1, 2**70, self.randint(-1000, 1000)])
            case "float":
                return self.choice([1e3, -0.0, 1e300, float("inf"), float("nan"), self.uniform(-1, 1)])
            case "list":
                return [self.value(depth + 1) for _ in range(self.randint(0, 4))]
            case "dict":
                return {self.choice([self.text(), self.choice(SCALARS), self.randint(0, 9), None, True]): self.value(depth + 1) for _ in range(self.randint(0, 4))}

    def dumped(self):
        return yaml.safe_dump(
            self.value(), default_flow_style=self.choice([True, False, None]), default_style=self.choice([None, None, None, "'", '"', "|", ">"]),
            width=self.choice([10, 40, 80]), indent=self.choice([2, 3, 8]), allow_unicode=self.choice([True, False]),
            explicit_start=self.choice([True, False]), sort_keys=False,
        )

    def mutated(self, text):
        for _ in range(self.choice([1, 1, 1, 2])):
            at = self.randint(0, len(text))
            end = min(len(text), at + self.choice([0, 0, 1, 1, 2, 5]))
            text = text[:at] + self.choice(PIECES + ["", "", ""]) + text[end:]
        return text

    def scalar(self):
        base = self.choice(SCALARS)
        if self.random() < 0.5:
            at = self.randint(0, len(base))
            base = base[:at] + self.choice("0123456789_.:-+eExXbonTZ ~=<") + base[at + self.choice([0, 1]):]
        else:
            base = "".join(self.choice("0123456789_.:-+eEfx") for _ in range(self.randint(1, 7)))
        return base


def texts():
    draw = Draw(20261125)
    for scalar in SCALARS:
        yield from [scalar, f"a: {scalar}\n", f"- {scalar}\n", f"[{scalar}]", f"{scalar}: a\n"]
    for tag in TAGS:
        yield from (f"{tag} {text}" for text in TAGGED)
        yield f"a: {tag}\nb: 1\n"
    yield from DOCUMENTS
    for _ in range(600):
        yield f"a: {draw.scalar()}\n"
    for _ in range(300):
        yield draw.dumped()
    yield CONFIG
    for _ in range(450):
        yield draw.mutated(CONFIG)
    for _ in range(500):
        yield draw.mutated(draw.choice(DOCUMENTS + SCALARS))


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    seen = set()
    for text in texts():
        try:
            text.encode()
        except UnicodeEncodeError:
            continue
        if text not in seen:
            seen.add(text)
            print(json.dumps({"text": text, "value": value_of(text)}))


main()
