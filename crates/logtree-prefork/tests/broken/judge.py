"""Runs a test in a copy that may be broken, and tells what it noticed; nothing that it started is left behind."""

import ctypes
import functools
import os
import pathlib
import re
import shutil
import signal
import subprocess

PATIENCE_SECONDS = 300
# Where it can be had: whole queues on this machine would mend what a broken one leaves, and be harmed by it.
OWN_SHARED_MEMORY = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /dev/shm && exec "$0" "$@"']
# What cargo says last, whatever its test has died of.
FAILED = "error: test failed"
PR_SET_CHILD_SUBREAPER = 36
# Children of every kind, also those whose end sends no signal.
WALL = 0x40000000


class NotJudged(Exception):
    """Why there is no outcome: the copy does not build, or cargo was ended itself."""


class Test:
    """A command that passes as long as nothing is broken."""

    def __init__(self, what, flags, arguments, **environment):
        self.what, self.flags, self.arguments, self.environment = what, flags, arguments, environment

    def run(self, tree, targets):
        environment = dict(os.environ, RUST_BACKTRACE="0", CARGO_PROFILE_DEV_DEBUG="0", **self.environment)
        environment["RUSTFLAGS"] = self.flags
        environment["CARGO_TARGET_DIR"] = str(targets / (re.sub(r"\W+", "-", self.flags).strip("-") or "plain"))
        build = ["cargo", "test", "-q", *self.arguments.split(" -- ")[0].split(), "--no-run"]
        built = subprocess.run(build, cwd=tree, env=environment, capture_output=True, text=True)
        if built.returncode != 0:
            raise NotJudged(built.stderr)
        # A file, not a pipe: what a broken queue leaves running would hold it open.
        with open(targets / "said", "w+") as file:
            run = [*own_shared_memory(), "cargo", "test", "-q", *self.arguments.split()]
            ran = subprocess.Popen(run, cwd=tree, env=environment, stdout=file, stderr=file, start_new_session=True)
            ran.returncode = ended(ran.pid)
            file.seek(0)
            said = file.read()
        # A test that waits for ever notices too.
        if ran.returncode is None:
            ran.returncode = -signal.SIGKILL
            return "it hangs"
        if ran.returncode == 0:
            return None
        if FAILED not in said:
            raise NotJudged(f"cargo ended with {ran.returncode}: {said}")
        failed = re.findall(r"^test (\S+) \.\.\. FAILED", said, re.M) or re.findall(r"^---- (\S+) stdout", said, re.M)
        failed = failed or re.findall(r"panicked at (\S+):\d+:$", said, re.M) or re.findall(r"\((signal: .*)\)$", said, re.M)
        return ", ".join(dict.fromkeys(failed)) or said.strip().splitlines()[-1]


@functools.cache
def own_shared_memory():
    works = shutil.which(OWN_SHARED_MEMORY[0]) and not subprocess.run([*OWN_SHARED_MEMORY, "true"], capture_output=True).returncode
    return OWN_SHARED_MEMORY if works else []


def ended(test):
    """Waits for its end, and ends what it leaves behind; the exit code, or none if it took too long."""

    def give_up(*_):
        raise TimeoutError

    # What is orphaned comes to this process.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE_SECONDS)
    code = None
    try:
        process = None
        while process != test:
            process, status = os.waitpid(-1, WALL)
        code = os.waitstatus_to_exitcode(status)
    except TimeoutError:
        pass
    signal.alarm(0)
    while left := pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        for process in map(int, left):
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, WALL)
    return code
