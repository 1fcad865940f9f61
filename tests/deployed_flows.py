"""A cloud on this machine, and flows on it, as users use them: by their command lines and by the client."""

import time
from collections.abc import Callable
from pathlib import Path

import attrs
from flow_files import FlowFile

from flowstone import Client, Flow, Run
from flowstone_client import NotFoundError
from flowstone_sandbox.client import SandboxClient

IMAGE = "bare"
"""The image of jobs: it has a Python and nothing else."""

_PATIENCE_SECONDS = 120.0


@attrs.frozen
class Cloud:
    """A sandbox, and who works in it."""

    sandbox: SandboxClient
    config: Path
    """The configuration folder of the user."""

    @property
    def environ(self) -> dict[str, str]:
        """What the user's shell has set."""
        return {
            **self.sandbox.running.variables,
            "FLOWSTONE_STORE": self.sandbox.running.store,
            "FLOWSTONE_BATCH_QUEUE": "sandbox",
            "FLOWSTONE_BATCH_IMAGE": IMAGE,
            "FLOWSTONE_STEP_FUNCTIONS_ROLE": "arn:aws:iam::123456789012:role/sandbox-jobs",
            "XDG_CONFIG_HOME": str(self.config),
            "XDG_CACHE_HOME": str(self.config / "cache"),
        }

    def call(self, flow: FlowFile, *arguments: object, exit_code: int = 0, **environ: str) -> str:
        """A command of the flow for Step Functions; what it prints."""
        return flow.call("step-functions", *arguments, exit_code=exit_code, environ={**self.environ, **environ})

    def trigger(self, flow: FlowFile, *arguments: object) -> Run:
        """Start a run, and wait for its end."""
        return self.ended(self.call(flow, "trigger", *arguments).strip())

    def run(self, pathspec: str) -> Run:
        """A run, whatever has become of it."""
        return Run(pathspec, client=self.client)

    def ended(self, pathspec: str) -> Run:
        """A run, once it has begun and ended."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return self.run(pathspec).wait(_PATIENCE_SECONDS, 0.1)
            except NotFoundError:  # its first job has not come so far
                assert time.monotonic() < deadline, f"{pathspec} does not begin"
                time.sleep(0.1)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until it holds."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, "it does not come to hold"
            time.sleep(0.1)

    def first_run(self, flow: str) -> Run:
        """The only run of a flow, once something starts it, and once it has ended."""
        self.until(lambda: flow in self.client.datastore.flows())
        (run,) = Flow(flow, client=self.client)
        return run.wait(_PATIENCE_SECONDS, 0.1)

    @property
    def client(self) -> Client:
        """The client of the store in the cloud."""
        return Client(self.sandbox.running.store)
