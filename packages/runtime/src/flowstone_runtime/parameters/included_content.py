"""A file that a run takes in: read once when the run starts, stored by content, loaded as plain text or bytes."""

import codecs
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from flowstone_runtime.errors import UsageError

if TYPE_CHECKING:
    from flowstone_datastore import Artifact, ArtifactStore

_PIECE_BYTES = 1024 * 1024
"""A text is checked piece by piece, so that it is never in memory beside its bytes."""


@attrs.frozen
class IncludedContent:
    """The content of a file, named by its path: until it is stored, it is not in memory."""

    option: str
    """What names the file, for people: `--table`."""
    path: Path
    encoding: str | None
    """Of a text; `None` for bytes."""

    def save(self, store: "ArtifactStore") -> "Artifact":
        """Store it as the `str` or `bytes` that it is.

        Raises:
            UsageError: the file cannot be read, or is no text of the encoding.
        """
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise UsageError(
                f"{self.option}: {self.path} cannot be read: {error.strerror}; name another file"
            ) from error
        if self.encoding is not None:
            self._check_text(data, self.encoding)
        kind = "builtins.bytes" if self.encoding is None else "builtins.str"
        return attrs.evolve(store.save(_Stored(data, self.encoding)), type=kind)

    def _check_text(self, data: bytes, encoding: str) -> None:
        decoder = codecs.getincrementaldecoder(encoding)()
        view = memoryview(data)
        for start in range(0, len(data) or 1, _PIECE_BYTES):
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(view[start : start + _PIECE_BYTES], final=start + _PIECE_BYTES >= len(data))
            except UnicodeDecodeError as error:
                raise UsageError(
                    f"{self.option}: {self.path} is no {encoding} text: {error.reason} at byte "
                    f"{start - pending + error.start}; declare it with another encoding=, or with is_text=False"
                ) from error


class _Stored:
    """Bytes that are pickled as the `str` or `bytes` that they stand for, without a copy."""

    def __init__(self, data: bytes, encoding: str | None) -> None:
        self.data = data
        self.encoding = encoding

    def __reduce_ex__(self, _protocol: Any) -> Any:
        buffer = pickle.PickleBuffer(self.data)
        return (bytes, (buffer,)) if self.encoding is None else (str, (buffer, self.encoding))


def save_value(store: "ArtifactStore", value: Any) -> "Artifact":
    """Store the value of a parameter or constant; of a file, its content.

    Raises:
        UsageError: a file cannot be read.
        UnpicklableError: the value cannot be pickled.
    """
    return value.save(store) if isinstance(value, IncludedContent) else store.save(value)
