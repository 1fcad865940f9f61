"""How one field of a record becomes JSON and comes back: the metadata of its attrs field."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from flowstone_datastore.artifact import Artifact
from flowstone_datastore.artifact_table import check_artifact_name
from flowstone_datastore.fields import refuse

if TYPE_CHECKING:
    import attrs

Convert = Callable[[Any], Any]


class Form(NamedTuple):
    """Two functions: a field's value to JSON, and JSON to the value, checking what a stranger wrote."""

    to_json: Convert
    from_json: Convert


class _HasForm(Protocol):
    def to_json(self) -> Any: ...

    @classmethod
    def from_json(cls, raw: Any) -> Any: ...


def stored(form: Form) -> Mapping[str, Form]:
    """The metadata of a field in this form; a field without is stored as it is."""
    return {"form": form}


def form_of(field: "attrs.Attribute[Any]") -> Form | None:
    """The form that `stored` gave to a field."""
    form: Form | None = field.metadata.get("form")
    return form


def own_form(kind: type[_HasForm]) -> Mapping[str, Form]:
    """A value that has `to_json` and `from_json` of its own."""
    return stored(Form(lambda value: value.to_json(), kind.from_json))


def several(kind: type[_HasForm]) -> Mapping[str, Form]:
    """A tuple of values that have `to_json` and `from_json` of their own: an array."""

    def read(raw: Any) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            refuse("a list in a record", raw, "an array")
        return tuple([kind.from_json(item) for item in raw])

    return stored(Form(lambda value: [item.to_json() for item in value], read))


def rows(length: int) -> Mapping[str, Form]:
    """A tuple of tuples of `length` names and numbers: an array of arrays."""

    def read(raw: Any) -> tuple[tuple[Any, ...], ...]:
        if not isinstance(raw, list) or not all(isinstance(row, list) and len(row) == length for row in raw):
            refuse("a list in a record", raw, f"an array of arrays of {length}")
        return tuple([tuple(row) for row in raw])

    return stored(Form(lambda value: [list(row) for row in value], read))


def _read_texts(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list):
        refuse("a list in a record", raw, "an array of texts")
    return tuple(raw)


def _read_artifacts(raw: Any) -> dict[str, Artifact]:
    if not isinstance(raw, dict):
        refuse("artifacts", raw, "an object")
    return {check_artifact_name(name): Artifact.from_json(item) for name, item in raw.items()}


TEXTS = stored(Form(list, _read_texts))
"""A tuple of texts: an array."""

ARTIFACTS = stored(Form(lambda value: {name: item.to_json() for name, item in value.items()}, _read_artifacts))
"""Artifacts by name: an object."""
