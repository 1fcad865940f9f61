"""What a field of a record may hold: checks for values that we build and for JSON that a stranger wrote.

The checks are attrs validators, so that a record that exists is a record that can be stored, and
one that was read is as good as one that was built.
"""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.pathspec import InvalidPathspecError, check_part

if TYPE_CHECKING:
    import attrs

LARGEST_INTEGER = 2**63 - 1

Check: TypeAlias = Callable[[Any, "attrs.Attribute[Any]", Any], None]


class InvalidRecordError(FlowstoneError, ValueError):
    """Something that may not stand in a record, whether we were given it or read it."""

    def __init__(self, what: str, detail: str) -> None:
        super().__init__(what, detail)
        self.what = what
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"{self.what} does not follow the store's format: {self.detail}; FORMAT.md says what may stand there"
        )


def refuse(what: str, value: object, wanted: str) -> NoReturn:
    """Raise `InvalidRecordError`: `value` stands where `wanted` should."""
    raise InvalidRecordError(what, f"{value!r:.80} is not {wanted}")


def _refuse_field(instance: Any, attribute: "attrs.Attribute[Any]", value: object, wanted: str) -> NoReturn:
    refuse(f"{type(instance).__name__}.{attribute.name}", value, wanted)


def is_text(instance: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    """Any text."""
    if not isinstance(value, str):
        _refuse_field(instance, attribute, value, "text")


def is_name(instance: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    """A text that may be part of a pathspec, and so of a path."""
    is_text(instance, attribute, value)
    try:
        check_part(value)
    except InvalidPathspecError:
        _refuse_field(instance, attribute, value, "a name of letters, digits, '_', '.', '~' or '-'")


def is_number(instance: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    """A finite float, or an integer that other languages can hold too."""
    if type(value) is int:
        is_fine = -LARGEST_INTEGER <= value <= LARGEST_INTEGER
    else:
        is_fine = isinstance(value, float) and math.isfinite(value)
    if not is_fine:
        _refuse_field(instance, attribute, value, "a finite number")


def is_integer(instance: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    """An integer that other languages can hold too."""
    if type(value) is not int or not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        _refuse_field(instance, attribute, value, "an integer of 64 bits")


def is_count(instance: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    """An integer from 0 on."""
    if type(value) is not int or not 0 <= value <= LARGEST_INTEGER:
        _refuse_field(instance, attribute, value, "an integer from 0 to 2^63 - 1")


def is_boolean(instance: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    """True or false."""
    if not isinstance(value, bool):
        _refuse_field(instance, attribute, value, "true or false")


def is_mapping(instance: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    """A mapping whose keys are texts; what it holds is the owner's business."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        _refuse_field(instance, attribute, value, "an object")


def is_mapping_of_text(instance: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    """A mapping of text to text."""
    is_mapping(instance, attribute, value)
    if not all(isinstance(item, str) for item in value.values()):
        _refuse_field(instance, attribute, value, "an object of texts")


def are_texts(instance: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    """A tuple of texts."""
    if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
        _refuse_field(instance, attribute, value, "an array of texts")


def is_a(kind: type) -> Check:
    """An instance of `kind`."""

    def check(instance: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
        if not isinstance(value, kind):
            _refuse_field(instance, attribute, value, f"a {kind.__name__}")

    return check


def optional(check: Check) -> Check:
    """`None`, or what `check` accepts."""

    def check_optional(instance: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
        if value is not None:
            check(instance, attribute, value)

    return check_optional
