"""Equal values have equal addresses, different values different ones."""

import dataclasses
import datetime as dt
import enum
import math
import os
import pickle
import struct
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowstone_datastore import ArtifactStore, ChunkStore, MemoryStorage
from flowstone_datastore.address import CANONICAL_BYTES, blob_address, canonical_address
from flowstone_datastore.canonical import canonical

STORE = ArtifactStore(ChunkStore(MemoryStorage()))


def address(value):
    """What `address` and `save` agree on."""
    found = STORE.address(value)
    assert STORE.save(value).address == found
    return found


@dataclasses.dataclass
class Point:
    x: object
    y: object


@dataclasses.dataclass(frozen=True)
class Key:
    x: object


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Items(dict):
    """A dict of its own type."""


class Pair(NamedTuple):
    x: object
    y: object


# Few and alike, so that values that are equal, or compare equal, are common.
scalars = st.sampled_from(
    [None, False, True, 0, 1, 256, -1, 2**70, 0.0, -0.0, 1.0, math.nan, 1j, "", "a", "b", "1", b"", b"a", b"1"]
)
hashable = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3) | st.builds(Key, inner)
    ),
    max_leaves=4,
)
values = st.recursive(
    hashable | st.binary(max_size=2).map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(hashable, inner, max_size=3)
        | st.dictionaries(hashable, inner, max_size=3).map(OrderedDict)
        | st.dictionaries(hashable, inner, max_size=3).map(lambda items: defaultdict(list, items))
        | st.sets(hashable, max_size=4)
        | st.builds(Point, inner, inner)
    ),
    max_leaves=8,
)


def identity(value):  # noqa: PLR0911 - one for each type
    """What makes a value what it is: type and content, in which only sets and dicts have no order."""
    kind = type(value)
    if kind is float:
        return kind, struct.pack(">d", value)
    if kind is complex:
        return kind, struct.pack(">dd", value.real, value.imag)
    if kind in (list, tuple):
        return kind, tuple(map(identity, value))
    if kind in (set, frozenset):
        return kind, frozenset(map(identity, value))
    if kind in (dict, defaultdict):
        return kind, frozenset((identity(key), identity(item)) for key, item in value.items())
    if kind is OrderedDict:
        return kind, tuple((identity(key), identity(item)) for key, item in value.items())
    if kind in (Point, Key):
        return kind, identity(vars(value))
    return kind, bytes(value) if kind is bytearray else value


def rebuilt(value):  # noqa: C901, PLR0911 - as above
    """An equal value of other objects, filled in another order."""
    kind = type(value)
    if kind is str:
        return "".join(list(value))
    if kind is bytes:
        return bytes(bytearray(value))
    if kind is bytearray:
        return bytearray(value)
    if kind in (list, tuple):
        return kind(map(rebuilt, value))
    if kind in (set, frozenset):
        return kind(map(rebuilt, reversed([*value])))
    if kind is dict:
        return {rebuilt(key): rebuilt(item) for key, item in reversed(value.items())}
    if kind is defaultdict:
        return defaultdict(list, rebuilt(dict(value)))
    if kind is OrderedDict:
        return OrderedDict((rebuilt(key), rebuilt(item)) for key, item in value.items())
    if kind in (Point, Key):
        copy = object.__new__(kind)
        for name, item in reversed(vars(value).items()):
            object.__setattr__(copy, name, rebuilt(item))
        return copy
    return value


@settings(max_examples=200)
@given(values)
def test_equal_values_have_equal_addresses(value):
    """Whatever order they were filled in, and whichever of their texts are one object."""
    assert address(rebuilt(value)) == address(value)


@settings(max_examples=400)
@given(values, values)
def test_different_values_have_different_addresses(one, other):
    """Else one would be taken for the other: a wrong value, which a store never returns."""
    assert (address(one) == address(other)) == (identity(one) == identity(other))


@given(st.sets(hashable, max_size=3), st.sets(hashable, max_size=3))
def test_sets_are_told_apart(one, other):
    """They have a way of their own into the store."""
    assert (address(one) == address(other)) == (identity(one) == identity(other))
    assert address(one) != address(frozenset(one))


@settings(max_examples=150)
@given(values)
def test_load_of_save_keeps_order_and_address(value):
    """What is stored is the value as it was: only its name forgets the order."""
    artifact = STORE.save(value)
    loaded = STORE.load(artifact)
    assert identity(loaded) == identity(value)
    assert STORE.save(loaded).address == artifact.address
    if isinstance(value, dict):
        assert [*map(identity, loaded)] == [*map(identity, value)]


@settings(max_examples=150)
@given(values)
def test_an_address_can_be_made_of_what_is_stored(value):
    """Whoever has the record can check the name, without running what the pickle says."""
    artifact = STORE.save([value])
    form = canonical(artifact.blobs.stream.inline, ())
    assert canonical_address("pickle-5", form) == artifact.address


MANY = """
import sys
sys.path.insert(0, {tests!r})
from flowstone_datastore import ArtifactStore, ChunkStore, MemoryStorage
from test_canonical import Point
store = ArtifactStore(ChunkStore(MemoryStorage()))
words = ["word-%d" % number for number in range(3000)]
for value in (set(words), frozenset(words), [{{"b": set(words[:99]), "a": 1}}], {{(w, 1) for w in words[:99]}},
              Point({{"x", "y", None, 1, (2, "z")}}, frozenset({{frozenset({{"p", "q"}}), "r"}})),
              {{str(n).encode() for n in range(99)}}, {{n / 3 for n in range(99)}} | {{float("nan")}},
              lambda text: text in {{"a", "b", "c", "d"}}):
    artifact = store.save(value)
    print(artifact.address, artifact.size)
print(store.save(set(words)).blobs, store.save(lambda: 1).blobs.stream.size > 0)
"""


def test_an_address_is_the_same_in_every_process():
    """Texts hash differently in each: a set that several steps read must keep one name, and one blob."""
    outputs = {
        subprocess.check_output(
            [sys.executable, "-W", "error", "-c", MANY.format(tests=str(Path(__file__).parent))],
            env={**os.environ, "PYTHONHASHSEED": seed},
            text=True,
        )
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("kind", [set, frozenset])
def test_a_large_set_has_one_name_and_one_stream(kind):
    """The longest stream that has a canonical form is shorter than that."""
    words = [f"word-{number}" for number in range(50_000)]
    one, other = STORE.save(kind(words)), STORE.save(kind(reversed(words)))
    assert one == other
    assert one.size > CANONICAL_BYTES
    assert type(STORE.load(one)) is kind
    assert STORE.load(one) == kind(words)
    assert one.type == f"builtins.{kind.__name__}"


class Word(str):  # noqa: SLOT000 - attributes of its own are the point
    """A text with a memory."""


def test_items_of_a_set_keep_their_type():
    """A set of texts is one of exactly texts."""
    word = Word("a")
    word.note = "kept"
    (loaded,) = STORE.load(STORE.save({word}))
    assert (type(loaded), loaded.note) == (Word, "kept")
    assert {type(item) for item in STORE.load(STORE.save({True, 2, 3.0}))} == {bool, int, float}


def test_values_that_compare_equal_may_be_different():
    """`True` is no `1` for whoever prints it."""
    ones = [1, True, 1.0, 1 + 0j, Decimal(1), "1", b"1"]
    assert len({address([one]) for one in ones}) == len(ones)
    assert len({address({one: "a"}) for one in ones}) == len(ones)
    assert len({address({one}) for one in ones}) == len(ones)
    assert address({0.0}) != address({-0.0})
    assert address(Point(1, 2)) != address({"x": 1, "y": 2})
    assert address(Items(a=1)) != address({"a": 1})
    assert address(Pair(1, 2)) != address((1, 2))
    assert address(Color.RED) != address(Color.BLUE)


def test_values_of_builtin_types_are_equal_by_content():
    """As one object or as two: who loads them cannot tell."""
    for make in (
        lambda: dt.date(2026, 1, 1),
        lambda: dt.datetime(2026, 1, 1, 12, tzinfo=dt.timezone.utc),
        lambda: dt.timedelta(1),
        lambda: Decimal("1.5"),
        lambda: range(3),
        lambda: 2j + 1,
        lambda: ("a" * 1, frozenset({"b"})),
    ):
        one = make()
        assert address([one, one]) == address([make(), make()])


def test_the_order_of_a_dict_is_stored():
    """People print dicts, and make columns of them."""
    one, other = {"a": 1, "b": [2]}, {"b": [2], "a": 1}
    saved = STORE.save(one), STORE.save(other)
    assert saved[0].address == saved[1].address
    assert [[*STORE.load(artifact)] for artifact in saved] == [["a", "b"], ["b", "a"]]


def test_order_counts_where_it_is_part_of_equality():
    """And in types that nobody knows here: too many names are no harm, too few would be."""
    pairs = [("a", 1), ("b", 2)]
    assert address(OrderedDict(pairs)) != address(OrderedDict(reversed(pairs)))
    assert address(Items(pairs)) != address(Items(reversed(pairs)))
    assert address([1, 2]) != address([2, 1])


def test_order_does_not_count_in_the_dicts_of_collections():
    """They compare as dicts do."""
    assert address(Counter("abb")) == address(Counter("bba"))
    one, other = defaultdict(int, a=1, b=2), defaultdict(int, b=2, a=1)
    assert address(one) == address(other) != address(defaultdict(float, a=1, b=2))
    many = {str(number): number for number in range(3000)}
    assert address(defaultdict(int, many)) == address(defaultdict(int, reversed(many.items())))


@st.composite
def graphs(draw):
    """Lists and dicts that hold each other, or themselves, in any way."""
    nodes = [draw(st.sampled_from([list, dict]))() for _ in range(draw(st.integers(1, 4)))]
    for node in nodes:
        for _ in range(draw(st.integers(0, 3))):
            item = draw(st.sampled_from([*nodes, 1, "a"]))
            if type(node) is list:
                node.append(item)
            else:
                node[draw(st.sampled_from("abc"))] = item
    return nodes[0]


def shape(root):
    """What a graph is, in texts: each list and dict where it is met first, then its number."""
    found, numbers, pending = [], {}, [root]
    while pending:
        value = pending.pop()
        if type(value) not in (list, dict):
            found.append(repr(value))
        elif id(value) in numbers:
            found.append(f"number {numbers[id(value)]}")
        else:
            numbers[id(value)] = len(numbers)
            found.append(f"{type(value)} of {len(value)}")
            items = value if type(value) is list else [part for key in sorted(value) for part in (key, value[key])]
            pending += reversed(items)
    return found


def other_way_round(value, made):
    """The same graph, of dicts that were filled in another order."""
    if type(value) not in (list, dict):
        return value
    if id(value) not in made:
        copy = made[id(value)] = type(value)()
        if type(value) is list:
            copy += [other_way_round(item, made) for item in value]
        else:
            copy.update((key, other_way_round(value[key], made)) for key in reversed(value))
    return made[id(value)]


@settings(max_examples=300)
@given(graphs(), graphs())
def test_what_holds_what_is_part_of_the_address(one, other):
    """In graphs of any shape: the same, or not."""
    assert (address(one) == address(other)) == (shape(one) == shape(other))
    assert address(other_way_round(one, {})) == address(one)


def test_sharing_counts_in_what_can_be_changed():
    """Who changes one of two changes both, or not."""
    inner = [1]
    assert address([inner, inner]) != address([[1], [1]])
    assert address({"a": inner, "b": inner}) == address({"b": inner, "a": inner})
    assert address({"a": inner, "b": inner}) != address({"a": [1], "b": [1]})
    one, other = [], []
    assert len({address(v) for v in ([one, one, other, other], [one, other, one, other], [one] * 4)}) == 3
    assert address([one, one, other, other]) == address([other, other, one, one])


def test_what_holds_itself_has_an_address():
    """In any order, too; and looks for its end in vain nowhere."""
    ring = []
    ring.append(ring)
    longer = [[]]
    longer[0].append(longer)
    assert address(ring) != address(longer)
    one, other = {}, {}
    one.update(me=one, all=[one])
    other.update(all=[other], me=other)
    assert address(one) == address(other)
    point = Point(1, None)
    point.y = {"back": point}
    assert address(point) == address(STORE.load(STORE.save(point)))


def test_what_has_no_canonical_form_has_an_address():
    """A tuple that holds itself is made twice, and thrown away once."""
    ring = ([],)
    ring[0].append(ring)
    assert canonical(pickle.dumps(ring, 5), ()) is None
    assert address(ring) == address(STORE.load(STORE.save(ring)))


def test_tuples_in_tuples_do_not_explode():
    """Fifty levels of the same two are 2^50 values to walk through, and fifty to store."""
    value = ()
    for _ in range(50):
        value = (value, value)
    assert address(value) == address(STORE.load(STORE.save(value)))
    value = [1]
    for _ in range(50):
        value = (value, value)
    assert address(value) == address(STORE.load(STORE.save(value)))


def test_depth_does_not_matter():
    """An address must not depend on how much of the stack is left."""
    value = {"z": 1, "a": 2}
    for _ in range(200):
        value = [value]
    other = {"a": 2, "z": 1}
    for _ in range(200):
        other = [other]
    assert address(value) == address(other)


def test_objects_are_found_equal_whatever_their_attributes_order():
    """Even with state of another kind, and with cloudpickle's classes."""
    one, other = Point(1, 2), Point(1, 2)
    del one.x
    one.x = 1
    assert address(one) == address(other)
    path = PurePosixPath("a/b")
    assert address({"p": path, "q": 1}) == address({"q": 1, "p": path})


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 2001])
def test_batches_make_no_difference(size):
    """Pickle writes a thousand items at a time."""
    keys = [f"key-{number}" for number in range(size)]
    forwards, backwards = {key: [key] for key in keys}, {key: [key] for key in reversed(keys)}
    assert address(forwards) == address(backwards)
    assert address([set(keys)]) == address([{*reversed(keys)}])
    assert address([*range(size)]) != address([*range(size), 0])


def test_long_streams_are_named_as_they_are():
    """FORMAT.md says how long."""
    long = {"z": "x" * CANONICAL_BYTES, "a": 1}
    assert address(long) != address(dict(reversed(long.items())))
    assert canonical(pickle.dumps(long), ()) is None


def test_out_of_band_memory_is_named_where_it_stands():
    """Two arrays that changed places are another value; a dict of them that was filled otherwise is not."""
    np = pytest.importorskip("numpy")
    one, other = np.arange(5000.0), np.arange(5000.0) + 1
    assert address({"a": one, "b": other}) == address({"b": other, "a": one})
    assert address({"a": one, "b": other}) != address({"b": one, "a": other})
    assert address([one, other]) != address([other, one])
    artifact = STORE.save([one, other])
    buffers = [blob_address([chunk.address for chunk in blob.chunks]) for blob in artifact.blobs.buffers]
    form = canonical(artifact.blobs.stream.inline, buffers)
    assert canonical_address("pickle-5", form) == artifact.address
    frozen = one.copy()
    frozen.flags.writeable = False
    assert address([frozen]) != address([one])


def test_numbers_of_numpy_are_told_apart():
    """By type and value, as keys, too."""
    np = pytest.importorskip("numpy")
    found = [np.float64(1), np.float32(1), np.int64(1), 1.0, 1]
    assert len({address([number]) for number in found}) == len(found)
    assert address({np.int64(1): "a", np.int64(2): "b"}) == address({np.int64(2): "b", np.int64(1): "a"})


@given(st.binary(max_size=60))
def test_any_bytes_have_a_form_or_none(stream):
    """Somebody may look for the name of a damaged stream."""
    assert isinstance(canonical(stream, ()), bytes | None)
