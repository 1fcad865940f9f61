"""Tags of runs: what may be one, and which record changes them.

A change says what goes and what comes, never what there is after it; so of two changes at the same
time both hold, and nobody waits for anybody.
"""

from collections.abc import Iterable

from flowstone_datastore import RunSummary, TagsChanged
from flowstone_interfaces import FlowstoneError

MOST_TAGS = 50
"""How many tags people may give a run."""
LONGEST_TAG = 500
"""Characters."""

_TICK_SECONDS = 1e-6


class InvalidTagError(FlowstoneError, ValueError):
    """Something that cannot be a tag."""

    def __init__(self, tag: object, reason: str) -> None:
        super().__init__(tag, reason)
        self.tag = tag
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.tag!r:.60} cannot be a tag: {self.reason}; write 1 to {LONGEST_TAG} printable characters"


class TooManyTagsError(FlowstoneError, ValueError):
    """A run would have more tags than it may."""

    def __init__(self, pathspec: str, count: int) -> None:
        super().__init__(pathspec, count)
        self.pathspec = pathspec
        self.count = count

    def __str__(self) -> str:
        return f"{self.pathspec} would have {self.count} tags, at most {MOST_TAGS} are allowed; remove some first"


class SystemTagError(FlowstoneError, ValueError):
    """Somebody wants to remove a tag that says how a run was made."""

    def __init__(self, pathspec: str, tag: str) -> None:
        super().__init__(pathspec, tag)
        self.pathspec = pathspec
        self.tag = tag

    def __str__(self) -> str:
        return f"{self.tag!r} is a system tag of {self.pathspec} and stays; remove only tags that people gave"


def check_tags(tags: Iterable[str]) -> frozenset[str]:
    """The tags as a set, if each may be one.

    Raises:
        InvalidTagError: one is empty, too long, no text, or a lone text was given for several.
    """
    if isinstance(tags, str):
        raise InvalidTagError(tags, "several are wanted, as [...]")
    return frozenset([_checked(tag) for tag in tags])


def _checked(tag: object) -> str:
    if not isinstance(tag, str):
        raise InvalidTagError(tag, f"it is of type {type(tag).__name__}")
    if not tag.strip():
        raise InvalidTagError(tag, "it is empty")
    if len(tag) > LONGEST_TAG:
        raise InvalidTagError(tag, f"it has {len(tag)} characters")
    if not tag.isprintable():
        raise InvalidTagError(tag, "one of its characters cannot be printed")
    return tag


def tag_change(
    pathspec: str, summary: RunSummary, *, added: Iterable[str], removed: Iterable[str], now: float
) -> TagsChanged | None:
    """The record that removes and then adds these tags; `None` if all is so already.

    It comes after every change that `summary` knows, whatever the clocks of machines say.
    `now` is UTC, seconds since 1970.

    Raises:
        InvalidTagError: one of `added` cannot be a tag.
        SystemTagError: one of `removed` is a system tag.
        TooManyTagsError: the run would have more than `MOST_TAGS`.
    """
    system = frozenset(summary.started.system_tags)
    coming = check_tags(added) - system
    going = check_tags(removed)
    for tag in sorted(going & system):
        raise SystemTagError(pathspec, tag)
    after = (summary.tags - going) | coming
    if after == summary.tags:
        return None
    if len(after) > MOST_TAGS and len(after) > len(summary.tags):
        raise TooManyTagsError(pathspec, len(after))
    time = max(now, summary.tagged_at + _TICK_SECONDS)
    new, gone = coming - summary.tags, (going & summary.tags) - coming
    return TagsChanged(time=time, added=tuple(sorted(new)), removed=tuple(sorted(gone)))
