"""JSON as a store writes it: no spaces, ASCII, and never anything that is not JSON."""

import json
from typing import Any

from flowstone_datastore.fields import InvalidRecordError

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def to_json_text(value: Any) -> bytes:
    """The JSON of dicts, lists, texts, numbers, booleans and `None`.

    Raises:
        InvalidRecordError: something in it is not JSON: another type, `NaN`, a cycle.
    """
    try:
        return _encode(value).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRecordError("a value for JSON", str(error)) from error


def from_json_text(text: bytes | bytearray) -> Any:
    """The value of a JSON text.

    Raises:
        InvalidRecordError: it is no JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRecordError("a JSON text", str(error)) from error
