"""What CPython 3.13 makes of the configs of logtree-dictconfig/tests/data/configs: one JSON object a line.

    pip install uvicorn==0.54.0 django==6.1.3 python-json-logger==4.2.0 colorlog==6.12.0
    python3.13 wild.py > wild.jsonl

Each logger that a config names, the root and one that nobody names logs at five levels, in a directory of its own. What
is not there on either side is taken out beforehand: classes of the config's own project, and handlers that write neither
streams nor files. Files stand in that directory, not where the config has them.
"""

import json
import os
import sys

import corpus
import django.conf

CONFIGS = os.path.join(os.path.dirname(__file__), "../../../logtree-dictconfig/tests/data/configs")
AVAILABLE = ["logging.Formatter", "logging.FileHandler", "logging.NullHandler", "logging.StreamHandler", "queue.", "uvicorn."]
AVAILABLE += ["logging.handlers." + name for name in ("Memory", "Queue", "Rotating", "Timed", "Watched")]
AVAILABLE += ["colorlog.", "django.utils.log.RequireDebug", "django.utils.log.ServerFormatter", "pythonjsonlogger."]

# Prefect replaces ${...} before dictConfig sees it; CPython never starts a listener, logtree does. DIFFERENCE
SKIPPED = ["prefect.json", "mcoding_5_queued.json"]


def trimmed(config):
    """The config without what is not there."""
    sections = {section: config.get(section, {}) for section in ("formatters", "filters", "handlers")}
    for section, entries in sections.items():
        for name, entry in list(entries.items()):
            known = str(entry.get("()", entry.get("class", "logging.Formatter")))
            if not known.startswith(tuple(AVAILABLE)):
                del entries[name]
    again = True
    while again:
        again = False
        for name, entry in list(sections["handlers"].items()):
            behind = entry.get("handlers", []) + ([entry["target"]] if "target" in entry else [])
            if any(other not in sections["handlers"] for other in behind):
                del sections["handlers"][name]
                again = True
    for entry in sections["handlers"].values():
        if entry.get("formatter") not in sections["formatters"]:
            entry.pop("formatter", None)
        if "filename" in entry:
            entry["filename"] = os.path.basename(entry["filename"])
    for entry in [*sections["handlers"].values(), *config.get("loggers", {}).values(), config.get("root", {})]:
        for section in ("filters", "handlers"):
            if section in entry:
                entry[section] = [name for name in entry[section] if name in sections[section]]
    return config


def events(config):
    # AccessFormatter wants the five parts of a request in a record's args, which no event has.
    loggers = [name for name in config.get("loggers", {}) if name not in ("", "uvicorn.access")] + ["root", "nobody.names.it"]
    for number, logger in enumerate(loggers):
        for level in (10, 20, 30, 40, 50):
            yield {
                "name": logger, "levelno": level, "msg": f"{level} to {logger}", "created": 1_700_000_000 + number + 0.25, "msecs": 250.0,
                "relativeCreated": 12.5, "process": 4711, "processName": "MainProcess", "thread": 4712, "threadName": "MainThread",
                "pathname": "src/main.py", "filename": "main.py", "module": "main", "lineno": number, "funcName": "main", "taskName": None,
                "status_code": 200 + level,
            }


def main():
    django.conf.settings.configure()
    for name in sorted(os.listdir(CONFIGS)):
        if not name.endswith(".json"):
            continue
        with open(os.path.join(CONFIGS, name), encoding="utf-8") as file:
            text = file.read()
        config = trimmed(json.loads(text))
        if name in SKIPPED:
            continue
        case = {"name": name, "is_whole": config == json.loads(text), "tz": "CET-1CEST,M3.5.0,M10.5.0/3", "format": "json"}
        case |= {"config": json.dumps(config), "events": [json.dumps(event) for event in events(config)]}
        print(json.dumps(corpus.answer(case, config), ensure_ascii=True, separators=(",", ":")), flush=True)


if __name__ == "__main__":
    if sys.flags.utf8_mode != 1:
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    main()
