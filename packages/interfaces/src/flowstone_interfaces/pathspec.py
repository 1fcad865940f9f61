"""Names of what ran: `Flow/run/step/task/artifact`, from the left as deep as one likes."""

import re
from typing import Self

import attrs

from flowstone_interfaces.errors import FlowstoneError

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

    Raises:
        InvalidPathspecError: it holds other characters than letters, digits, `_ . ~ -`.
    """
    if not _PART.match(text):
        raise InvalidPathspecError(text, f"{text!r} must be letters, digits, '_', '.', '~' or '-'")
    return text


@attrs.frozen(order=True)
class Pathspec:
    """Where something that ran is found.

    >>> Pathspec.parse("Train/20260101-120000-k3f9/fit/3").step
    'fit'
    >>> str(Pathspec("Train", "20260101-120000-k3f9").child("fit"))
    'Train/20260101-120000-k3f9/fit'
    """

    flow: str
    run: str | None = None
    step: str | None = None
    task: str | None = None
    artifact: str | None = None

    def __attrs_post_init__(self) -> None:
        parts = attrs.astuple(self)
        depth = self.depth
        for part in parts[:depth]:
            check_part(part)
        if any(part is not None for part in parts[depth:]):
            missing = _LEVELS[depth]
            raise InvalidPathspecError("/".join(str(part) for part in parts), f"it has no {missing}")

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
        parts = attrs.astuple(self)
        return parts.index(None) if None in parts else len(parts)

    @property
    def parts(self) -> tuple[str, ...]:
        """The given parts, from the flow on."""
        return tuple(attrs.astuple(self)[: self.depth])

    def child(self, name: str) -> Self:
        """The pathspec one level deeper.

        Raises:
            InvalidPathspecError: this names an artifact, which has no children.
        """
        return type(self).parse(f"{self}/{name}")

    def __str__(self) -> str:
        return "/".join(self.parts)
