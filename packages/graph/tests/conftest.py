"""Flows under test: written as text, loaded as a notebook loads a cell, with stand-ins for the runtime."""

import itertools
import linecache
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("graph", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("graph")


class FlowSpec:
    """What a flow inherits from; of the real one only the names matter here."""

    def next(self, *targets: Any, **options: Any) -> None: ...


def step(function: Any = None, *, start: bool = False, end: bool = False) -> Any:
    """Leaves the marks that `StepFunction` documents."""

    def mark(function: Any) -> Any:
        function.is_step = True
        function.is_start = start
        function.is_end = end
        return function

    return mark if function is None else mark(function)


class Parallel:
    """What @parallel leaves on a step: a decorator is known by its name."""

    name = "parallel"


def parallel(function: Any) -> Any:
    function.decorators = (*getattr(function, "decorators", ()), Parallel())
    return function


_numbers = itertools.count()


@pytest.fixture(scope="session")
def load() -> Callable[[str], dict[str, Any]]:
    """Runs some source as a module of its own; its names. Its file is called `<flow-0>`, `<flow-1>`, ..."""

    def load(source: str) -> dict[str, Any]:
        file = f"<flow-{next(_numbers)}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        names: dict[str, Any] = {"__name__": file, "FlowSpec": FlowSpec, "step": step, "parallel": parallel}
        exec(compile(source, file, "exec"), names)
        return names

    return load
