import copy

import pytest

from flowstone_runtime import current
from flowstone_runtime.current import Position

HERE = Position(
    flow_name="Train",
    run_id="r1",
    step_name="fit",
    task_id="3",
    retry_count=0,
    username="me",
    origin_run_id=None,
    parameter_names=("alpha",),
    tags=frozenset({"x"}),
    namespace="user:me",
    graph_info={},
)


@pytest.fixture
def inside():
    current.enter(HERE)
    yield
    current.enter(None)


def test_outside_of_a_task_there_is_nothing() -> None:
    """Code that is used in both places need not ask first."""
    assert current.flow_name is None
    assert current.pathspec is None
    assert not current.is_running_flow
    assert "flow_name" not in current
    assert current.get("flow_name", "nobody") == "nobody"


def test_inside_it_answers_as_attributes_and_as_a_mapping(inside) -> None:
    """Zero attempts is an answer, no origin is none."""
    assert (current.flow_name, current.pathspec, current.retry_count) == ("Train", "Train/r1/fit/3", 0)
    assert "retry_count" in current
    assert "origin_run_id" not in current
    assert current.get("origin_run_id", "none") == "none"
    assert current.get("nonsense") is None


def test_what_it_does_not_know_it_says(inside) -> None:
    """With what it does know."""
    with pytest.raises(AttributeError, match=r"no 'kard'; it knows flow_name, graph, graph_info"):
        _ = current.kard
    assert copy.copy(current).flow_name == "Train"


@pytest.mark.parametrize("name", ["graph", "run", "task", "tempdir"])
def test_what_needs_a_task_says_so_outside_of_one(name) -> None:
    """An answer would be a guess; `get` and `in` still answer."""
    with pytest.raises(RuntimeError, match=f"current.{name} has a meaning inside a running step only"):
        getattr(current, name)
    assert current.get(name, "nothing") == "nothing"
    assert name not in current


def test_what_a_decorator_would_know_names_it(inside) -> None:
    """The way to have it is one line."""
    with pytest.raises(AttributeError, match="is there with @project only"):
        _ = current.branch_name
    assert not hasattr(current, "is_production")
