"""A value -> a pickle stream and the large buffers that left it, and back."""

import copyreg
import pickle
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from flowstone_datastore.frames import reducers
from flowstone_datastore.ordered_sets import InOrder, in_order
from flowstone_datastore.scattered_buffer import Memory, ScatteredBuffer
from flowstone_datastore.storage import Buffer
from flowstone_interfaces import FlowstoneError

OUT_OF_BAND_BYTES = 16 * 1024
"""Memory of this many bytes and more leaves the stream; for less, a chunk of its own does not pay."""

PROTOCOL = 5

_MISSING_ATTRIBUTE = re.compile(r"Can't get (?:local )?attribute '(?P<name>[^']+)' on <module '(?P<module>[^']+)'")


class UnpicklableError(FlowstoneError, TypeError):
    """A value that cannot be stored, because something in it lives in its process only."""

    def __init__(self, type_name: str, detail: str) -> None:
        super().__init__(type_name, detail)
        self.type_name = type_name
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"a value of type {self.type_name} cannot be stored: {self.detail}; "
            "keep what is needed to make it again, or delete it before the end of the step"
        )


class UnloadableError(FlowstoneError, ValueError):
    """A stored value whose own code fails when it is loaded."""

    def __init__(self, type_name: str, detail: str) -> None:
        super().__init__(type_name, detail)
        self.type_name = type_name
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"a stored value of type {self.type_name} cannot be loaded: {self.detail}; "
            "load it with the versions of Python and of its packages that it was stored with"
        )


class UnimportableTypeError(UnloadableError, ImportError):
    """A stored value whose type cannot be imported here.

    `missing` is the module, or the module and attribute, that could not be imported.
    """

    def __init__(self, type_name: str, missing: str) -> None:
        super().__init__(type_name, missing)
        self.missing = missing

    def __str__(self) -> str:
        if self.missing.startswith("__main__"):
            advice = "it was defined in the program that stored it: move it to a module that both can import"
        else:
            advice = (
                f"install the package that has {self.missing.partition('.')[0]}, in the version it was stored with"
            )
        return f"a stored value of type {self.type_name} needs {self.missing}, which is not importable; {advice}"


class _Segments(list[Buffer]):
    """What a pickler writes, piece by piece: large bytes arrive as they are, so they are never copied."""

    write = list.append


class _PlainPickler(pickle.Pickler):
    """The standard pickler, but for what `frames` pickles better."""

    def __init__(
        self, file: _Segments, protocol: int, *, buffer_callback: Callable[[pickle.PickleBuffer], Any]
    ) -> None:
        super().__init__(file, protocol, buffer_callback=buffer_callback)
        own = reducers()
        if own:
            self.dispatch_table = copyreg.dispatch_table | own


def dump(value: Any) -> tuple[list[Buffer], list[Memory]]:
    """The stream of a value, in pieces, and the memory that it refers to, in order.

    Neither is a copy where that can be avoided: do not change the value before both are stored.
    What the standard pickler refuses is left to cloudpickle: functions and classes without an importable name.

    Raises:
        UnpicklableError: neither can; it names the inner value at fault where that can be found.
    """
    try:
        return _dump(_PlainPickler, in_order(value))
    except MemoryError:
        raise
    except Exception as plain_error:  # noqa: BLE001 - a value's own code may raise anything
        from flowstone_datastore.cloud_pickling import CloudPickler

        try:
            return _dump(CloudPickler, value)
        except MemoryError:
            raise
        except Exception as error:
            from flowstone_datastore.unpicklable import explain

            raise UnpicklableError(type_name(value), explain(value, plain_error)) from error


def load(stream: Buffer, buffers: Sequence[Buffer], type_name: str) -> Any:
    """The value of a stream and its buffers, which it keeps and may change.

    Raises:
        UnimportableTypeError: a module or a class of the value is not there.
        UnloadableError: the value's own code fails.
    """
    try:
        return pickle.loads(stream, buffers=buffers)
    except MemoryError:
        raise
    except ModuleNotFoundError as error:
        raise UnimportableTypeError(type_name, str(error.name or error)) from error
    except Exception as error:
        missing = _missing_attribute(error)
        if missing:
            raise UnimportableTypeError(type_name, missing) from error
        raise UnloadableError(type_name, f"{type(error).__name__}: {error}") from error


def type_name(value: Any) -> str:
    """Module and qualified name of the value's type.

    >>> type_name({})
    'builtins.dict'
    """
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"


def _missing_attribute(error: Exception) -> str | None:
    """Module and name of what a pickle refers to, if this is how pickle says that it is not there."""
    match = _MISSING_ATTRIBUTE.match(str(error)) if isinstance(error, AttributeError) else None
    if match is None:
        return None
    # Of a program run with `python -m`, Python shows the name that it was found under.
    main_spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    is_main = main_spec is not None and main_spec.name == match["module"]
    return f"{'__main__' if is_main else match['module']}.{match['name']}"


def _dump(pickler: type[pickle.Pickler], value: Any) -> tuple[list[Buffer], list[Memory]]:
    segments = _Segments()
    buffers: list[Memory] = []

    def stays_in_stream(buffer: pickle.PickleBuffer) -> bool:
        try:
            raw = buffer.raw()
        except BufferError:  # not contiguous: only the value itself knows how to lay it out
            return True
        scattered = ScatteredBuffer.behind(raw)
        if scattered is None and raw.nbytes < OUT_OF_BAND_BYTES:
            return True
        buffers.append(scattered or raw)
        return False

    made = pickler(segments, PROTOCOL, buffer_callback=stays_in_stream)
    made.fast = isinstance(value, InOrder)  # its items are all different: there is nothing to remember
    made.dump(value)
    return segments, buffers
