"""A URL -> the files of a table: one object, a folder of them, or what the folder's list says."""

from collections.abc import Sequence
from urllib.parse import unquote

import attrs
import pyarrow as pa

from flowstone_datastore.s3.bucket import Listed
from flowstone_datastore.s3.fetching import Fetch, Want
from flowstone_datastore.s3.pace import Patience
from flowstone_datastore.s3.places import Place, Reach, place_of, url_of_path
from flowstone_datastore.s3.sinks import MemorySink
from flowstone_datastore.storage_errors import ObjectNotFoundError
from flowstone_datastore.tables.errors import NoFrameError, NoTableError
from flowstone_datastore.tables.manifest import MANIFEST, Manifest

FORMATS = ("parquet", "arrow", "csv")
_SUFFIXES = {
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), "arrow"),
    **dict.fromkeys((".csv", ".csv.gz", ".csv.zst"), "csv"),
}
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
"""What stands in a folder's name for no value, as Hive has it."""


@attrs.frozen
class TableFile:
    """One file of a table."""

    place: Place
    size: int | None = None
    """Bytes, if that is known."""
    etag: str = ""
    """Which content, if that is known."""
    partition: tuple[tuple[str, str | None], ...] = ()
    """What its folders' names say: a column and the text of its value."""

    @property
    def url(self) -> str:
        """For people and records."""
        return self.place.bucket.url + self.place.key


@attrs.frozen
class FoundTable:
    """The files of a table, in order."""

    url: str
    file_format: str
    files: tuple[TableFile, ...]
    schema: pa.Schema | None = None
    """If the table's list says."""


def find_table(url: str, reach: Reach, patience: Patience, file_format: str | None) -> FoundTable:
    """The table behind a URL or a path.

    A folder is what its list says, if it has one; else all files below it, but those named `_...` or `...`.

    Raises:
        NoTableError: there are no files, or files of several formats.
        StorageError: the place could not be asked.
    """
    place = place_of(url_of_path(url), reach)
    named = checked_format(file_format) or format_of_name(place.key)
    is_folder = not place.key or place.key.endswith("/")
    if not is_folder and named is not None:
        try:
            head = place.pace.run(lambda timeout: place.bucket.head(place.key, timeout), patience)
            return FoundTable(url, named, (TableFile(place, head.size, head.etag),))
        except ObjectNotFoundError as error:
            if _first_below(place) is None:
                raise NoTableError(url, "no such object, and nothing below it") from error
    folder = attrs.evolve(place, key=place.key if is_folder else f"{place.key}/")
    manifest = read_manifest(folder, patience)
    if manifest is not None:
        files = [
            TableFile(attrs.evolve(place, key=folder.key + key), size, partition=_partition(key))
            for key, size in manifest.files
        ]
        return FoundTable(url, manifest.file_format, tuple(files), manifest.schema)
    return _found_by_name(url, folder, checked_format(file_format))


def read_manifest(folder: Place, patience: Patience) -> Manifest | None:
    """The list of a folder's files; `None` if it has none."""
    sink = MemorySink()
    want = Want(folder.key + MANIFEST, sink, is_missing_fine=True)
    (fetched,) = Fetch(folder.bucket, folder.pace, patience).run([want])
    if fetched is None:
        return None
    return Manifest.from_json(bytes(sink.buffer), folder.bucket.url + folder.key + MANIFEST)


def format_of_name(key: str) -> str | None:
    """Which format a name promises; `None` if none."""
    name = key.lower()
    return next((file_format for suffix, file_format in _SUFFIXES.items() if name.endswith(suffix)), None)


def checked_format(file_format: str | None) -> str | None:
    """The word itself.

    Raises:
        NoFrameError: it is no format.
    """
    found = "arrow" if file_format in {"feather", "ipc"} else file_format
    if found is not None and found not in FORMATS:
        raise NoFrameError(f"file_format={file_format!r} is unknown", f"write one of {', '.join(FORMATS)}")
    return found


def _first_below(place: Place) -> Listed | None:
    return next(iter(place.bucket.list(f"{place.key}/", is_recursive=True)), None)


def _found_by_name(url: str, folder: Place, file_format: str | None) -> FoundTable:
    lines = [line for line in folder.bucket.list(folder.key, is_recursive=True) if line.size is not None]
    shown = [line for line in lines if not _is_hidden(line.key[len(folder.key) :])]
    by_format: dict[str, list[Listed]] = {}
    for line in shown:
        named = format_of_name(line.key)
        known = named or file_format
        if known is not None and file_format in {None, known}:
            by_format.setdefault(known, []).append(line)
    if not by_format:
        raise NoTableError(url, f"{len(shown)} files, none in {', '.join(FORMATS)}" if shown else "no files")
    if len(by_format) > 1:
        raise NoTableError(
            url, f"files in {' and '.join(sorted(by_format))}, of which `file_format` must name one"
        )
    ((found, files),) = by_format.items()
    return FoundTable(
        url,
        found,
        tuple(
            TableFile(
                attrs.evolve(folder, key=line.key), line.size, line.etag, _partition(line.key[len(folder.key) :])
            )
            for line in files
        ),
    )


def _is_hidden(key: str) -> bool:
    return any(part.startswith(("_", ".")) and "=" not in part for part in key.split("/"))


def _partition(key: str) -> tuple[tuple[str, str | None], ...]:
    """`country=FI/part.parquet` -> what the folders say."""
    pairs = [part.partition("=") for part in key.split("/")[:-1] if "=" in part]
    return tuple([(unquote(name), None if text == NULL_PARTITION else unquote(text)) for name, _, text in pairs])


def partition_fields(files: Sequence[TableFile]) -> list[pa.Field]:
    """The columns that folder names give: whole numbers if all of their values are, else texts."""
    names = dict.fromkeys(name for file in files for name, _ in file.partition)
    return [pa.field(name, _type_of([dict(file.partition).get(name) for file in files])) for name in names]


def _type_of(texts: Sequence[str | None]) -> pa.DataType:
    numbers = [text for text in texts if text is not None]
    is_number = numbers and all(text.removeprefix("-").isdecimal() and len(text) < 19 for text in numbers)
    return pa.int64() if is_number else pa.string()
