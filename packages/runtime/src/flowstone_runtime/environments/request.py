"""What the environment of a step must hold, as it is declared; and the decision that is made once."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from flowstone_datastore.address import address_of
from flowstone_interfaces.python_310 import Self

LOCK_FORMAT = 1


def _pairs(given: Iterable[Iterable[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, text) for name, text in given)


def _ordered(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


def _sorted(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(given))


@attrs.frozen(kw_only=True)
class EnvironmentRequest:
    """A declaration. Equal ones have equal keys, in whatever order they were written."""

    kind: str
    """The name of the environment in the group `flowstone.environments`."""
    python: str
    """The version of Python: `3.12`, or `3.12.1` if no other will do."""
    requirements: tuple[str, ...] = attrs.field(default=(), converter=_sorted)
    """What the user asks for, as PEP 508 writes it."""
    own: tuple[str, ...] = attrs.field(default=(), converter=_sorted)
    """What flowstone itself needs there."""
    conda: tuple[str, ...] = attrs.field(default=(), converter=_sorted)
    """What the user asks for of conda's channels, as conda writes it."""
    channels: tuple[str, ...] = attrs.field(default=(), converter=_ordered)
    """Of conda, in order."""
    pinned: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=_pairs)
    """The lock file of the user's, as (name, text) of each file that it consists of: these versions, no others."""

    @property
    def asked(self) -> tuple[str, ...]:
        """All that the user asks for."""
        return (*self.conda, *self.requirements)

    @property
    def key(self) -> str:
        """The address of the declaration."""
        return address_of(b"flowstone-environment-request\n", _text(self.to_json()).encode())

    def to_json(self) -> dict[str, Any]:
        """The declaration as an object."""
        return attrs.asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`; fields of later versions are ignored."""
        return cls(**{field.name: raw[field.name] for field in attrs.fields(cls) if field.name in raw})


@attrs.frozen
class Package:
    """A file that is installed."""

    name: str
    version: str
    file_name: str
    url: str
    """Where it was found when it was chosen; never with a password."""
    sha256: str
    """64 lowercase hex digits."""


@attrs.frozen
class Lock:
    """Which packages were chosen for a request, on each platform."""

    request: EnvironmentRequest
    python: str
    """The full version that was chosen for: `3.12.1`."""
    files: Mapping[str, str]
    """Platform, such as `linux-64`, to the text of a lock file in its kind's usual format."""

    def to_text(self) -> str:
        """The lock as JSON: equal locks are equal texts."""
        fields = {"python": self.python, "files": dict(self.files), "request": self.request.to_json()}
        return _text({"format": LOCK_FORMAT, **fields})

    @classmethod
    def from_text(cls, text: str | bytes) -> Self:
        """The inverse of `to_text`.

        Raises:
            ValueError: it is no lock.
        """
        try:
            raw = json.loads(text)
            if raw["format"] != LOCK_FORMAT:
                raise ValueError(f"its format is {raw['format']!r}, and {LOCK_FORMAT} is known")
            return cls(EnvironmentRequest.from_json(raw["request"]), raw["python"], dict(raw["files"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"it is no lock: {error!r}") from error


@attrs.frozen
class Building:
    """What is to be installed, from what, and where."""

    lock: Lock
    packages: tuple[Package, ...]
    files: Mapping[str, Path]
    """The file of each package by its SHA-256."""
    new: Path
    """A folder that is not there yet; `bin/python` in it is to be the interpreter."""
    final: Path
    """Where it will be when it is whole."""


def environment_key(platform: str, python: str, packages: tuple[Package, ...]) -> str:
    """The address of what is installed: equal for whoever asked for it in whatever words.

    Of Python, the minor version counts: packages are made for one.
    """
    minor = ".".join(python.split(".")[:2])
    rows = sorted([package.name, package.version, package.sha256] for package in packages)
    return address_of(b"flowstone-environment\n", _text([platform, minor, rows]).encode())


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
