"""What the steps of a flow declare of environments, with what the flow declares for all of them."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flowstone_graph import FlowGraph, Node
from flowstone_runtime.decorators.conda import Conda, CondaBase
from flowstone_runtime.decorators.pypi import Pypi, PypiBase
from flowstone_runtime.environments.own_code import own_requirements
from flowstone_runtime.environments.request import EnvironmentRequest
from flowstone_runtime.environments.user_lock import read_user_lock
from flowstone_runtime.errors import UsageError

Declaration = Conda | CondaBase | Pypi | PypiBase

_DEFAULT_CHANNELS = ("conda-forge",)


def environment_requests(graph: FlowGraph, store: str) -> dict[str, EnvironmentRequest]:
    """The request of each step that has one; the others run in the environment that the run was started in.

    Raises:
        UsageError: a lock file cannot be read, or a step is to have two Pythons.
    """
    found = {node.name: _request(graph, node, store) for node in graph}
    return {step: request for step, request in found.items() if request is not None}


def _request(graph: FlowGraph, node: Node, store: str) -> EnvironmentRequest | None:
    """What counts more comes later in each list."""
    every = (*graph.decorators, *node.decorators)
    pypi = _enabled([each for each in every if isinstance(each, PypiBase | Pypi)])
    conda = _enabled([each for each in every if isinstance(each, CondaBase | Conda)])
    if not pypi and not conda:
        return None
    python = _python(node, conda, pypi)
    return EnvironmentRequest(
        kind="conda" if conda else "pypi",
        python=python,
        requirements=tuple(requirement(name, version) for name, version in _packages(pypi).items()),
        own=own_requirements(store, python),
        conda=tuple(match_spec(name, version) for name, version in _packages(conda).items()),
        channels=_channels(conda),
        pinned=_pinned(node, [*pypi, *conda]),
    )


def _enabled(declared: list[Declaration]) -> list[Declaration]:
    said = [each.disabled for each in declared if each.disabled is not None]
    return [] if said and said[-1] else declared


def _channels(declared: Sequence[Declaration]) -> tuple[str, ...]:
    named = [each.channels for each in declared if isinstance(each, Conda | CondaBase) and each.channels]
    return named[-1] if named else _DEFAULT_CHANNELS if declared else ()


def _packages(declared: Sequence[Declaration]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for each in declared:
        found.update(each.packages)
    return found


def _python(node: Node, conda: Sequence[Declaration], pypi: Sequence[Declaration]) -> str:
    asked = [next((each.python for each in reversed(kind) if each.python), "") for kind in (conda, pypi)]
    first, second = asked
    if first and second and first != second:
        place = f"{node.file}:{node.line}: step {node.name!r}"
        raise UsageError(f"{place} is to have Python {first} of @conda and {second} of @pypi; name one")
    return first or second or f"{sys.version_info.major}.{sys.version_info.minor}"


def _pinned(node: Node, declared: Sequence[Declaration]) -> tuple[tuple[str, str], ...]:
    """The lock file, whose path is relative to the flow's file."""
    path = next((each.lock for each in reversed(declared) if each.lock), "")
    if not path:
        return ()
    try:
        return read_user_lock(Path(node.file).resolve().parent / path)
    except (OSError, UnicodeDecodeError) as error:
        place = f"{node.file}:{node.line}: step {node.name!r}"
        raise UsageError(f"{place}: the lock file {path} cannot be read: {error}; name another file") from error


def requirement(name: str, version: Any) -> str:
    """As PEP 508 writes it.

    >>> requirement("pandas", "2.2.*"), requirement("six", ">=1,<2"), requirement("flask", "")
    ('pandas==2.2.*', 'six>=1,<2', 'flask')
    """
    version = version.strip()
    if version.startswith("@"):
        return f"{name} {version}"
    return f"{name}{version}" if not version or version[0] in "<>=!~" else f"{name}=={version}"


def match_spec(name: str, version: str) -> str:
    """As conda writes it.

    >>> match_spec("pandas", "2.2.*"), match_spec("six", ">=1,<2"), match_spec("flask", "3.1"), match_spec("r", "")
    ('pandas 2.2.*', 'six >=1,<2', 'flask ==3.1', 'r')
    """
    version = version.strip()
    is_exact = version and version[0] not in "<>=!~*" and not version.endswith("*")
    return f"{name} {'==' if is_exact else ''}{version}".strip()
