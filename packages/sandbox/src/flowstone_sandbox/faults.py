"""What goes wrong on request: answers that services give when they are busy or broken."""

import random
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from flowstone_interfaces.python_310 import Self


@attrs.frozen
class Fault:
    """Which requests fail, and how. All conditions that are given must hold."""

    service: str | None = None
    """The name that requests are signed with: `s3`, `batch`, `states`, `logs`."""
    method: str | None = None
    """`GET`, `PUT`, ..."""
    action: str | None = None
    """`SubmitJob`, `GetLogEvents`, ...: of services whose requests name it in a header or a path."""
    path: str | None = None
    """A regular expression that is found in the URL's path."""
    rate: float = 1.0
    """Which part of those requests fails, between 0 and 1."""
    times: int | None = None
    """How many fail before all is well again; `None`: for ever."""
    status: int | None = None
    """Answer with this HTTP status, and do nothing."""
    code: str = "ServiceUnavailable"
    """The error's name in that answer: `SlowDown`, `ThrottlingException`, `TooManyRequestsException`."""
    delay_seconds: float = 0.0
    """Answer later."""
    cut_bytes: int | None = None
    """Do what was asked, but break off the answer's body after so many bytes."""
    is_reset: bool = False
    """Break the connection, and do nothing."""

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError(f"rate must be between 0 and 1, not {self.rate}")
        re.compile(self.path or "")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read one.

        Raises:
            ValueError: a field that there is not, or a value that says nothing.
        """
        known = {field.name for field in attrs.fields(cls)}
        if unknown := sorted(value.keys() - known):
            raise ValueError(f"a fault has no field {unknown[0]!r}; there are {', '.join(sorted(known))}")
        return cls(**value)

    def concerns(self, service: str, method: str, action: str, path: str) -> bool:
        """True if a request is one of those that fail."""
        return (
            self.service in {None, service}
            and self.method in {None, method}
            and (self.action is None or self.action.lower() == action.lower())
            and (self.path is None or re.search(self.path, path) is not None)
        )


class Faults:
    """The faults that are set, and how often each may still happen."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._lock = threading.Lock()
        self._left: list[tuple[Fault, int | None]] = []
        self.happened = 0

    def set(self, faults: Sequence[Fault]) -> None:
        """Have these instead of those that there were."""
        with self._lock:
            self._left = [(fault, fault.times) for fault in faults]
            self.happened = 0

    def next_for(self, service: str, method: str, action: str, path: str) -> Fault | None:
        """What goes wrong with a request; the first fault that concerns it and whose chance comes."""
        if not self._left:
            return None
        with self._lock:
            for index, (fault, left) in enumerate(self._left):
                if left == 0 or not fault.concerns(service, method, action, path):
                    continue
                if self._chance.random() < fault.rate:
                    self._left[index] = (fault, None if left is None else left - 1)
                    self.happened += 1
                    return fault
        return None
