"""What a production run is a run of."""

from collections.abc import Mapping
from typing import Any

import attrs

from flowstone_interfaces.python_310 import Self


@attrs.frozen
class RunDeployment:
    """A deployment: the flow as it was handed to a production scheduler."""

    version: str
    """Its address: equal for equal code, graph, constants and settings."""
    name: str
    """What it is called on the scheduler."""
    scheduler: str
    """Which it was handed to: `step-functions`."""

    @classmethod
    def from_record(cls, data: Mapping[str, Any]) -> Self:
        """Read it from a run's record."""
        return cls(str(data.get("version", "")), str(data.get("name", "")), str(data.get("scheduler", "")))
