"""The attempts that may start, and which of them is next."""

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count

import attrs

from flowstone_graph import Task
from flowstone_interfaces import Resources
from flowstone_runtime.machine import Capacity


@attrs.frozen
class Attempt:
    """One try of one task."""

    task: Task
    number: int = 0
    failure: str | None = None
    """For a task whose last attempt crashed: why. It runs no code of the step, only what catches its failure."""
    is_gang: bool = False
    """True if it works together with its siblings and so has to run when they do, however many run already."""

    @property
    def request_id(self) -> str:
        """Its name among the executor's requests."""
        return f"{self.task.key.step}/{self.task.key.id}"


class ReadyQueue:
    """Attempts in the order in which they became ready, but for those that have to wait.

    What does not fit beside what runs waits, and lets others pass that fit; one that is larger than the machine
    waits until it is alone. Every operation costs O(number of steps), not of tasks: those of one step need the
    same.
    """

    def __init__(self, needs: Callable[[str], Resources], capacity: Capacity) -> None:
        self._needs = needs
        self._capacity = capacity
        self._taken = Capacity()
        self._running = 0
        self._by_step: dict[str, deque[tuple[int, Attempt]]] = {}
        self._later: list[tuple[float, int, Attempt]] = []
        self._order = count()
        self._size = 0

    def __len__(self) -> int:
        """How many have not been taken, those to come later included."""
        return self._size

    def add(self, attempt: Attempt) -> None:
        """The attempt may start now."""
        self._size += 1
        self._append(attempt)

    def add_later(self, attempt: Attempt, due: float) -> None:
        """The attempt may start at `due`, in the caller's clock."""
        self._size += 1
        heapq.heappush(self._later, (due, next(self._order), attempt))

    def due(self) -> float | None:
        """When the next of those to come later may start; `None` if there is none."""
        return self._later[0][0] if self._later else None

    def take(self, now: float, most_running: int) -> Attempt | None:
        """The next that may start while no more than `most_running` run; `None` if none may."""
        while self._later and self._later[0][0] <= now:
            self._append(heapq.heappop(self._later)[2])
        is_full = self._running >= most_running
        heads = [waiting[0] for waiting in self._by_step.values() if self._may_start(waiting[0][1], is_full)]
        if not heads:
            return None
        _, attempt = min(heads, key=lambda head: head[0])
        step = attempt.task.key.step
        waiting = self._by_step[step]
        waiting.popleft()
        if not waiting:
            del self._by_step[step]
        self._size -= 1
        self._running += 1
        self._taken = self._taken.with_more(self._needs(step))
        return attempt

    def give_back(self, attempt: Attempt) -> None:
        """An attempt that was taken has ended."""
        self._running -= 1
        self._taken = self._taken.with_more(self._needs(attempt.task.key.step), -1)

    def clear(self) -> None:
        """Nothing that waits will start any more."""
        self._by_step.clear()
        self._later.clear()
        self._size = 0

    def _append(self, attempt: Attempt) -> None:
        self._by_step.setdefault(attempt.task.key.step, deque()).append((next(self._order), attempt))

    def _may_start(self, attempt: Attempt, is_full: bool) -> bool:
        if attempt.is_gang:
            return True
        if is_full:
            return False
        with_it = self._taken.with_more(self._needs(attempt.task.key.step))
        return with_it.fits_into(self._capacity) or self._running == 0
