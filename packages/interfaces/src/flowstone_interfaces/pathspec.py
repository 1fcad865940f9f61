"""Names of what ran: `Flow/run/step/task/artifact`, from the left as deep as one likes."""

import re

import attrs

from flowstone_interfaces.errors import FlowstoneError
from flowstone_interfaces.python_310 import Self

_LEVELS = ("flow", "run", "step", "task", "artifact")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~-]*\Z")


class InvalidPathspecError(FlowstoneError, ValueError):
    """A text that names no flow, run, step, task or artifact."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.text!r} is no pathspec: {self.reason}; write Flow, Flow/run, Flow/run/step, ..."


def check_part(text: str) -> str:
    """Return `text` if it may stand between two slashes of a pathspec.

    Parts become file names in a store, so a part never starts with a dot and
    holds no separator.

    >>> check_part("20260101-120000-k3f9")
    '20260101-120000-k3f9'

    Raises:
        InvalidPathspecError: it does not start with a letter, a digit or `_`, or holds other
            characters than those and `. ~ -`.
    """
    if not _PART.match(text):
        raise InvalidPathspecError(text, _fault(text))
    return text


def is_part(text: str) -> bool:
    """Whether `check_part` would return the text.

    >>> is_part("scheduler"), is_part("._scheduler"), is_part("a copy of it")
    (True, False, False)
    """
    return _PART.match(text) is not None


def _fault(part: str) -> str:
    if not part:
        return "a part of it is empty"
    return f"{part!r} must be letters, digits, '_', '.', '~' or '-', and begin with a letter, a digit or '_'"


def _shallow_first(part: str | None) -> str:
    """How a part sorts: what has none comes before what has one."""
    return part or ""


@attrs.frozen(order=True)
class Pathspec:
    """Where something that ran is found. Sorts as a listing does: a run, then its steps, then the next run.

    >>> Pathspec.parse("Train/20260101-120000-k3f9/fit/3").step
    'fit'
    >>> str(Pathspec("Train", "20260101-120000-k3f9").child("fit"))
    'Train/20260101-120000-k3f9/fit'
    """

    flow: str
    run: str | None = attrs.field(default=None, order=_shallow_first)
    step: str | None = attrs.field(default=None, order=_shallow_first)
    task: str | None = attrs.field(default=None, order=_shallow_first)
    artifact: str | None = attrs.field(default=None, order=_shallow_first)

    def __attrs_post_init__(self) -> None:
        levels = self._levels
        deepest = max([depth for depth, level in enumerate(levels, 1) if level is not None], default=0)
        shown = "/".join([level or "" for level in levels[:deepest]])
        for part in self.parts:
            if not _PART.match(part):
                raise InvalidPathspecError(shown, _fault(part))
        if self.depth < max(deepest, 1):
            raise InvalidPathspecError(shown, f"it has no {_LEVELS[self.depth]}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `Flow/run/step/task/artifact` or any shorter form.

        Raises:
            InvalidPathspecError: too many parts, an empty part, or a part that no store would write.
        """
        parts = text.split("/")
        if len(parts) > len(_LEVELS):
            raise InvalidPathspecError(text, f"it has {len(parts)} parts, at most {len(_LEVELS)} have a meaning")
        return cls(*parts)

    @property
    def depth(self) -> int:
        """How many parts are given: 1 for a flow, 5 for an artifact."""
        levels = self._levels
        return levels.index(None) if None in levels else len(levels)

    @property
    def parts(self) -> tuple[str, ...]:
        """The given parts, from the flow on."""
        return tuple([level for level in self._levels[: self.depth] if level is not None])

    @property
    def _levels(self) -> tuple[str | None, ...]:
        return self.flow, self.run, self.step, self.task, self.artifact

    def child(self, name: str) -> Self:
        """The pathspec one level deeper.

        Raises:
            InvalidPathspecError: this names an artifact, which has no children, or `name` is not one part.
        """
        if self.artifact is not None:
            raise InvalidPathspecError(f"{self}/{name}", "an artifact has nothing below it")
        return type(self)(*(*self.parts, name))

    def __str__(self) -> str:
        return "/".join(self.parts)
