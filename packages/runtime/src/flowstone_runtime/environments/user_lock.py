"""A lock file of the user's: what it pins, as requirements and as hashes that have to be met."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from flowstone_interfaces import toml
from flowstone_runtime.environments.uv_program import run_uv

_EXPORT = ("export", "--quiet", "--frozen", "--no-emit-workspace", "--no-header", "--format", "pylock.toml")


@attrs.frozen
class Pins:
    """What a lock file says."""

    requirements: tuple[str, ...]
    """Each package with its version, and when it is wanted."""
    hashes: Mapping[str, frozenset[str]]
    """Name of a package to the SHA-256 of each of its files."""


def read_user_lock(file: Path) -> tuple[tuple[str, str], ...]:
    """The texts that the lock consists of, by the names of their files; of a uv.lock, pyproject.toml is one.

    Raises:
        OSError: one of them is not there.
    """
    names = [file.name, "pyproject.toml"] if file.name == "uv.lock" else [file.name]
    return tuple((name, file.with_name(name).read_text(encoding="utf-8")) for name in names)


def pins_of(texts: tuple[tuple[str, str], ...], environ: Mapping[str, str]) -> Pins:
    """What the lock pins.

    Raises:
        ValueError: it is no pylock.toml and no uv.lock, or a package in it has no version.
    """
    name, text = texts[0]
    if name == "uv.lock":
        text = _exported(texts, environ)
    try:
        packages = toml.loads(text).get("packages", ())
        lines = [
            f"{each['name']}=={each['version']}" + (f" ; {each['marker']}" if "marker" in each else "")
            for each in packages
        ]
        hashes = {each["name"]: frozenset(_hashes(each.get("wheels", ()))) for each in packages}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{name} has a package without {error}; lock it with versions") from error
    return Pins(tuple(lines), hashes)


def _hashes(wheels: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    return (wheel["hashes"]["sha256"] for wheel in wheels if "sha256" in wheel.get("hashes", {}))


def _exported(texts: tuple[tuple[str, str], ...], environ: Mapping[str, str]) -> str:
    with tempfile.TemporaryDirectory(prefix="flowstone-lock-") as folder:
        for name, text in texts:
            (Path(folder) / name).write_text(text, encoding="utf-8")
        out = Path(folder) / "pylock.exported.toml"
        failure = run_uv([*_EXPORT, "--output-file", out.name], Path(folder), {**environ, "UV_OFFLINE": "1"})
        if failure:
            raise ValueError(f"uv.lock cannot be read: {failure}")
        return out.read_text(encoding="utf-8")
