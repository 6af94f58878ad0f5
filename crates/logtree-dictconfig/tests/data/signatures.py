"""What the classes of `src/catalog/stdlib.rs` take, by CPython 3.13:

    python3.13 signatures.py > signatures.json
"""

import inspect
import json
import logging
import logging.handlers
import queue


def signature(call):
    """The qualified name of what is called, and the names of its arguments without and with defaults."""
    function = call.__init__ if inspect.isclass(call) else call
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = [p for p in inspect.signature(function).parameters.values() if p.kind in kinds and p.name != "self"]
    required = [p.name for p in parameters if p.default is p.empty]
    return function.__qualname__ + "()", required, [p.name for p in parameters if p.name not in required]


if __name__ == "__main__":
    found = {}
    for module in (logging, logging.handlers):
        for name, item in vars(module).items():
            if not name.startswith("_") and inspect.isclass(item) and issubclass(item, (logging.Handler, logging.Formatter, logging.Filter)):
                found[f"{module.__name__}.{name}"] = signature(item)
    for name in ("Queue", "LifoQueue", "PriorityQueue"):
        found[f"queue.{name}"] = signature(getattr(queue, name))
    print(json.dumps(found, indent=1))
