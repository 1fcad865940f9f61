"""Flows as users write them, run as users run them: files, processes, terminals."""

import os
import subprocess
import sys
from pathlib import Path

import attrs

from flowstone import Client, Flow, Run

_NAMES = (
    *("FlowSpec", "JSONType", "Parameter", "catch", "current", "environment", "parallel", "resources", "retry"),
    *("secrets", "step", "timeout"),
)
HEADER = f"from flowstone import {', '.join(_NAMES)}\n\n"
"""In one line: tests name lines of what follows."""


@attrs.frozen
class FlowFile:
    """A flow in a file of its own, in a project of its own."""

    path: Path

    @property
    def store(self) -> Path:
        return self.path.parent / ".flowstone"

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, str(self.path), *map(str, arguments)]

    def start(self, *arguments: object, **options) -> subprocess.Popen:
        """Start the command; its output can be read."""
        return subprocess.Popen(
            self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=clean_environ(), **options,
        )  # fmt: skip

    def call(self, *arguments: object, exit_code: int = 0, **options) -> str:
        """Run the command to its end, which must be as said; both output streams."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, check=False,
            env={**clean_environ(), **options.pop("environ", {})}, **options,
        )  # fmt: skip
        output = done.stdout + done.stderr
        assert done.returncode == exit_code, output
        return output

    def run(self, *arguments: object, exit_code: int = 0) -> Run:
        """Run the flow; what the store says of it."""
        self.call("run", *arguments, exit_code=exit_code)
        return self.latest_run()

    def latest_run(self) -> Run:
        client = Client(self.store)
        (name,) = client.datastore.flows()
        run = Flow(name, client=client).latest_run
        assert run is not None
        return run


def clean_environ() -> dict[str, str]:
    """The environment without settings of ours and without what a CI system adds."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith("FLOWSTONE_") and name != "CI"
    }
