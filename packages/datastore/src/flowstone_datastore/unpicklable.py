"""Which part of a value cannot be pickled: the sentence that saves an hour."""

import pickle
from collections.abc import Iterator, Mapping
from typing import Any

from flowstone_datastore.cloud_pickling import CloudPickler

_DEEPEST = 8
_MOST_CHILDREN = 10_000


class _Nowhere:
    """A file that forgets."""

    def write(self, data: Any) -> None:
        """Forget `data`."""


def explain(value: Any, error: Exception) -> str:
    """What in `value` cannot be pickled, found by trying its parts, and why.

    `error` is what pickling the whole raised; it speaks where no part is at fault alone.
    """
    path = ""
    for _ in range(_DEEPEST):
        for name, child in _children(value):
            child_error = _refusal(child)
            if child_error is not None:
                path, value, error = path + name, child, child_error
                break
        else:
            break
    if isinstance(error, RecursionError):
        return f"it is nested too deeply for pickle{f' at {path}' if path else ''}"
    reason = f"{error}" or type(error).__name__
    if not path:
        return reason
    kind = type(value)
    return f"its {path} is of type {kind.__module__}.{kind.__qualname__} ({reason})"


def _refusal(value: Any) -> Exception | None:
    """Why no pickler takes `value`; `None` if one does."""
    try:
        pickle.Pickler(_Nowhere(), 5, buffer_callback=_discard).dump(value)
    except Exception as error:  # noqa: BLE001 - a value's own code may raise anything
        try:
            CloudPickler(_Nowhere(), 5, buffer_callback=_discard).dump(value)
        except Exception:  # noqa: BLE001 - as above
            return error
    return None


def _discard(_buffer: pickle.PickleBuffer) -> None:
    """Leave the buffer out of the stream, and drop it."""


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    """The parts of a value, each with the text that leads to it: `['log']`, `[3]`, `.handle`."""
    if isinstance(value, Mapping):
        parts = ((f"[{key!r:.40}]", item) for key, item in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        parts = ((f"[{index}]", item) for index, item in enumerate(value))
    else:
        parts = ((f".{name}", item) for name, item in getattr(value, "__dict__", {}).items())
    for _, part in zip(range(_MOST_CHILDREN), parts, strict=False):
        yield part
