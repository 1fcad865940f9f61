"""Patterns that say which files belong to the code of a run beside the modules that it imports."""

import re
from collections.abc import Iterable

import attrs

from flowstone_interfaces.python_310 import Self

_WILD = re.compile(r"(\*\*/|\*\*|\*|\?)")
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@attrs.frozen
class _Pattern:
    text: str
    is_exclusion: bool
    regex: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> Self:
        body = text.removeprefix("!")
        below = "**" if body.endswith("/") else ""
        parts = _WILD.split(body.removeprefix("/") + below)
        start = "" if "/" in body.rstrip("/") else "(?:.*/)?"
        regex = start + "".join(_MEANING.get(part, re.escape(part)) for part in parts)
        return cls(body.removeprefix("/"), text.startswith("!"), re.compile(regex, re.DOTALL))


@attrs.frozen
class CodePatterns:
    """Patterns as in `.gitignore`, turned round: they name what is taken; `!` before one names what is not.

    `*.sql` are files of that name anywhere, `/*.sql` in the root, `templates/**` all that is below a folder of
    the root, `templates/` below a folder of that name anywhere. Of several patterns that fit, the last counts.

    >>> CodePatterns.of(["templates/**", "!*.bak"]).takes("templates/a/page.html")
    True
    >>> CodePatterns.of(["templates/**", "!*.bak"]).takes("templates/old.bak")
    False
    """

    patterns: tuple[_Pattern, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """The patterns that somebody wrote."""
        return cls(tuple(_Pattern.of(text) for text in texts))

    def takes(self, path: str) -> bool:
        """True if the last pattern that fits names what is taken."""
        return self._last(path) is False

    def leaves_out(self, path: str) -> bool:
        """True if the last pattern that fits begins with `!`."""
        return self._last(path) is True

    @property
    def exact(self) -> tuple[str, ...]:
        """The paths that are written in full: they are taken though git ignores them, whatever they are."""
        return tuple(each.text for each in self.patterns if not each.is_exclusion and not _WILD.search(each.text))

    def _last(self, path: str) -> bool | None:
        fitting = (each.is_exclusion for each in reversed(self.patterns) if each.regex.fullmatch(path))
        return next(fitting, None)


def suffix_patterns(suffixes: str, folder: str) -> tuple[str, ...]:
    """Patterns for all files below a folder of the root (`.` for the root) with one of the suffixes: `.sql,.yaml`.

    >>> suffix_patterns(".sql, txt", "flows")
    ('/flows/**/*.sql', '/flows/**/*.txt')
    """
    start = "" if folder == "." else f"/{folder}"
    names = [suffix.strip() for suffix in suffixes.split(",") if suffix.strip()]
    return tuple(f"{start}/**/*{name if name.startswith('.') else f'.{name}'}" for name in names)
