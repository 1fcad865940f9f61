"""`python flow.py dump`: what a run, a step or a task stored."""

from collections import Counter

import click

from flowstone_client import DataArtifact, Run, Task
from flowstone_interfaces import FlowstoneError
from flowstone_runtime.command_context import CommandContext
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.run_target import find_target, target_argument

_LARGEST_LOADED_BYTES = 1 << 20


def command(flow: type[FlowSpec]) -> click.Command:
    """The command."""

    @click.pass_obj
    def dump(context: CommandContext, /, target: str, include: str, max_value_size: int) -> None:
        run, tasks = find_target(context, target)
        names = {name for name in include.split(",") if name}
        if "/" not in target.removeprefix(f"{flow.__name__}/"):
            _describe_run(run)
            tasks = tasks[-1:]
        for task in tasks:
            _describe_task(task, names, max_value_size)

    return click.Command(
        "dump",
        callback=dump,
        help="Show what a run, a step or a task stored. Without a name, the newest run.",
        params=[
            target_argument(),
            click.Option(["--include"], default="", metavar="NAME,NAME", help="Only these artifacts."),
            click.Option(
                ["--max-value-size"],
                type=click.IntRange(min=0),
                default=60,
                show_default=True,
                help="Characters of each value to show.",
            ),
        ],
    )


def _describe_run(run: Run) -> None:
    click.echo(f"{run.pathspec}  {run.state.value}  started {run.created_at:%Y-%m-%d %H:%M:%S} UTC by {run.user}")
    if run.message:
        click.echo(run.message)
    for step in run.steps():
        states = Counter(task.state.value for task in step.tasks())
        click.echo(f"  {step.id:20} {', '.join(f'{count} {state}' for state, count in states.items())}")


def _describe_task(task: Task, names: set[str], max_value_size: int) -> None:
    click.echo(f"{task.pathspec}  {task.state.value}")
    artifacts = [artifact for artifact in task.artifacts if not names or artifact.id in names]
    width = max((len(artifact.id) for artifact in artifacts), default=0)
    for artifact in artifacts:
        kind = artifact.type.removeprefix("builtins.")
        value = _preview(artifact, max_value_size)
        click.echo(f"  {artifact.id:{width}}  {_size(artifact.size):>9}  {kind:20}  {value}".rstrip())


def _preview(artifact: DataArtifact, max_value_size: int) -> str:
    """The beginning of the value, if that is cheap to have."""
    if not max_value_size or artifact.size > _LARGEST_LOADED_BYTES:
        return ""
    try:
        text = " ".join(repr(artifact.data).split())
    except FlowstoneError as error:
        return f"({error})"
    return text if len(text) <= max_value_size else text[: max_value_size - 1] + "…"


def _size(size_bytes: int) -> str:
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
