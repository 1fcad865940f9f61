"""`python flow.py logs`: what tasks wrote."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timezone

import attrs
import click

from flowstone_client import Client, Run, Task
from flowstone_datastore import LogFrame
from flowstone_interfaces import Stream
from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.command_line.run_target import find_target, target_argument
from flowstone_runtime.commands.json_option import json_option, print_json
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.reporting.log_following import follow
from flowstone_runtime.tasks.line_splitter import LineSplitter


def command(flow: type[FlowSpec]) -> click.Command:
    """The command."""

    @click.pass_obj
    def logs(
        context: CommandContext,
        /,
        target: str,
        stdout: bool,
        stderr: bool,
        attempt: int | None,
        follow: bool,
        timestamps: bool,
        as_json: bool,
    ) -> None:
        chosen = [stream for stream, wanted in ((Stream.STDOUT, stdout), (Stream.STDERR, stderr)) if wanted]
        kind = _Kind(frozenset(stream.value for stream in chosen or Stream), as_json=as_json, with_time=timestamps)
        if follow:
            _follow(context, target, kind, attempt)
            return
        _, tasks = find_target(context, target)
        with_name = len(tasks) > 1
        client = Client(context.settings.store)
        for task in tasks if attempt is None else [Task(each.pathspec, attempt, client=client) for each in tasks]:
            _print(task.log_frames(), attrs.evolve(kind, with_name=with_name))

    return click.Command(
        "logs",
        callback=logs,
        help="Show what tasks wrote, task by task. Without a name, those of the newest run.",
        params=[
            target_argument(),
            click.Option(["--stdout"], is_flag=True, help="Only standard output."),
            click.Option(["--stderr"], is_flag=True, help="Only standard error."),
            click.Option(
                ["--attempt"],
                type=click.IntRange(min=0),
                metavar="N",
                help="Of this attempt, from 0; else the latest.",
            ),
            click.Option(
                ["--follow", "-f"],
                is_flag=True,
                help="Show lines as they come, until the run ends; of all attempts.",
            ),
            click.Option(["--timestamps"], is_flag=True, help="Begin each line with its time (timezone.utc)."),
            json_option(),
        ],
    )


@attrs.frozen
class _Kind:
    """Which lines to print, and how."""

    streams: frozenset[str]
    as_json: bool
    with_time: bool
    with_name: bool = False

    def print(self, frame: LogFrame, line: str) -> None:
        """Print a line that began with this frame."""
        time = datetime.fromtimestamp(frame.time, timezone.utc)
        if self.as_json:
            print_json(
                {
                    "task": f"{frame.step}/{frame.task}",
                    "attempt": frame.attempt,
                    "stream": frame.stream,
                    "time": time.isoformat(),
                    "line": line,
                }
            )
            return
        began = f"{time:%Y-%m-%d %H:%M:%S.%f}Z " if self.with_time else ""
        name = f"{frame.step}/{frame.task} | " if self.with_name else ""
        click.echo(f"{began}{name}{line}", color=True)  # colours that a task printed are its own


def _print(frames: Iterable[LogFrame], kind: _Kind) -> None:
    for frame, line in _lines(frame for frame in frames if frame.stream in kind.streams):
        kind.print(frame, line)


def _lines(frames: Iterable[LogFrame]) -> Iterator[tuple[LogFrame, str]]:
    """The lines of each attempt's streams as they end, each with the frame that it began in."""
    splitters: dict[tuple[str, str, int, str], LineSplitter] = {}
    began: dict[tuple[str, str, int, str], LogFrame] = {}
    for frame in frames:
        source = (frame.step, frame.task, frame.attempt, frame.stream)
        for line in splitters.setdefault(source, LineSplitter()).feed(frame.data):
            yield began.pop(source, frame), line
        if frame.data.endswith(b"\n"):
            began.pop(source, None)
        else:
            began.setdefault(source, frame)
    for source, splitter in splitters.items():
        for line in splitter.finish():
            yield began[source], line


def _follow(context: CommandContext, target: str, kind: _Kind, attempt: int | None) -> None:
    """Print what the target writes, old and new, until its run has ended."""
    run_id, *names = target.removeprefix(f"{context.flow.__name__}/").split("/")
    if len(names) > 2:
        raise UsageError(f"{target!r} has too many parts; write RUN, RUN/STEP or RUN/STEP/TASK")
    run: Run = find_target(context, run_id)[0]
    wanted = (
        frame
        for frame in follow(Client(context.settings.store).datastore, run)
        if (frame.step, frame.task)[: len(names)] == tuple(names) and attempt in (None, frame.attempt)
    )
    _print(wanted, attrs.evolve(kind, with_name=len(names) < 2))
