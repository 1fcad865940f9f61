import json

import pytest

from flowstone_datastore import Code


@pytest.fixture
def two(new_run, store):
    """The same flow with another parameter, another line of code, and what came of it."""
    runs = []
    for run_id, alpha, line in (("1", 0.1, b"a\n"), ("2", 0.2, b"b\n")):
        written = new_run(run_id)
        code = Code("train.py", {"train.py": store.chunks.put((line,))})
        written.start({"alpha": alpha, "beta": 1}, code=code, versions={"python": f"3.11.{run_id}"}, user="ann")
        written.run_task("start", values={"rows": [1, 2], "_hidden": alpha})
        for task in ("0", "1"):
            written.run_task(
                "fit", task, {"rows": [1, 2], "score": alpha * 2, "model": {"w": [alpha]}}, seconds=2.0
            )
        if run_id == "2":
            written.run_task("extra", values={"only": 1})
        written.end()
        runs.append(written.read())
    return runs


def test_everything_that_differs_is_told(two):
    """Why is this run better than that one?"""
    found = two[0].diff(two[1])
    assert (found.first, found.second, found.states) == ("Train/1", "Train/2", ("finished", "finished"))
    assert list(found.code.changed) == ["train.py"]
    (alpha,) = found.parameters
    assert (alpha.name, alpha.first.value, alpha.second.value) == ("alpha", "0.1", "0.2")
    assert found.environment == {"python": ("3.11.1", "3.11.2")}
    score, model = found.artifacts
    assert (score.name, score.where, score.tasks) == ("score", "fit/0", 2)
    assert (score.first.value, score.second.value) == ("0.2", "0.4")
    assert (model.name, model.first.type, model.first.value) == ("model", "builtins.dict", "")
    assert [(times.step, times.tasks, times.seconds) for times in found.times] == [
        ("start", (1, 1), (1.0, 1.0)),
        ("fit", (2, 2), (4.0, 4.0)),
        ("extra", (0, 1), (0.0, 1.0)),
    ]


def test_values_are_loaded_only_if_one_says_so(two):
    """Then with shape and value."""
    _, model = two[0].diff(two[1], loads=True).artifacts
    assert (model.first.value, model.first.shape) == ("{'w': [0.1]}", "1")
    assert str(model.first) == "{'w': [0.1]}"


def test_a_run_does_not_differ_from_itself(two):
    """Only its times are told."""
    found = two[0].diff(two[0])
    assert [bool(part) for part in (found.code, found.parameters, found.environment, found.artifacts)] == [
        False
    ] * 4


def test_a_value_that_cannot_be_loaded_here_is_told_by_type_and_size(new_run, store):
    """It may need a package that only the flow has."""
    import sys
    import types

    module = types.ModuleType("away")
    exec("class Away:\n    def __init__(self, x): self.x = x", module.__dict__)
    sys.modules["away"] = module
    runs = []
    for run_id in ("1", "2"):
        written = new_run(run_id)
        written.start()
        written.run_task("start", values={"thing": module.Away(run_id)})
        runs.append(written.read())
    del sys.modules["away"]
    (thing,) = runs[0].diff(runs[1], loads=True).artifacts
    assert (thing.first.type, thing.first.value) == ("away.Away", "")
    assert "away.Away, " in str(thing.first)


def test_as_json_it_can_be_read_by_programs(two):
    """All of it."""
    copy = json.loads(json.dumps(two[0].diff(two[1]).to_json()))
    assert copy["parameters"][0]["name"] == "alpha"
    assert copy["environment"] == {"python": ["3.11.1", "3.11.2"]}


def test_what_was_installed_is_compared_by_package(new_run, store):
    """An upgrade that nobody remembers is found."""
    runs = []
    for run_id, installed in (("1", {"six": "1.16.0", "gone": "1"}), ("2", {"six": "1.17.0", "new": "2"})):
        found = [{"name": name, "version": version} for name, version in installed.items()]
        document = {"format": 1, "python": {"version": "3.12.1"}, "distributions": found}
        written = new_run(run_id)
        written.start(environment=store.chunks.put((json.dumps(document).encode(),)))
        written.end()
        runs.append(written.read())
    assert runs[0].diff(runs[1]).environment == {
        "package six": ("1.16.0", "1.17.0"),
        "package gone": ("1", None),
        "package new": (None, "2"),
    }
