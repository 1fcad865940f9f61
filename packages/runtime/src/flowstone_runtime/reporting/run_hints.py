"""The first and the last lines of a run: what it is called, where it is, what to do next."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from flowstone_runtime.reporting.reporter import RunHeader

_MOST_FAILED = 3


def describe_start(header: RunHeader) -> list[str]:
    """What a person needs to know of a run that begins."""
    note = " (new)" if header.is_new_store else ""
    lines = [f"{header.flow}/{header.run_id}", f"stored in {header.store}{note}"]
    if header.origin is not None:
        lines.append(f"resumes {header.origin}")
    if header.changes.modules:
        lines.append(f"changed since then: {', '.join(header.changes.modules)}; name a step to run it again")
    lines += [f"warning: {warning}" for warning in header.warnings]
    return lines


def describe_end(header: RunHeader, state: str, message: str, seconds: float, failed: Sequence[str]) -> list[str]:
    """How it ended, and the commands that show more, ready to be pasted."""
    pathspec = f"{header.flow}/{header.run_id}"
    command = command_prefix(sys.orig_argv, sys.argv, Path.cwd())
    first = f"{pathspec}: {state} in {_duration(seconds)}"
    if state == "finished":
        return [
            first,
            f"what it stored:  {command} dump {header.run_id}",
            f"what it wrote:   {command} logs {header.run_id}",
            f'in Python:       from flowstone import Run; Run("{pathspec}").data',
        ]
    if state == "cancelled":
        return [f"{first}: {message}"]
    return [
        first if failed else f"{first}: {message}",
        *(f"what it wrote:   {command} logs {header.run_id}/{task}" for task in failed[:_MOST_FAILED]),
        f"go on from here: {command} resume --origin-run-id {header.run_id}",
    ]


def command_prefix(original: Sequence[str], arguments: Sequence[str], folder: Path) -> str:
    """The command line up to the flow file's own arguments, as one would type it in `folder`.

    `original` and `arguments` are `sys.orig_argv` and `sys.argv`.
    """
    words = list(original[: len(original) - len(arguments) + 1])
    return shlex.join([_shortest(word, folder) for word in words])


def _shortest(word: str, folder: Path) -> str:
    """A path below `folder` without it."""
    path = Path(word)
    return str(path.relative_to(folder)) if path.is_absolute() and path.is_relative_to(folder) else word


def _duration(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)} min {rest:.0f} s" if minutes else f"{rest:.1f} s"
