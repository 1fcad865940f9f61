"""`@pypi` and `@pypi_base`: the packages of a step, or of all steps, from a package index."""

import re
from typing import Any, ClassVar

import attrs

from flowstone_graph import FlowGraph
from flowstone_runtime.decorators.flow_decorator import FlowDecorator
from flowstone_runtime.decorators.option_values import boolean
from flowstone_runtime.decorators.step_decorator import StepDecorator, declares

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\[[A-Za-z0-9._, -]*\])?\Z")
_PYTHON = re.compile(r"3\.(\d+)(\.\d+)?\Z")
OLDEST_PYTHON = 11
"""The oldest 3.x that flowstone itself runs on."""


def packages_of(value: Any) -> dict[str, str]:
    """Package names to versions, as texts."""
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no dictionary of package names to versions")
    for name, version in value.items():
        if not isinstance(name, str) or not _NAME.match(name):
            raise ValueError(f"{name!r} is no name of a package")
        if not isinstance(version, str | int) or isinstance(version, bool) or set("\n\r;#") & {*str(version)}:
            raise ValueError(f"the version of {name} is {version!r}; write a text such as '2.2.*' or '>=2,<3'")
    return {name: str(version) for name, version in value.items()}


def python_of(value: Any) -> str:
    """A version of Python; a number, as `--with pypi:python=3.12` gives it, is one, too."""
    text = "" if value is None else str(value)
    found = _PYTHON.match(text)
    if text and (found is None or int(found.group(1)) < OLDEST_PYTHON):
        raise ValueError(f"{value!r} is no Python that flowstone runs on; write '3.{OLDEST_PYTHON}' or later")
    return text


def lock_file_of(value: Any) -> str:
    """The path of a lock file."""
    name = str(value).rpartition("/")[2]
    if value and not (name == "uv.lock" or re.match(r"pylock(\.[^.]+)?\.toml\Z", name)):
        raise ValueError(f"{value!r} is no lock file that is known; write the path of a pylock.toml or a uv.lock")
    return str(value or "")


@attrs.frozen(kw_only=True)
class Pypi(StepDecorator):
    """Run the step's tasks in an environment of its own, with these packages and nothing else but flowstone."""

    name: ClassVar[str] = "pypi"

    packages: dict[str, str] = attrs.field(factory=dict, converter=packages_of, hash=False)
    """Name to version: `"2.2.*"`, `">=2,<3"`, empty for any."""
    python: str = attrs.field(default="", converter=python_of)
    """The version of Python, else that of the process that starts the run."""
    lock: str = attrs.field(default="", converter=lock_file_of)
    """A pylock.toml or uv.lock of your own, relative to the flow's file: its versions, and no others."""
    disabled: bool | None = attrs.field(default=None, converter=attrs.converters.optional(boolean))
    """True: in the environment that the run was started in."""


@attrs.frozen(kw_only=True)
class PypiBase(FlowDecorator):
    """The same for every step of the flow; what a step has of its own counts more, package by package."""

    name: ClassVar[str] = "pypi_base"

    packages: dict[str, str] = attrs.field(factory=dict, converter=packages_of, hash=False)
    python: str = attrs.field(default="", converter=python_of)
    lock: str = attrs.field(default="", converter=lock_file_of)
    disabled: bool | None = attrs.field(default=None, converter=attrs.converters.optional(boolean))


def declares_environments(graph: FlowGraph) -> bool:
    """Whether anything in the flow has an environment of its own."""
    steps = (each for node in graph for each in node.decorators)
    return any(isinstance(each, Pypi | PypiBase) for each in (*graph.decorators, *steps))


def lock_files(graph: FlowGraph) -> tuple[str, ...]:
    """The lock files that the flow names, relative to its own file; they belong to its code."""
    steps = (each for node in graph for each in node.decorators)
    named = (each.lock for each in (*graph.decorators, *steps) if isinstance(each, Pypi | PypiBase) and each.lock)
    found = dict.fromkeys(named)
    beside = {f"{name.removesuffix('uv.lock')}pyproject.toml" for name in found if name.endswith("uv.lock")}
    return (*found, *sorted(beside))


pypi = declares(Pypi)
pypi_base = declares(PypiBase)
