"""The watch, watched: processes that listen by their name, with and without a life.

    cd examples/gunicorn && python3 -m unittest harness.test_watch
"""

import contextlib
import ctypes
import os
import signal
import time
import unittest

from harness.watch import LISTENING, SAME_TIME_S, Watch

PR_SET_NAME = 15


@contextlib.contextmanager
def listener(is_stopped=False):
    """A child of that name, which sleeps and wakes as a listener does; or does not, as one that has not run yet."""
    named, is_named = os.pipe()
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(PR_SET_NAME, LISTENING.encode())
        os.write(is_named, b"!")
        while True:
            time.sleep(0.01)
    os.read(named, 1)
    if is_stopped:
        os.kill(pid, signal.SIGSTOP)
        os.waitpid(pid, os.WUNTRACED)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(named)
        os.close(is_named)


def watched(killed=()):
    watch = Watch(())
    for pid in killed:
        watch.kill_is_sent_to(pid)
    until = time.monotonic() + 30
    while watch.looks < 2 and time.monotonic() < until:
        time.sleep(SAME_TIME_S / 10)
    watch.stop()
    return watch


class WatchTest(unittest.TestCase):
    def test_two_listen(self):
        with listener() as first, listener() as second:
            watch = watched()
            self.assertEqual((watch.most, watch.most_seen), (2, sorted([(first, first), (second, second)])))

    def test_one_listens_and_one_was_just_made(self):
        with listener() as first, listener(is_stopped=True):
            watch = watched()
            self.assertEqual((watch.most, watch.most_seen), (1, [(first, first)]))

    def test_one_listens_and_one_was_killed(self):
        with listener(), listener() as second:
            self.assertEqual(watched(killed=[second]).most, 1)
