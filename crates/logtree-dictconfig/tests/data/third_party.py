"""What the classes of `src/catalog/third_party.rs` take, by the newest colorlog, uvicorn, Django,
concurrent-log-handler and python-json-logger, which have to be installed:

    python3.13 third_party.py > third_party.json
"""

import importlib
import inspect
import json

import signatures

CLASSES = [
    "colorlog.ColoredFormatter",
    "concurrent_log_handler.ConcurrentRotatingFileHandler",
    "concurrent_log_handler.ConcurrentTimedRotatingFileHandler",
    "django.utils.log.AdminEmailHandler",
    "django.utils.log.CallbackFilter",
    "django.utils.log.RequireDebugFalse",
    "django.utils.log.RequireDebugTrue",
    "django.utils.log.ServerFormatter",
    "pythonjsonlogger.json.JsonFormatter",
    "pythonjsonlogger.jsonlogger.JsonFormatter",
    "uvicorn.logging.AccessFormatter",
    "uvicorn.logging.DefaultFormatter",
]


def judge(item):
    """The class whose constructor looks at the arguments: a constructor that takes any hands them on to the next."""
    parameters = inspect.signature(item.__init__).parameters.values()
    return judge(item.__mro__[1]) if any(p.kind is p.VAR_POSITIONAL for p in parameters) else item


def signature(item):
    """What the judge takes, and what was taken on the way to it."""
    call, required, optional = signatures.signature(judge(item))
    passed = item.__mro__[: item.__mro__.index(judge(item))]
    parameters = [p for passing in passed for p in inspect.signature(passing.__init__).parameters.values()]
    return [call, required, optional + [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]]


found = {}
for name in CLASSES:
    module, _, item = name.rpartition(".")
    found[name] = signature(getattr(importlib.import_module(module), item))
print(json.dumps(found, indent=1))
