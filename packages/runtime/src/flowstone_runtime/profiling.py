"""`with profile("load"):` how long something takes."""

import sys
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager


@contextmanager
def profile(label: str, stats_dict: MutableMapping[str, float] | None = None) -> Iterator[None]:
    """Measure a block: add its milliseconds to `stats_dict[label]`, or without one write them out."""
    started = time.perf_counter()
    if stats_dict is None:
        sys.stdout.write(f"{label}: started\n")
    try:
        yield
    finally:
        milliseconds = (time.perf_counter() - started) * 1000
        if stats_dict is None:
            sys.stdout.write(f"{label}: done in {milliseconds:.0f} ms\n")
        else:
            stats_dict[label] = stats_dict.get(label, 0) + milliseconds
