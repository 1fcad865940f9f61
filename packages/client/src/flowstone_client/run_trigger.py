"""What started a run: the runs of other flows that had finished, or events."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import attrs

from flowstone_client.client_object import found_again

if TYPE_CHECKING:
    from flowstone_client.client import Client
    from flowstone_client.run import Run


@attrs.frozen
class TriggerEvent:
    """One thing that a run was started upon."""

    name: str
    """Of an event; of a run that had finished, its flow."""
    id: str
    """Of an event, as its sender has it; of a run, its pathspec."""
    timestamp: datetime | None
    """When it was, UTC, if that is known."""
    type: str
    """`run` or `event`."""

    @classmethod
    def from_record(cls, data: Mapping[str, Any]) -> "TriggerEvent":
        """Read it from a run's record, where `timestamp` is UTC, seconds since 1970."""
        time = data.get("timestamp")
        when = None if time is None else datetime.fromtimestamp(time, timezone.utc)
        return cls(data["name"], data.get("id", ""), when, data["type"])


class RunTrigger:
    """What a run was started upon, as a sequence of events and a mapping by name.

    `trigger.run` and `trigger["Train"]` are the run whose end started this one; `trigger["new-data"]` is an event.
    """

    def __init__(self, client: "Client", record: Sequence[Mapping[str, Any]]) -> None:
        self._client = client
        self.events = tuple(TriggerEvent.from_record(data) for data in record)
        """All of them, in the order in which they are declared."""

    @property
    def event(self) -> TriggerEvent | None:
        """The first event."""
        return next(iter(self.events), None)

    @property
    def runs(self) -> "tuple[Run, ...]":
        """The runs whose end it was.

        Raises:
            NotFoundError: one was deleted since.
        """
        return tuple(self._run(event) for event in self.events if event.type == "run")

    @property
    def run(self) -> "Run | None":
        """The first of the runs.

        Raises:
            NotFoundError: it was deleted since.
        """
        return next((self._run(event) for event in self.events if event.type == "run"), None)

    def __getitem__(self, name: str) -> "Run | TriggerEvent":
        for event in self.events:
            if event.name == name:
                return self._run(event) if event.type == "run" else event
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(event.name == name for event in self.events)

    def __iter__(self) -> Iterator[TriggerEvent]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def __repr__(self) -> str:
        return f"<started upon {', '.join(event.id or event.name for event in self.events)}>"

    def _run(self, event: TriggerEvent) -> "Run":
        run: Run = found_again(2, event.id, self._client)
        return run
