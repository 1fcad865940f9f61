"""The first object of a store: it says that this is one, and in which format."""

from flowstone_datastore.compact_json import from_json_text, to_json_text
from flowstone_datastore.fields import InvalidRecordError
from flowstone_datastore.storage import Storage
from flowstone_datastore.storage_errors import ObjectNotFoundError
from flowstone_interfaces import FlowstoneError

FORMAT = 1
"""The version of FORMAT.md that this package reads and writes."""

MARKER = "flowstone.json"

_LEFT_BY_A_KILLED_CREATOR = {".gitignore"}


class NotAStoreError(FlowstoneError, LookupError):
    """A place that holds no store, or something else."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(url, detail)
        self.url = url
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.url} is not a flowstone store: {self.detail}"


class UnsupportedFormatError(FlowstoneError, ValueError):
    """A store in a format that this package does not know."""

    def __init__(self, url: str, found: str) -> None:
        super().__init__(url, found)
        self.url = url
        self.found = found

    def __str__(self) -> str:
        return (
            f"{self.url} is a store of format {self.found}, and this package knows only format {FORMAT}; "
            "install the flowstone-datastore that wrote it, or store somewhere else"
        )


def has_marker(storage: Storage) -> bool:
    """True if the storage holds a store of our format; `False` if it holds none.

    Raises:
        NotAStoreError: there is a marker, but it is not ours, or damaged.
        UnsupportedFormatError: there is a store of another format.
    """
    try:
        raw = from_json_text(storage.read(MARKER, 0, 64 * 1024))
        number = raw["format"]
    except ObjectNotFoundError:
        return False
    except (InvalidRecordError, TypeError, KeyError) as error:
        detail = f"its {MARKER} does not say a format; restore it: FORMAT.md says what it holds"
        raise NotAStoreError(storage.url, detail) from error
    if type(number) is not int or number != FORMAT:
        raise UnsupportedFormatError(storage.url, f"{number!r:.40}")
    return True


def write_marker(storage: Storage) -> None:
    """Make an empty storage a store; another process may be doing so too.

    Raises:
        NotAStoreError: it holds something else.
        StorageError: it could not be written.
    """
    strangers = [name for name in storage.list() if name not in _LEFT_BY_A_KILLED_CREATOR]
    if strangers and not has_marker(storage):
        detail = f"it holds {strangers[0]!r} and no {MARKER}; choose a new or an empty folder"
        raise NotAStoreError(storage.url, detail)
    storage.write_new(MARKER, to_json_text({"format": FORMAT}) + b"\n")
