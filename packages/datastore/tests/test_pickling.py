import subprocess
import sys
import threading

import pytest

from flowstone_datastore import ArtifactStore, ChunkStore, FileStorage, MemoryStorage
from flowstone_datastore.pickling import UnimportableTypeError, UnloadableError, UnpicklableError, dump, load


def round_trip(value):
    stream, buffers = dump(value)
    return load(b"".join(stream), buffers, "test")


class Point:
    def __init__(self, x):
        self.x = x


class Explosive:
    def __reduce__(self):
        raise ZeroDivisionError("on purpose")


class ExplosiveLater:
    def __setstate__(self, state):
        raise ZeroDivisionError("on purpose")

    def __getstate__(self):
        return {"x": 1}


def test_large_bytes_are_not_copied_into_the_stream():
    """A second copy of a model in memory may be one too many."""
    large = b"x" * 1_000_000
    stream, _ = dump({"weights": large})
    assert any(segment is large for segment in stream)


def test_functions_without_a_name_survive():
    """`self.x = lambda: ...` is a value like any other."""
    factor = 3
    assert round_trip({"f": lambda number: number * factor})["f"](2) == 6


def test_local_classes_survive():
    """Notebooks are full of them."""

    class Local:
        x = 5

    assert round_trip([Local()])[0].x == 5


def test_importable_classes_stay_the_same_beside_a_lambda():
    """What cloudpickle must take by value takes nothing else with it."""
    value = round_trip([Point(1), lambda: None])
    assert type(value[0]) is Point


MAIN = """
import sys
from flowstone_datastore import ArtifactStore, ChunkStore, MemoryStorage
class Model:
    pass
def fit():
    return Model()
store = ArtifactStore(ChunkStore(MemoryStorage()))
for value in ([Model()], [Model(), lambda: None], [fit, lambda: None]):
    loaded = store.load(store.save(value))
    assert type(loaded[0]) is Model or loaded[0] is fit, loaded
assert store.load(store.save(lambda: Model()))().__class__ is Model
"""


def test_classes_of_the_program_stay_its_own(tmp_path):
    """`isinstance` must hold in a flow file, which runs as `__main__`."""
    (tmp_path / "flow.py").write_text(MAIN)
    subprocess.run([sys.executable, "-W", "error", str(tmp_path / "flow.py")], check=True)


def generator():
    yield 1


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (generator(), "generator"),
        ({"log": generator()}, r"its \['log'\] is of type builtins.generator"),
        ({"deep": [1, {"lock": threading.Lock()}]}, r"its \['deep'\]\[1\]\['lock'\] is of type _thread.lock"),
        ([Point(threading.Lock())], r"its \[0\].x is of type _thread.lock"),
        (Explosive(), "on purpose"),
    ],
    ids=["generator", "dict", "deep", "attribute", "explosive"],
)
def test_what_cannot_be_stored_is_named(value, detail):
    """The sentence that saves an hour."""
    with pytest.raises(UnpicklableError, match=detail) as caught:
        dump(value)
    assert isinstance(caught.value, TypeError)
    assert type(value).__qualname__ in str(caught.value)


def test_open_files_and_sockets_are_named(tmp_path):
    """What people most often forget on `self`."""
    import socket

    with (tmp_path / "x").open("w") as file, socket.socket() as connection:
        with pytest.raises(UnpicklableError, match=r"its \['f'\] is of type _io.TextIOWrapper"):
            dump({"f": file})
        with pytest.raises(UnpicklableError, match=r"its \['s'\] is of type socket.socket"):
            dump({"s": connection})


def test_a_value_nested_too_deeply_is_an_error():
    """Not a crash."""
    value = []
    for _ in range(100_000):
        value = [value]
    try:
        with pytest.raises(UnpicklableError, match="nested too deeply"):
            dump(value)
    finally:
        while value:
            value = value.pop()


def test_a_value_whose_own_code_fails_is_an_error():
    """With the cause chained."""
    stream, buffers = dump(ExplosiveLater())
    with pytest.raises(UnloadableError, match="ZeroDivisionError: on purpose") as caught:
        load(b"".join(stream), buffers, "x.ExplosiveLater")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


STORE_FROM_MODULE = """
import sys
sys.path.insert(0, sys.argv[2])
import fancy_models
from flowstone_datastore import ArtifactStore, ChunkStore, FileStorage
import json
class Here: pass
store = ArtifactStore(ChunkStore(FileStorage(sys.argv[1])))
print(json.dumps([store.save(value).to_json() for value in (fancy_models.Model(), fancy_models.fit, Here())]))
"""


def test_types_that_are_not_here_are_named(tmp_path, monkeypatch):
    """Reading results on a machine without the packages that made them is everyday business."""
    import json

    from flowstone_datastore import Artifact

    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/fancy_models.py").write_text("class Model: pass\ndef fit(): pass\n")
    argv = [sys.executable, "-c", STORE_FROM_MODULE, str(tmp_path / "store"), str(tmp_path / "modules")]
    model, fit, here = map(Artifact.from_json, json.loads(subprocess.check_output(argv)))
    store = ArtifactStore(ChunkStore(FileStorage(tmp_path / "store")))
    with pytest.raises(
        UnimportableTypeError, match=r"fancy_models.Model needs fancy_models.*install the package"
    ) as caught:
        store.load(model)
    assert isinstance(caught.value, ImportError)
    assert caught.value.missing == "fancy_models"
    with pytest.raises(UnimportableTypeError, match="move it to a module"):
        store.load(here)
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer/fancy_models.py").write_text("class Renamed: pass\n")
    monkeypatch.syspath_prepend(tmp_path / "newer")
    with pytest.raises(UnimportableTypeError, match=r"needs fancy_models.fit, which is not importable"):
        store.load(fit)


def test_a_bytearray_comes_back_writable():
    """Builtins too are the caller's own."""
    store = ArtifactStore(ChunkStore(MemoryStorage()))
    artifact = store.save(bytearray(100_000))
    loaded = store.load(artifact)
    loaded[0] = 1
    assert store.load(artifact)[0] == 0
