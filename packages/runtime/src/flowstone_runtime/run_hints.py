"""The first and the last lines of a run: what it is called, where it is, what to do next."""

import sys
from collections.abc import Sequence
from pathlib import Path

from flowstone_runtime.reporter import RunHeader


def describe_start(header: RunHeader) -> list[str]:
    """What a person needs to know of a run that begins."""
    lines = [f"{header.flow}/{header.run_id}", f"stored in {header.store}"]
    if header.is_new_store:
        lines[-1] += " (new)"
    return lines


def describe_end(header: RunHeader, state: str, message: str, seconds: float, failed: Sequence[str]) -> list[str]:
    """How it ended, and the commands that show more."""
    script = Path(sys.argv[0]).name
    lines = [f"{header.flow}/{header.run_id}: {state} in {_duration(seconds)}"]
    if state == "cancelled":
        lines[0] += f", {message}"
    lines += [f"what it wrote:   python {script} logs {header.run_id}/{task}" for task in failed[:3]]
    if state == "finished":
        lines.append(f"look at it:      python {script} dump {header.run_id}")
    return lines


def _duration(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)} min {rest:.0f} s" if minutes else f"{rest:.1f} s"
