"""`self.merge_artifacts(inputs)`: what the branches of a join agree on goes on."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flowstone_datastore import Artifact
from flowstone_runtime.errors import MergeConflictError, MissingInMergeError, UsageError
from flowstone_runtime.tasks.task_context import FOREACH_PREFIX

if TYPE_CHECKING:
    from flowstone_runtime.flowspec import FlowSpec
    from flowstone_runtime.tasks.inputs import Inputs
    from flowstone_runtime.tasks.parent_artifacts import ParentArtifacts
    from flowstone_runtime.tasks.task_context import TaskContext


def merge_artifacts(
    flow: "FlowSpec",
    context: "TaskContext",
    inputs: "Inputs",
    exclude: Iterable[str] | None,
    include: Iterable[str] | None,
) -> None:
    """Carry out `FlowSpec.merge_artifacts`; see there."""
    if context.node.kind.name != "JOIN":
        raise UsageError(
            f"merge_artifacts in step {context.node.name!r}: this step joins nothing; remove the call"
        )
    if exclude is not None and include is not None:
        raise UsageError(f"merge_artifacts in step {context.node.name!r}: give include or exclude, not both")
    excluded = _names("exclude", exclude)
    included = None if include is None else _names("include", include)
    found: dict[str, tuple[Artifact, ParentArtifacts]] = {}
    conflicts: set[str] = set()
    for parent in _merged(context, inputs):
        for name in parent.names():
            artifact = parent.get(name)
            if artifact is None or _is_settled(flow, name, excluded, included):
                continue
            if found.setdefault(name, (artifact, parent))[0].address != artifact.address:
                conflicts.add(name)
    missing = {name for name in included or () if name not in found and not hasattr(flow, name)}
    if missing:
        raise MissingInMergeError(context.node.name, tuple(sorted(missing)))
    if conflicts:
        raise MergeConflictError(context.node.name, tuple(sorted(conflicts)))
    for name, (artifact, branch) in found.items():
        context.take_over(name, artifact, branch)


def _merged(context: "TaskContext", inputs: "Inputs") -> "list[ParentArtifacts]":
    """What is compared: the ends of the branches, or, of a foreach without items, what came before them."""
    if context.empty_split is not None:
        return [context.empty_split]
    return [branch._flowstone_context.parent for branch in inputs]  # noqa: SLF001 - two halves of one thing


def _names(argument: str, names: Iterable[str] | None) -> frozenset[str]:
    if isinstance(names, str):
        raise UsageError(f"merge_artifacts: {argument}={names!r} is a text; write {argument}=[{names!r}]")
    return frozenset(names or ())


def _is_settled(flow: "FlowSpec", name: str, excluded: frozenset[str], included: frozenset[str] | None) -> bool:
    if name.startswith(FOREACH_PREFIX) or name in excluded or name in vars(flow) or hasattr(type(flow), name):
        return True
    return included is not None and name not in included
