import sys
import types

from hypothesis import given
from hypothesis import strategies as st

from flowstone_runtime.tasks.thread_share import (
    limit_loaded_libraries,
    thread_share,
    thread_variables,
    usable_cores,
)


@given(st.integers(1, 512), st.integers(0, 10_000))
def test_tasks_share_the_cores_and_each_has_one(cores, tasks) -> None:
    """More threads than cores would wait for each other."""
    share = thread_share(cores, tasks)
    assert share >= 1
    assert share * tasks <= max(cores, tasks)
    assert thread_share(cores, 1) == cores


def test_what_the_user_has_set_is_left_alone() -> None:
    """He may know better."""
    variables = thread_variables(3, {"OMP_NUM_THREADS": "7"})
    assert "OMP_NUM_THREADS" not in variables
    assert variables["OPENBLAS_NUM_THREADS"] == "3"
    assert set(variables.values()) == {"3"}


def test_there_is_a_core() -> None:
    """Else nothing would run at all."""
    assert usable_cores() >= 1


def test_libraries_that_are_loaded_are_told(monkeypatch) -> None:
    """A fork inherits them as they are; without threadpoolctl, or a number, nothing happens."""
    told = []
    library = types.ModuleType("threadpoolctl")
    library.threadpool_limits = told.append
    monkeypatch.setitem(sys.modules, "threadpoolctl", library)
    limit_loaded_libraries({"OMP_NUM_THREADS": "3"})
    limit_loaded_libraries({"OMP_NUM_THREADS": "3,2"})
    limit_loaded_libraries({})
    assert told == [3]
    monkeypatch.delitem(sys.modules, "threadpoolctl")
    limit_loaded_libraries({"OMP_NUM_THREADS": "3"})
