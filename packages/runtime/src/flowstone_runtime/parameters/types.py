"""The types of parameters: from what a flow declares to what click converts a text with."""

import datetime as dt
import enum
import json
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import click

from flowstone_runtime.errors import UsageError
from flowstone_runtime.parameters.json_form import JSONOf, form_name
from flowstone_runtime.parameters.json_type import JSONType, JSONTypeClass


class TextOf(click.ParamType):  # type: ignore[type-arg]  # generic in newer clicks only
    """A type whose values a function makes of texts; values of the type itself pass."""

    def __init__(self, name: str, kind: type, parse: Callable[[str], Any], example: str) -> None:
        self.name = name
        self.kind = kind
        self.parse = parse
        self.example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse a text."""
        if type(value) is self.kind:
            return value
        if not isinstance(value, str):
            self.fail(f"{value!r} is no {self.name}", param, ctx)
        try:
            return self.parse(value)
        except ValueError:
            self.fail(f"{value!r} is no {self.name}; write it like {self.example}", param, ctx)


class NamedValues(click.ParamType):  # type: ignore[type-arg]  # generic in newer clicks only
    """One of a few values, each with its text: the members of an enum, the values of a `Literal`."""

    name = "choice"

    def __init__(self, by_text: Mapping[str, Any], also: Mapping[str, Any] | None = None) -> None:
        self.by_text = dict(by_text)
        self.also = dict(also or {})
        """Further texts that are understood, and not shown."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Look the text up: as it is written, then without regard to capitals."""
        for known in self.by_text.values():
            if type(known) is type(value) and known == value:
                return known
        text = str(value)
        for table in (self.by_text, self.also):
            if text in table:
                return table[text]
        alike = {key: known for key, known in self.by_text.items() if key.casefold() == text.casefold()}
        if len(alike) == 1:
            return next(iter(alike.values()))
        return self.fail(f"{text!r} is none of {', '.join(self.by_text)}", param, ctx)

    def text_of(self, value: Any) -> str:
        """The text that stands for a value."""
        return next((text for text, known in self.by_text.items() if known == value), str(value))

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """What the help shows in place of the value."""
        return f"[{'|'.join(self.by_text)}]"


class SeparatedTexts(click.ParamType):  # type: ignore[type-arg]  # generic in newer clicks only
    """A list of texts, written as one."""

    def __init__(self, separator: str) -> None:
        self.separator = separator
        self.name = f"text{separator}text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Split the text; a list passes."""
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return list(value)
        if not isinstance(value, str):
            self.fail(f"{value!r} is neither a text nor a list of texts", param, ctx)
        return value.split(self.separator) if value else []

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """What the help shows in place of the value."""
        return f"TEXT{self.separator}..."


_PLAIN: dict[Any, Any] = {str: click.STRING, int: click.INT, float: click.FLOAT, bool: click.BOOL}


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(
        f"{text[:-1]}+00:00" if text.endswith("Z") else text
    )  # Python 3.10 reads no Z


_DATE = TextOf("date", dt.date, dt.date.fromisoformat, "2026-01-31")
_DATETIME = TextOf("time", dt.datetime, _time, "2026-01-31T12:00")


def click_type_of(declared: Any, default: Any) -> Any:
    """What click converts with: for the declared type, else for that of the default, else for texts.

    Raises:
        UsageError: it is no type, or its values cannot be stored.
    """
    if declared is None:
        declared = str if default is None else _type_of_default(default)
    if isinstance(declared, click.File):
        raise UsageError("an open file cannot be stored; use IncludeFile, or click.Path")
    if isinstance(declared, click.ParamType | tuple) or declared in _PLAIN:
        return _PLAIN.get(declared, declared) if isinstance(declared, type) else declared
    origin = get_origin(declared)
    if origin in (Union, types.UnionType):
        return _optional(declared)
    if origin is Literal:
        return NamedValues({str(value): value for value in get_args(declared)})
    if declared in (list, dict) or origin in (list, dict):
        return JSONOf(declared)
    if isinstance(declared, type):
        return _of_class(declared)
    if callable(declared):
        return click.types.FuncParamType(declared)
    raise UsageError(f"its type {declared!r} is no type; give int, JSONType, a click type, ...")


def text_of_default(click_type: Any, value: Any) -> Any:
    """The default as one would type it, where its own text is another."""
    if isinstance(click_type, SeparatedTexts) and not isinstance(value, str):
        return click_type.separator.join(value)
    if isinstance(click_type, NamedValues):
        return click_type.text_of(value)
    if isinstance(click_type, JSONTypeClass) and not isinstance(value, str):
        return json.dumps(value)
    return value.isoformat() if isinstance(value, dt.date) else value


def _type_of_default(default: Any) -> Any:
    if isinstance(default, list | dict):
        return JSONType
    return Path if isinstance(default, Path) else type(default)


def _optional(declared: Any) -> Any:
    kinds = [kind for kind in get_args(declared) if kind is not types.NoneType]
    if len(kinds) == 1:
        return click_type_of(kinds[0], None)
    raise UsageError(f"its type {form_name(declared)} is several types; choose one, or JSONType")


def _of_class(declared: type) -> Any:
    if issubclass(declared, enum.Enum):
        return _of_enum(declared)
    if declared is dt.date:
        return _DATE
    if declared is dt.datetime:
        return _DATETIME
    if issubclass(declared, Path):
        return click.Path(path_type=Path)
    if declared is JSONTypeClass:
        return JSONType
    if issubclass(declared, click.File):
        raise UsageError("an open file cannot be stored; use IncludeFile, or click.Path")
    if issubclass(declared, click.ParamType):
        raise UsageError(f"its type is the class {declared.__name__}; give an instance, {declared.__name__}(...)")
    return click.types.FuncParamType(declared)


def _of_enum(declared: type[enum.Enum]) -> NamedValues:
    members = dict(declared.__members__)
    by_value: dict[str, list[enum.Enum]] = {}
    for member in declared:
        by_value.setdefault(str(member.value), []).append(member)
    values = {text: found[0] for text, found in by_value.items() if len(found) == 1 and text not in members}
    return NamedValues(members, values)
