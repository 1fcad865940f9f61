"""What tasks stored, looked at and loaded."""

import copy
import pickle

import pytest

from flowstone_client import NoSuchDataError, NotFoundError
from flowstone_datastore import (
    Artifact,
    ArtifactTable,
    Blob,
    Blobs,
    ExportFailedError,
    NotExportableError,
    UnimportableTypeError,
    UnloadableError,
)
from flowstone_datastore.address import address_of, artifact_address


class Bomb:
    """Its pickle raises when it is loaded."""

    def __reduce__(self):
        return (int, ("this was loaded",))


@pytest.fixture
def task_with(new_run):
    """A finished task that has these artifacts."""

    def task_with(values=(), parameters=(), constants=(), **entries):
        written = new_run()
        written.start(dict(parameters), dict(constants))
        table = ArtifactTable(entries={**written.save(dict(values)), **entries})
        written.run_task("end", artifacts=table)
        written.end()
        return written.read().end_task

    return task_with


def hand_made(stream, type_name):
    """An artifact with exactly this pickle."""
    address = artifact_address("pickle-5", address_of(stream), [])
    return Artifact(type_name, len(stream), address, "pickle-5", Blobs(Blob.of_bytes(stream)))


def test_values_come_back(task_with):
    """Small ones from the record, large ones from chunks."""
    values = {"small": [1, {"a": None}], "large": bytearray(100_000), "many": [*range(10_000)]}
    task = task_with(values)
    assert {name: getattr(task.data, name) for name in values} == values
    assert {artifact.id: artifact.data for artifact in task} == values


def test_an_artifact_is_exported_without_loading_it_first(task_with, tmp_path):
    """For `jq`, another language, or whoever has no flowstone."""
    task = task_with({"scores": {"b": 1, "a": [2.5]}, "model": 1j})
    path = task["scores"].export(tmp_path / "scores.json")
    assert path == tmp_path / "scores.json"
    assert path.read_text(encoding="utf-8") == '{"b": 1, "a": [2.5]}'
    with pytest.raises(NotExportableError, match=r"builtins.complex cannot be exported"):
        task["model"].export(tmp_path / "model")
    with pytest.raises(ExportFailedError, match="it is a folder"):
        task["scores"].export(tmp_path)


def test_parameters_and_constants_are_data_too(task_with):
    """The step saw them on `self`; what a step set itself comes first."""
    task = task_with({"x": 1, "LIMIT": "set"}, {"alpha": 0.1}, {"LIMIT": 3, "UNIT": "m"})
    assert list(task.data) == ["LIMIT", "UNIT", "alpha", "x"]
    assert (task.data.alpha, task.data.LIMIT, task.data.UNIT, task.data.x) == (0.1, "set", "m", 1)
    assert task["alpha"].pathspec == "Train/1/end/0/alpha"


def test_inherited_artifacts_are_found(task_with, store, new_run):
    """The table of a foreach's tasks is shared: each record holds only what differs."""
    written = new_run()
    written.start()
    base = store.tables.spill(ArtifactTable(entries=written.save({"a": "x" * 3000, "b": 2, "c": 3})), 10_000)
    assert base.base is not None
    table = base.updated(written.save({"b": 20})).updated({"c": None})
    written.run_task("fit", artifacts=table)
    task = written.read()["fit"].task
    assert list(task.data) == ["a", "b"]
    assert task.data.b == 20
    assert len(task.data.a) == 3000
    assert "c" not in task


def test_nothing_is_unpickled_before_its_value_is_asked_for(task_with):
    """Looking at what there is is safe, and as fast for a gigabyte as for a number."""
    task = task_with({"bomb": Bomb(), "good": 1})
    bomb = task["bomb"]
    assert [artifact.id for artifact in task.artifacts] == ["bomb", "good"]
    assert list(task.data) == ["bomb", "good"]
    assert bomb.type.endswith("Bomb")
    assert bomb.size > 0
    assert len(bomb.address) == 64
    assert "bomb" in task
    assert "bomb" in task.data
    assert "bomb" in dir(task.data)
    assert repr(bomb) == f"DataArtifact('Train/1/end/0/bomb', {bomb.type}, {bomb.size} bytes)"
    assert repr(task.data) == "<Train/1/end/0: bomb, good>"
    assert task.data.good == 1
    for load in (lambda: bomb.data, lambda: task.data.bomb):
        with pytest.raises(UnloadableError, match="this was loaded"):
            load()


def test_a_value_whose_package_is_missing_names_the_package(task_with):
    """The reader's machine is seldom the one that stored it."""
    entry = hand_made(b"\x80\x05cno_such_package.frames\nFrame\n.", "no_such_package.frames.Frame")
    task = task_with({"other": 1}, frame=entry)
    assert task["frame"].type == "no_such_package.frames.Frame"
    assert task.data.other == 1
    with pytest.raises(UnimportableTypeError) as caught:
        _ = task.data.frame
    text = str(caught.value)
    assert "a stored value of type no_such_package.frames.Frame needs no_such_package" in text
    assert "install the package that has no_such_package" in text


def test_a_value_whose_class_is_gone_names_the_class(task_with):
    """The package is there, in another version."""
    task = task_with(table=hand_made(b"\x80\x05cjson\nNoSuchClass\n.", "json.NoSuchClass"))
    with pytest.raises(UnimportableTypeError, match=r"needs json\.NoSuchClass, which is not importable"):
        _ = task["table"].data


def test_an_unknown_name_is_named_with_what_may_be_meant(task_with, store):
    """By attribute and by name, in one wording."""
    task = task_with({"model": 1, "_hidden": 2})
    expected = f"no artifact Train/1/end/0/modle in {store.url}; did you mean 'model'?"
    with pytest.raises(NoSuchDataError) as caught:
        _ = task.data.modle
    assert str(caught.value) == expected
    with pytest.raises(NotFoundError) as caught:
        task["modle"]
    assert str(caught.value) == expected
    assert caught.value.known == ("model",)


def test_asking_whether_there_is_a_value_answers(task_with):
    """`hasattr` and `getattr` with a default, and what notebooks ask every object."""
    data = task_with({"model": 1}).data
    assert hasattr(data, "model")
    assert not hasattr(data, "nope")
    assert getattr(data, "nope", "default") == "default"
    assert not hasattr(data, "_repr_png_")
    assert not hasattr(data, "__array__")
    assert "nope" not in data


def test_private_names_are_found_but_not_listed(task_with):
    """They are the runtime's, or what a step keeps for itself."""
    task = task_with({"_private": 1, "model": 2})
    assert list(task.data) == ["model"]
    assert [artifact.id for artifact in task.artifacts] == ["model"]
    assert task.data._private == 1
    assert task["_private"].data == 1


def test_an_artifact_with_the_name_of_an_attribute_is_found_by_index(task_with):
    """No name is lost."""
    task = task_with({"_entries": 5})
    assert task["_entries"].data == 5


def test_a_value_read_by_attribute_is_loaded_once(task_with):
    """As on `self`; `DataArtifact.data` gives a new one each time."""
    task = task_with({"rows": [1, 2]})
    data = task.data
    assert data.rows is data.rows
    assert task["rows"].data is not task["rows"].data


def test_equal_values_have_equal_addresses(task_with):
    """Two runs can be compared without loading anything."""
    task = task_with({"one": [1, 2], "two": [1, 2], "three": [1]})
    assert task["one"].address == task["two"].address != task["three"].address


def test_a_task_without_artifacts_says_so(task_with):
    """Its repr is what a notebook shows."""
    task = task_with()
    assert task.artifacts == ()
    assert repr(task.data) == "<Train/1/end/0: no artifacts>"


def test_data_can_be_copied_and_sent(task_with):
    """Looking attributes up must not get in the way of copying; what was not loaded yet is, there."""
    data = task_with({"model": [1]}).data
    for twin in (copy.copy(data), pickle.loads(pickle.dumps(data))):
        assert twin.model == [1]
