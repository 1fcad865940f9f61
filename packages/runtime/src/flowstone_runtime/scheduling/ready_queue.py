"""The attempts that may start, and which of them is next."""

import heapq
from collections import deque
from collections.abc import Callable, Collection
from itertools import count

import attrs

from flowstone_graph import Task
from flowstone_interfaces import Resources
from flowstone_runtime.scheduling.machine import Capacity


@attrs.frozen
class Attempt:
    """One try of one task."""

    task: Task
    number: int = 0
    lost: int = 0
    """How many tries before this one were lost with their machine: they were not the task's own failures."""
    failure: str | None = None
    """For a task whose last attempt crashed: why. It runs no code of the step, only what catches its failure."""
    is_gang: bool = False
    """True if it works together with its siblings and so has to run when they do, however many run already."""

    @property
    def request_id(self) -> str:
        """Its name among the executor's requests."""
        return f"{self.task.key.step}/{self.task.key.id}"


@attrs.frozen
class Limits:
    """How many tasks run at once."""

    here: int
    """On this machine."""
    elsewhere: int = 10_000
    """On others: by default as many as one array of AWS Batch has, where queues decide on the rest."""
    in_all: int = 20_000


class ReadyQueue:
    """Attempts in the order in which they became ready, but for those that have to wait.

    What does not fit beside what runs waits, and lets others pass that fit; one that is larger than the machine
    waits until it is alone. Tasks of steps that run elsewhere take nothing of this machine. Every operation costs
    O(number of steps), not of tasks: those of one step need the same.
    """

    def __init__(self, needs: Callable[[str], Resources], capacity: Capacity, far: Collection[str] = ()) -> None:
        """`needs` says what a step needs, `far` are the steps that run elsewhere."""
        self._needs = needs
        self._capacity = capacity
        self._far = frozenset(far)
        self._taken = Capacity()
        self._here = 0
        self._elsewhere = 0
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

    def take(self, now: float, limits: Limits) -> Attempt | None:
        """The next that may start while no more run than the limits allow; `None` if none may."""
        while self._later and self._later[0][0] <= now:
            self._append(heapq.heappop(self._later)[2])
        heads = [waiting[0] for waiting in self._by_step.values() if self._may_start(waiting[0][1], limits)]
        if not heads:
            return None
        _, attempt = min(heads, key=lambda head: head[0])
        step = attempt.task.key.step
        waiting = self._by_step[step]
        waiting.popleft()
        if not waiting:
            del self._by_step[step]
        self._size -= 1
        self._count(step, 1)
        return attempt

    def give_back(self, attempt: Attempt) -> None:
        """An attempt that was taken has ended."""
        self._count(attempt.task.key.step, -1)

    def clear(self) -> None:
        """Nothing that waits will start any more."""
        self._by_step.clear()
        self._later.clear()
        self._size = 0

    def _append(self, attempt: Attempt) -> None:
        self._by_step.setdefault(attempt.task.key.step, deque()).append((next(self._order), attempt))

    def _count(self, step: str, by: int) -> None:
        if step in self._far:
            self._elsewhere += by
        else:
            self._here += by
            self._taken = self._taken.with_more(self._needs(step), by)

    def _may_start(self, attempt: Attempt, limits: Limits) -> bool:
        if attempt.is_gang:
            return True
        step = attempt.task.key.step
        if self._here + self._elsewhere >= limits.in_all:
            return False
        if step in self._far:
            return self._elsewhere < limits.elsewhere
        if self._here >= limits.here:
            return False
        return self._taken.with_more(self._needs(step)).fits_into(self._capacity) or self._here == 0
