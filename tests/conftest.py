"""Fixtures for every test that runs flows."""

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from deployed_flows import IMAGE, Cloud
from flow_files import HEADER, FlowFile


@pytest.fixture(scope="session")
def running_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud on this machine, for all tests that need one."""
    from flowstone_sandbox import SandboxOptions
    from flowstone_sandbox.testing import running_sandbox

    folder = tmp_path_factory.mktemp("cloud")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "bare"], check=True)
    options = SandboxOptions(slots=4, images={IMAGE: str(folder / "bare" / "bin")}, stop_seconds=1.0)
    with running_sandbox(folder / "sandbox", options) as client:
        yield Cloud(client, folder / "config")


@pytest.fixture
def cloud(running_cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The cloud, and the means to look into it."""
    for name, value in running_cloud.sandbox.running.variables.items():
        monkeypatch.setenv(name, value)
    return running_cloud


@pytest.fixture
def flow_file(tmp_path: Path) -> Callable[[str], FlowFile]:
    """Writes a flow: the class's source, without the imports that every flow has."""

    def write(source: str, name: str = "flow.py") -> FlowFile:
        body = textwrap.dedent(source)
        path = tmp_path / name
        path.write_text(HEADER + body, encoding="utf-8")
        return FlowFile(path)

    return write
