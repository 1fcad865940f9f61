"""Where flowstone keeps things and for whom: one value, built once, passed down.

Each setting is taken from the first place that has it: a command-line option, an
environment variable (`FLOWSTONE_STORE`, ...), `[tool.flowstone]` in the project's
pyproject.toml, the profile (`~/.config/flowstone/<profile>.toml`), the default.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from flowstone_client.byte_size import parse_byte_size
from flowstone_interfaces import FlowstoneError, toml
from flowstone_interfaces.python_310 import Self

if TYPE_CHECKING:
    from flowstone_datastore import ChunkCache

_NAMES = ("store", "user", "cache_folder", "cache_bytes", "package")
_VARIABLES = {
    "store": "FLOWSTONE_STORE",
    "user": "FLOWSTONE_USER",
    "cache_folder": "FLOWSTONE_CACHE_FOLDER",
    "cache_bytes": "FLOWSTONE_CACHE_SIZE",
    "package": "FLOWSTONE_PACKAGE",
}
_BATCH_VARIABLES = "FLOWSTONE_BATCH_"
_PATHS = ("store", "cache_folder")
DEFAULT_STORE = ".flowstone"
"""Where a project's store is, in the folder of the project."""
_DEFAULT_CACHE = "20 GiB"
_PROJECT_MARKS = (".git", "pyproject.toml")


class InvalidSettingsError(FlowstoneError, ValueError):
    """A settings file that cannot be read, or a setting that says nothing."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(place, reason)
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}; correct it"


class ProfileNotFoundError(FlowstoneError, LookupError):
    """A profile was asked for that nobody has written."""

    def __init__(self, profile: str, file: str) -> None:
        super().__init__(profile, file)
        self.profile = profile
        self.file = file

    def __str__(self) -> str:
        return f"there is no profile {self.profile!r}; write {self.file}, or choose another profile"


@attrs.frozen
class _Layer:
    """Some settings from one place."""

    place: str
    """What it is, for people: an option, a variable, a file."""
    table: Mapping[str, Any]
    folder: Path
    """Where a relative path counts from: where it was written."""

    def __attrs_post_init__(self) -> None:
        for name, value in self.table.items():
            if isinstance(value, Mapping) and name in executor_names():
                continue  # the executor knows its settings
            if name not in _NAMES:
                reason = f"there is no setting {name!r}; there are {', '.join(_NAMES)}"
                raise InvalidSettingsError(self.place, reason)
            if name == "cache_bytes":
                self._check_size(value)
            elif name == "package":
                self._check_patterns(value)
            elif not isinstance(value, str) or not value:
                raise InvalidSettingsError(self.place, f"{name} must be a text that is not empty, not {value!r}")

    def _check_size(self, value: Any) -> None:
        try:
            parse_byte_size(str(value))
        except ValueError as error:
            raise InvalidSettingsError(self.place, f"cache_bytes: {error}") from error

    def _check_patterns(self, value: Any) -> None:
        is_list = isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value)
        if not is_list and not isinstance(value, str):
            reason = f'package must be a list of patterns such as ["*.sql", "templates/**"], not {value!r:.80}'
            raise InvalidSettingsError(self.place, reason)

    def patterns(self) -> tuple[str, ...]:
        """The setting `package`; a text, as an option or a variable has it, is cut at its commas."""
        value = self.table["package"]
        texts = value.split(",") if isinstance(value, str) else value
        return tuple(text.strip() for text in texts if text.strip())

    def value(self, name: str) -> str:
        """The setting; of a path, the absolute one."""
        text = str(self.table[name])
        if name not in _PATHS or "://" in text:
            return text
        try:
            return str((self.folder / Path(text).expanduser()).absolute())
        except RuntimeError as error:  # `~somebody`, of whom the system knows no home
            raise InvalidSettingsError(self.place, f"{name} {text!r} leads nowhere: {error}") from error


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
    cache_folder: str = ""
    """Where is kept, on this machine, what may be deleted at any time; empty for nowhere."""
    cache_bytes: int = 0
    """How many bytes of chunks of far stores are kept there; 0 keeps none."""
    package: tuple[str, ...] = ()
    """Patterns of files, relative to the project's root, that belong to the code beside what it imports."""
    executors: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    """Settings of executors by the executor's name: the tables `[tool.flowstone.batch]`, ..."""

    def value(self, name: str) -> Any:
        """One of those that `sources` names; `batch.queue` is one of an executor.

        Raises:
            KeyError: there is none of this name.
        """
        executor, dot, key = name.partition(".")
        if dot:
            return self.executors[executor][key]
        if name not in _NAMES:
            raise KeyError(name)
        return getattr(self, name)

    @property
    def environments_folder(self) -> str:
        """Where environments that steps declare are built, and their packages lie; empty for nowhere."""
        return str(Path(self.cache_folder) / "environments") if self.cache_folder else ""

    @property
    def installed_folder(self) -> str:
        """Where is kept what was found installed last; empty for nowhere, as where no cache is wanted."""
        return self.environments_folder if self.cache_bytes else ""

    @property
    def index_folder(self) -> str:
        """Where indexes of stores are kept."""
        return str(Path(self.cache_folder) / "indexes")

    @property
    def cache(self) -> "ChunkCache":
        """Where chunks of far stores are kept, and how many: what `Datastore.open` wants to know."""
        from flowstone_datastore import ChunkCache

        return ChunkCache(str(Path(self.cache_folder) / "chunks"), self.cache_bytes)

    @classmethod
    def load(
        cls, folder: Path, environ: Mapping[str, str], options: Mapping[str, str | None] | None = None
    ) -> Self:
        """Settle every setting for a flow (or a notebook) that lives in `folder`.

        `options` are what the command line gave, `None` for not given.

        Raises:
            InvalidSettingsError: pyproject.toml, the profile or an option is at fault.
            ProfileNotFoundError: there is no such profile.
        """
        root = project_root(folder.resolve())
        given = {name: value for name, value in (options or {}).items() if value is not None}
        profile = given.get("profile") or environ.get("FLOWSTONE_PROFILE") or None
        here = Path.cwd()
        layers = (
            *(_Layer(f"option --{name}", {name: given[name]}, here) for name in _NAMES if name in given),
            *(
                _Layer(f"variable {key}", {name: environ[key]}, here)
                for name, key in _VARIABLES.items()
                if environ.get(key)
            ),
            *_executor_layers(environ, here),
            _project_layer(root),
            *([_profile_layer(profile, environ)] if profile else []),
            _Layer("default", _defaults(environ), root),
        )
        chosen = {name: next(layer for layer in layers if name in layer.table) for name in _NAMES}
        values = {name: layer.value(name) for name, layer in chosen.items()}
        sources = {name: layer.place for name, layer in chosen.items()}
        executors: dict[str, dict[str, Any]] = {}
        for layer in reversed(layers):
            for name in layer.table.keys() - {*_NAMES}:
                executors.setdefault(name, {}).update(layer.table[name])
                sources.update({f"{name}.{key}": layer.place for key in layer.table[name]})
        cache_bytes = parse_byte_size(values["cache_bytes"])
        return cls(
            values["store"],
            values["user"],
            root,
            profile,
            sources,
            values["cache_folder"],
            cache_bytes,
            chosen["package"].patterns(),
            executors,
        )


def executor_names() -> tuple[str, ...]:
    """The executors that may have settings."""
    from flowstone_interfaces.plugins import installed_plugins

    return ("batch", *installed_plugins("flowstone.executors"))


def _executor_layers(environ: Mapping[str, str], here: Path) -> Iterator[_Layer]:
    """`FLOWSTONE_BATCH_QUEUE=...` is `queue` of `[tool.flowstone.batch]`."""
    for variable in environ:
        if variable.startswith(_BATCH_VARIABLES) and environ[variable]:
            name = variable.removeprefix(_BATCH_VARIABLES).lower()
            yield _Layer(f"variable {variable}", {"batch": {name: environ[variable]}}, here)


def project_root(folder: Path) -> Path:
    """The project that `folder` belongs to; `folder` itself if nothing marks one."""
    for candidate in (folder, *folder.parents):
        if any((candidate / mark).exists() for mark in _PROJECT_MARKS):
            return candidate
    return folder


def _project_layer(root: Path) -> _Layer:
    file = root / "pyproject.toml"
    place = f"{file} [tool.flowstone]"
    table: Any = _read_toml(file) if file.is_file() else {}
    for key in ("tool", "flowstone"):
        table = table.get(key, {})
        if not isinstance(table, dict):
            raise InvalidSettingsError(place, f"{key} must be a table, not {table!r:.80}")
    return _Layer(place, table, root)


def _profile_layer(profile: str, environ: Mapping[str, str]) -> _Layer:
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".config")
    file = Path(home) / "flowstone" / f"{profile}.toml"
    if not file.is_file():
        raise ProfileNotFoundError(profile, str(file))
    return _Layer(str(file), _read_toml(file), file.parent)


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return {**toml.loads(file.read_text(encoding="utf-8"))}
    except (toml.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSettingsError(str(file), f"it is not valid TOML: {error}") from error
    except OSError as error:
        raise InvalidSettingsError(str(file), f"it cannot be read: {error.strerror}") from error


def _defaults(environ: Mapping[str, str]) -> dict[str, Any]:
    caches = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".cache")
    return {
        "store": DEFAULT_STORE,
        "user": _default_user(environ),
        "cache_folder": str(Path(caches) / "flowstone"),
        "cache_bytes": _DEFAULT_CACHE,
        "package": [],
    }


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
