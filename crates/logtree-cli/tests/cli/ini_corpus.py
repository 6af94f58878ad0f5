"""The configs and events of corpus.py in INI, and what CPython 3.13's fileConfig makes of them: one JSON object a line.

    python3.13 ini_corpus.py > ini_corpus.jsonl

Of a config that INI cannot say what dictConfig can, the rest is taken.
"""

import io
import json
import logging
import logging.config
import os
import sys

sys.dont_write_bytecode = True
import corpus  # noqa: E402

CASES = 250
POSITIONAL = {
    "logging.FileHandler": ["filename", "mode", "encoding", "delay", "errors"],
    "logging.handlers.WatchedFileHandler": ["filename", "mode", "encoding", "delay", "errors"],
    "logging.handlers.RotatingFileHandler": ["filename", "mode", "maxBytes", "backupCount", "encoding", "delay", "errors"],
    "logging.handlers.TimedRotatingFileHandler": ["filename", "when", "interval", "backupCount", "encoding", "delay", "utc"],
    "logging.handlers.MemoryHandler": ["capacity", "flushLevel"],
    "logging.StreamHandler": ["stream"],
}
STREAMS = {"ext://sys.stdout": "sys.stdout", "ext://sys.stderr": "sys.stderr"}


def escaped(text):
    return text.replace("%", "%%")


def literal(draw, value):
    """An argument as someone might write it."""
    if value in STREAMS:
        return STREAMS[value]
    if type(value) is int and value > 9:
        return draw.choice([str(value), hex(value), f"{value // 2} * 2 + {value % 2}", f"{value:_}"])
    if isinstance(value, str) and draw.maybe(0.2):
        return draw.choice([f'"{value}"', f"r'{value}'", f"'''{value}'''", f"'{value[:1]}' '{value[1:]}'"])
    return repr(value)


def formatter(draw, made):
    lines = [f"{key} = {made[key]}" for key in ("format", "datefmt", "style") if isinstance(made.get(key), str)]
    if draw.maybe(0.2):
        lines.append("class = logging.Formatter")
    if "defaults" in made and "inf" not in repr(made["defaults"]):
        lines.append(f"defaults = {made['defaults']!r}")
    return lines


def handler(draw, made, formatters):
    name = made.get("class", made.get("()"))
    lines = [f"class = {draw.choice([name, name.removeprefix('logging.')])}"]
    given = {key: made[key] for key in POSITIONAL.get(name, []) if key in made}
    if isinstance(given.get("flushLevel"), str):
        given["flushLevel"] = logging.getLevelNamesMapping()[given["flushLevel"]]
    args = []
    for key in POSITIONAL.get(name, []):
        if key not in given or (args and draw.maybe(0.4)):
            break
        args.append(literal(draw, given.pop(key)))
    if args or draw.maybe(0.5):
        text = f"({draw.choice([', ', ',', ',  # next' + chr(10) + '    ']).join(args)}{',' if args else ''})"
        lines.append(f"args = {escaped(text)}")
    if given:
        kwargs = ", ".join(f"{key!r}: {literal(draw, value)}" for key, value in given.items())
        lines.append(f"kwargs = {{{escaped(kwargs)}}}")
    if isinstance(made.get("level"), str) and "://" not in made["level"]:
        lines.append(f"level = {made['level']}")
    if made.get("formatter") in formatters:
        lines.append(f"formatter = {made['formatter']}")
    if isinstance(made.get("target"), str):
        lines.append(f"target = {made['target']}")
    return lines


def logger(draw, name, made):
    lines = [] if name is None else [f"qualname = {name}"]
    if isinstance(made.get("level"), str) and "://" not in made["level"]:
        lines.append(f"level = {made['level']}")
    if "propagate" in made:
        lines.append(f"propagate = {int(made['propagate'])}")
    lines.append(f"handlers = {', '.join(made.get('handlers', []))}")
    return lines


def as_ini(draw, config):
    formatters, handlers = config.get("formatters", {}), config.get("handlers", {})
    loggers = {f"l{at}": entry for at, entry in enumerate(config.get("loggers", {}).items())}
    sections = {
        "loggers": [f"keys = {','.join(['root', *loggers])}"],
        "handlers": [f"keys = {', '.join(handlers)}"],
        "formatters": [f"keys = {', '.join(formatters)}"],
        "logger_root": logger(draw, None, config.get("root", {})),
    }
    for name, (qualname, made) in loggers.items():
        sections[f"logger_{name}"] = logger(draw, qualname, made)
    for name, made in handlers.items():
        sections[f"handler_{name}"] = handler(draw, made, formatters)
    for name, made in formatters.items():
        sections[f"formatter_{name}"] = formatter(draw, made)
    names = list(sections)
    draw.shuffle(names)
    return "\n".join(f"[{name}]\n" + "".join(f"{line}\n" for line in sections[name]) for name in names)


def configure(text):
    try:
        logging.config.fileConfig(io.StringIO(text))
    except Exception as error:
        raise ValueError("refused") from error


def main():
    logging.config.dictConfig = configure
    number = 0
    for at in range(10 * CASES):
        draw = corpus.Draw(f"ini/{at}")
        config = draw.config()
        # What stands elsewhere has no counterpart. DIFFERENCE: without a queue CPython's fileConfig makes none; here it is as
        # with dictConfig.
        if "shared" in config or "q" in config.get("handlers", {}) or not all(isinstance(part, dict) for part in config.values() if not isinstance(part, (bool, int))):
            continue
        text = as_ini(draw, config)
        lines = [draw.line(text) for _ in range(draw.choice([1, 2, 3, 5]))]
        case = {"tz": draw.choice(corpus.ZONES), "format": "ini", "config": text, "events": lines}
        print(json.dumps(corpus.answer(case, text), ensure_ascii=True, separators=(",", ":")), flush=True)
        number += 1
        if number == CASES:
            break


if __name__ == "__main__":
    if sys.flags.utf8_mode != 1:
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    main()
