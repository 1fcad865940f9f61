"""A run as a live table: a row for each step, what tasks write above it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from flowstone_interfaces import Stream
from flowstone_interfaces.python_310 import Self
from flowstone_runtime.reporting.reporter import RunHeader
from flowstone_runtime.reporting.run_hints import describe_end, describe_start

_BAR_WIDTH = 28
_REFRESH_PER_SECOND = 8


@attrs.define
class _StepRow:
    waiting: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    reused: int = 0
    stopped: int = 0
    started: float | None = None
    ended: float | None = None

    @property
    def total(self) -> int:
        return self.waiting + self.running + self.done + self.failed + self.stopped + self.reused

    def seconds(self, now: float) -> float | None:
        return None if self.started is None else (self.ended or now) - self.started

    def seconds_left(self, now: float) -> float | None:
        """How long the tasks known so far will take at the rate seen so far."""
        seconds = self.seconds(now)
        open_tasks = self.waiting + self.running
        return seconds / self.done * open_tasks if seconds and self.done and open_tasks else None


class LiveReporter:
    """Redraws a table of steps several times a second; see `live_reporter` for its opening."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._header: RunHeader | None = None
        self._rows: dict[str, _StepRow] = {}
        self._failed: list[str] = []
        self._is_over = False
        self._live = Live(
            console=console, get_renderable=self.render, refresh_per_second=_REFRESH_PER_SECOND, transient=False
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._live.stop()

    def run_started(self, header: RunHeader) -> None:
        """See `Reporter`."""
        self._header = header
        self._rows = {node.name: _StepRow() for node in header.graph}
        for line in describe_start(header):
            self._print(Text(line, style="bold" if line.startswith(header.flow) else "dim"))

    def tasks_ready(self, step: str, count: int) -> None:
        """See `Reporter`."""
        self._rows[step].waiting += count

    def task_started(self, step: str, task: str) -> None:
        """See `Reporter`."""
        row = self._rows[step]
        row.waiting -= 1
        row.running += 1
        row.started = row.started or time.monotonic()
        row.ended = None

    def task_output(self, step: str, task: str, stream: Stream, line: str) -> None:
        """See `Reporter`."""
        style = "red" if stream is Stream.STDERR else ""
        self._print(Text.assemble((f"{step}/{task} ", "cyan"), ("│ ", "dim"), Text.from_ansi(line, style=style)))

    def task_finished(self, step: str, task: str, seconds: float) -> None:
        """See `Reporter`."""
        row = self._rows[step]
        row.running -= 1
        row.done += 1
        self._note_end(row)

    def task_failed(self, step: str, task: str, message: str, place: str) -> None:
        """See `Reporter`."""
        row = self._rows[step]
        # A task that was refused never ran.
        row.running, row.waiting = (row.running - 1, row.waiting) if row.running else (0, row.waiting - 1)
        row.failed += 1
        self._note_end(row)
        self._failed.append(f"{step}/{task}")
        where = f" ({place})" if place else ""
        self._print(Text(f"{step}/{task} failed: {message}{where}", style="bold red"))

    def task_reused(self, step: str, task: str) -> None:
        """See `Reporter`."""
        row = self._rows[step]
        row.reused += 1
        if row.reused == 1 and self._header is not None and step in self._header.changes.steps:
            remark = f"{step} is taken over, but its code has changed since: `resume {step}` would run it again"
            self._print(Text(remark, style="yellow"))

    def task_retried(self, step: str, task: str, message: str, place: str, wait_seconds: float) -> None:
        """See `Reporter`."""
        row = self._rows[step]
        row.running -= 1
        row.waiting += 1
        where = f" ({place})" if place else ""
        when = f"in {wait_seconds:g} s" if wait_seconds else "now"
        self._print(Text(f"{step}/{task} failed: {message}{where}; next attempt {when}", style="yellow"))

    def task_stopped(self, step: str, task: str) -> None:
        """See `Reporter`."""
        row = self._rows[step]
        row.running, row.waiting = (row.running - 1, row.waiting) if row.running else (0, row.waiting - 1)
        row.stopped += 1
        self._note_end(row)

    def run_ended(self, state: str, message: str, seconds: float) -> None:
        """See `Reporter`."""
        assert self._header is not None
        self._is_over = True
        self._live.refresh()
        self._live.stop()
        first, *rest = describe_end(self._header, state, message, seconds, self._failed)
        self._print(Text(first, style="bold green" if state == "finished" else "bold red"))
        for line in rest:
            self._print(Text(line))

    def render(self) -> Table:
        """The table as it is now."""
        now = time.monotonic()
        table = Table.grid(padding=(0, 2))
        for _ in range(4):
            table.add_column()
        for step, row in self._rows.items():
            table.add_row(*_cells(step, row, now, is_over=self._is_over))
        return table

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)

    def _note_end(self, row: _StepRow) -> None:
        if not row.waiting and not row.running:
            row.ended = time.monotonic()


def _cells(step: str, row: _StepRow, now: float, *, is_over: bool) -> tuple[Text | ProgressBar, ...]:
    if not row.total:
        return Text(step, style="dim"), Text(""), Text(""), Text("")
    succeeded = row.done + row.reused
    style = "red" if row.failed else "green" if succeeded == row.total else "bold"
    # Named colours: those of themes are grey on terminals with sixteen.
    bar = ProgressBar(
        total=row.total,
        completed=succeeded + row.failed,
        width=_BAR_WIDTH,
        complete_style="cyan",
        finished_style=style,
    )
    counts = Text(f"{succeeded}/{row.total}")
    if row.reused:
        counts.append(f"  {row.reused} taken over", style="cyan")
    if row.running:
        counts.append(f"  {row.running} running", style="yellow")
    if row.failed:
        counts.append(f"  {row.failed} failed", style="red")
    if row.stopped:
        counts.append(f"  {row.stopped} stopped", style="yellow")
    return Text(step, style=style), bar, counts, Text(_times(row, now, is_over=is_over), style="dim")


def _times(row: _StepRow, now: float, *, is_over: bool) -> str:
    seconds = row.seconds(now)
    if seconds is None:
        return ""
    parts = [f"{seconds:.1f} s"]
    if row.total > 1 and row.done and seconds:
        parts.append(f"{row.done / seconds:.1f}/s")
    left = None if is_over else row.seconds_left(now)
    if left is not None and row.total > 1:
        parts.append(f"{left:.0f} s left")
    return ", ".join(parts)


@contextmanager
def live_reporter() -> Iterator[LiveReporter]:
    """A live table on standard output for as long as the context lasts."""
    with LiveReporter(Console()) as reporter:
        yield reporter
