"""Values that functions give when a flow is deployed: until then they are declarations, known by name."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs


@attrs.frozen
class AtDeployment:
    """A function of the context of a deployment, or a mapping with such functions among its values."""

    declared: Any = attrs.field(hash=False)

    def value(self, context: Any) -> Any:
        """What the functions give."""
        if isinstance(self.declared, Mapping):
            return {key: _called(item, context) for key, item in self.declared.items()}
        return _called(self.declared, context)


def declared_value(value: Any, read: Callable[[Any], Any]) -> Any:
    """What `read` makes of the value, if it is there already; else what will be read at deployment."""
    has_functions = callable(value) or (isinstance(value, Mapping) and any(map(callable, value.values())))
    return AtDeployment(value) if has_functions else read(value)


def _called(value: Any, context: Any) -> Any:
    return value(context) if callable(value) else value
