import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore import Artifact, Blob, Blobs, Datastore, MemoryStorage, plain_value

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=200)


def artifact(stream: bytes) -> Artifact:
    return Artifact("builtins.object", len(stream), "0" * 64, "pickle-5", Blobs(Blob.of_bytes(stream)))


@given(PLAIN)
def test_what_is_read_is_what_was_stored(value):
    """Filters must find what loading would give."""
    store = Datastore.at(MemoryStorage(), create=True)
    read = plain_value(store.artifacts.save(value))
    assert read == value
    assert type(read) is type(value)


@given(PLAIN, st.sampled_from([4, 5]))
def test_any_pickler_may_have_written_it(value, protocol):
    """Other writers frame and remember as Python does."""
    assert plain_value(artifact(pickle.dumps(value, protocol))) == value


@pytest.mark.parametrize(
    "value", [[1], (), {}, {1}, b"bytes", 1j, "x" * 2000, object, math.sqrt, [1.5] * 100, ("a",), bytearray(3)]
)
def test_anything_else_has_no_plain_value(value):
    """It would have to be unpickled."""
    store = Datastore.at(MemoryStorage(), create=True)
    assert plain_value(store.artifacts.save(value)) is None


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_read_without_running_them(stream, is_like_a_pickle):
    """A store may hold what anybody wrote."""
    plain_value(artifact(b"\x80\x05" + stream if is_like_a_pickle else stream))


def test_a_pickle_that_would_run_something_is_not_run():
    """Reading for an index is not loading."""

    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("it ran",)

    assert plain_value(artifact(pickle.dumps(Bomb(), 5))) is None


@pytest.mark.parametrize("kind", ["float64", "float32", "int64", "int32"])
def test_numbers_of_numpy_are_numbers(kind):
    """Scores often are."""
    numpy = pytest.importorskip("numpy")
    assert plain_value(artifact(pickle.dumps(getattr(numpy, kind)(3), 5))) == 3
