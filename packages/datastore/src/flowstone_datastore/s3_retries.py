"""How often, and how long apart, to try again: with jitter, and from a budget.

botocore tries requests again by itself. What it cannot see is ours: an answer whose body breaks off, an
object that changes between two ranges, two writers that S3 asks to come back one by one.
"""

import random
import time
from collections.abc import Callable

_MOST_TRIES = 10
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 10.0
_BUDGET = 200.0
_COST = 2.0


class RetryBudget:
    """Allows retries as long as most of what is tried succeeds. For any thread.

    A retry takes two from the budget, a success gives one back: of a service that fails everything, a
    process asks at most a hundred times more, not ten times for each object that it wants.

    `sleep` takes seconds; `uniform` draws between two numbers of them.
    """

    def __init__(
        self,
        sleep: Callable[[float], object] = time.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._sleep = sleep
        self._uniform = uniform
        self._left = _BUDGET  # two threads may count as one now and then: it is no ledger

    def allows(self, failures: int) -> bool:
        """Whether to try again after so many failures; if so, returns after a while. Else returns at once."""
        if failures >= _MOST_TRIES or self._left < _COST:
            return False
        self._left -= _COST
        longest = min(_FIRST_PAUSE_SECONDS * 2.0**failures, _LONGEST_PAUSE_SECONDS)
        self._sleep(self._uniform(0, longest))
        return True

    def succeeded(self) -> None:
        """Something was tried and succeeded."""
        self._left = min(_BUDGET, self._left + 1)
