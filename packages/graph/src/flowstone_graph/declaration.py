"""What a flow says of itself beside its steps: a schedule, a project, a trigger."""

from collections.abc import Mapping
from typing import Any, Protocol

import attrs


class FlowDeclaration(Protocol):
    """A decorator of a flow, as far as a graph knows it."""

    @property
    def name(self) -> str:
        """What it is called in source, without the `@`."""

    @property
    def options(self) -> Mapping[str, Any]:
        """What it was given: what JSON can hold."""


@attrs.frozen
class StoredDeclaration:
    """A `FlowDeclaration` that was read from plain data."""

    name: str
    options: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
