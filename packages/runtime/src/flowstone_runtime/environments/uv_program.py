"""Run uv, and know what it said if it did not do what it should."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_SHOWN_CHARACTERS = 2_000


def run_uv(words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> str:
    """Run uv in the folder; empty if it did what it should, else what it said.

    `environ` is what it sees, with its settings of indexes and of its cache.
    """
    from uv import find_uv_bin

    # The default of uv waits half a minute three times before it says that there is no network.
    patience = {"UV_HTTP_TIMEOUT": "15", "UV_HTTP_RETRIES": "1"}
    done = subprocess.run(
        [find_uv_bin(), *words],
        cwd=folder,
        env={**patience, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode == 0:
        return ""
    return " ".join((done.stderr or done.stdout).split())[:_SHOWN_CHARACTERS] or f"exit code {done.returncode}"
