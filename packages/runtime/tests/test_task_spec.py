from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore import RecordRef
from flowstone_graph import ForeachFrame, TaskKey
from flowstone_runtime.tasks.task_spec import ParentRef, TaskSpec

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
counts = st.integers(0, 2**40)
keys = st.builds(TaskKey, names, st.lists(counts, max_size=3).map(tuple), counts)
records = st.builds(RecordRef, names, counts, counts)
parents = st.builds(ParentRef, keys, records)
specs = st.builds(
    TaskSpec,
    store=st.text(),
    flow=names,
    run_id=names,
    key=keys,
    attempt=counts,
    stack=st.lists(st.builds(ForeachFrame, names, counts, counts), max_size=3).map(tuple),
    parents=st.lists(parents, max_size=3).map(tuple),
    split=st.none() | parents,
    run_record=records,
    main_file=st.text(),
    main_module=st.none() | names,
    verify=st.sampled_from(["always", "once", "never"]),
)


@given(specs)
def test_a_spec_arrives_as_it_was_sent(spec) -> None:
    """A fork, a process of its own and another machine must do the same task."""
    assert TaskSpec.from_json(spec.to_json()) == spec


@given(specs)
def test_equal_specs_are_equal_bytes(spec) -> None:
    """So that a payload can be compared and kept."""
    assert spec.to_json() == TaskSpec.from_json(spec.to_json()).to_json()
