"""`python flow.py dump`: what a run, a step or a task stored."""

import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import click

from flowstone_client import DataArtifact, Run, Task
from flowstone_client.byte_size import human_bytes
from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.command_line.run_target import find_target, target_argument
from flowstone_runtime.commands.json_option import json_option, print_json
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.reporting.artifact_preview import preview


@attrs.frozen
class _Wanted:
    """Which artifacts to show, and how much of each value."""

    names: frozenset[str]
    """Empty for all."""
    has_private: bool
    """Also those whose names begin with `_`."""
    max_value_size: int

    def of(self, task: Task) -> list[DataArtifact]:
        """The task's artifacts, by name."""
        names = sorted(task.data._entries) if self.has_private else [known.id for known in task.artifacts]  # noqa: SLF001
        return [task[name] for name in names if not self.names or name in self.names]


def command(flow: type[FlowSpec]) -> click.Command:
    """The command."""

    @click.pass_obj
    def dump(
        context: CommandContext,
        /,
        target: str,
        include: str,
        private: bool,
        max_value_size: int,
        file: Path | None,
        as_json: bool,
    ) -> None:
        run, tasks = find_target(context, target)
        wanted = _Wanted(frozenset(name for name in include.split(",") if name), private, max_value_size)
        is_run = "/" not in target.removeprefix(f"{flow.__name__}/")
        if is_run:
            tasks = tasks[-1:]
        if file is not None:
            _save(file, tasks, wanted)
        elif as_json:
            told = {"run": _run_as_json(run)} if is_run else {}
            print_json({**told, "tasks": [_task_as_json(task, wanted) for task in tasks]})
        else:
            if is_run:
                _describe_run(run)
            for task in tasks:
                _describe_task(task, wanted)

    return click.Command(
        "dump",
        callback=dump,
        help="Show what a run, a step or a task stored. Without a name, the newest run.",
        params=[
            target_argument(),
            click.Option(["--include"], default="", metavar="NAME,NAME", help="Only these artifacts."),
            click.Option(["--private"], is_flag=True, help="Also artifacts whose names begin with _."),
            click.Option(
                ["--max-value-size"],
                type=click.IntRange(min=0),
                default=60,
                show_default=True,
                help="Characters of each value to show.",
            ),
            click.Option(
                ["--file"],
                type=click.Path(dir_okay=False, path_type=Path),
                help="Write the values to this file instead: a pickled dict, pathspec to a dict of values.",
            ),
            json_option(),
        ],
    )


def _save(file: Path, tasks: list[Task], wanted: _Wanted) -> None:
    values = {task.pathspec: {known.id: known.data for known in wanted.of(task)} for task in tasks}
    try:
        file.write_bytes(pickle.dumps(values, protocol=5))
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}; name another file") from error


def _run_as_json(run: Run) -> dict[str, Any]:
    return {
        "run": run.pathspec,
        "state": run.state.value,
        "created_at": run.created_at.isoformat(),
        "user": run.user,
        "message": run.message,
        "steps": {step.id: dict(Counter(task.state.value for task in step.tasks())) for step in run.steps()},
    }


def _task_as_json(task: Task, wanted: _Wanted) -> dict[str, Any]:
    return {
        "task": task.pathspec,
        "state": task.state.value,
        "artifacts": {
            known.id: {
                "type": known.type,
                "size": known.size,
                "address": known.address,
                "value": preview(known, wanted.max_value_size),
            }
            for known in wanted.of(task)
        },
    }


def _describe_run(run: Run) -> None:
    click.echo(f"{run.pathspec}  {run.state.value}  started {run.created_at:%Y-%m-%d %H:%M:%S} UTC by {run.user}")
    if run.message:
        click.echo(run.message)
    for step in run.steps():
        states = Counter(task.state.value for task in step.tasks())
        click.echo(f"  {step.id:20} {', '.join(f'{count} {state}' for state, count in states.items())}")


def _describe_task(task: Task, wanted: _Wanted) -> None:
    click.echo(f"{task.pathspec}  {task.state.value}")
    artifacts = wanted.of(task)
    width = max((len(artifact.id) for artifact in artifacts), default=0)
    for artifact in artifacts:
        kind = artifact.type.removeprefix("builtins.")
        value = preview(artifact, wanted.max_value_size)
        click.echo(f"  {artifact.id:{width}}  {human_bytes(artifact.size):>9}  {kind:20}  {value}".rstrip())
