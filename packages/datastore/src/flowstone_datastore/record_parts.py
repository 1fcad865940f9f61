"""The small values inside records: code, transitions, reads, errors, ranges of logs."""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from flowstone_datastore.address import InvalidAddressError, address_of, check_address
from flowstone_datastore.artifact import ChunkRef
from flowstone_datastore.artifact_table import check_artifact_name
from flowstone_datastore.compact_json import to_json_text
from flowstone_datastore.fields import (
    InvalidRecordError,
    are_texts,
    is_count,
    is_mapping,
    is_name,
    is_text,
    optional,
    refuse,
)
from flowstone_interfaces.python_310 import Self


def _check_relative(_instance: Any, _attribute: Any, path: Any) -> None:
    if not isinstance(path, str) or "\\" in path or "\0" in path or {"", ".", ".."} & {*path.split("/")}:
        refuse("a path of code", path, "relative, of parts between '/', none of them '.' or '..', without '\\\\'")


@attrs.frozen
class Code:
    """The code of a run: every file that it needs, by content."""

    flow_file: str = attrs.field(validator=_check_relative)
    """The path of the file that has the flow, among `files`."""
    files: Mapping[str, ChunkRef] = attrs.field(validator=is_mapping)
    """Path relative to the code's root, separated by `/`, to content."""
    executable: tuple[str, ...] = attrs.field(default=(), validator=are_texts)
    """The paths of files that are programs, sorted."""
    import_folders: tuple[str, ...] = attrs.field(default=(), validator=are_texts)
    """Folders of the code from which modules are imported, in order; `.` for its root."""

    def __attrs_post_init__(self) -> None:
        for path in (*self.files, *(folder for folder in self.import_folders if folder != ".")):
            _check_relative(self, None, path)

    @property
    def key(self) -> str:
        """The address of all paths, modes and contents, sorted: equal for equal code, whoever has it."""
        programs = frozenset(self.executable)
        rows = [
            [path, "755" if path in programs else "644", self.files[path].address] for path in sorted(self.files)
        ]
        return address_of(b"flowstone-code\n", to_json_text(rows))

    def to_json(self) -> dict[str, Any]:
        """The code as FORMAT.md writes it."""
        raw: dict[str, Any] = {
            "flow_file": self.flow_file,
            "files": {path: chunk.to_json() for path, chunk in self.files.items()},
        }
        if self.executable:
            raw["executable"] = list(self.executable)
        if self.import_folders:
            raw["import_folders"] = list(self.import_folders)
        return raw

    @classmethod
    def from_json(cls, raw: Any) -> Self:
        """Read what `to_json` gave, whoever wrote it.

        Raises:
            InvalidRecordError: it is something else, or a path leads out of the code's root.
        """
        files = _object(raw, "code").get("files")
        return cls(
            raw.get("flow_file"),
            {path: ChunkRef.from_json(chunk) for path, chunk in _object(files, "the files of code").items()},
            _texts(raw, "executable"),
            _texts(raw, "import_folders"),
        )


def _texts(raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
    texts = raw.get(name, [])
    if not isinstance(texts, list):
        refuse(f"Code.{name}", texts, "an array of texts")
    return tuple(texts)


def _as_tuple(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(texts)


@attrs.frozen
class Transition:
    """Where a task went on."""

    targets: tuple[str, ...] = attrs.field(converter=_as_tuple, validator=are_texts)
    """The steps that follow, as written."""
    count: int | None = attrs.field(default=None, validator=optional(is_count))
    """How many tasks a foreach makes of its one target; `None` without a foreach."""

    def to_json(self) -> dict[str, Any]:
        """The transition as FORMAT.md writes it."""
        raw: dict[str, Any] = {"targets": list(self.targets)}
        if self.count is not None:
            raw["count"] = self.count
        return raw

    @classmethod
    def from_json(cls, raw: Any) -> Self:
        """Read what `to_json` gave, whoever wrote it.

        Raises:
            InvalidRecordError: it is something else.
        """
        targets = _object(raw, "a transition").get("targets")
        if not isinstance(targets, list):
            refuse("Transition.targets", targets, "an array of steps")
        return cls(targets, raw.get("count"))


@attrs.frozen
class Reads:
    """What a task read: whatever it did not read cannot have changed what it did."""

    parameters: Mapping[str, str] = attrs.field(factory=dict)
    """Name of a parameter or constant -> address of its value."""
    artifacts: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict)
    """Parent task as `step/task` -> name -> address of the value."""

    def __attrs_post_init__(self) -> None:
        _check_addresses(self.parameters)
        for names in _object(self.artifacts, "Reads.artifacts").values():
            _check_addresses(names)

    def to_json(self) -> dict[str, Any]:
        """What was read, as FORMAT.md writes it."""
        raw: dict[str, Any] = {}
        if self.parameters:
            raw["parameters"] = dict(self.parameters)
        if self.artifacts:
            raw["artifacts"] = {task: dict(names) for task, names in self.artifacts.items()}
        return raw

    @classmethod
    def from_json(cls, raw: Any) -> Self:
        """Read what `to_json` gave, whoever wrote it.

        Raises:
            InvalidRecordError: it is something else.
        """
        raw = _object(raw, "reads")
        return cls(raw.get("parameters", {}), raw.get("artifacts", {}))


@attrs.frozen
class TaskError:
    """The exception that ended an attempt, in words."""

    type: str = attrs.field(validator=is_text)
    """The exception's class, with its module unless it is a builtin."""
    message: str = attrs.field(validator=is_text)
    traceback: str = attrs.field(default="", validator=is_text)
    """As Python prints it, trimmed to what the user wrote."""
    file: str | None = attrs.field(default=None, validator=optional(is_text))
    line: int | None = attrs.field(default=None, validator=optional(is_count))

    def to_json(self) -> dict[str, Any]:
        """The error as FORMAT.md writes it."""
        return attrs.asdict(self, filter=lambda _, value: value is not None)

    @classmethod
    def from_json(cls, raw: Any) -> Self:
        """Read what `to_json` gave, whoever wrote it.

        Raises:
            InvalidRecordError: it is something else.
        """
        raw = _object(raw, "an error")
        return cls(raw.get("type"), raw.get("message"), raw.get("traceback", ""), raw.get("file"), raw.get("line"))


@attrs.frozen
class LogSpan:
    """The bytes of a log segment among which an attempt's frames are."""

    segment: str = attrs.field(validator=is_name)
    start: int = attrs.field(validator=is_count)
    end: int = attrs.field(validator=is_count)
    """The first byte that no longer belongs to it."""

    def to_json(self) -> list[Any]:
        """`[segment, start, end]`."""
        return [self.segment, self.start, self.end]

    @classmethod
    def from_json(cls, raw: Any) -> Self:
        """Read what `to_json` gave, whoever wrote it.

        Raises:
            InvalidRecordError: it is something else.
        """
        if not isinstance(raw, list) or len(raw) != 3:
            refuse("a range of a log", raw, "[segment, start, end]")
        return cls(*raw)


def _object(raw: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        refuse(what, raw, "an object")
    return raw


def _check_addresses(by_name: Any) -> None:
    for name, address in _object(by_name, "what was read").items():
        check_artifact_name(name)
        try:
            check_address(address)
        except InvalidAddressError as error:
            raise InvalidRecordError(f"what was read as {name!r}", str(error)) from error
