"""What the steps of a flow declare of environments, with what the flow declares for all of them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flowstone_graph import FlowGraph, Node
from flowstone_runtime.decorators.pypi import Pypi, PypiBase
from flowstone_runtime.environments.own_code import own_requirements
from flowstone_runtime.environments.request import EnvironmentRequest
from flowstone_runtime.environments.user_lock import read_user_lock
from flowstone_runtime.errors import UsageError


def environment_requests(graph: FlowGraph, store: str) -> dict[str, EnvironmentRequest]:
    """The request of each step that has one; the others run in the environment that the run was started in."""
    base = next((each for each in graph.decorators if isinstance(each, PypiBase)), None)
    found = {node.name: _request(node, base, store) for node in graph}
    return {step: request for step, request in found.items() if request is not None}


def _request(node: Node, base: PypiBase | None, store: str) -> EnvironmentRequest | None:
    own = next((each for each in node.decorators if isinstance(each, Pypi)), None)
    if own is None and base is None:
        return None
    declared = [each for each in (base, own) if each is not None]
    disabled = [each.disabled for each in declared if each.disabled is not None]
    if disabled and disabled[-1]:
        return None
    packages: dict[str, str] = {}
    for each in declared:
        packages.update(each.packages)
    python = next((each.python for each in reversed(declared) if each.python), "") or _this_python()
    return EnvironmentRequest(
        kind="pypi",
        python=python,
        requirements=tuple(requirement(name, version) for name, version in packages.items()),
        own=own_requirements(store),
        pinned=_pinned(node, declared),
    )


def _pinned(node: Node, declared: Sequence[Pypi | PypiBase]) -> tuple[tuple[str, str], ...]:
    """The lock file, whose path is relative to the flow's file."""
    path = next((each.lock for each in reversed(declared) if each.lock), "")
    if not path:
        return ()
    try:
        return read_user_lock(Path(node.file).resolve().parent / path)
    except (OSError, UnicodeDecodeError) as error:
        place = f"{node.file}:{node.line}: step {node.name!r}"
        raise UsageError(f"{place}: the lock file {path} cannot be read: {error}; name another file") from error


def _this_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def requirement(name: str, version: Any) -> str:
    """As PEP 508 writes it.

    >>> requirement("pandas", "2.2.*"), requirement("six", ">=1,<2"), requirement("flask", "")
    ('pandas==2.2.*', 'six>=1,<2', 'flask')
    """
    version = version.strip()
    if version.startswith("@"):
        return f"{name} {version}"
    return f"{name}{version}" if not version or version[0] in "<>=!~" else f"{name}=={version}"
