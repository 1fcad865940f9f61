"""What users of the runtime can do wrong, and what their steps can."""

from flowstone_interfaces import FlowstoneError


class UsageError(FlowstoneError, ValueError):
    """A flow, an option or an argument that cannot work; nothing has run."""


class ReadOnlyAttributeError(FlowstoneError, AttributeError):
    """A step assigned to a name that its class gives a meaning to."""

    def __init__(self, flow: str, attribute: str, kind: str) -> None:
        super().__init__(flow, attribute, kind)
        self.flow = flow
        self.attribute = attribute
        self.kind = kind

    def __str__(self) -> str:
        return (
            f"self.{self.attribute} is a {self.kind} of {self.flow} and cannot be set by a step; "
            "store the value under another name"
        )


class MissingArtifactError(FlowstoneError, AttributeError):
    """A step read an attribute that no step before it has set."""

    def __init__(self, step: str, attribute: str, known: tuple[str, ...]) -> None:
        super().__init__(step, attribute, known)
        self.step = step
        self.attribute = attribute
        self.known = known

    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        return (
            f"step {self.step!r} has no artifact {self.attribute!r}: no step before it sets self.{self.attribute}"
            f" (known here: {known}); after a join, take it from inputs or call self.merge_artifacts(inputs)"
        )


class TaskCrashedError(FlowstoneError, RuntimeError):
    """The process of a task ended without a word; raised in the attempt that only catches this."""

    def __init__(self, step: str, why: str) -> None:
        super().__init__(step, why)
        self.step = step
        self.why = why

    def __str__(self) -> str:
        return f"step {self.step!r} crashed: {self.why}; run it with --isolation none to debug it"


class InvalidNextError(FlowstoneError, ValueError):
    """A `self.next(...)` that cannot be followed."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(step, reason)
        self.step = step
        self.reason = reason

    def __str__(self) -> str:
        return f"self.next in step {self.step!r} cannot be followed: {self.reason}"


class UnstorableArtifactError(FlowstoneError, TypeError):
    """A step left a value on `self` that cannot be pickled."""

    def __init__(self, step: str, artifact: str, type_name: str, detail: str) -> None:
        super().__init__(step, artifact, type_name, detail)
        self.step = step
        self.artifact = artifact
        self.type_name = type_name
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"step {self.step!r} cannot store self.{self.artifact} of type {self.type_name}: {self.detail}; "
            "keep it in a local variable, or store what is needed to make it again"
        )


class MergeConflictError(FlowstoneError, ValueError):
    """Branches give different values to one artifact, and nobody says which counts."""

    def __init__(self, step: str, artifacts: tuple[str, ...]) -> None:
        super().__init__(step, artifacts)
        self.step = step
        self.artifacts = artifacts

    def __str__(self) -> str:
        names = ", ".join(self.artifacts)
        return (
            f"merge_artifacts in step {self.step!r}: the branches disagree on {names}; "
            "assign each of them before the call, or name it in exclude"
        )


class MissingInMergeError(FlowstoneError, LookupError):
    """`merge_artifacts(include=...)` names what no branch has."""

    def __init__(self, step: str, artifacts: tuple[str, ...]) -> None:
        super().__init__(step, artifacts)
        self.step = step
        self.artifacts = artifacts

    def __str__(self) -> str:
        names = ", ".join(self.artifacts)
        return f"merge_artifacts in step {self.step!r}: no branch has {names}; correct include"
