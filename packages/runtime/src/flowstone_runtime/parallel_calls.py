"""`parallel_map`: a function over many items, in forks of this process."""

import os
import pickle
import traceback
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from flowstone_interfaces import FlowstoneError
from flowstone_runtime.tasks.thread_share import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


class ParallelCallError(FlowstoneError, RuntimeError):
    """A process of `parallel_map` failed with what cannot be sent, or ended without a word."""

    def __init__(self, item: str, reason: str) -> None:
        super().__init__(item, reason)
        self.item = item
        self.reason = reason

    def __str__(self) -> str:
        return f"the call for {self.item} failed: {self.reason}"


def parallel_map(
    func: Callable[[Item], Result],
    iterable: Iterable[Item],
    max_parallel: int | None = None,
    dir: str | None = None,  # noqa: A002, ARG001 - what users know
) -> list[Result]:
    """The results of `func` for each item, in the order of the items; each call in a fork of this process.

    At most `max_parallel` run at once, by default one for each core. The function may be a lambda; results have
    to be picklable. `dir` is taken for compatibility: no files are written.

    Raises:
        Exception: what a call raised, with its traceback as a note; the others are ended.
        ParallelCallError: a process ended without a word, or what it raised cannot be sent.
    """
    found = dict(_calls(func, iterable, max_parallel))
    return [found[position] for position in sorted(found)]


def parallel_imap_unordered(
    func: Callable[[Item], Result],
    iterable: Iterable[Item],
    max_parallel: int | None = None,
    dir: str | None = None,  # noqa: A002, ARG001 - what users know
) -> Iterator[Result]:
    """As `parallel_map`, but each result as soon as it is there."""
    return (result for _, result in _calls(func, iterable, max_parallel))


def _calls(
    func: Callable[[Item], Result], iterable: Iterable[Item], max_parallel: int | None
) -> Iterator[tuple[int, Result]]:
    most = max(1, max_parallel or usable_cores())
    waiting = enumerate(iterable)
    running: dict[Connection, tuple[BaseProcess, int, str]] = {}
    try:
        while True:
            for position, item in islice(waiting, most - len(running)):
                receiver, process = _start(func, item)
                running[receiver] = (process, position, repr(item)[:80])
            if not running:
                return
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                process, position, shown = running.pop(ready)
                yield position, _result(ready, process, shown)
    finally:
        for receiver, (process, _, _) in running.items():
            process.kill()
            process.join()
            receiver.close()


def _start(func: Callable[[Any], Any], item: Any) -> tuple[Connection, BaseProcess]:
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(func, item, sender))
    process.start()
    sender.close()
    return receiver, process


def _work(func: Callable[[Any], Any], item: Any, sender: Connection) -> None:
    try:
        sender.send_bytes(pickle.dumps((True, func(item), "")))
    except Exception as error:  # noqa: BLE001 - it is raised again by who asked
        told = traceback.format_exc()
        try:
            data = pickle.dumps((False, error, told))
            pickle.loads(data)  # an exception may be sent and yet not be received
        except Exception:  # noqa: BLE001 - whatever pickling raises: then as text
            data = pickle.dumps((False, None, told))
        sender.send_bytes(data)


def _result(receiver: Connection, process: BaseProcess, shown: str) -> Any:
    try:
        succeeded, value, told = pickle.loads(receiver.recv_bytes())
    except EOFError:
        process.join()
        raise ParallelCallError(shown, f"its process ended with exit code {process.exitcode}") from None
    finally:
        receiver.close()
    process.join()
    if succeeded:
        return value
    if value is None:
        raise ParallelCallError(shown, told)
    note = f"in a process of parallel_map, pid {process.pid} of {os.getpid()}:\n{told}"
    if not hasattr(value, "add_note"):  # Python 3.10
        raise value from ParallelCallError(shown, note)
    value.add_note(note)
    raise value
