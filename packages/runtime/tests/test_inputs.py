import copy

import pytest

from flowstone_runtime.tasks.inputs import Inputs, NoSuchInputError


def test_branches_are_found_by_position_by_name_and_one_after_the_other() -> None:
    """As a sequence, and as attributes."""
    inputs = Inputs(("A", "B", "C"), ("a", "b", "c"))
    assert len(inputs) == 3
    assert list(inputs) == ["A", "B", "C"]
    assert (inputs[0], inputs[-1], inputs[1:]) == ("A", "C", ("B", "C"))
    assert inputs.b == "B"
    assert repr(inputs) == "<inputs: 3 branches from a, b, c>"


def test_of_many_tasks_of_one_step_the_name_means_the_last() -> None:
    """As users know it."""
    assert Inputs((0, 1, 2), ("work",) * 3).work == 2


def test_no_branches_are_no_error() -> None:
    """A foreach without items."""
    inputs = Inputs((), ())
    assert list(inputs) == []
    with pytest.raises(IndexError):
        _ = inputs[0]


def test_a_step_that_does_not_lead_here_is_said() -> None:
    """With those that do, each once."""
    inputs = Inputs((0, 1, 2), ("a", "b", "b"))
    with pytest.raises(NoSuchInputError, match=r"ends with step 'c'; inputs has a, b$"):
        _ = inputs.c
    assert not hasattr(inputs, "c")
    assert list(copy.copy(inputs)) == [0, 1, 2]
