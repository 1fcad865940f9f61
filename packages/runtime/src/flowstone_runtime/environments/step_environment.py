"""How tasks of a step with an environment of its own are started: which interpreter, with what on its path."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from flowstone_runtime.module_start import WITHOUT_WORKING_FOLDER

_START = (
    "import sys; sys.path += sys.argv.pop(1).split({separator!r}); "
    "from {entry} import main; sys.exit(main(sys.argv[1:]))"
)
_WORKER = "flowstone_runtime.worker"


@attrs.frozen
class StepEnvironment:
    """An environment that was built on this machine."""

    key: str
    argv: tuple[str, ...]
    """The worker's program and arguments."""
    environ: Mapping[str, str] = attrs.field(hash=False)
    """Environment variables of its processes, on top of this process's own."""


def step_environment(
    key: str, prefix: Path, import_folders: Sequence[Path], environ: Mapping[str, str], entry: str = _WORKER
) -> StepEnvironment:
    """The environment that was built in `prefix`.

    Modules come from what is installed there, then from `import_folders`. What this process was told about
    Python does not reach it. `entry` is the module whose `main` is the worker.
    """
    path = os.pathsep.join(map(str, import_folders))
    argv = (
        str(prefix / "bin" / "python"),
        "-c",
        WITHOUT_WORKING_FOLDER + _START.format(separator=os.pathsep, entry=entry),
        path,
    )
    return StepEnvironment(
        key,
        argv,
        {
            "PATH": os.pathsep.join([str(prefix / "bin"), environ.get("PATH", os.defpath)]),
            "VIRTUAL_ENV": str(prefix),
            # Empty counts as not set. What is compiled once stays with the environment, which all tasks share.
            **dict.fromkeys(("PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "CONDA_PREFIX"), ""),
        },
    )
