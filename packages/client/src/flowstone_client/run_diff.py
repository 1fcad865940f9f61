"""What differs between two runs: code, parameters, environment, values, times."""

from collections.abc import Mapping
from typing import Any

import attrs

from flowstone_client.run_code import CodeDifference, RunCode
from flowstone_client.run_environment import RunEnvironment
from flowstone_client.run_journal import RunJournal, steps_of
from flowstone_datastore import Artifact, Datastore, RunSummary, plain_value
from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.python_310 import Self

LARGEST_LOADED_BYTES = 10_000_000
"""A larger value is told by type and size only."""

_LONGEST_SHOWN = 200


@attrs.frozen
class ValueFacts:
    """A value, in words."""

    type: str
    size: int
    """Bytes."""
    address: str
    shape: str = ""
    """Of an array or frame `(3, 4)`; of what has only a length, that; empty if not known."""
    value: str = ""
    """As Python writes it, if that is short; empty if not known."""

    @classmethod
    def of(cls, datastore: Datastore, artifact: Artifact, name: str, *, loads: bool) -> Self:
        """What is known of an artifact; more, if it may be loaded."""
        known = artifact.type, artifact.size, artifact.address
        plain = plain_value(artifact)
        if plain is not None or not loads or artifact.size > LARGEST_LOADED_BYTES:
            return cls(*known, "", "" if plain is None else repr(plain)[:_LONGEST_SHOWN])
        try:
            value = datastore.artifacts.load(artifact, name=name)
            shape = getattr(value, "shape", None) or (len(value) if hasattr(value, "__len__") else "")
            text = " ".join(repr(value).split())
        except FlowstoneError:  # its package is not installed here; type and size still tell something
            return cls(*known)
        return cls(*known, str(shape), text if len(text) <= _LONGEST_SHOWN else "")

    def __str__(self) -> str:
        kind = self.type.removeprefix("builtins.")
        shape = f" {self.shape}" if self.shape else ""
        return self.value or f"{kind}{shape}, {self.size} bytes"


@attrs.frozen
class ValueDifference:
    """A value that two runs have differently, or that only one of them has."""

    name: str
    first: ValueFacts | None
    second: ValueFacts | None
    where: str = ""
    """The first task, `step/task`, after which they differ; empty for parameters."""
    tasks: int = 0
    """In how many tasks that both runs have."""


@attrs.frozen
class StepTimes:
    """How long the tasks of a step took, in both runs."""

    step: str
    tasks: tuple[int, int]
    seconds: tuple[float, float]
    """All tasks together."""


@attrs.frozen
class RunDifference:
    """All that differs between two runs, and how long both took."""

    first: str
    second: str
    states: tuple[str, str]
    code: CodeDifference
    parameters: tuple[ValueDifference, ...]
    environment: Mapping[str, tuple[Any, Any]]
    """Name of a version or setting -> what both have."""
    artifacts: tuple[ValueDifference, ...]
    """In the order in which the tasks began that made them differ."""
    times: tuple[StepTimes, ...]

    def to_json(self) -> dict[str, Any]:
        """The difference as JSON."""
        return attrs.asdict(self)


def diff_runs(mine: RunJournal, theirs: RunJournal, *, loads: bool) -> RunDifference:
    """What differs between two runs; values are loaded only if `loads`, and only those that differ."""
    one, other = mine.summary(), theirs.summary()

    def facts(journal: RunJournal, artifact: Artifact | None, name: str) -> ValueFacts | None:
        shown = f"{journal.pathspec}/{name}"
        return None if artifact is None else ValueFacts.of(journal.datastore, artifact, shown, loads=loads)

    given, others_given = _given(one), _given(other)
    parameters = tuple(
        ValueDifference(name, facts(mine, given.get(name), name), facts(theirs, others_given.get(name), name))
        for name in _differing(given, others_given)
    )
    artifacts = tuple(
        ValueDifference(
            name, facts(mine, ours, f"{where}/{name}"), facts(theirs, other_one, f"{where}/{name}"), where, count
        )
        for name, (where, ours, other_one, count) in _diverging(mine, one, theirs, other).items()
    )
    return RunDifference(
        mine.pathspec,
        theirs.pathspec,
        (one.state.value, other.state.value),
        RunCode(mine.datastore, mine.pathspec, one.started.code).diff(
            RunCode(theirs.datastore, theirs.pathspec, other.started.code)
        ),
        parameters,
        _environment(mine, one, theirs, other),
        artifacts,
        _times(one, other),
    )


def _given(summary: RunSummary) -> dict[str, Artifact]:
    return {**summary.started.constants, **summary.started.parameters}


def _differing(one: Mapping[str, Artifact], other: Mapping[str, Artifact]) -> list[str]:
    """The names that stand for different content, or in one of both only."""
    return [
        name
        for name in {**one, **other}
        if name not in one or name not in other or one[name].address != other[name].address
    ]


def _environment(
    mine: RunJournal, one: RunSummary, theirs: RunJournal, other: RunSummary
) -> dict[str, tuple[Any, Any]]:
    """How both were run, and what was installed: `package NAME` with both versions, `None` for none.

    `environment of STEP` has the keys of what the step declared: `flowstone env diff` says more.
    """
    first = {**one.started.settings, **one.started.versions, "user": one.started.user}
    second = {**other.started.settings, **other.started.versions, "user": other.started.user}
    if None not in (one.started.environment, other.started.environment):
        first.update(_packages(RunEnvironment(mine.datastore, mine.pathspec, one.started.environment)))
        second.update(_packages(RunEnvironment(theirs.datastore, theirs.pathspec, other.started.environment)))
    first.update(_declared(one))
    second.update(_declared(other))
    return {
        name: (first.get(name), second.get(name))
        for name in {**first, **second}
        if first.get(name) != second.get(name)
    }


def _declared(run: RunSummary) -> dict[str, str]:
    """The key of the environment that each step declared."""
    return {f"environment of {step}": each.key for each in run.started.environments for step in each.steps}


def _packages(environment: RunEnvironment) -> dict[str, str]:
    """The version of each package, with its commit or archive if it has one."""
    return {f"package {name}": f"{found.version} {found.revision}".rstrip() for name, found in environment.items()}


def _diverging(
    mine: RunJournal, one: RunSummary, theirs: RunJournal, other: RunSummary
) -> dict[str, tuple[str, Artifact | None, Artifact | None, int]]:
    """Name -> where it differs first, what both have there, and in how many tasks it does."""
    found: dict[str, tuple[str, Artifact | None, Artifact | None, int]] = {}
    for key, known in one.tasks.items():
        counterpart = other.tasks.get(key)
        if counterpart is None or known.ended is None or counterpart.ended is None:
            continue
        left = mine.datastore.tables.flatten(known.ended.artifacts)
        right = theirs.datastore.tables.flatten(counterpart.ended.artifacts)
        for name in _differing(left, right):
            if name.startswith("_"):
                continue
            first = found.get(name, ("/".join(key), left.get(name), right.get(name), 0))
            found[name] = (*first[:3], first[3] + 1)
    return found


def _times(one: RunSummary, other: RunSummary) -> tuple[StepTimes, ...]:
    steps = dict.fromkeys([*steps_of(one), *steps_of(other)])
    both = [_step_times(summary) for summary in (one, other)]
    nothing = (0, 0.0)
    rows = [(step, both[0].get(step, nothing), both[1].get(step, nothing)) for step in steps]
    return tuple(StepTimes(step, (a[0], b[0]), (a[1], b[1])) for step, a, b in rows)


def _step_times(summary: RunSummary) -> dict[str, tuple[int, float]]:
    found: dict[str, tuple[int, float]] = {}
    for known in summary.tasks.values():
        count, seconds = found.get(known.step, (0, 0.0))
        took = known.ended.seconds if known.ended is not None else None
        found[known.step] = count + 1, seconds + (took or 0.0)
    return found
