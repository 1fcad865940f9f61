"""What Step Functions does not take or cannot run to its end, said before it is asked.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flowstone_interfaces import FlowstoneError

MOST_DEFINITION_BYTES: Final = 1024 * 1024
MOST_EVENTS: Final = 25_000
"""In the history of one execution; an item of a distributed map has a history of its own."""
MOST_PAYLOAD_BYTES: Final = 256 * 1024
"""Of what travels between states, and of the input of an execution."""
MOST_INLINE_ITEMS: Final = 40
"""That an inline map runs at once: why a foreach is a distributed one."""

_EVENTS_OF: Final = {
    "Task": 6,
    "Map": 6,
    "Parallel": 4,
    "Choice": 2,
    "Pass": 2,
    "Wait": 2,
    "Fail": 1,
    "Succeed": 2,
}
"""How many events one visit of a state makes, at most, if nothing fails."""


class LimitExceededError(FlowstoneError, ValueError):
    """A flow that is too large for Step Functions."""

    def __init__(self, what: str, limit: str, found: int, most: int) -> None:
        super().__init__(what, limit, found, most)
        self.what = what
        self.limit = limit
        self.found = found
        self.most = most

    def __str__(self) -> str:
        return (
            f"{self.what} does not fit into Step Functions: {self.limit} would be {self.found:,}, and at most "
            f"{self.most:,} are allowed; do more in one step, or make several flows of it"
        )


def check_machine(flow: str, machine: Mapping[str, Any]) -> None:
    """Refuse a machine that is too large.

    Raises:
        LimitExceededError: it is; it names the limit.
    """
    size = len(json.dumps(machine, separators=(",", ":"), ensure_ascii=False).encode())
    if size > MOST_DEFINITION_BYTES:
        raise LimitExceededError(
            f"the flow {flow}", "the size of its definition in bytes", size, MOST_DEFINITION_BYTES
        )
    for chain in _histories(machine):
        events = events_at_most(chain)
        if events > MOST_EVENTS:
            limit = "the number of events in the history of an execution"
            raise LimitExceededError(f"the flow {flow}", limit, events, MOST_EVENTS)


def check_input(what: str, text: str) -> None:
    """Refuse an input of an execution that is too large.

    Raises:
        LimitExceededError: it is.
    """
    size = len(text.encode())
    if size > MOST_PAYLOAD_BYTES:
        raise LimitExceededError(what, "the size of its input in bytes", size, MOST_PAYLOAD_BYTES)


def events_at_most(chain: Mapping[str, Any]) -> int:
    """How many events a history gets if each state of the chain is visited once: all ways of a choice count."""
    return 2 + sum(_events(state) for state in chain["States"].values())


def _events(state: Mapping[str, Any]) -> int:
    inside = sum(_events(inner) for branch in state.get("Branches", ()) for inner in branch["States"].values())
    return _EVENTS_OF[state["Type"]] + inside


def _histories(machine: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The machine, and what each of its maps runs for an item."""
    yield machine
    waiting = [machine]
    while waiting:
        for state in waiting.pop()["States"].values():
            waiting += state.get("Branches", ())
            if "ItemProcessor" in state:
                yield state["ItemProcessor"]
                waiting.append(state["ItemProcessor"])
