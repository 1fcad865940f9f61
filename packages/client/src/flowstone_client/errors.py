"""What one can ask the client in vain."""

from flowstone_interfaces import FlowstoneError, InvalidPathspecError, Pathspec

_MOST_SHOWN = 8
_KINDS = {1: "a flow", 2: "a run", 3: "a step", 4: "a task", 5: "an artifact"}


class NotFoundError(FlowstoneError, KeyError):
    """The store holds no flow, run, step, task, artifact or parameter of this name."""

    def __init__(self, kind: str, pathspec: str, store: str, known: tuple[str, ...] = ()) -> None:
        super().__init__(kind, pathspec, store, known)
        self.kind = kind
        self.pathspec = pathspec
        self.store = store
        self.known = known

    def __str__(self) -> str:
        from difflib import get_close_matches

        name = self.pathspec.rpartition("/")[2]
        close = get_close_matches(name, self.known, n=1)
        if close:
            hint = f"did you mean {close[0]!r}?"
        elif self.known:
            more = ", ..." if len(self.known) > _MOST_SHOWN else ""
            hint = f"there are {', '.join(self.known[:_MOST_SHOWN])}{more}"
        else:
            hint = "there are none; is this the right store?"
        return f"no {self.kind} {self.pathspec} in {self.store}; {hint}"


class WrongDepthError(InvalidPathspecError):
    """A pathspec of something else than what was asked for: of a step where a run should be."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)

    def __str__(self) -> str:
        return f"{self.text} names {_KINDS[Pathspec.parse(self.text).depth]}; {self.reason}"


class NamespaceMismatchError(FlowstoneError, LookupError):
    """The store has it, but the namespace that is looked through hides it."""

    def __init__(self, pathspec: str, namespace: str) -> None:
        super().__init__(pathspec, namespace)
        self.pathspec = pathspec
        self.namespace = namespace

    def __str__(self) -> str:
        return (
            f"{self.pathspec} is not in the namespace {self.namespace!r}; "
            "namespace(None) shows all runs, namespace('user:<name>') those of somebody else"
        )


class NotStartedError(FlowstoneError, LookupError):
    """A run's id was claimed, but nothing was recorded of it."""

    def __init__(self, pathspec: str) -> None:
        super().__init__(pathspec)
        self.pathspec = pathspec

    def __str__(self) -> str:
        return (
            f"{self.pathspec} has not begun: its journal is empty; it is about to start, so ask again, "
            "or it was stopped at once, so run it again"
        )


class NoResultError(FlowstoneError, LookupError):
    """A run whose last step has not finished: it has left nothing yet, or never will."""

    def __init__(self, pathspec: str, state: str, steps: tuple[str, ...]) -> None:
        super().__init__(pathspec, state, steps)
        self.pathspec = pathspec
        self.state = state
        self.steps = steps

    def __str__(self) -> str:
        advice = "wait for it, or run it again"
        if self.steps:
            advice = f"look at what its tasks left, as in run[{self.steps[-1]!r}].task.data"
        return f"{self.pathspec} has no result: it is {self.state}, and its last step has not finished; {advice}"


class StillRunningError(FlowstoneError, TimeoutError):
    """A run that had not ended when the time to wait for it was over."""

    def __init__(self, pathspec: str, timeout_seconds: float) -> None:
        super().__init__(pathspec, timeout_seconds)
        self.pathspec = pathspec
        self.timeout_seconds = timeout_seconds

    def __str__(self) -> str:
        return (
            f"{self.pathspec} has not ended after {self.timeout_seconds:g} seconds; "
            "wait longer, or see in its tasks' logs what it does"
        )


class InvalidStreamError(FlowstoneError, ValueError):
    """A word that is not the name of an output stream."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.stream = stream

    def __str__(self) -> str:
        return f"a task has no stream {self.stream!r}; write 'stdout' or 'stderr'"
