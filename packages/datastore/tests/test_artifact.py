import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore import Artifact, Blob, ChunkRef, InvalidRecordError, address_of
from flowstone_datastore.testing import artifacts

ADDRESS = address_of(b"")
GOOD = {"type": "builtins.int", "size": 3, "address": ADDRESS, "encoding": "pickle-5", "stream": "YWJj"}


@given(artifacts())
def test_an_artifact_survives_json(artifact):
    """Records hold them as JSON."""
    assert Artifact.from_json(json.loads(json.dumps(artifact.to_json()))) == artifact


def test_json_is_as_documented():
    """FORMAT.md promises these very names."""
    assert Artifact.from_json(GOOD).to_json() == GOOD
    chunked = {**GOOD, "size": 9, "stream": [[ADDRESS, 4], [ADDRESS, 3]], "buffers": [[[ADDRESS, 2]]]}
    assert Artifact.from_json(chunked).to_json() == chunked


def test_unknown_fields_are_ignored():
    """A later release may add one."""
    assert Artifact.from_json({**GOOD, "color": "red"}) == Artifact.from_json(GOOD)


HOSTILE = [
    None,
    [],
    "text",
    {},
    {**GOOD, "type": 3},
    {**GOOD, "size": -1},
    {**GOOD, "size": 3.0},
    {**GOOD, "size": True},
    {**GOOD, "size": 4},
    {**GOOD, "size": 10**30},
    {**GOOD, "address": "../../../etc/passwd"},
    {**GOOD, "address": ADDRESS.upper()},
    {**GOOD, "address": None},
    {**GOOD, "encoding": "pickle 5\n"},
    {**GOOD, "encoding": None},
    {**GOOD, "stream": None},
    {**GOOD, "stream": "no base64!"},
    {**GOOD, "stream": "YWJ"},
    {**GOOD, "stream": "ä"},
    {**GOOD, "stream": {}},
    {**GOOD, "stream": [ADDRESS, 3]},
    {**GOOD, "stream": [[ADDRESS]]},
    {**GOOD, "stream": [[ADDRESS, "3"]]},
    {**GOOD, "stream": [["x", 3]]},
    {**GOOD, "stream": [[ADDRESS, 10**30]], "size": 10**30},
    {**GOOD, "stream": [[ADDRESS, -3], [ADDRESS, 6]]},
    {**GOOD, "buffers": {}},
    {**GOOD, "buffers": [3]},
    *[{name: value for name, value in GOOD.items() if name != left_out} for left_out in GOOD],
]


@pytest.mark.parametrize("raw", HOSTILE, ids=str)
def test_hostile_json_is_refused(raw):
    """Whoever can write a journal must not choose our paths or our memory."""
    with pytest.raises(InvalidRecordError, match=r"FORMAT\.md"):
        Artifact.from_json(raw)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_json_is_an_artifact_or_a_typed_error(raw):
    """No `KeyError`, no `TypeError`, ever."""
    with pytest.raises(InvalidRecordError):
        Artifact.from_json(raw)


def test_a_blob_is_inline_or_in_chunks():
    """Two sources for one sequence of bytes could differ."""
    with pytest.raises(InvalidRecordError):
        Blob(3, b"abc", (ChunkRef(ADDRESS, 3),))
