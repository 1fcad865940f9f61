"""What a run's tasks write, as it comes."""

import time
from collections.abc import Callable, Iterator

from flowstone_client import Run
from flowstone_datastore import Datastore, LogFrame

_POLL_SECONDS = 0.2


def follow(store: Datastore, run: Run, sleep: Callable[[float], None] = time.sleep) -> Iterator[LogFrame]:
    """Every frame of a run's logs, those of the past first; ends when the run has ended and all is told.

    Of a run that has ended, what there is.
    """
    flow, run_id = run.flow_name, run.id
    offsets: dict[str, int] = {}
    while True:
        is_over = run.finished  # asked first: what was written before it ended is read below
        new: list[LogFrame] = []
        for segment in store.log_segments(flow, run_id):
            frames, offsets[segment] = store.log(flow, run_id, segment).frames_since(offsets.get(segment, 0))
            new += frames
        yield from sorted(new, key=lambda frame: frame.time)
        if is_over:
            return
        if not new:
            sleep(_POLL_SECONDS)
