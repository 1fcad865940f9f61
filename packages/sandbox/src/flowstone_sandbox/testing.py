"""A sandbox for tests: one of their own, in a folder of their own, gone when they are done."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import attrs

from flowstone_sandbox.client import SandboxClient
from flowstone_sandbox.faults import Fault
from flowstone_sandbox.launch import start, stop
from flowstone_sandbox.options import Folders, SandboxOptions

__all__ = ["Fault", "SandboxClient", "running_sandbox"]


@contextlib.contextmanager
def running_sandbox(folder: Path, options: SandboxOptions | None = None) -> Iterator[SandboxClient]:
    """Run a sandbox while the context lasts; it keeps what it needs in `folder`.

    Jobs find their programs where the calling process does, unless `options` say where.
    """
    chosen = options or attrs.evolve(SandboxOptions(), path=os.environ["PATH"], stop_seconds=2.0)
    folders = Folders(folder / "state", folder / "config" / "sandbox.toml")
    running = start(folders, chosen, os.environ)
    try:
        yield SandboxClient(running)
    finally:
        stop(folders)
