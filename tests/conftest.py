"""Fixtures for every test that runs flows."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from flow_files import HEADER, FlowFile


@pytest.fixture
def flow_file(tmp_path: Path) -> Callable[[str], FlowFile]:
    """Writes a flow: the class's source, without the imports that every flow has."""

    def write(source: str, name: str = "flow.py") -> FlowFile:
        body = textwrap.dedent(source)
        path = tmp_path / name
        path.write_text(HEADER + body, encoding="utf-8")
        return FlowFile(path)

    return write
