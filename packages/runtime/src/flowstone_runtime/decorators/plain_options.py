"""Options of decorators as data that JSON can hold."""

from collections.abc import Mapping
from typing import Any

import attrs


def plain(value: Any) -> Any:
    """Values as mappings, what can be called by name, the rest as it is or as text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if callable(value) and not hasattr(value, "__qualname__"):
        value = type(value)  # a hook may know an address that is nobody's business
    elif attrs.has(type(value)):
        return {field.name: plain(getattr(value, field.name)) for field in attrs.fields(type(value))}
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return str(value)
