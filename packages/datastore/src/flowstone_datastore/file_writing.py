"""Several buffers into one file, whole, without joining them."""

import os
from collections.abc import Sequence

from flowstone_datastore.storage import Buffer

_MOST_BUFFERS = 1024  # Linux's IOV_MAX


def write_all(descriptor: int, buffers: Sequence[Buffer]) -> None:
    """Write every byte of `buffers`, in order, at the file's position.

    The system may take less than it is given (2 GiB at most, or what is left of the
    disk); what remains is offered again, until it refuses.

    Raises:
        OSError: some of it may have been written.
    """
    views = [memoryview(buffer).cast("B") for buffer in buffers if len(buffer)]
    while views:
        written = os.writev(descriptor, views[:_MOST_BUFFERS])
        views = _after(views, written)


def _after(views: list[memoryview], written: int) -> list[memoryview]:
    """What is left of `views` when their first `written` bytes are gone."""
    for index, view in enumerate(views):
        if written < len(view):
            return [view[written:], *views[index + 1 :]]
        written -= len(view)
    return []
