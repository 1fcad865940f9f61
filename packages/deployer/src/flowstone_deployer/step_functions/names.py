"""What states are called: as their steps, and what helps a step with a word behind."""

import hashlib
from typing import Final

LONGEST_NAME: Final = 80
"""So many characters Step Functions allows."""

BRANCHES: Final = "branches"
ITEMS: Final = "items"
WAY: Final = "way"
CHOICE: Final = "choice"
CAUGHT: Final = "caught"
FAILED: Final = "failed"
AGAIN: Final = "again"
WAIT: Final = "wait"
GIVEN_UP: Final = "given up"


def state_name(step: str, role: str = "") -> str:
    """The name of a step's state, unique as the step and the role are.

    >>> state_name("fit", "items")
    'fit (items)'
    """
    suffix = f" ({role})" if role else ""
    if len(step) + len(suffix) <= LONGEST_NAME:
        return step + suffix
    mark = hashlib.sha256(step.encode()).hexdigest()[:8]
    return f"{step[: LONGEST_NAME - len(suffix) - len(mark) - 1]}~{mark}{suffix}"
