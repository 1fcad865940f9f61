"""Where flowstone keeps things and for whom: one value, built once, passed down.

Each setting is taken from the first place that has it: a command-line option, an
environment variable (`FLOWSTONE_STORE`, ...), `[tool.flowstone]` in the project's
pyproject.toml, the profile (`~/.config/flowstone/<profile>.toml`), the default.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import attrs

from flowstone_interfaces import FlowstoneError

_NAMES = ("store", "user")
_PROJECT_MARKS = (".git", "pyproject.toml")


class InvalidSettingsError(FlowstoneError, ValueError):
    """A settings file that cannot be read or says what no setting is."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(place, reason)
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}; correct the file"


@attrs.frozen
class Settings:
    """Every setting, and where it came from."""

    store: str
    """Folder or URL of the store."""
    user: str
    """Who runs flows here: enters the tag `user:<name>`."""
    project_root: Path
    """The nearest folder from the flow's upward that holds `.git` or `pyproject.toml`; else the flow's own."""
    profile: str | None = None
    sources: Mapping[str, str] = attrs.field(factory=dict)
    """For each setting: the option, variable or file that gave it."""

    @classmethod
    def load(
        cls, folder: Path, environ: Mapping[str, str], options: Mapping[str, str | None] | None = None
    ) -> Self:
        """Settle every setting for a flow (or a notebook) that lives in `folder`.

        `options` are what the command line gave, `None` for not given.

        Raises:
            InvalidSettingsError: pyproject.toml or the profile is at fault.
        """
        root = project_root(folder.resolve())
        given = {name: value for name, value in (options or {}).items() if value is not None}
        profile = given.get("profile") or environ.get("FLOWSTONE_PROFILE")
        layers: list[tuple[str, Mapping[str, Any], Path]] = [
            *((f"option --{name}", {name: value}, Path.cwd()) for name, value in given.items()),
            *(
                (f"variable FLOWSTONE_{name.upper()}", {name: value}, Path.cwd())
                for name in _NAMES
                if (value := environ.get(f"FLOWSTONE_{name.upper()}"))
            ),
            _project_layer(root),
            _profile_layer(profile, environ),
            ("default", {"store": str(root / ".flowstone"), "user": _default_user(environ)}, root),
        ]
        values: dict[str, str] = {}
        sources: dict[str, str] = {}
        for place, layer, base in layers:
            for name in _NAMES:
                if name in layer and name not in values:
                    values[name] = _located(name, layer[name], base)
                    sources[name] = place
        return cls(values["store"], values["user"], root, profile, sources)


def project_root(folder: Path) -> Path:
    """The project that `folder` belongs to; `folder` itself if nothing marks one."""
    for candidate in (folder, *folder.parents):
        if any((candidate / mark).exists() for mark in _PROJECT_MARKS):
            return candidate
    return folder


def _located(name: str, value: str, base: Path) -> str:
    """A relative store path counts from where it was written, whoever reads it."""
    if name != "store" or "://" in value:
        return value
    return str((base / Path(value).expanduser()).absolute())


def _project_layer(root: Path) -> tuple[str, Mapping[str, Any], Path]:
    file = root / "pyproject.toml"
    table = _read_toml(file).get("tool", {}).get("flowstone", {}) if file.is_file() else {}
    return _checked(f"{file} [tool.flowstone]", table), table, root


def _profile_layer(profile: str | None, environ: Mapping[str, str]) -> tuple[str, Mapping[str, Any], Path]:
    if profile is None:
        return "no profile", {}, Path.cwd()
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".config")
    file = Path(home) / "flowstone" / f"{profile}.toml"
    if not file.is_file():
        raise InvalidSettingsError(str(file), f"there is no profile {profile!r}")
    table = _read_toml(file)
    return _checked(str(file), table), table, file.parent


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSettingsError(str(file), f"it is not valid TOML: {error}") from error


def _checked(place: str, table: Any) -> str:
    if not isinstance(table, dict):
        raise InvalidSettingsError(place, "it must be a table")
    for name, value in table.items():
        if name not in _NAMES:
            raise InvalidSettingsError(place, f"there is no setting {name!r}; there are {', '.join(_NAMES)}")
        if not isinstance(value, str):
            raise InvalidSettingsError(place, f"{name} must be a text, not {value!r}")
    return place


def _default_user(environ: Mapping[str, str]) -> str:
    for variable in ("SUDO_USER", "LOGNAME", "USER", "USERNAME"):
        if name := environ.get(variable):
            return name
    import os

    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):  # not a Unix, or a container's user without a name
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "unknown"
