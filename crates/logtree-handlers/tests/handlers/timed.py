"""Asks CPython when its TimedRotatingFileHandler rolls, what files are called then, which it deletes, and what a clock
that steps leaves.

Prints one JSON object a line; timed.jsonl beside this file is what CPython 3.13 answered. Everything random is seeded,
so that the same interpreter prints the same lines, with the same time zone database.

    python3.13 timed.py > timed.jsonl
"""

import calendar
import datetime
import json
import logging.handlers
import os
import random
import tempfile
import time

from namers import TEMPLATES, namer_of

chosen = random.Random(20261125)
WHENS = ["S", "M", "H", "D", "midnight"] + [f"W{day}" for day in range(7)]
# The northern and the southern summer, one of half an hour, and none; the zone of the last stands in no database.
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata", "UTC",
         "CET-1CEST,M3.5.0,M10.5.0/3"]
TIMES = [None, "00:00", "02:30", "13:45:30", "23:59:59"]


def line(**case):
    print(json.dumps(case, separators=(",", ":")))


def moments():
    """Around the ends and beginnings of summer in 2024 to 2026, and anywhere."""
    found = []
    for year, month, day in [(2024, 3, 31), (2024, 10, 27), (2025, 3, 9), (2025, 11, 2), (2026, 4, 5), (2026, 9, 6)]:
        start = calendar.timegm((year, month, day, 0, 0, 0))
        found += [start + chosen.randrange(-3 * 86400, 2 * 86400) for _ in range(3)]
        found += [start + hour * 3600 for hour in (-24, -1, 0, 1, 2, 3, 24)]
    found += [chosen.randrange(0, 2**31) for _ in range(6)]
    return found


def at_time(text):
    return None if text is None else datetime.time.fromisoformat(text)


def handler(directory, **arguments):
    return logging.handlers.TimedRotatingFileHandler(os.path.join(directory, "a.log"), delay=True, **arguments)


def rollovers(directory):
    instants = moments()
    line(instants=instants)
    for zone in ZONES:
        os.environ["TZ"] = zone
        time.tzset()
        for when in WHENS:
            for interval in (1, 3):
                for utc in (False, True):
                    for text in TIMES if when[0] in "mW" else [None]:
                        if (utc and zone != ZONES[0]) or (text not in TIMES[:3] and interval == 3):
                            continue
                        subject = handler(directory, when=when, interval=interval, utc=utc, atTime=at_time(text))
                        results = [subject.computeRollover(instant) - instant for instant in instants]
                        line(zone=zone, when=when, interval=interval, utc=utc, atTime=text, after=results)


def names(directory):
    """What a file that was due is called when it is rolled a second, or an hour, later."""
    instants = moments()
    line(due=instants)
    real = time.time
    for zone in ZONES:
        os.environ["TZ"] = zone
        time.tzset()
        for when in WHENS:
            for interval in (1, 3):
                for late in (0, 3600):
                    results = []
                    for instant in instants if when in WHENS[2:6] else instants[::7]:
                        subject = handler(directory, when=when, interval=interval)
                        subject.rolloverAt = subject.computeRollover(instant)
                        renamed = []
                        subject.rotator = lambda source, dest: renamed.append(dest)
                        time.time = lambda: subject.rolloverAt + late
                        subject.doRollover()
                        time.time = real
                        results.append(renamed[0].removeprefix(subject.baseFilename + "."))
                    line(zone=zone, when=when, interval=interval, late=late, names=results)


def deletions(cases, templates):
    for _ in range(cases):
        template = chosen.choice(templates) if templates else None
        when = chosen.choice(WHENS)
        count = chosen.choice([1, 2, 3, 5])
        base = chosen.choice(["a.log", "a.log", "app", "a.b.log", ".log", "a.log.2020-01-01", "100% [a-z]*"])
        with tempfile.TemporaryDirectory() as directory:
            subject = logging.handlers.TimedRotatingFileHandler(
                os.path.join(directory, base), delay=True, when=when, backupCount=count)
            named = {}
            if template:
                named, subject.namer = {"namer": template}, namer_of(template, base)
            files = set()
            for _ in range(chosen.randrange(16)):
                moment = time.gmtime(chosen.randrange(0, 2**31))
                suffix = time.strftime(chosen.choice([subject.suffix] * 8 + ["%Y-%m-%d", "%Y-%m-%d_%H"]), moment)
                before = chosen.choice([base + "."] * 16 + [base, "b.log.", f"x{base}.", base + ".."])
                after = chosen.choice([""] * 16 + ["1", ".gz", "x", "_", "\u0664"])
                name = before + suffix + after
                if template and chosen.random() < 0.9:
                    name = chosen.choice([""] * 8 + ["x"]) + subject.namer(f"{base}.{suffix}{after}")
                files.add(name)
            for name in files:
                open(os.path.join(directory, name), "w").close()
            deleted = sorted(os.path.basename(path) for path in subject.getFilesToDelete())
            line(when=when, backupCount=count, base=base, **named, files=sorted(files), deleted=deleted)


def sequences(cases, templates):
    """What records leave behind whose clock goes on, jumps and steps back."""
    real = time.time
    for _ in range(cases):
        template = chosen.choice(templates) if templates else None
        when = chosen.choice(WHENS)
        # Names of hours and less differ where summer begins or ends: logtree gives each hour its own.
        zone = chosen.choice(ZONES if when in WHENS[3:] else ["Asia/Kolkata", "UTC"])
        os.environ["TZ"] = zone
        time.tzset()
        interval, count = chosen.choice([1, 1, 3]), chosen.choice([0, 1, 2, 5])
        text = chosen.choice(TIMES) if when[0] in "mW" else None
        began = chosen.choice(moments()) + 86400
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "a.log")
            before = chosen.choice(["", "old\n"])
            with open(path, "w") as file:
                file.write(before)
            os.utime(path, (began, began))
            subject = logging.handlers.TimedRotatingFileHandler(
                path, when=when, interval=interval, backupCount=count, atTime=at_time(text))
            named, stuck = {}, []
            if template:
                named, subject.namer = {"namer": template}, namer_of(template, "a.log")

            def rotation_filename(name):
                name = subject.namer(name) if subject.namer else name
                stuck.append(os.path.exists(name))
                return name

            subject.rotation_filename = rotation_filename
            now, clock = began, []
            for number in range(chosen.randrange(2, 16)):
                step = subject.interval
                now += chosen.choice([0, 1, step // 2, step, step, step + 1, 3 * step + 5, 3600, 86400, -1, -step, -9 * step])
                now = min(max(now, 86400), 2**31)
                time.time = lambda: now
                subject.handle(logging.makeLogRecord({"msg": str(number)}))
                time.time = real
                if any(stuck):
                    # It will never roll again. logtree does.
                    break
                clock.append(now)
            subject.close()
            if not any(stuck):
                left = {name: open(os.path.join(directory, name)).read() for name in sorted(os.listdir(directory))}
                line(zone=zone, when=when, interval=interval, backupCount=count, atTime=text, **named, began=began,
                     before=before, clock=clock, left=left)


def refusals(directory):
    for arguments in [
        {"when": "X"}, {"when": "W"}, {"when": "W7"}, {"when": "WX"}, {"when": "W10"}, {"when": 5}, {"when": None},
        {"when": "noon"}, {"interval": "2"}, {"interval": None}, {"interval": []}, {"when": "midnight", "atTime": 3},
        {"when": "", "interval": "x"}, {"bogus": 1}, {"when": "w0"}, {"when": "MidNight"}, {"interval": 1.5},
        {"interval": True}, {"when": "H", "atTime": 3}, {"utc": "yes"}, {"when": "s", "interval": -1},
    ]:
        try:
            handler(directory, **arguments)
            refusal = None
        except Exception as error:
            refusal = f"{type(error).__name__}: {error}"
        line(arguments=arguments, refusal=refusal)


with tempfile.TemporaryDirectory() as directory:
    rollovers(directory)
    names(directory)
    deletions(300, None)
    sequences(300, None)
    refusals(directory)
    deletions(200, TEMPLATES)
    sequences(200, TEMPLATES)
