import io

import pytest
from rich.console import Console

from flowstone_graph import parse_flow
from flowstone_interfaces import Stream
from flowstone_runtime import FlowSpec, step
from flowstone_runtime.reporting.live_reporter import LiveReporter
from flowstone_runtime.reporting.reporter import RunHeader


class Hello(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2, 3]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


HEADER = RunHeader("Hello", "r1", "/the/store", parse_flow(Hello), is_new_store=False)


@pytest.fixture
def out():
    return io.StringIO()


@pytest.fixture
def reporter(out):
    console = Console(file=out, force_terminal=True, width=100, color_system=None)
    with LiveReporter(console) as reporter:
        reporter.run_started(HEADER)
        yield reporter


def shown(reporter) -> list[str]:
    """The table as a person sees it now."""
    console = Console(file=io.StringIO(), width=100, color_system=None)
    console.print(reporter.render())
    return console.file.getvalue().splitlines()


def row(reporter, name: str) -> str:
    (line,) = [line for line in shown(reporter) if line.startswith(name)]
    return line


def test_every_step_has_a_row_from_the_beginning(reporter) -> None:
    """One sees what is still to come."""
    assert [line.split()[0] for line in shown(reporter)] == ["start", "work", "join", "end"]


def test_a_row_counts_what_is_done_and_what_runs(reporter) -> None:
    """Out of all that are known."""
    reporter.tasks_ready("work", 3)
    assert "0/3" in row(reporter, "work")
    reporter.task_started("work", "0")
    reporter.task_started("work", "1")
    assert "2 running" in row(reporter, "work")
    reporter.task_finished("work", "0", 0.1)
    assert "1/3  1 running" in row(reporter, "work")
    reporter.task_finished("work", "1", 0.1)
    reporter.task_started("work", "2")
    reporter.task_finished("work", "2", 0.1)
    assert "3/3" in row(reporter, "work")
    assert "running" not in row(reporter, "work")


def test_what_fails_is_counted_and_told(reporter, out) -> None:
    """Also a task that was refused and never ran."""
    reporter.tasks_ready("work", 3)
    reporter.task_started("work", "0")
    reporter.task_failed("work", "0", "ValueError: the sky is down", "flow.py:7")
    reporter.task_failed("work", "1", "it could not be started", "")
    assert "2 failed" in row(reporter, "work")
    assert "running" not in row(reporter, "work")
    assert "0/3" in row(reporter, "work")
    assert "work/0 failed: ValueError: the sky is down (flow.py:7)" in out.getvalue()


def test_a_stopped_task_has_not_failed(reporter) -> None:
    """It leaves the count."""
    reporter.tasks_ready("work", 2)
    reporter.task_started("work", "0")
    reporter.task_stopped("work", "0")
    reporter.task_stopped("work", "1")
    assert "failed" not in row(reporter, "work")
    assert "running" not in row(reporter, "work")


def test_what_tasks_write_stands_above_the_table_as_it_is(reporter, out) -> None:
    """Brackets are no markup; long lines are not cut."""
    line = "[bold]not markup[/bold] :smile: " + "x" * 200
    reporter.task_output("work", "0", Stream.STDOUT, line)
    reporter.task_output("work", "1", Stream.STDERR, "an error")
    assert f"work/0 │ {line}" in out.getvalue()
    assert "work/1 │ an error" in out.getvalue()


def test_the_end_leaves_the_table_and_says_how_it_went(reporter, out) -> None:
    """And what to do next."""
    reporter.tasks_ready("start", 1)
    reporter.task_started("start", "0")
    reporter.task_finished("start", "0", 0.1)
    reporter.run_ended("finished", "", 2.0)
    text = out.getvalue()
    assert "Hello/r1\n" in text
    assert "/the/store" in text
    assert "1/1" in text
    assert "Hello/r1: finished in 2.0 s" in text
    assert "dump r1" in text


def test_the_terminal_is_given_back_after_an_error(out) -> None:
    """A hidden cursor would be a lasting memory of us."""
    console = Console(file=out, force_terminal=True, width=100)

    def fail() -> None:
        with LiveReporter(console) as reporter:
            reporter.run_started(HEADER)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("\x1b[?25l")
