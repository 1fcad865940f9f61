"""A task's id is text in a pathspec, the same on every scheduler."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_graph import InvalidTaskIdError, TaskKey
from flowstone_interfaces import Pathspec

keys = st.builds(
    TaskKey, st.just("fit"), st.lists(st.integers(0, 20_000), max_size=4).map(tuple), iteration=st.integers(0, 100)
)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (TaskKey("fit"), "0"),
        (TaskKey("fit", (0,)), "0"),
        (TaskKey("fit", (3, 1), 2), "3-1.2"),
        (TaskKey("fit", (), 7), "0.7"),
    ],
)
def test_the_id_spells_the_place(key, text):
    """People read it, and find the item that failed."""
    assert key.id == text


@given(keys)
def test_an_id_is_a_part_of_a_pathspec_and_reads_back(key):
    """With the depth of the step, which the graph knows, nothing is lost."""
    assert Pathspec("Flow", "run", "fit", key.id).task == key.id
    assert TaskKey.parse("fit", key.id, len(key.indices)) == key


@given(keys, keys)
def test_ids_of_one_step_never_collide(one, other):
    """All tasks of a step are nested equally deep, so a 0 for "no index" cannot be mistaken."""
    if len(one.indices) == len(other.indices):
        assert (one.id == other.id) == (one == other)


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ("", 0),
        ("1", 0),
        ("0-1", 1),
        ("0", 2),
        ("0.0", 0),
        ("01", 1),
        ("-1", 1),
        ("1.x", 1),
        ("²", 1),
        ("+1", 1),
        ("0.", 0),
    ],
)
def test_other_texts_are_no_ids(text, depth):
    """What no task is called must not find one."""
    with pytest.raises(InvalidTaskIdError, match="is no task of step 'fit'") as caught:
        TaskKey.parse("fit", text, depth)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
