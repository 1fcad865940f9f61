"""A cloud for the tests of this folder, a bare Python, and flows that are pointed to both."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import attrs
import pytest
from flow_files import clean_environ

pytest.importorskip("boto3")
pytest.importorskip("moto")

from flowstone_sandbox.options import SandboxOptions
from flowstone_sandbox.testing import SandboxClient, running_sandbox

IMAGE = "bare"
"""The image that has a Python and nothing else."""


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of programs with a Python that has nothing installed."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder / "bin"


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory, bare_python: Path) -> Iterator[SandboxClient]:
    """One for all tests, with one store, to which our own packages go once."""
    options = SandboxOptions(slots=3, images={IMAGE: str(bare_python)}, stop_seconds=2.0)
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), options) as client:
        yield client


@pytest.fixture(scope="session")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What machines keep: packed once for all tests, and unpacked once."""
    return tmp_path_factory.mktemp("caches")


@attrs.frozen
class CloudFlow:
    """A flow in a file, and the environment that points it to the sandbox."""

    path: Path
    environ: dict[str, str]

    @property
    def store(self) -> str:
        return self.environ["FLOWSTONE_STORE"]

    def start(self, *words: str, environ: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        """Start a command of the flow; its output can be read."""
        return subprocess.Popen(
            [sys.executable, str(self.path), *words],
            env={**self.environ, **(environ or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def call(self, *words: str, exit_code: int = 0, environ: Mapping[str, str] | None = None) -> str:
        """Run a command of the flow, which must end as said; what it prints."""
        process = self.start(*words, environ=environ)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == exit_code, output
        return output


@pytest.fixture
def cloud_flow(
    sandbox: SandboxClient,
    caches: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., CloudFlow]:
    """Writes a flow that is pointed to the cloud; this process is, too."""
    for name, value in sandbox.running.variables.items():
        monkeypatch.setenv(name, value)
    environ = {
        **clean_environ(),
        **sandbox.running.variables,
        "FLOWSTONE_STORE": sandbox.running.store,
        "FLOWSTONE_BATCH_QUEUE": "sandbox",
        "FLOWSTONE_BATCH_IMAGE": IMAGE,
        "XDG_CACHE_HOME": str(caches),
        "PATH": os.environ["PATH"],
    }

    def write(source: str, files: Mapping[str, str] | None = None) -> CloudFlow:
        for name, text in {"pyproject.toml": "", "flow.py": source, **(files or {})}.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        return CloudFlow(tmp_path / "flow.py", environ)

    return write
