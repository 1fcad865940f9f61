import math

import pytest

from flowstone_runtime.past_runs.value_equality import are_equal


class Compared:
    """Says itself what it is equal to."""

    def __eq__(self, other):
        return True

    __hash__ = None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1, 1, True),
        (1, True, False),
        (math.nan, math.nan, True),
        ({"a": (1, [math.nan])}, {"a": (1, [math.nan])}, True),
        ({"a": 1}, {"b": 1}, False),
        ([1], [1, 2], False),
        ({1, 2}, {2, 1}, True),
        (Compared(), Compared(), True),
        (object(), object(), False),
    ],
)
def test_equal_means_what_people_mean(one, other, expected) -> None:
    """`equal` lets a reproduction pass: it must not be said lightly."""
    assert are_equal(one, other) is expected


def test_arrays_and_frames_are_compared_as_a_whole() -> None:
    """Their `==` is an array."""
    numpy = pytest.importorskip("numpy")
    ones = numpy.array([1.0, math.nan])
    assert are_equal([ones], [ones.copy()])
    assert not are_equal(ones, ones.astype("float32"))
    assert not are_equal(ones, numpy.array([1.0, 2.0]))
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": ones})
    assert are_equal(frame, frame.copy())
    assert not are_equal(frame, frame.assign(a=2.0))
