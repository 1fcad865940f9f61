"""Where a secret comes from, and the error when it does not."""

from collections.abc import Mapping
from typing import Any

import attrs

from flowstone_interfaces import FlowstoneError


class SecretError(FlowstoneError, LookupError):
    """A secret could not be had. The message never holds a value."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(source, reason)
        self.source = source
        self.reason = reason

    def __str__(self) -> str:
        return f"the secret {self.source} could not be had: {self.reason}"


@attrs.frozen
class SecretSource:
    """Where some variables come from."""

    type: str
    """`inline`, `environment` or `aws-secrets-manager`."""
    id: str = ""
    """What the backend knows it as."""
    options: Mapping[str, Any] = attrs.field(factory=dict, repr=False)  # it may hold values
    role: str | None = None

    @property
    def shown(self) -> str:
        """Its name, for people."""
        return f"{self.type}.{self.id}" if self.id else self.type
