"""The judge, judged: each kind of fault is put into files in which nothing is wrong.

    cd examples/gunicorn && python3 -m unittest harness.test_judge
"""

import pathlib
import tempfile
import unittest

from harness import judge
from harness.load import payload

SENT = 1_700_000_000


def line(request, number, order, thread=7, config=1, second=0):
    level = "WARNING" if judge.is_warning(number) else "INFO"
    return (
        f"2023-11-14 22:13:{20 + second:02},123 config={config} process=7 thread={thread} {level} shop.orders handled "
        f"request={request} number={number} order={order} payload={payload(request)}\n"
    )


class JudgeTest(unittest.TestCase):
    def setUp(self):
        # 1-1 was answered with eight records in two files, 1-2 was not and left two of its three, 1-3 is Python's own.
        self.all = [line("1-1", number, number) for number in range(8)]
        self.old, self.all = self.all[:5], self.all[5:] + [line("1-2", 0, 8), line("1-2", 1, 9)]
        self.warnings = [line("1-1", 6, 6)]
        self.stderr = "Python's own record of request 1-3\n"
        self.requests = f"order 1-1 8 {SENT} 7\norder 1-2 3 {SENT} 0\npython 1-3 1 {SENT} 7\n"
        self.changes = []

    def faults(self):
        with tempfile.TemporaryDirectory() as directory:
            directory = pathlib.Path(directory)
            (directory / "all.log.1").write_text("".join(self.old))
            (directory / "all.log").write_text("".join(self.all))
            (directory / "warnings.log").write_text("".join(self.warnings))
            (directory / "stderr").write_text(self.stderr)
            (directory / "requests").write_text(self.requests)
            verdict = judge.Verdict(directory, judge.read_requests(directory / "requests"), self.changes)
            return {kind: len(found) for kind, found in verdict.faults.items() if found}

    def test_nothing_is_wrong(self):
        self.assertEqual(self.faults(), {})

    def test_an_answered_request_lacks_a_line(self):
        del self.all[0]
        self.assertEqual(self.faults(), {"lost": 1})

    def test_an_answered_request_lacks_its_line_in_one_of_two_files(self):
        self.warnings = []
        self.assertEqual(self.faults(), {"lost": 1})

    def test_of_an_unanswered_request_a_line_is_missing_before_one_that_is_there(self):
        del self.all[-2]
        self.assertEqual(self.faults(), {"lost": 1})

    def test_an_unanswered_request_has_no_lines(self):
        del self.all[-2:]
        self.assertEqual(self.faults(), {})

    def test_a_line_stands_twice(self):
        self.all.insert(1, self.all[0])
        self.assertEqual(self.faults(), {"repeated": 1})

    def test_a_line_stands_twice_in_two_files(self):
        self.all.insert(0, self.old[-1])
        self.assertEqual(self.faults(), {"repeated": 1})

    def test_a_line_is_cut(self):
        self.old[0] = self.old[0][:-2] + "\n"
        self.assertEqual(self.faults(), {"torn": 1})

    def test_the_last_line_has_no_end(self):
        self.all[-1] = self.all[-1].rstrip("\n")
        self.assertEqual(self.faults(), {"torn": 1})

    def test_two_lines_run_together(self):
        self.old[:2] = [self.old[0].rstrip("\n") + self.old[1]]
        self.assertEqual(self.faults(), {"torn": 1, "lost": 1})

    def test_drops_are_said(self):
        self.all.append("2023-11-14 22:13:20,123 config=1 process=9 thread=9 WARNING logtree 3 records were dropped\n")
        self.assertEqual(self.faults(), {"torn": 1})

    def test_another_process_logged_than_answered(self):
        self.requests = self.requests.replace(f"8 {SENT} 7", f"8 {SENT} 8")
        self.assertEqual(self.faults(), {"torn": 9})

    def test_a_threads_lines_stand_in_another_order(self):
        self.old[1:3] = self.old[2:0:-1]
        self.assertEqual(self.faults(), {"order": 1})

    def test_the_listener_goes_back_to_an_older_config(self):
        self.all[1] = self.all[1].replace("config=1", "config=2")
        self.assertEqual(self.faults(), {"config": len(self.all) - 2})

    def test_the_listener_keeps_the_older_config(self):
        self.changes = [(SENT - 1, 2)]
        self.assertEqual(self.faults(), {"config": 11})

    def test_a_newer_config_may_come_late_for_records_made_before(self):
        self.changes = [(SENT + 1, 2)]
        self.assertEqual(self.faults(), {})

    def test_pythons_own_record_is_lost(self):
        self.stderr = ""
        self.assertEqual(self.faults(), {"python": 1})

    def test_an_answer_is_wrong(self):
        self.requests += f"order 1-4 1 {SENT} -1 b'HTTP/1.1 500 INTERNAL SERVER ERROR'\n"
        self.assertEqual(self.faults(), {"answers": 1})

    def test_gunicorn_meets_strangers(self):
        log = "[7] Booting worker with pid: 7\nWorker (pid:7) was sent SIGKILL!\n"
        self.assertEqual(judge.strange_lines(log, set()), [])
        self.assertEqual(judge.strange_lines(log.replace("Booting", ""), {7}), [])
        for stranger in ["Worker (pid:8) was sent SIGKILL!", "Reaped unknown child process (pid:7, status:9)"]:
            self.assertEqual(judge.strange_lines(log + stranger, {7}), [stranger])


if __name__ == "__main__":
    unittest.main()
