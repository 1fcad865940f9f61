"""What a task knows while its step runs: where it stands, what it inherited, what it read."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import attrs

from flowstone_datastore import Artifact
from flowstone_graph import ForeachFrame, Node, Transition
from flowstone_runtime.errors import InvalidNextError, MissingArtifactError
from flowstone_runtime.parent_artifacts import ParentArtifacts

if TYPE_CHECKING:
    from flowstone_datastore import ArtifactStore

FOREACH_PREFIX = "_foreach_items_"
"""What a foreach runs over is passed on under a name of its own, so that `self.input`
stays what it was when a later step sets the attribute to something else."""

_IMMUTABLE = (int, float, complex, bool, str, bytes, type(None))


@attrs.define
class TaskContext:
    """The state of one task attempt behind `self`.

    `inherited` maps names to what the parents passed on; `kept` are the entries that go
    on to the next task unless the step sets them anew.
    """

    store: "ArtifactStore"
    node: Node
    stack: tuple[ForeachFrame, ...]
    foreach_variables: Mapping[str, str | None]
    """For each foreach split around this task: the artifact that it runs over."""
    parameters: Mapping[str, Artifact]
    parent: ParentArtifacts
    """What the task starts from; in a join: nothing but the items of the foreach around it."""
    transition: Transition | None = None
    kept: dict[str, Artifact] = attrs.field(factory=dict)
    deleted: set[str] = attrs.field(factory=set)
    loaded: dict[str, tuple[Artifact, Any]] = attrs.field(factory=dict)
    parameter_reads: dict[str, str] = attrs.field(factory=dict)
    _parameter_values: dict[str, Any] = attrs.field(factory=dict)

    # Artifacts

    def entry(self, name: str) -> Artifact | None:
        """What the task would pass on under `name` if the step does not set it."""
        if name in self.deleted:
            return None
        return self.kept.get(name) or self.parent.get(name)

    def read(self, name: str) -> Any:
        """The value of an inherited artifact, loaded; the read is recorded.

        Raises:
            MissingArtifactError: there is none.
        """
        artifact = self.entry(name)
        if artifact is None:
            raise MissingArtifactError(self.node.name, name, self.visible_names())
        if name not in self.kept:
            self.parent.note_read(name, artifact)
        value = self.store.load(artifact)
        self.loaded[name] = (artifact, value)
        return value

    def forget(self, name: str) -> bool:
        """Do not pass `name` on; True if it would have been."""
        was_there = self.entry(name) is not None
        self.deleted.add(name)
        self.loaded.pop(name, None)
        return was_there

    def visible_names(self) -> tuple[str, ...]:
        """The names that the step can read, for people."""
        names = {*self.kept, *self.parent.names()} - self.deleted
        return tuple(sorted(name for name in names if not name.startswith(FOREACH_PREFIX)))

    def unchanged(self, name: str, value: Any) -> Artifact | None:
        """The stored form of a value that was loaded and cannot have changed since."""
        artifact, loaded = self.loaded.get(name, (None, None))
        return artifact if value is loaded and isinstance(value, _IMMUTABLE) else None

    def parameter(self, name: str) -> Any:
        """The value of a parameter or constant; the read is recorded."""
        if name not in self._parameter_values:
            artifact = self.parameters[name]
            self.parameter_reads[name] = artifact.address
            self._parameter_values[name] = self.store.load(artifact)
        return self._parameter_values[name]

    # Foreach

    def foreach_input(self) -> Any:
        """The item of the innermost foreach, `None` outside of one."""
        return self._item(self.stack[-1]) if self.stack else None

    def foreach_stack(self) -> list[tuple[int, int, Any]]:
        """`(index, count, item)` for each level, outermost first."""
        return [(frame.index, frame.count, self._item(frame)) for frame in self.stack]

    def _item(self, frame: ForeachFrame) -> Any:
        if self.foreach_variables.get(frame.step) is None:  # num_parallel runs over numbers
            return frame.index
        name = FOREACH_PREFIX + frame.step
        items = self.loaded[name][1] if name in self.loaded else self.read(name)
        if isinstance(items, Sequence) or type(items).__module__ == "numpy":
            return items[frame.index]
        # Everything else by order of iteration: `series[3]` and `mapping[3]` mean a label or a key.
        return next(islice(iter(items), frame.index, None))

    # Where to go

    def leave(
        self,
        flow: Any,
        targets: tuple[Any, ...],
        foreach: str | None,
        num_parallel: int | None,
        condition: str | None,
    ) -> None:
        """Take note of `self.next(...)`, checked against the graph and the step's artifacts."""
        if self.transition is not None:
            raise InvalidNextError(self.node.name, "it was called before in this step; call it once")
        if condition is not None:
            chosen = _choose(self.node, flow, targets, condition)
            self.transition = Transition((chosen,), None)
            return
        names = tuple(_step_name(self.node, target) for target in targets)
        count = None
        if foreach is not None:
            count = _count_items(self.node, flow, foreach)
        elif num_parallel is not None:
            count = _check_parallel(self.node, num_parallel)
        if names != self.node.targets or foreach != self.node.foreach:
            expected = ", ".join(self.node.targets) or "no step"
            raise InvalidNextError(
                self.node.name, f"the source says that {expected} follows, not {', '.join(names)}"
            )
        self.transition = Transition(names, count)


def _step_name(node: Node, target: Any) -> str:
    name = getattr(target, "__name__", None)
    if not isinstance(name, str) or not getattr(target, "is_step", False):
        raise InvalidNextError(node.name, f"{target!r} is no step; write self.<step>")
    return name


def _choose(node: Node, flow: Any, targets: tuple[Any, ...], condition: str) -> str:
    if len(targets) != 1 or not isinstance(targets[0], Mapping):
        raise InvalidNextError(node.name, "a condition goes with one mapping of values to steps")
    cases: Mapping[Any, Callable[..., Any]] = targets[0]
    value = getattr(flow, condition)
    try:
        is_known = value in cases
    except TypeError as error:
        raise InvalidNextError(
            node.name, f"self.{condition} cannot be looked up among the cases: {error}"
        ) from error
    if not is_known:
        known = ", ".join(repr(case) for case in cases)
        raise InvalidNextError(node.name, f"self.{condition} is {value!r}, which is none of the cases {known}")
    return _step_name(node, cases[value])


def _count_items(node: Node, flow: Any, foreach: str) -> int:
    items = getattr(flow, foreach)
    try:
        return len(items)
    except TypeError:
        pass
    try:
        iterator = iter(items)
    except TypeError:
        raise InvalidNextError(
            node.name, f"self.{foreach} is a {type(items).__name__}, which has no items to run over; set a list"
        ) from None
    if iterator is items:
        raise InvalidNextError(
            node.name, f"self.{foreach} is an iterator, which can be run over only once; set list(...) of it"
        )
    return sum(1 for _ in iterator)


def _check_parallel(node: Node, num_parallel: Any) -> int:
    if not isinstance(num_parallel, int) or num_parallel < 1:
        raise InvalidNextError(node.name, f"num_parallel is {num_parallel!r}; it must be a whole number from 1")
    return num_parallel
