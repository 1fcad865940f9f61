import io
import re

import pytest

from flowstone_graph import parse_flow
from flowstone_interfaces import Stream
from flowstone_runtime import FlowSpec, step
from flowstone_runtime.reporting.plain_reporter import plain_reporter
from flowstone_runtime.reporting.reporter import RunHeader


class Hello(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


HEADER = RunHeader("Hello", "r1", "/the/store", parse_flow(Hello), is_new_store=True)


@pytest.fixture
def out():
    return io.StringIO()


def tell(out, *, is_quiet=False, steps=lambda reporter: None, state="finished", message=""):
    with plain_reporter(out, is_quiet=is_quiet) as reporter:
        reporter.run_started(HEADER)
        steps(reporter)
        reporter.run_ended(state, message, 75.0)
    return re.sub(r"(?m)^\d\d:\d\d:\d\d ", "", out.getvalue())


def two_tasks(reporter):
    reporter.tasks_ready("start", 2)
    reporter.task_started("start", "0")
    reporter.task_started("start", "1")
    reporter.task_output("start", "0", Stream.STDOUT, "a line\twith [brackets]")
    reporter.task_finished("start", "0", 0.1)
    reporter.task_finished("start", "1", 0.1)


def test_a_run_is_told_line_by_line(out) -> None:
    """Its name and place first, one line for many tasks, how it ended last."""
    text = tell(out, steps=two_tasks)
    lines = text.splitlines()
    assert lines[0] == "Hello/r1"
    assert "/the/store" in lines[1]
    assert "(new)" in lines[1]
    assert lines[2:5] == ["start: started", "start/0 | a line\twith [brackets]", "start: 2 tasks done"]
    assert "Hello/r1: finished in 1 min 15 s" in text
    assert "dump r1" in text


def fails(reporter):
    reporter.tasks_ready("start", 3)
    for task in "012":
        reporter.task_started("start", task)
    reporter.task_failed("start", "1", "ValueError: the sky is down", "flow.py:7")
    reporter.task_failed("start", "2", "killed", "")
    reporter.task_finished("start", "0", 0.1)


def test_a_failure_says_what_and_where_and_what_to_look_at(out) -> None:
    """The count of what is done leaves out what failed."""
    text = tell(out, steps=fails, state="failed", message="Hello/r1/start/1 failed: ...")
    assert "start/1: FAILED: ValueError: the sky is down (flow.py:7)\n" in text
    assert "start/2: FAILED: killed\n" in text
    assert "start: 1 task done\n" in text
    assert "Hello/r1: failed in" in text
    assert "logs r1/start/1" in text


def stopped(reporter):
    reporter.tasks_ready("start", 2)
    reporter.task_started("start", "0")
    reporter.task_started("start", "1")
    reporter.task_stopped("start", "0")
    reporter.task_finished("start", "1", 0.1)


def test_a_stopped_task_is_neither_failed_nor_awaited(out) -> None:
    """It is the run that ended."""
    text = tell(out, steps=stopped, state="cancelled", message="stopped by SIGINT")
    assert "start/0: stopped\n" in text
    assert "start: 1 task done\n" in text
    assert "cancelled in" in text
    assert "stopped by SIGINT" in text


def test_quiet_says_nothing_of_what_goes_well(out) -> None:
    """A cron job that is fine sends no mail."""
    assert tell(out, is_quiet=True, steps=two_tasks) == ""


def test_quiet_still_tells_what_goes_wrong(out) -> None:
    """One that is not fine does."""
    text = tell(out, is_quiet=True, steps=fails, state="failed")
    assert "FAILED: ValueError" in text
    assert "started" not in text


def test_many_tasks_are_summed_up_now_and_then(out, monkeypatch) -> None:
    """Ten thousand tasks make no ten thousand lines."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def many(reporter):
        reporter.tasks_ready("start", 1000)
        for number in range(1000):
            now[0] += 1 / 64
            reporter.task_started("start", str(number))
            reporter.task_finished("start", str(number), 0.01)

    lines = [line for line in tell(out, steps=many).splitlines() if line.startswith("start")]
    assert lines == [
        "start: started",
        "start: 322 done, 678 left",
        "start: 643 done, 357 left",
        "start: 964 done, 36 left",
        "start: 1000 tasks done",
    ]
