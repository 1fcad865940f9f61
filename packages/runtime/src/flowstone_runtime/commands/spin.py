"""`python flow.py spin`: one task of an older run again, as its step is written now."""

import runpy
import sys
from collections.abc import Mapping
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import attrs
import click

from flowstone_client import Client, Run, Task
from flowstone_client.byte_size import human_bytes
from flowstone_datastore import TaskFinished
from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.command_line.run_target import find_run, flow_runs
from flowstone_runtime.commands.json_option import json_option, print_json
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.past_runs.spin import InputChanges
from flowstone_runtime.past_runs.spin_run import SpinOptions, SpinResult, forget, spin
from flowstone_runtime.reporting.artifact_preview import preview

_SHOWN_CHARACTERS = 60


def command(flow: type[FlowSpec]) -> click.Command:
    """The command."""

    @click.pass_obj
    def run(
        context: CommandContext,
        /,
        target: str,
        artifacts_module: Path | None,
        skip_decorators: bool,
        added: tuple[str, ...],
        persist: bool,
        pdb: bool,
        run_id_file: Path | None,
        as_json: bool,
    ) -> int:
        old = _find_task(context, target)
        client = Client(context.settings.store)
        changes = InputChanges.of(_artifacts(artifacts_module))
        options = SpinOptions(changes, skip_decorators, added, pdb, context.environment, context.announce)
        if not context.is_quiet and not as_json:
            click.echo(f"{old.pathspec} again")
        summary = find_run(context, old.path_components[1]).summary
        with redirect_stdout(sys.stderr) if as_json else nullcontext():  # programs read what this command prints
            result = spin(flow, client.datastore, context.settings, summary, old.step_name, old.id, options)
        new = Run(f"{flow.__name__}/{result.run_id}", client=client)[old.step_name][old.id]
        if persist and run_id_file is not None:
            run_id_file.write_text(result.run_id, encoding="utf-8")
        if as_json:
            print_json(_as_json(old, new, result))
        elif not context.is_quiet:
            _describe(old, new, result, persist=persist)
        if not persist:
            forget(client.datastore, flow.__name__, result.run_id)
        return 0 if isinstance(result.record, TaskFinished) else 1

    return click.Command(
        "spin",
        callback=run,
        help=(
            "Run one task of an older run again, as its step is written now: in this process, with the inputs "
            "that it had. Of STEP alone, in the newest run that came to it: a task that failed, else the first. "
            "What it stores is compared with what the old task stored. It counts as no run of the flow."
        ),
        params=[
            click.Argument(["target"], metavar="STEP|RUN/STEP[/TASK]"),
            click.Option(
                ["--artifacts-module"],
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="A Python file with a dict ARTIFACTS: names and values that take the place of the inputs'.",
            ),
            click.Option(["--skip-decorators"], is_flag=True, help="Run the step without its decorators."),
            click.Option(
                ["--with", "added"],
                multiple=True,
                metavar="NAME:OPTION=VALUE",
                help="Decorate it, if it is not so.",
            ),
            click.Option(
                ["--persist/--no-persist"],
                default=True,
                show_default=True,
                help="Keep what it stored, to be found by its pathspec.",
            ),
            click.Option(["--pdb"], is_flag=True, help="Open a debugger where the step fails."),
            click.Option(
                ["--run-id-file"],
                type=click.Path(dir_okay=False, path_type=Path),
                help="Write the new run's id there.",
            ),
            json_option(),
        ],
    )


def _find_task(context: CommandContext, target: str) -> Task:
    match target.removeprefix(f"{context.flow.__name__}/").split("/"):
        case [step]:
            return _best(_newest_with(context, step), step)
        case [run_id, step]:
            return _best(find_run(context, run_id), step)
        case [run_id, step, task]:
            return find_run(context, run_id)[step][task]
    raise UsageError(f"{target!r} has too many parts; write STEP, RUN/STEP or RUN/STEP/TASK")


def _newest_with(context: CommandContext, step: str) -> Run:
    found = next((run for run in flow_runs(context) if step in run), None)
    if found is None:
        raise UsageError(f"no run of {context.flow.__name__} has come to a step {step!r} yet; start one with: run")
    return found


def _best(run: Run, step: str) -> Task:
    """The step's task that somebody most likely asks for."""
    tasks = list(run[step].tasks())
    return next((task for task in tasks if task.exception is not None), tasks[0])


def _artifacts(file: Path | None) -> Mapping[str, Any]:
    if file is None:
        return {}
    found = runpy.run_path(str(file)).get("ARTIFACTS")
    if not isinstance(found, Mapping):
        raise UsageError(f"{file} must set ARTIFACTS to a dict of names and values; it is {found!r:.60}")
    return found


def _comparison(old: Task, new: Task) -> dict[str, str]:
    """For each artifact of either: is it new, gone, changed or the same."""
    before, after = ({known.id: known.address for known in task.artifacts} for task in (old, new))
    words = {}
    for name in sorted({*before, *after}):
        if name not in before:
            words[name] = "new"
        elif name not in after:
            words[name] = "gone"
        else:
            words[name] = "same" if before[name] == after[name] else "changed"
    return words


def _describe(old: Task, new: Task, result: SpinResult, *, persist: bool) -> None:
    seconds = result.record.seconds or 0.0
    where = f"; stored as {new.pathspec}" if persist else ""
    click.echo(f"{old.step_name}/{old.id}: {new.state.value} in {seconds:.1f} s{where}")
    words = _comparison(old, new)
    width = max(map(len, words), default=0)
    for name, word in words.items():
        artifact = (old if word == "gone" else new)[name]
        kind = artifact.type.removeprefix("builtins.")
        value = preview(artifact, _SHOWN_CHARACTERS)
        click.echo(f"  {word:7}  {name:{width}}  {human_bytes(artifact.size):>9}  {kind:12}  {value}".rstrip())


def _as_json(old: Task, new: Task, result: SpinResult) -> dict[str, Any]:
    error = new.exception
    return {
        "task": new.pathspec,
        "origin": old.pathspec,
        "state": new.state.value,
        "seconds": result.record.seconds,
        "error": None if error is None else attrs.asdict(error),
        "artifacts": _comparison(old, new),
    }
