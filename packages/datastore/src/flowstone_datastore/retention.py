"""Which runs may go: a decision over plain facts. Nothing is read, nothing is deleted."""

from collections import defaultdict
from collections.abc import Iterable

import attrs

from flowstone_datastore.fields import refuse
from flowstone_datastore.records import SPUN_TAG
from flowstone_datastore.run_state import RunState, RunSummary
from flowstone_interfaces.python_310 import Self

GRACE_SECONDS = 24 * 3600
"""How long everything that is young is left alone, whoever wrote it: longer than a clock is wrong, longer than
a writer takes between storing a value and recording it."""


def _is_count(_instance: object, attribute: "attrs.Attribute[int | None]", value: int | None) -> None:
    if value is not None and value < 0:
        refuse(f"KeepRules.{attribute.name}", value, "a number from 0 on")


def _is_duration(_instance: object, attribute: "attrs.Attribute[float | None]", value: float | None) -> None:
    if value is not None and not 0 <= value < float("inf"):
        refuse(f"KeepRules.{attribute.name}", value, "a number of seconds from 0 on")


@attrs.frozen
class KeepRules:
    """What keeps a run. A run goes only if none of the rules keeps it; with no rule at all, no run goes."""

    keep_last: int | None = attrs.field(default=None, validator=_is_count)
    """So many runs of each flow stay, the ones that began last, however they ended; runs that tried one task of
    another are not among them."""
    keep_tags: frozenset[str] = frozenset()
    """Runs with any of these tags stay, the user's tags or the system's."""
    older_than_seconds: float | None = attrs.field(default=None, validator=_is_duration)
    """Runs whose last record is at most so old stay; changing a run's tags is a record, too."""

    @property
    def is_empty(self) -> bool:
        """True if there is no rule."""
        return self.keep_last is None and not self.keep_tags and self.older_than_seconds is None


@attrs.frozen
class RunFacts:
    """What the decision needs to know of a run. Times are UTC, seconds since 1970."""

    flow: str
    run_id: str
    state: RunState
    tags: frozenset[str]
    started: float
    last_sign: float
    """When its newest record was written."""
    origin_run: str | None = None
    """The run of the same flow that it resumes."""

    @classmethod
    def of(cls, flow: str, run_id: str, summary: RunSummary) -> Self:
        """The facts of a run, from what its journal says."""
        started = summary.started
        tags = summary.tags | set(started.system_tags)
        return cls(flow, run_id, summary.state, tags, started.time, summary.last_sign, started.origin_run)


def may_run(run: RunFacts, now: float, grace_seconds: float = GRACE_SECONDS) -> bool:
    """True unless the run is certainly over: it said so, or it died and was silent for the grace period.

    A run that is only silent may be on a machine that sleeps, or whose clock is wrong.
    """
    if run.state is RunState.DIED:
        return now - run.last_sign <= grace_seconds
    return run.state is RunState.RUNNING


def runs_to_go(
    runs: Iterable[RunFacts], rules: KeepRules, now: float, grace_seconds: float = GRACE_SECONDS
) -> tuple[RunFacts, ...]:
    """The runs that no rule keeps and that nobody can be writing, in the order given.

    A run that one resumes which may still be running stays as well: what it takes over may not be recorded yet.
    """
    if rules.is_empty:
        return ()
    runs = tuple(runs)
    running = {(run.flow, run.run_id) for run in runs if may_run(run, now, grace_seconds)}
    origins = {(run.flow, run.origin_run) for run in runs if (run.flow, run.run_id) in running}
    kept = running | origins | _last(runs, rules.keep_last)
    return tuple(run for run in runs if (run.flow, run.run_id) not in kept and not _is_kept(run, rules, now))


def _is_kept(run: RunFacts, rules: KeepRules, now: float) -> bool:
    is_young = rules.older_than_seconds is not None and now - run.last_sign <= rules.older_than_seconds
    return is_young or not rules.keep_tags.isdisjoint(run.tags)


def _last(runs: Iterable[RunFacts], count: int | None) -> set[tuple[str, str]]:
    """The `count` runs of each flow that began last; of those of one moment, the ones whose ids sort last."""
    by_flow = defaultdict(list)
    for run in runs:
        if SPUN_TAG not in run.tags:
            by_flow[run.flow].append((run.started, run.run_id))
    newest = {flow: sorted(begun, reverse=True)[: count or 0] for flow, begun in by_flow.items()}
    return {(flow, run_id) for flow, begun in newest.items() for _, run_id in begun}
