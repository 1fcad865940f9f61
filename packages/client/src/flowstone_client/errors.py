"""What one can ask the client in vain."""

from difflib import get_close_matches

from flowstone_interfaces import FlowstoneError


class NotFoundError(FlowstoneError, KeyError):
    """The store holds no flow, run, step, task or artifact of this name."""

    def __init__(self, kind: str, pathspec: str, store: str, known: tuple[str, ...] = ()) -> None:
        super().__init__(kind, pathspec, store, known)
        self.kind = kind
        self.pathspec = pathspec
        self.store = store
        self.known = known

    def __str__(self) -> str:
        name = self.pathspec.rpartition("/")[2]
        close = get_close_matches(name, self.known, n=1)
        if close:
            hint = f"did you mean {close[0]!r}?"
        elif self.known:
            more = ", ..." if len(self.known) > 8 else ""
            hint = f"there are {', '.join(self.known[:8])}{more}"
        else:
            hint = "there are none; is this the right store?"
        return f"no {self.kind} {self.pathspec} in {self.store}; {hint}"


class NotStartedError(FlowstoneError, LookupError):
    """A run's id was claimed, but nothing was recorded of it."""

    def __init__(self, pathspec: str) -> None:
        super().__init__(pathspec)
        self.pathspec = pathspec

    def __str__(self) -> str:
        return f"{self.pathspec} has not begun: its journal is empty; it is about to start, or was stopped at once"
