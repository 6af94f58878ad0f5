"""What users of CPython take: QueueHandler, multiprocessing.Queue, a listener process that is started again when it dies.

cpython.py DIRECTORY LOGS WORKERS SEED MAX_BYTES; the files are those of `contestant.rs`.
"""

import logging
import logging.handlers
import multiprocessing
import os
import random
import signal
import string
import struct
import sys
import time

directory, logs, workers, seed, max_bytes = *sys.argv[1:3], *map(int, sys.argv[3:6])
pattern = (string.ascii_lowercase + string.ascii_uppercase + string.digits) * 6
witness = os.open(os.path.join(directory, "witness"), os.O_RDWR)


def line(slot, number):
    start, length = (slot * 7 + number * 13) % 62, (slot * 31 + number * 17) % 200
    return f"{slot} {number} {pattern[start : start + length]}"


def mark(slot, word, value):
    os.pwrite(witness, struct.pack("=Q", value), slot * 16 + word * 8)


def is_over():
    return os.pread(witness, 8, 0) != bytes(8)


def listen(queue):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    mark(0, 1, os.getpid())
    log = os.path.join(logs, "app.log")
    handler = logging.handlers.RotatingFileHandler(log, maxBytes=max_bytes, backupCount=100_000)
    listener = logging.handlers.QueueListener(queue, handler)
    # In this thread: the process does nothing else.
    listener._monitor()


def work(queue, slot, most):
    mark(slot, 0, os.getpid())
    logger = logging.getLogger("chaos")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(logging.handlers.QueueHandler(queue))
    rng = random.Random(seed << 20 | slot)
    number = 0
    while number < most and not is_over():
        for _ in range(rng.randrange(100)):
            logger.info(line(slot, number))
            number += 1
            mark(slot, 1, number)
        time.sleep(rng.randrange(3000) / 1e6)


def main():
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    processes, listener, slot = [], None, 1
    rng = random.Random(seed)
    while not is_over():
        if listener is None or not listener.is_alive():
            listener = context.Process(target=listen, args=(queue,))
            listener.start()
        processes = [process for process in processes if process.is_alive()]
        missing = workers - len(processes)
        # Now and then many at once, which leave soon.
        most = [10**9] * max(missing, 0) + ([50] * 8 if missing > 0 and rng.randrange(10) == 0 else [])
        for limit in most:
            processes.append(context.Process(target=work, args=(queue, slot, limit)))
            processes[-1].start()
            slot += 1
        time.sleep(0.001)
    for process in processes:
        process.join()
    queue.put(None)
    listener.join()


main()
