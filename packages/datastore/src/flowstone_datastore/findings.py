"""What a check of a store may find."""

from typing import TypeAlias

import attrs


@attrs.frozen
class Damage:
    """Something that is not as it was stored, or not there."""

    where: str
    """The path of the object, and the byte if it is known."""
    detail: str
    touches: tuple[str, ...] = ()
    """Which artifacts, tasks or runs cannot be relied on: `Flow/run`, `Flow/run/step/task`, `.../name`."""

    def __str__(self) -> str:
        touched = f"; touches {', '.join(self.touches)}" if self.touches else ""
        return f"{self.where}: {self.detail}{touched}"


@attrs.frozen
class StrayObject:
    """Something that no store wrote, or that means nothing. It harms nobody."""

    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.where}: {self.detail}"


Finding: TypeAlias = Damage | StrayObject
