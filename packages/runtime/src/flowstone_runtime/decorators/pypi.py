"""`@pypi` and `@pypi_base`: the packages of a step, or of all steps, from a package index."""

from typing import ClassVar

import attrs

from flowstone_runtime.decorators.environment_declaration import EnvironmentDeclaration
from flowstone_runtime.decorators.environment_options import pypi_lock, pypi_packages, python_version
from flowstone_runtime.decorators.flow_decorator import FlowDecorator
from flowstone_runtime.decorators.option_values import boolean
from flowstone_runtime.decorators.step_decorator import StepDecorator, declares


@attrs.frozen(kw_only=True)
class _Options(EnvironmentDeclaration):
    packages: dict[str, str] = attrs.field(factory=dict, converter=pypi_packages, hash=False)
    """Name to version: `"2.2.*"`, `">=2,<3"`, empty for any."""
    python: str = attrs.field(default="", converter=python_version)
    """The version of Python, else that of the process that starts the run."""
    lock: str = attrs.field(default="", converter=pypi_lock)
    """A pylock.toml or uv.lock of your own, relative to the flow's file: its versions, and no others."""
    disabled: bool | None = attrs.field(default=None, converter=attrs.converters.optional(boolean))
    """True: in the environment that the run was started in."""


@attrs.frozen(kw_only=True)
class Pypi(_Options, StepDecorator):
    """Run the step's tasks in an environment of its own, with these packages and nothing else but flowstone."""

    name: ClassVar[str] = "pypi"


@attrs.frozen(kw_only=True)
class PypiBase(_Options, FlowDecorator):
    """The same for every step of the flow; what a step has of its own counts more, package by package."""

    name: ClassVar[str] = "pypi_base"


pypi = declares(Pypi)
pypi_base = declares(PypiBase)
