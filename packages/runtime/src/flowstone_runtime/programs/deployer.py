"""`Deployer`: hand a flow file to a production scheduler from a program.

    deployed = Deployer("train.py").step_functions().create()
    run = deployed.trigger(alpha=0.2).wait_for_run()

Each call is a command of the flow file in a process of its own, as a person would type it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from flowstone_interfaces import FlowstoneError
from flowstone_runtime.programs.deployed_flow import DeployedFlow
from flowstone_runtime.programs.option_words import command_words, top_level_words


class DeploymentFailedError(FlowstoneError, RuntimeError):
    """A command of a flow file for a production scheduler did not succeed."""

    def __init__(self, command: str, exit_code: int, output: str) -> None:
        super().__init__(command, exit_code, output)
        self.command = command
        self.exit_code = exit_code
        self.output = output

    def __str__(self) -> str:
        return f"`{self.command}` ended with exit code {self.exit_code}: {self.output.strip()}"


class Deployer:
    """A flow file, on its way to a production scheduler.

    Args:
        flow_file: the file.
        profile: the profile to take settings from.
        env: environment variables to add.
        cwd: the working folder of the commands; by default this program's.
        top_level: options before the command: `store="..."`, `branch="..."`, `production=True`.
    """

    def __init__(
        self,
        flow_file: str | os.PathLike[str],
        profile: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        **top_level: Any,
    ) -> None:
        self._file = str(Path(flow_file).absolute())
        self._env = dict(env or {})
        self._cwd = cwd
        self._top_level = top_level_words({**top_level, "profile": profile})

    def step_functions(self, name: str | None = None) -> "OnProductionScheduler":
        """The flow on AWS Step Functions; `name` is what it is called there."""
        return self.on("step-functions", name)

    def on(self, scheduler: str, name: str | None = None) -> "OnProductionScheduler":
        """The flow on any production scheduler whose deployer is installed."""
        return OnProductionScheduler(self, scheduler, name)

    def call(self, words: list[str]) -> str:
        """A command of the flow file; what it printed.

        Raises:
            DeploymentFailedError: it did not succeed.
        """
        command = [sys.executable, self._file, *self._top_level, *words]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd=self._cwd,
            env={**os.environ, **self._env},
            check=False,
        )
        if done.returncode:
            raise DeploymentFailedError(" ".join(command), done.returncode, done.stderr or done.stdout)
        return done.stdout


@attrs.frozen
class OnProductionScheduler:
    """A flow file and a scheduler."""

    deployer: Deployer
    scheduler: str
    name: str | None

    def create(self, **options: Any) -> DeployedFlow:
        """Deploy the flow as the file is now; options of the command `create` by name.

        Raises:
            DeploymentFailedError: the command line refused it.
        """
        told = json.loads(self.call("create", ["--json", *command_words(options)]))
        return DeployedFlow(attrs.evolve(self, name=told["name"]), told["flow"], told["deployment"], told["token"])

    def deployed(self) -> DeployedFlow:
        """What is deployed already.

        Raises:
            DeploymentFailedError: nothing is.
        """
        told = json.loads(self.call("status", ["--json"]))
        return DeployedFlow(attrs.evolve(self, name=told["name"]), told["flow"], told["deployment"], told["token"])

    def trigger(self, parameters: Mapping[str, Any]) -> tuple[str, str]:
        """Start a run; its pathspec, and the URL of the store."""
        told = json.loads(self.call("trigger", ["--json", *command_words(parameters)]))
        return told["run"], told["store"]

    def list_runs(self) -> list[dict[str, Any]]:
        """The runs, newest first."""
        return [json.loads(line) for line in self.call("list-runs", ["--json"]).splitlines()]

    def terminate(self, pathspec: str) -> None:
        """Stop a run and its jobs."""
        self.call("terminate", [pathspec])

    def delete(self) -> None:
        """Have the scheduler forget the flow."""
        self.call("delete", [])

    def call(self, command: str, words: list[str]) -> str:
        """A command for this scheduler and name; what it printed."""
        named = [] if self.name is None else ["--name", self.name]
        return self.deployer.call([self.scheduler, command, *named, *words])
