"""Ask py-rattler, which is a program here: see `rattler_program`."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flowstone_runtime.errors import UsageError
from flowstone_runtime.module_start import module_argv


class RattlerError(Exception):
    """What py-rattler said when it could not do what it was asked."""


def ask_rattler(environ: Mapping[str, str], **question: Any) -> Any:
    """The answer.

    Raises:
        RattlerError: it could not be done.
        UsageError: py-rattler is not installed.
    """
    if find_spec("rattler") is None:
        raise UsageError("@conda needs the package py-rattler; pip install 'flowstone-runtime[conda]'")
    with tempfile.TemporaryDirectory(prefix="flowstone-rattler-") as folder:
        answer = Path(folder) / "answer.json"
        done = subprocess.run(
            [*module_argv("flowstone_runtime.environments.rattler_program"), str(answer)],
            input=json.dumps(question),
            env=dict(environ),
            capture_output=True,
            text=True,
            check=False,
        )
        if not answer.is_file():
            raise RattlerError(f"py-rattler ended with exit code {done.returncode}: {done.stderr[-500:].strip()}")
        said = json.loads(answer.read_text(encoding="utf-8"))
    if "fault" in said:
        raise RattlerError(said["fault"])
    return said["found"]
