"""Ctrl-C and its like, while a run goes on."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from flowstone_runtime.scheduling.run_plan import Events, StopRequest


@contextmanager
def stop_on_signals(events: Events, *, in_process: bool) -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into a request to stop, for as long as the run goes on."""

    def stop(number: int, _frame: object) -> None:
        if in_process:  # the step runs in this very thread
            raise KeyboardInterrupt
        events.put(StopRequest(f"stopped by {signal.Signals(number).name}"))

    # Under nohup, SIGHUP is ignored, and stays so.
    ignored = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else set()
    numbers = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} - ignored
    previous = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
