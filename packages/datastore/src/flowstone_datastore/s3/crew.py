"""Threads that take jobs from one list until it is empty; a job may put others in front."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

Job = Callable[[], None]


class Crew:
    """Runs jobs, so many at once. After the first error no job is begun; it is raised when all have ended."""

    def __init__(self, jobs: Iterable[Job], width: int) -> None:
        self._jobs = deque(jobs)
        self._width = width
        self._threads: list[threading.Thread] = []
        self._working = 0
        self._lock = threading.Lock()
        self._error: BaseException | None = None

    @property
    def has_failed(self) -> bool:
        """True once a job has raised: others need not go on."""
        return self._error is not None

    def add(self, jobs: Iterable[Job]) -> None:
        """Put jobs in front of those that wait; by a running job."""
        self._jobs.extendleft(jobs)
        self._start(0)

    def run(self) -> None:
        """Return when every job is done, by this thread and others.

        Raises:
            BaseException: what the first job that failed raised, when all others have ended.
        """
        self._start(1)
        self._work()
        for thread in self._threads:  # those that are started meanwhile are at its end
            while thread.is_alive():
                try:
                    thread.join()
                except BaseException as error:  # noqa: BLE001 - raised below, when nobody writes any more
                    self._failed(error)
        if self._error is not None:
            raise self._error

    def _start(self, others: int) -> None:
        """As many threads as there are jobs, up to the width; `others` are going to work besides."""
        with self._lock:
            for _ in range(min(self._width - self._working, len(self._jobs)) - others):
                thread = threading.Thread(target=self._work, daemon=True, name="flowstone-transfer")
                self._working += 1
                self._threads.append(thread)
                thread.start()
            self._working += others

    def _work(self) -> None:
        while self._error is None:
            with self._lock:
                if not self._jobs:
                    break
                job = self._jobs.popleft()
            try:
                job()
            except BaseException as error:  # noqa: BLE001 - raised by `run`
                self._failed(error)
        with self._lock:
            self._working -= 1

    def _failed(self, error: BaseException) -> None:
        with self._lock:
            self._error = self._error or error


class Move(Protocol):
    """An object on its way."""

    crew: Crew
    """Who moves it: set before `begin`, which may give it more jobs."""

    def begin(self) -> None:
        """Move it, or its first part."""

    def give_up(self) -> None:
        """Leave nothing that looks whole: it, or another one, failed."""


def run_all(moves: Sequence[Move], width: int) -> None:
    """Move all of them, so many jobs at once, or leave none half done."""
    crew = Crew([move.begin for move in moves], width)
    for move in moves:
        move.crew = crew
    try:
        crew.run()
    except BaseException:
        for move in moves:
            move.give_up()
        raise
