"""The same run in CPython: workers, records, format and handler are given; it prints the nanoseconds that it took."""

import json
import logging.config
import os
import sys
import time

workers, records, format, handler = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
if not handler:
    print("here")
    sys.exit()
logging.config.dictConfig({
    "version": 1,
    "formatters": {"f": {"format": format}},
    "handlers": {"file": handler},
    "root": {"level": "INFO", "handlers": ["file"]},
})
logging.raiseExceptions = False
log = logging.getLogger("rolling")
began = time.monotonic_ns()
for worker in range(workers):
    if os.fork() == 0:
        for number in range(records):
            log.info("%d %d end", worker, number)
        os._exit(0)
for _ in range(workers):
    os.wait()
print(time.monotonic_ns() - began)
