"""One run: a gunicorn with four workers under load, from its start to its end."""

import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

from harness import judge
from harness.watch import LISTENING, STANDING_BY, Process, Watch, descendants

HERE = pathlib.Path(__file__).resolve().parent.parent
WORKERS = 4

# How long gunicorn may take to start, to reload, to upgrade and to end.
PATIENCE_S = 30
# How long helpers may take to leave when their last process has ended and the last line is written.
LEAVING_S = 5
# How long they may write what was left to them: a machine that has other work takes its time.
WRITING_S = 120
# How long records may be written by the old config when the new one is installed and serves.
CONFIG_GRACE_S = 1
# How long gunicorn gets to replace its workers by itself on SIGHUP; it may keep one if others were killed meanwhile.
REPLACE_S = 5

MODES = {
    "preload": "the master installs, the workers are forked from it",
    "workers": "each worker installs for itself",
    "daemon": "as preload, with a master that daemonises",
    "threads": "as workers, which have threads",
}


class Failed(Exception):
    """The scenario itself could not go on."""


class Scenario:
    def __init__(self, mode, venv, module, seed, directory, options):
        self.mode, self.venv, self.options, self.directory = mode, venv, options, directory
        self.rng = random.Random(seed)
        self.seed = seed
        self.masters = []
        self.load = None
        self.watch = None
        self.killed_workers = set()
        self.kills = dict.fromkeys(["worker", "listener", "standby", "both helpers", "all three"], 0)
        self.changes = []
        self.config = 0
        self.segment = None
        self.has_thread_of_its_own = False
        for name in ("app.py", "gunicorn.conf.py"):
            shutil.copy(HERE / name, directory)
        shutil.copy(module, directory / "shop_core.abi3.so")

    def run(self):
        """Runs it and returns what was found, whatever happens to it."""
        try:
            self.write_config()
            self.start()
            self.chaos(self.options.seconds)
            self.reload()
            self.chaos(self.options.seconds / 2)
            self.upgrade()
            self.chaos(self.options.seconds / 2)
            self.stop_load()
            self.stop()
            failure = None
        except Failed as error:
            failure = str(error)
        finally:
            self.end_everything()
        return self.findings(failure)

    # The service

    def start(self):
        arguments = [self.venv / "bin" / "gunicorn", "--workers", str(WORKERS), "--bind", "127.0.0.1:0"]
        arguments += ["--log-level", "debug", "--pid", self.directory / "gunicorn.pid"]
        # A worker that is told to end before it has set its signal handlers does not hear it, and is killed only then.
        arguments += ["--graceful-timeout", str(REPLACE_S)]
        arguments += ["--error-logfile", self.directory / "stderr" if self.mode == "daemon" else "-"]
        if self.mode in ("preload", "daemon"):
            arguments += ["--preload"]
        if self.mode == "daemon":
            arguments += ["--daemon", "--capture-output"]
        if self.mode == "threads":
            arguments += ["--threads", "4"]
        if "--control-socket" in subprocess.run([arguments[0], "--help"], capture_output=True, text=True).stdout:
            # From 25 on the master has a thread for it, and CPython warns of its forks whoever logs. One mode has it all
            # the same: whatever logtree does there, it does in a process with threads.
            self.has_thread_of_its_own = self.mode == "daemon"
            arguments += ["--control-socket", self.directory / "ctl"] if self.has_thread_of_its_own else ["--no-control-socket"]
        environment = {
            **os.environ,
            "SHOP_LOGGING": str(self.directory / "logging.json"),
            # Each time and by whomever a fork is warned of, it is seen.
            "PYTHONWARNINGS": "always::DeprecationWarning",
            "TZ": "UTC",
        }
        with open(self.directory / "stderr", "ab") as stderr:
            self.child = subprocess.Popen(
                arguments, cwd=self.directory, env=environment, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr
            )
        self.wait_for(lambda: self.port(), "gunicorn does not listen")
        self.masters = [self.wait_for(lambda: self.pid_in("gunicorn.pid"), "gunicorn writes no pid")]
        self.wait_for(lambda: len(self.workers()) >= WORKERS, "the workers do not start")
        self.start_load()
        self.watch = Watch({self.load.pid})
        self.wait_for(lambda: self.answered_by(0), "nobody answers")
        self.segment = self.claimed_segment()

    def port(self):
        found = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", self.stderr())
        return found and int(found[1])

    def stderr(self):
        path = self.directory / "stderr"
        return path.read_text(errors="replace") if path.exists() else ""

    def pid_in(self, name):
        try:
            return int((self.directory / name).read_text())
        except (OSError, ValueError):
            return None

    def claimed_segment(self):
        """The shared memory that the claim beside the log file names."""
        text = (self.directory / ".all.log.logtree").read_text()
        found = re.search(r"/\S*/logtree-\S+/queue-\S+", text)
        return pathlib.Path(found[0]) if found else None

    def write_config(self):
        """The next config: another format, written aside and renamed, as a deployment would."""
        self.config += 0 if self.options.same_config and self.config else 1
        text = (HERE / "logging.json").read_text().replace("config=1", f"config={self.config}")
        aside = self.directory / "logging.json.new"
        aside.write_text(text)
        aside.rename(self.directory / "logging.json")

    def is_installed(self):
        """The last config written has reached a process that serves by now."""
        self.changes.append((time.time() + CONFIG_GRACE_S, self.config))

    def reload(self):
        """SIGHUP under load and kills: gunicorn replaces all workers."""
        old = set(self.workers())
        self.write_config()
        os.kill(self.masters[-1], signal.SIGHUP)
        until = time.monotonic() + REPLACE_S
        while old & set(self.workers()) and time.monotonic() < until:
            self.chaos(0.3)
        for pid in old & set(self.workers()):
            self.kill(pid, is_worker=True)
        self.wait_for(lambda: self.answered_by(self.offset, but=old), "no new worker answers after SIGHUP")
        self.is_installed()

    def upgrade(self):
        """SIGUSR2 under load and kills: a second master beside the old one, which then leaves."""
        old = self.masters[-1]
        self.write_config()
        os.kill(old, signal.SIGUSR2)
        # Workers are spared until it is known which process is the new master.
        until = time.monotonic() + PATIENCE_S
        while not (new := self.pid_in("gunicorn.pid.2")):
            if time.monotonic() > until:
                raise Failed("there is no new master after SIGUSR2")
            self.chaos(0.2, workers=False)
        self.masters.append(new)
        of_new = lambda: set(self.workers([new]))
        self.wait_for(lambda: len(of_new()) >= WORKERS, "the new master has no workers")
        self.wait_for(lambda: self.answered_by(self.offset, among=of_new()), "no worker of the new master answers")
        self.is_installed()
        # Both serve. Old workers that are replaced are forked from a master with the old config.
        self.chaos(self.options.seconds / 2)
        if self.mode == "daemon":
            os.kill(old, signal.SIGWINCH)
            self.chaos(1)
        os.kill(old, signal.SIGQUIT if self.mode == "daemon" else signal.SIGTERM)
        self.wait_for(lambda: not is_running(old), "the old master does not end")
        self.masters.remove(old)

    def stop(self):
        """As a service manager stops it: the master, or all processes of the service at once."""
        everyone = list(descendants({self.load.pid})) if self.mode in ("workers", "threads") else self.masters
        for pid in everyone:
            send(pid, signal.SIGTERM)
        self.wait_for(lambda: not any(map(is_running, self.masters)), "gunicorn does not end on SIGTERM")

    # The load

    def start_load(self):
        arguments = [sys.executable, HERE / "harness" / "load.py", str(self.port()), str(self.seed)]
        arguments += [str(self.options.clients), self.directory / "requests"]
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        self.load = subprocess.Popen(arguments, stdin=subprocess.PIPE, env=environment)

    def stop_load(self):
        if self.load and self.load.stdin:
            self.load.stdin.close()
            self.load.stdin = None
            try:
                self.load.wait(2 * PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.load.kill()
                raise Failed("the load does not end") from None

    @property
    def offset(self):
        """Where the next request will be written down."""
        return (self.directory / "requests").stat().st_size

    def answered_by(self, offset, but=(), among=None):
        """Who answered since then; asked again and again, it waits for a new answer each time."""
        time.sleep(0.1)
        try:
            with open(self.directory / "requests", "rb") as file:
                file.seek(offset)
                lines = file.read().decode().splitlines()
        except OSError:
            return set()
        pids = {int(fields[4]) for fields in (line.split(" ") for line in lines) if len(fields) > 4}
        pids = {pid for pid in pids if pid > 0 and pid not in but}
        return pids if among is None else pids & among

    # The kills

    def workers(self, masters=None):
        masters = self.masters if masters is None else masters
        found = descendants({self.load.pid} if self.load else ())
        return [
            p.pid for p in found.values()
            if p.parent in masters and not p.has_ended and p.pid not in self.masters and not p.name.startswith("logtree-")
        ]  # fmt: skip

    def helpers(self, name):
        """Who has a thread of this name: a helper, or a worker that listens because all helpers were killed."""
        found = descendants({self.load.pid}).values()
        return [p.pid for p in found if not p.has_ended and p.pid not in self.masters and name in p.threads().values()]

    def chaos(self, seconds, workers=True):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(self.rng.uniform(0.05, 0.3))
            what = self.rng.choices(list(self.kills), [6, 4, 2, 2, 1])[0]
            victims = []
            if workers and what in ("worker", "all three") and self.workers():
                victims.append((self.rng.choice(self.workers()), True))
            if what in ("listener", "both helpers", "all three"):
                victims += [(pid, False) for pid in self.helpers(LISTENING)[:1]]
            if what in ("standby", "both helpers", "all three"):
                victims += [(pid, False) for pid in self.helpers(STANDING_BY)[:1]]
            if not workers and any(is_worker or self.is_worker(pid) for pid, is_worker in victims):
                continue
            for pid, is_worker in victims:
                self.kill(pid, is_worker or self.is_worker(pid))
            if victims:
                self.kills[what] += 1

    def is_worker(self, pid):
        process = Process.read(pid)
        return process is not None and not process.name.startswith("logtree-")

    def kill(self, pid, is_worker):
        if self.watch:
            self.watch.kill_is_sent_to(pid)
        if is_worker:
            self.killed_workers.add(pid)
        send(pid, signal.SIGKILL)

    # The end

    def wait_for(self, condition, otherwise):
        until = time.monotonic() + PATIENCE_S
        while not (found := condition()):
            if time.monotonic() > until:
                raise Failed(f"{otherwise} within {PATIENCE_S} s")
            if self.load and self.load.poll() is not None and self.load.stdin:
                raise Failed("the load has ended by itself")
            time.sleep(0.02)
        return found

    def end_everything(self):
        """Waits for the helpers, and leaves no process behind, however it went."""
        if self.load and self.load.poll() is None:
            self.load.kill()
        alive = lambda: [p for p in descendants().values() if not p.has_ended]
        now = time.monotonic()
        until, at_last, written = now + LEAVING_S, now + WRITING_S, None
        while alive() and time.monotonic() < min(until, at_last):
            time.sleep(0.02)
            if written != (written := self.written()):
                until = time.monotonic() + LEAVING_S
        self.strays = [f"{p.name} ({p.pid})" for p in alive()]
        if self.watch:
            self.watch.stop()
        until = time.monotonic() + LEAVING_S
        while (left := alive()) and time.monotonic() < until:
            for process in left:
                send(process.pid, signal.SIGKILL)
            time.sleep(0.1)
        for process in (self.load, self.child):
            if process:
                process.wait()
        for process in descendants().values():
            try:
                os.waitpid(process.pid, os.WNOHANG)
            except ChildProcessError:
                pass

    def written(self):
        """What changes with each line that is written."""
        def state(name):
            try:
                found = (self.directory / name).stat()
            except FileNotFoundError:
                return None
            return found.st_ino, found.st_size

        return [state("all.log"), state("warnings.log")]

    def findings(self, failure):
        requests = self.directory / "requests"
        requests = judge.read_requests(requests) if requests.exists() else {}
        verdict = judge.Verdict(self.directory, requests, self.changes)
        faults, log = verdict.faults, self.stderr()
        if failure:
            faults["failed"].append(failure)
        faults["strangers"] = judge.strange_lines(log, self.killed_workers)
        faults["warnings"] = [] if self.has_thread_of_its_own else judge.fork_warnings(log)
        faults["complaints"] = judge.complaints(log)
        faults["left"] = self.strays + judge.directory_left(self.directory)
        if self.segment and self.segment.exists():
            faults["left"].append(str(self.segment))
        most = self.watch.most if self.watch else 0
        if most != 1:
            faults["listeners"].append(f"{most} at once: {self.watch and self.watch.most_seen}")
        return verdict, self.kills, self.watch


def send(pid, signal_number):
    try:
        os.kill(pid, signal_number)
    except ProcessLookupError:
        pass


def is_running(pid):
    process = Process.read(pid)
    return process is not None and not process.has_ended
