"""`python flow.py logs`: what tasks wrote."""

import sys

import click

from flowstone_client import Task
from flowstone_interfaces import Stream
from flowstone_runtime.command_context import CommandContext
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.line_splitter import LineSplitter
from flowstone_runtime.run_target import find_target, target_argument


def command(flow: type[FlowSpec]) -> click.Command:
    """The command."""

    @click.pass_obj
    def logs(context: CommandContext, /, target: str, stdout: bool, stderr: bool) -> None:
        _, tasks = find_target(context, target)
        streams = {stream for stream, wanted in ((Stream.STDOUT, stdout), (Stream.STDERR, stderr)) if wanted}
        for task in tasks:
            _print(task, streams or set(Stream), with_name=len(tasks) > 1)

    return click.Command(
        "logs",
        callback=logs,
        help="Show what tasks wrote, task by task. Without a name, those of the newest run.",
        params=[
            target_argument(),
            click.Option(["--stdout"], is_flag=True, help="Only standard output."),
            click.Option(["--stderr"], is_flag=True, help="Only standard error."),
        ],
    )


def _print(task: Task, streams: set[Stream], *, with_name: bool) -> None:
    prefix = f"{task.step_name}/{task.id} | " if with_name else ""
    splitters = {stream.value: LineSplitter() for stream in streams}
    for frame in task.log_frames():
        if frame.stream in splitters:
            for line in splitters[frame.stream].feed(frame.data):
                sys.stdout.write(f"{prefix}{line}\n")
    for splitter in splitters.values():
        for line in splitter.finish():
            sys.stdout.write(f"{prefix}{line}\n")
