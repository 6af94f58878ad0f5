"""What the files say of a run: each line is held against the requests.

A request that was answered has all its lines, exactly once, by the process that answered. One that was not answered (its
worker was killed) has any number of its first lines, each once.
"""

import calendar
import collections
import pathlib
import re
import time

from harness.load import payload

HEAD = r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(?P<ms>\d{3}) config=(?P<config>\d+) process=(?P<process>\d+) thread=(?P<thread>\d+) "
ORDER = re.compile(
    HEAD + r"(?P<level>INFO|WARNING) shop\.orders handled request=(?P<request>\d+-\d+) number=(?P<number>\d+) "
    r"order=(?P<order>\d+) payload=(?P<payload>[0-9a-f]+)\n"
)
LISTENER = re.compile(HEAD + r"INFO shop\.listener listens listener=(?P<listener>\d+)\n")

Request = collections.namedtuple("Request", "kind id records sent process answer")


def read_requests(path):
    requests = {}
    for line in path.read_text().splitlines():
        kind, request, records, sent, process, *answer = line.split(" ", 5)
        requests[request] = Request(kind, request, int(records), float(sent), int(process), "".join(answer))
    return requests


class Verdict:
    """The counts; `faults` says in words what is wrong, the first few of each kind."""

    def __init__(self, directory, requests, changes):
        """`changes`: from which time on, in seconds since 1970, a record is to be written by which config at the least."""
        self.faults = collections.defaultdict(list)
        self.requests = requests
        self.answered = sum(request.process > 0 for request in requests.values())
        self.changes = changes
        self.lines = 0
        self.listener_starts = 0
        self.lines_by_config = collections.Counter()
        for request in requests.values():
            if request.process < 0:
                self.faults["answers"].append(f"{request.id} was answered {request.answer}")
        self._judge_files(rolled(directory / "all.log"), lambda number: True)
        self._judge_files([directory / "warnings.log"], is_warning)
        self._judge_python((directory / "stderr").read_text(errors="replace"))

    def _judge_files(self, paths, is_in):
        seen, last_order, last_config = collections.defaultdict(set), {}, 0
        for path, line in lines_of(paths):
            self.lines += 1
            where = f"{path.name}: {line[:300]!r}"
            if match := LISTENER.fullmatch(line):
                self.listener_starts += 1
            elif match := ORDER.fullmatch(line):
                number, order, thread = (int(match[name]) for name in ("number", "order", "thread"))
                if not self._is_of_its_request(match, is_in):
                    self.faults["torn"].append(where)
                elif number in seen[match["request"]]:
                    self.faults["repeated"].append(where)
                elif order <= last_order.get(thread, -1):
                    self.faults["order"].append(where)
                seen[match["request"]].add(number)
                last_order[thread] = order
            else:
                # Also what logtree says of records that it dropped: whoever logs waits for room, so there are none.
                self.faults["torn"].append(where)
                continue
            config = int(match["config"])
            self.lines_by_config[config] += 1
            if config < last_config:
                self.faults["config"].append(f"back from {last_config}: {where}")
            last_config = max(config, last_config)
            made = calendar.timegm(time.strptime(match["time"], "%Y-%m-%d %H:%M:%S")) + int(match["ms"]) / 1000
            wanted = max((config for since, config in self.changes if made > since), default=0)
            if config < wanted:
                self.faults["config"].append(f"not yet {wanted}: {where}")
        self._judge_losses(seen, is_in)

    def _is_of_its_request(self, match, is_in):
        request, number = self.requests.get(match["request"]), int(match["number"])
        return (
            request is not None
            and request.kind == "order"
            and number < request.records
            and is_in(number)
            and match["payload"] == payload(request.id)
            and match["level"] == ("WARNING" if is_warning(number) else "INFO")
            and request.process in (0, int(match["process"]))
        )

    def _judge_losses(self, seen, is_in):
        for request in self.requests.values():
            if request.kind != "order" or request.process < 0:
                continue
            # What was published before a record that is there must be there too.
            end = request.records if request.process else max(seen[request.id], default=-1) + 1
            missing = [number for number in range(end) if is_in(number) and number not in seen[request.id]]
            if missing:
                kind = "of the answered request" if request.process else "of the unanswered request"
                self.faults["lost"].append(f"{missing[:20]} {kind} {request.id}, process {request.process}")

    def _judge_python(self, stderr):
        said = collections.Counter(re.findall(r"Python's own record of request (\S+)", stderr))
        for request in self.requests.values():
            if request.kind == "python" and request.process > 0 and said[request.id] != 1:
                self.faults["python"].append(f"{said[request.id]} lines of {request.id}")


def lines_of(paths):
    for path in paths:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for line in file:
                yield path, line


def rolled(path):
    """A rolled file and those before it, the oldest first."""
    def age(backup):
        return int(backup.suffix[1:])

    backups = (backup for backup in path.parent.glob(path.name + ".*") if backup.suffix[1:].isdigit())
    return [*sorted(backups, key=age, reverse=True), path]


def is_warning(number):
    return number % 7 == 6


def strange_lines(log, killed_workers):
    """What gunicorn says of processes that are none of its workers, and of more than the kills and signals of this run."""
    booted = set(re.findall(r"Booting worker with pid: (\d+)", log)) | {str(pid) for pid in killed_workers}
    strange = []
    for line in log.splitlines():
        ended = re.search(r"Worker \(pid:\s*(\d+)\)|unknown child process \(pid:\s*(\d+)", line)
        if ended and (ended[2] or ended[1] not in booted):
            strange.append(line)
        elif re.search(r"exited with code|WORKER TIMEOUT|Unhandled|Exception|Traceback|Reason: ", line):
            strange.append(line)
    return strange


def fork_warnings(log):
    return [line for line in log.splitlines() if "multi-threaded" in line or "fork() may lead" in line]


def complaints(log):
    """What logtree itself says on stderr."""
    return [line for line in log.splitlines() if re.match(r"(logtree: |--- Logging error|thread '.*panicked)", line)]


def directory_left(directory):
    """Claims that nobody has removed."""
    return sorted(path.name for path in pathlib.Path(directory).glob(".*.logtree"))
