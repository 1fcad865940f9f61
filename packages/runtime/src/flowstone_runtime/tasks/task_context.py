"""What a task knows while its step runs: where it stands, what it inherited, what it read."""

import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from flowstone_datastore import Artifact
from flowstone_graph import ForeachFrame, Kind, Node, Transition
from flowstone_graph.node import CaseExpression
from flowstone_runtime.errors import InvalidNextError, MissingArtifactError, UsageError
from flowstone_runtime.tasks.foreach_items import in_positions
from flowstone_runtime.tasks.parent_artifacts import ParentArtifacts

if TYPE_CHECKING:
    from flowstone_datastore import ArtifactStore

FOREACH_PREFIX = "_foreach_items_"
"""What a foreach runs over is passed on under a name of its own, so that `self.input`
stays what it was when a later step sets the attribute to something else."""

FLOW_IS_NO_ARTIFACT = "it is a flow, the whole of it, as self and every branch of inputs are"
"""Why `self.me = self` cannot be stored, for people."""

_NOTHING: Any = object()
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
    empty_split: ParentArtifacts | None = None
    """Of a join that closes a foreach without items: what the split passed on."""
    transition: Transition | None = None
    foreach_items: Any = None
    """What the foreach that this step begins runs over, by position."""
    kept: dict[str, Artifact] = attrs.field(factory=dict)
    kept_from: dict[str, ParentArtifacts] = attrs.field(factory=dict)
    """Of what a join took over: the branch that it counts as read from."""
    deleted: set[str] = attrs.field(factory=set)
    loaded: dict[str, tuple[Artifact, Any]] = attrs.field(factory=dict)
    parameter_reads: dict[str, str] = attrs.field(factory=dict)
    _parameter_values: dict[str, Any] = attrs.field(factory=dict)
    _parsed_values: dict[str, Any] = attrs.field(factory=dict)

    def __reduce__(self) -> Any:
        raise UsageError(FLOW_IS_NO_ARTIFACT)

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
        self.kept_from.get(name, self.parent).note_read(name, artifact)
        value = self.store.load(artifact)
        self.loaded[name] = (artifact, value)
        return value

    def forget(self, name: str) -> bool:
        """Do not pass `name` on; True if it would have been."""
        was_there = self.entry(name) is not None
        self.deleted.add(name)
        self.kept.pop(name, None)
        self.loaded.pop(name, None)
        return was_there

    def take_over(self, name: str, artifact: Artifact, branch: ParentArtifacts) -> None:
        """Pass on what a branch has under `name`."""
        self.deleted.discard(name)
        self.kept[name] = artifact
        self.kept_from[name] = branch

    def visible_names(self) -> tuple[str, ...]:
        """The names that the step can read, for people."""
        names = {*self.kept, *self.parent.names()} - self.deleted
        return tuple(sorted(name for name in names if not name.startswith(FOREACH_PREFIX)))

    def unchanged(self, name: str, value: Any) -> Artifact | None:
        """The stored form of a value that was loaded and cannot have changed since."""
        artifact, loaded = self.loaded.get(name, (None, None))
        return artifact if value is loaded and type(value) in _IMMUTABLE else None

    def settled(self, name: str, saved: Artifact) -> Artifact:
        """`saved`, or the inherited artifact that it was read from if the value is the same after all.

        Equal values have equal addresses, but for large ones that hold sets, and for types of which the pickle
        changes when they are loaded. So where the memory beside the pickle is the same, the inherited value is
        loaded once more, and what that pickles to is compared.
        """
        inherited, _ = self.loaded.get(name, (None, None))
        if inherited is None or saved.address == inherited.address or saved.size != inherited.size:
            return saved
        if self.store.blobs(saved).buffers != self.store.blobs(inherited).buffers:
            return saved
        is_same = self.store.address(self.store.load(inherited)) == saved.address
        return inherited if is_same else saved

    def parameter(self, name: str) -> Any:
        """The value of a parameter or constant; the read is recorded."""
        if name not in self._parameter_values:
            artifact = self.parameters[name]
            self.parameter_reads[name] = artifact.address
            self._parameter_values[name] = self.store.load(artifact)
        return self._parameter_values[name]

    def parsed(self, name: str, parse: Callable[[Any], Any]) -> Any:
        """What `parse` makes of a parameter, once for the task."""
        if name not in self._parsed_values:
            self._parsed_values[name] = parse(self.parameter(name))
        return self._parsed_values[name]

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
        return items[frame.index]

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
            self.foreach_items = _items(self.node, flow, foreach)
            count = len(self.foreach_items)
        elif num_parallel is not None:
            count = _check_parallel(self.node, num_parallel)
        if names != self.node.targets or foreach != self.node.foreach:
            expected = ", ".join(self.node.targets) or "no step"
            raise InvalidNextError(
                self.node.name, f"the source says that {expected} follows, not {', '.join(names)}"
            )
        self.transition = Transition(names, count)

    def leave_as_written(
        self,
        flow: Any,
        foreach: str | None = None,
        num_parallel: int | None = None,
        condition: str | None = None,
        **unknown: Any,
    ) -> None:
        """Go on as if the step had come to its `self.next`, with what is set by now.

        What is given takes the place of what the step says: another artifact to run over or to choose by, the
        number of tasks to start.

        Raises:
            InvalidNextError: what is set or given does not say where to go.
        """
        node = self.node
        if self.transition is not None or not node.targets:
            return
        _check_changes(node, {"foreach": foreach, "num_parallel": num_parallel, "condition": condition, **unknown})
        if node.kind is Kind.SWITCH:
            self.transition = Transition((_written_case(node, flow, condition or node.condition),), None)
        elif node.num_parallel:
            self.transition = Transition(node.targets, _check_parallel(node, num_parallel))
        elif node.foreach is not None:
            name = foreach or node.foreach
            self.foreach_items = _items(node, flow, name) if foreach or hasattr(flow, name) else ()
            self.transition = Transition(node.targets, len(self.foreach_items))
        else:
            self.transition = Transition(node.targets, None)

    def check_left(self) -> None:
        """Refuse a step that ended without a word on what follows.

        Raises:
            InvalidNextError: it did.
        """
        if self.transition is None and self.node.targets:
            raise InvalidNextError(self.node.name, "the step ended without calling it; make it the last line")


def _check_changes(node: Node, changes: Mapping[str, Any]) -> None:
    """Refuse to change what the step does not say."""
    allowed = {
        "foreach": node.foreach is not None,
        "num_parallel": node.num_parallel,
        "condition": node.kind is Kind.SWITCH,
    }
    for name, value in changes.items():
        if value is not None and not allowed.get(name, False):
            may = ", ".join(key for key, is_allowed in allowed.items() if is_allowed) or "nothing"
            raise InvalidNextError(node.name, f"{name}={value!r} is given for it, where {may} can be changed")


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


def _written_case(node: Node, flow: Any, condition: str | None) -> str:
    """The target of a switch that an artifact chooses, by the cases as they are written."""
    assert condition is not None, "a switch has one"
    value = getattr(flow, condition, _NOTHING)
    for key, target in node.cases:
        case = _value_of(key.text, flow) if isinstance(key, CaseExpression) else key
        if case == value:
            return target
    what = "is not set" if value is _NOTHING else f"is {value!r}, which is none of the cases"
    raise InvalidNextError(node.name, f"the step did not come to it, and self.{condition} {what}")


def _value_of(expression: str, flow: Any) -> Any:
    """What `self.config.mode` stands for: attributes and keys, as the graph reads them."""
    return eval(expression, {"self": flow})  # noqa: S307 - the user's own source


def _items(node: Node, flow: Any, foreach: str) -> Any:
    items = getattr(flow, foreach)
    try:
        return in_positions(items)
    except TypeError as error:
        raise InvalidNextError(node.name, f"self.{foreach} {error}") from None


def _check_parallel(node: Node, num_parallel: Any) -> int:
    try:
        count = 0 if isinstance(num_parallel, bool) else operator.index(num_parallel)
    except TypeError:
        count = 0
    if count < 1:
        raise InvalidNextError(node.name, f"num_parallel is {num_parallel!r}; it must be a whole number from 1")
    return count
