"""cloudpickle, as we use it: by value only what has no other way.

Imported only when the standard pickler has refused a value.
"""

import sys
from collections.abc import Callable
from pickle import PickleBuffer
from types import FunctionType
from typing import Any

import cloudpickle  # type: ignore[import-untyped]  # it ships no types

from flowstone_datastore.frames import reducers


class CloudPickler(cloudpickle.Pickler):  # type: ignore[misc]  # as above
    """Pickles functions and classes without an importable name by value, all others by reference.

    cloudpickle alone would take everything of `__main__` by value, and give back instances of classes
    that are no longer the program's own.
    """

    def __init__(self, file: Any, protocol: int, *, buffer_callback: Callable[[PickleBuffer], Any]) -> None:
        # Before the parent's, which looks it up once: ours go before cloudpickle's own.
        self.dispatch_table = {**cloudpickle.Pickler.dispatch_table, **reducers()}
        super().__init__(file, protocol, buffer_callback=buffer_callback)

    def reducer_override(self, obj: Any) -> Any:
        """How to pickle `obj`; `NotImplemented` leaves it to the standard pickler."""
        if isinstance(obj, type | FunctionType) and _is_importable(obj):
            return NotImplemented
        return super().reducer_override(obj)


def _is_importable(named: type | FunctionType) -> bool:
    """True if the module has this very object under its qualified name, so that a reference finds it."""
    found: Any = sys.modules.get(named.__module__ or "")
    for part in named.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is named
