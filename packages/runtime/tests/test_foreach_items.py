from hypothesis import given
from hypothesis import strategies as st

from flowstone_runtime.tasks.foreach_items import in_positions

items = st.one_of(
    st.lists(st.integers()),
    st.text(),
    st.binary(),
    st.sets(st.integers()),
    st.frozensets(st.text()),
    st.dictionaries(st.integers() | st.text(), st.integers()),
    st.tuples(st.integers(), st.text()),
    st.builds(range, st.integers(-20, 20)),
)


@given(items)
def test_positions_give_what_iterating_gives(items) -> None:
    """A foreach is a `for`, spread over machines."""
    found = in_positions(items)
    assert [found[index] for index in range(len(found))] == list(items)
    assert in_positions(found) is found
