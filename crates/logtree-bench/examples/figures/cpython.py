"""CPython's QueueHandler before a multiprocessing.Queue: cpython.py LOG WORKERS RECORDS prints records a second."""

import logging
import logging.handlers
import multiprocessing
import sys
import time

path, workers, records = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
FORMAT = "%(asctime)s %(levelname)s %(process)d %(name)s %(message)s"


def listen(queue):
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=50_000_000, backupCount=100)
    handler.setFormatter(logging.Formatter(FORMAT))
    logging.handlers.QueueListener(queue, handler)._monitor()


def work(queue):
    logger = logging.getLogger("my_app.http")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(logging.handlers.QueueHandler(queue))
    for number in range(records):
        logger.info("request answered user=%s status=%d took_ms=%f", "ann", 200, number + 0.25)


context = multiprocessing.get_context("fork")
queue = context.Queue()
listener = context.Process(target=listen, args=(queue,))
listener.start()
began = time.perf_counter()
processes = [context.Process(target=work, args=(queue,)) for _ in range(workers)]
for process in processes:
    process.start()
for process in processes:
    process.join()
queue.put(None)
listener.join()
print(workers * records / (time.perf_counter() - began))
