"""Which runs may go."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore import InvalidRecordError, RunState
from flowstone_datastore.retention import KeepRules, RunFacts, may_run, runs_to_go

NOW = 1_000_000.0
GRACE = 1000.0

times = st.floats(0, NOW)
facts = st.builds(
    RunFacts,
    st.sampled_from(["F", "G"]),
    st.integers(0, 20).map(str),
    st.sampled_from(RunState),
    st.frozensets(st.sampled_from(["keep", "nightly"])),
    times,
    times,
    st.none() | st.integers(0, 20).map(str),
)
all_facts = st.lists(facts, max_size=12, unique_by=lambda run: (run.flow, run.run_id))
rules = st.builds(
    KeepRules,
    st.none() | st.integers(0, 4),
    st.frozensets(st.sampled_from(["keep", "nightly"])),
    st.none() | st.floats(0, NOW),
)


def run(run_id, *, state=RunState.FINISHED, tags=(), started=0.0, last_sign=0.0, origin=None, flow="F"):
    return RunFacts(flow, run_id, state, frozenset(tags), started, last_sign, origin)


def ids(runs, keep):
    return [run.run_id for run in runs_to_go(runs, keep, NOW, GRACE)]


@given(all_facts)
def test_without_a_rule_no_run_goes(runs):
    """`flowstone gc`, typed without reading on, costs nobody a result."""
    assert runs_to_go(runs, KeepRules(), NOW, GRACE) == ()


@given(all_facts, rules)
def test_what_may_be_running_and_what_that_resumes_stays(runs, keep):
    """Whatever the rules."""
    gone = {(run.flow, run.run_id) for run in runs_to_go(runs, keep, NOW, GRACE)}
    for known in runs:
        if may_run(known, NOW, GRACE):
            assert not gone & {(known.flow, known.run_id), (known.flow, known.origin_run)}


@given(all_facts, rules, rules)
def test_one_more_rule_never_costs_one_more_run(runs, keep, more):
    """Rules keep. Nothing else does a rule."""
    both = KeepRules(
        max([count for count in (keep.keep_last, more.keep_last) if count is not None], default=None),
        keep.keep_tags | more.keep_tags,
        max([age for age in (keep.older_than_seconds, more.older_than_seconds) if age is not None], default=None),
    )
    if not keep.is_empty:
        assert {*runs_to_go(runs, both, NOW, GRACE)} <= {*runs_to_go(runs, keep, NOW, GRACE)}


@given(all_facts, rules)
def test_each_rule_keeps_what_it_says(runs, keep):
    """Against the words of the documentation, spelt out."""
    gone = runs_to_go(runs, keep, NOW, GRACE)
    for known in gone:
        assert not known.tags & keep.keep_tags
        assert keep.older_than_seconds is None or NOW - known.last_sign > keep.older_than_seconds
        newer = [other for other in runs if other.flow == known.flow and other.started >= known.started]
        assert len(newer) > (keep.keep_last or 0)


@given(all_facts, rules)
def test_what_is_decided_once_is_decided_for_good(runs, keep):
    """A second collection finds nothing more."""
    gone = runs_to_go(runs, keep, NOW, GRACE)
    rest = [run for run in runs if run not in gone]
    assert runs_to_go(rest, keep, NOW, GRACE) == ()


def test_the_last_runs_are_counted_for_each_flow():
    """A flow that runs hourly does not push out one that runs weekly."""
    runs = [run(str(number), started=float(number)) for number in range(4)] + [run("0", flow="G")]
    assert ids(runs, KeepRules(keep_last=1)) == ["0", "1", "2"]


def test_a_run_that_was_heard_of_lately_is_not_dead_yet():
    """Its machine may only be asleep."""
    silent = run("1", state=RunState.DIED, last_sign=NOW - GRACE)
    assert ids([silent], KeepRules(keep_last=0)) == []
    assert ids([attrs.evolve(silent, last_sign=NOW - GRACE - 1)], KeepRules(keep_last=0)) == ["1"]


@pytest.mark.parametrize(
    "wrong", [{"keep_last": -1}, {"older_than_seconds": -1.0}, {"older_than_seconds": float("nan")}]
)
def test_a_rule_without_meaning_is_refused(wrong):
    """A negative age would take what is running."""
    with pytest.raises(InvalidRecordError):
        KeepRules(**wrong)
