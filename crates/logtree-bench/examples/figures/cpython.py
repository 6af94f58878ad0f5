"""CPython's QueueHandler before a multiprocessing.Queue: `call` prints nanoseconds a call, `through` records a second."""

import logging
import logging.handlers
import multiprocessing
import sys
import time

what, path, workers, records = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
FORMAT = "%(asctime)s %(levelname)s %(process)d %(name)s %(message)s"


def listen(queue):
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=50_000_000, backupCount=100)
    handler.setFormatter(logging.Formatter(FORMAT))
    logging.handlers.QueueListener(queue, handler)._monitor()


def logger_of(queue):
    logger = logging.getLogger("my_app.http")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(logging.handlers.QueueHandler(queue))
    return logger


def work(queue):
    logger = logger_of(queue)
    for number in range(records):
        logger.info("request answered user=%s status=%d took_ms=%f", "ann", 200, number + 0.25)


context = multiprocessing.get_context("fork")
queue = context.Queue()
listener = context.Process(target=listen, args=(queue,))
listener.start()
if what == "call":
    logger, bursts = logger_of(queue), []
    for _ in range(40):
        began = time.perf_counter_ns()
        for number in range(64):
            logger.info("request answered user=%s status=%d took_ms=%f", "ann", 200, number + 0.25)
        bursts.append((time.perf_counter_ns() - began) / 64)
        time.sleep(0.003)
    print(sorted(bursts)[len(bursts) // 2])
    queue.put(None)
    listener.join()
else:
    began = time.perf_counter()
    processes = [context.Process(target=work, args=(queue,)) for _ in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    queue.put(None)
    listener.join()
    print(workers * records / (time.perf_counter() - began))
