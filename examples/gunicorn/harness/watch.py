"""Who is there and who listens, seen from outside: `/proc` is looked through again and again.

logtree names the process, or the thread, that listens `logtree-listen`, and the one that stands by `logtree-standby`.
"""

import collections
import ctypes
import os
import threading
import time

LISTENING = "logtree-listen"
STANDING_BY = "logtree-standby"

# Between two looks.
INTERVAL_S = 0.01
# Several that listen are looked at again for so long. Who was just made has its maker's name until it runs for the first
# time, which may take long on a busy machine: so only who has slept and woken meanwhile is counted, which who listens does
# several times a second.
SAME_TIME_S = 0.5

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """What the service's processes leave behind becomes a child of this one, and is seen."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


class Process(collections.namedtuple("Process", "pid name state parent")):
    @classmethod
    def read(cls, pid):
        """None if it is gone. The second field is a name in parentheses, which may hold anything (proc_pid_stat(5))."""
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                before, _, behind = file.read().rpartition(") ")
        except OSError:
            return None
        state, parent = behind.split(" ")[:2]
        return cls(int(pid), before.partition(" (")[2], state, int(parent))

    @property
    def has_ended(self):
        return self.state in "ZX"

    def threads(self):
        """Their names by id."""
        names = {}
        try:
            for thread in os.listdir(f"/proc/{self.pid}/task"):
                with open(f"/proc/{self.pid}/task/{thread}/comm", encoding="utf-8", errors="replace") as file:
                    names[int(thread)] = file.read().rstrip("\n")
        except OSError:
            pass
        return names


def descendants(but=()):
    """The processes that come from this one, by id; those that have ended and were not taken away too."""
    children = collections.defaultdict(list)
    for name in os.listdir("/proc"):
        process = Process.read(name) if name.isdigit() else None
        if process:
            children[process.parent].append(process)
    found, to_visit = {}, [os.getpid()]
    while to_visit:
        for process in children.pop(to_visit.pop(), ()):
            if process.pid not in but:
                found[process.pid] = process
                to_visit.append(process.pid)
    return found


class Watch:
    """Looks in a thread of its own until it is stopped."""

    def __init__(self, but):
        self.most = 0
        self.most_seen = []
        self.zombies = 0
        self.looks = 0
        self._but = but
        # Who was sent SIGKILL runs no more, however long it is still to be seen.
        self._killed = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def kill_is_sent_to(self, pid):
        self._killed.add(pid)

    def stop(self):
        self._stopped.set()
        self._thread.join()

    def _run(self):
        while not self._stopped.wait(INTERVAL_S):
            everyone = descendants(self._but)
            self.zombies = max(
                self.zombies, sum(p.has_ended and p.name.startswith("logtree-") for p in everyone.values())
            )
            listening = first = self._listening(everyone)
            until = time.monotonic() + SAME_TIME_S
            while len(listening) > 1 and time.monotonic() < until:
                time.sleep(0.002)
                # Those that still listen did so together.
                now = self._listening(descendants(self._but))
                listening = {thread: slept for thread, slept in now.items() if thread in listening}
            if len(listening) > 1:
                listening = {thread for thread, slept in listening.items() if slept != first[thread]}
            if len(listening) > self.most:
                self.most, self.most_seen = len(listening), sorted(listening)
            self.looks += 1

    def _listening(self, everyone):
        """How often the threads that listen have slept, by process and thread."""
        found = {}
        for process in everyone.values():
            if process.has_ended or process.pid in self._killed:
                continue
            for thread, name in process.threads().items():
                if name == LISTENING:
                    found[process.pid, thread] = times_slept(process.pid, thread)
        return {(pid, thread): slept for (pid, thread), slept in found.items() if slept and pid not in self._killed}


def times_slept(pid, thread):
    """How often a thread has gone to sleep; 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8", errors="replace") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt_switches:"))
    except (OSError, StopIteration):
        return 0
