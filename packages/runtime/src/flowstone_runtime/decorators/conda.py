"""`@conda` and `@conda_base`: the packages of a step, or of all steps, from conda's channels; Python, too."""

from typing import ClassVar

import attrs

from flowstone_runtime.decorators.environment_declaration import EnvironmentDeclaration
from flowstone_runtime.decorators.environment_options import (
    channels,
    conda_lock,
    conda_packages,
    python_version,
)
from flowstone_runtime.decorators.flow_decorator import FlowDecorator
from flowstone_runtime.decorators.option_values import boolean
from flowstone_runtime.decorators.step_decorator import StepDecorator, declares


@attrs.frozen(kw_only=True)
class _Options(EnvironmentDeclaration):
    packages: dict[str, str] = attrs.field(factory=dict, converter=conda_packages, hash=False)
    """Name, or `channel::name`, to version: `"2.2.*"`, `">=2,<3"`, empty for any."""
    channels: tuple[str, ...] = attrs.field(default=(), converter=channels)
    """Names or URLs, the first counts most; else conda-forge."""
    python: str = attrs.field(default="", converter=python_version)
    """The version of Python, else that of the process that starts the run."""
    lock: str = attrs.field(default="", converter=conda_lock)
    """A conda-lock.yml of your own, relative to the flow's file: its packages, and no others."""
    disabled: bool | None = attrs.field(default=None, converter=attrs.converters.optional(boolean))
    """True: without packages of conda's."""


@attrs.frozen(kw_only=True)
class Conda(_Options, StepDecorator):
    """Run the step's tasks in an environment of its own, with these packages, and with those of `@pypi`."""

    name: ClassVar[str] = "conda"


@attrs.frozen(kw_only=True)
class CondaBase(_Options, FlowDecorator):
    """The same for every step of the flow; what a step has of its own counts more, package by package."""

    name: ClassVar[str] = "conda_base"


conda = declares(Conda)
conda_base = declares(CondaBase)
