"""CPython's logging, by the rules of contest.rs and the pace of round.rs: cpython.py FORMAT LOG JOB PACE NUMBER..."""

import logging
import logging.handlers
import multiprocessing
import queue
import sys
import threading
import time

format, path, job, pace, *numbers = sys.argv[1:]
numbers = [int(number) for number in numbers]


class Null:
    """A stream that takes text and forgets it."""

    def write(self, text):
        pass

    def flush(self):
        pass


def file_handler():
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter(format))
    return handler


def listen(queue):
    logging.handlers.QueueListener(queue, file_handler())._monitor()


logger = logging.getLogger("my_app.http")
logger.setLevel(logging.INFO)
logger.propagate = False
finish = lambda: None
if job == "file":
    logger.addHandler(file_handler())
elif job == "queue":
    listener = logging.handlers.QueueListener(queue.Queue(), file_handler())
    logger.addHandler(logging.handlers.QueueHandler(listener.queue))
    listener.start()
    finish = listener.stop
elif job == "processes":
    context = multiprocessing.get_context("fork")
    between = context.Queue()
    process = context.Process(target=listen, args=(between,))
    process.start()
    logger.addHandler(logging.handlers.QueueHandler(between))

    def finish():
        between.put(None)
        process.join()

else:
    handler = logging.StreamHandler(Null())
    handler.setFormatter(logging.Formatter(format))
    logger.addHandler(handler)


def requests(count):
    for number in range(count):
        logger.info("request answered user=%s status=%s took_ms=%s", "ann", 200, number + 0.25)


def refused(count):
    for number in range(count):
        logger.debug("request seen user=%s status=%s took_ms=%s", "ann", 200, number)


call = refused if job == "refused" else requests


def timed(count):
    began = time.perf_counter_ns()
    call(count)
    return time.perf_counter_ns() - began


def clock():
    began = time.perf_counter_ns()
    return time.perf_counter_ns() - began


def quantile(values, part):
    return sorted(values)[round(part * (len(values) - 1))]


def steady(calls):
    return timed(calls) / calls, float("nan")


def bursts(bursts, calls, pause_ns):
    whole, each = 0, []
    for burst in range(bursts):
        if burst % 2 == 0:
            whole += timed(calls)
        else:
            each += [timed(1) for _ in range(calls)]
        time.sleep(pause_ns / 1e9)
    p99 = quantile(each, 0.99) - quantile([clock() for _ in range(1000)], 0.5)
    return whole / (calls * ((bursts + 1) // 2)), p99


def at_rest(threads):
    logged = threading.Barrier(threads + 1)

    def stay():
        call(1)
        logged.wait()
        threading.Event().wait()

    for _ in range(threads):
        threading.Thread(target=stay, daemon=True).start()
    logged.wait()
    return float("nan"), float("nan")


print("elsewhere", flush=True)
for _ in sys.stdin:
    cost, beside = {"steady": steady, "bursts": bursts, "at_rest": at_rest}[pace](*numbers)
    print(cost, beside, flush=True)
finish()
logging.shutdown()
with open("/proc/self/status") as status:
    peak = next(line.split()[1] for line in status if line.startswith("VmHWM:"))
print(peak)
