import logging
import pickle
import shutil
import sqlite3
import subprocess
import sys

import pytest

from flowstone_client import (
    Client,
    Flow,
    InvalidConditionError,
    InvalidQueryError,
    InvalidStateError,
    Run,
)
from flowstone_datastore import Datastore, MemoryStorage, RunEnded, RunStarted, RunState, reopen_run


@pytest.fixture
def indexed(store, tmp_path):
    return Client(store, index_folder=tmp_path / "indexes")


def ids(client, *tags, **wanted):
    return [run.id for run in Flow("Train", client=client).runs(*tags, **wanted)]


def sql(client, query, values=()):
    found = client.sql(query, values)
    return found if isinstance(found, list) else found.to_dict("records")


@pytest.fixture
def runs(new_run):
    """Four runs: two good ones of different quality, one that failed, one that is going on."""
    for run_id, auc, model in (("1", 0.8, "tree"), ("2", 0.95, "forest")):
        written = new_run(run_id)
        written.start({"model": model}, tags=("study",) if run_id == "1" else ())
        written.run_task("start", values={"rows": [1, 2]})
        written.run_task("end", values={"auc": auc, "weights": [0.5] * 1000, "_hidden": 1})
        written.end()
    failed = new_run("3")
    failed.start({"model": "tree"})
    failed.run_task("start", values={"auc": 0.1})
    failed.fail_task("end")
    failed.end("failed", "end failed")
    going = new_run("4")
    going.start({"model": "tree"}, heartbeat_seconds=1e12)
    going.start_task("start")
    return going


def test_runs_are_found_by_what_they_were_given_and_what_they_left(runs, indexed):
    """Which of my hundred runs was the good one?"""
    assert ids(indexed, where="auc > 0.9") == ["2"]
    assert ids(indexed, where="model == 'tree'") == ["4", "3", "1"]
    assert ids(indexed, where="model == 'tree' and auc < 0.9", state="finished") == ["1"]
    assert ids(indexed, state=RunState.FAILED) == ["3"]
    assert ids(indexed, state="running") == ["4"]
    assert ids(indexed, "study") == ids(indexed, tags=["study"]) == ["1"]
    assert ids(indexed, where="model is not None", limit=2) == ["4", "3"]
    assert ids(indexed) == ["4", "3", "2", "1"]
    assert ids(indexed, limit=1) == ["4"]


def test_the_index_follows_what_happens(runs, indexed, new_run, store):
    """Whoever asks sees what is so now."""
    assert ids(indexed, state="running") == ["4"]
    runs.finish_task("start", values={"auc": 0.99})
    runs.end()
    assert ids(indexed, state="running") == []
    assert ids(indexed, where="auc > 0.9") == ["4", "2"]
    new_run("5").complete({"auc": 1.0})
    assert ids(indexed, where="auc > 0.9") == ["5", "4", "2"]
    for name in list(store.storage.list("runs/Train/2/journal")):
        store.storage.delete(f"runs/Train/2/journal/{name}")
    store.storage.delete("runs/Train/2/claim.json")
    shutil.rmtree(f"{store.storage.root}/runs/Train/2")
    assert ids(indexed, where="auc > 0.9") == ["5", "4"]


def test_tags_that_come_later_are_found(runs, indexed, store, tmp_path):
    """Also by an index on another machine, of a run that ended long ago."""
    elsewhere = Client(store.url, index_folder=tmp_path / "elsewhere")
    assert ids(indexed, "good") == ids(elsewhere, "good") == []
    Run("Train/1", client=indexed).add_tag("good")
    assert ids(elsewhere, "good") == ["1"]
    Run("Train/1", client=elsewhere).replace_tag("good", "better")
    assert ids(indexed, "good") == []
    assert ids(indexed, "better", "study") == ["1"]


def test_a_run_that_somebody_goes_on_with_is_found(runs, indexed, store, new_run):
    """Though it had ended, and an index had settled that."""
    failed = ids(indexed, state="failed")
    assert failed
    assert ids(indexed, state="finished")
    reopen_run(store.storage, "Train", failed[0], 1e11)
    assert failed[0] not in ids(indexed, state="failed")


def test_a_settled_run_is_not_read_again(runs, indexed, store):
    """What ended costs nothing any more: a listing is all."""
    assert len(ids(indexed, where="model is not None")) == 4
    read = store.storage.read
    paths = []
    store.storage.read = lambda path, *rest: paths.append(path) or read(path, *rest)
    assert len(ids(indexed, where="model is not None")) == 4
    assert paths
    assert all(path.startswith("runs/Train/4/") for path in paths)


def test_deleted_it_is_made_again(runs, indexed):
    """It holds nothing that the journals do not."""
    before = ids(indexed, where="auc > 0.5")
    indexed.index.file().unlink()
    assert ids(indexed, where="auc > 0.5") == before


@pytest.mark.parametrize("place", [0, 18, 100, 5000])
def test_damaged_it_is_made_again_with_one_line_in_the_log(runs, indexed, store, tmp_path, caplog, place):
    """Nobody is to repair what can be made anew."""
    before = ids(indexed, where="auc > 0.5")
    file = indexed.index.file()
    data = bytearray(file.read_bytes())
    data[place : place + 4000] = b"\xff" * 4000
    file.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        assert ids(Client(store, index_folder=tmp_path / "indexes"), where="auc > 0.5") == before
    assert len(caplog.records) <= 1
    assert ids(indexed, where="auc > 0.5") == before


def test_an_index_of_another_version_is_made_again(runs, indexed):
    """An update of flowstone is no reason to delete files by hand."""
    before = ids(indexed, where="auc > 0.5")
    with sqlite3.connect(indexed.index.file()) as database:
        database.execute("DROP TABLE tasks")
        database.execute("PRAGMA user_version = 999")
    database.close()
    assert ids(indexed, where="auc > 0.5") == before


def test_two_processes_may_index_at_once(runs, indexed, store, new_run, tmp_path):
    """Two notebooks of one person."""
    for number in range(10, 60):
        new_run(str(number)).complete({"auc": 0.6})
    code = (
        "import sys; from flowstone_client import *; "
        "client = Client(sys.argv[1], index_folder=sys.argv[2]); "
        "print(*[len(list(Flow('Train', client=client).runs(where='auc > 0.5'))) for _ in range(5)])"
    )
    argv = [sys.executable, "-W", "error", "-c", code, store.url, str(tmp_path / "indexes")]
    both = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[0] for process in both] == ["52 52 52 52 52\n"] * 3


def test_where_no_index_can_be_written_it_is_kept_in_memory(runs, store, tmp_path, caplog):
    """A full home, a read-only container: one line in the log, and the answer."""
    (tmp_path / "file").touch()
    client = Client(store, index_folder=tmp_path / "file")
    with caplog.at_level(logging.WARNING):
        assert ids(client, where="auc > 0.9") == ["2"]
        assert ids(client, where="auc > 0.9") == ["2"]
    assert [record.getMessage().rpartition("; ")[2] for record in caplog.records] == ["it is kept in memory"]


def test_a_damaged_run_does_not_hide_the_others(runs, indexed, store, caplog):
    """It is named in the log."""
    path = "runs/Train/1/journal/main.jsonl"
    store.storage.write(path, store.storage.read(path).replace(b"study", b"stuDy"))
    with caplog.at_level(logging.WARNING):
        assert ids(indexed, where="auc > 0.5") == ["2"]
    assert "Train/1 is left out of the index: the record at byte 0" in caplog.text


def test_sql_can_ask_for_everything(runs, indexed):
    """Those who know SQL need no other filters."""
    query = "SELECT run_id, state, user, ended - started AS seconds FROM runs WHERE flow = ? ORDER BY run_id"
    rows = sql(indexed, query, ["Train"])
    assert [(row["run_id"], row["state"]) for row in rows] == [
        ("1", "finished"),
        ("2", "finished"),
        ("3", "failed"),
        ("4", "running"),
    ]
    values = sql(indexed, "SELECT name, kind, type, value FROM artifacts WHERE run_id = '2' ORDER BY name")
    assert [(row["name"], row["kind"], row["type"]) for row in values] == [
        ("auc", "artifact", "builtins.float"),
        ("model", "parameter", "builtins.str"),
        ("weights", "artifact", "builtins.list"),
    ]
    assert values[0]["value"] == 0.95
    assert sql(indexed, "SELECT value FROM parameters WHERE run_id = '1'") == [{"value": "tree"}]
    assert sql(indexed, "SELECT count(*) AS n FROM tasks WHERE state = 'failed'") == [{"n": 1}]
    assert sql(indexed, "SELECT run_id FROM tags WHERE tag = 'study' AND NOT is_system") == [{"run_id": "1"}]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM runs",
        "DROP TABLE runs",
        "UPDATE runs SET state = 'finished'",
        "SELECT 1; DELETE FROM runs",
        "ATTACH DATABASE '/tmp/other.sqlite' AS other",
        "PRAGMA user_version = 3",
        "SELECT load_extension('x')",
        "CREATE TABLE more (x)",
        "VACUUM INTO '/tmp/copy.sqlite'",
        "SELECT * FROM nowhere",
        "nonsense",
        "SELECT 1 FROM runs WHERE flow = ?",
    ],
)
def test_sql_can_only_read(runs, indexed, query):
    """A question changes nothing, whoever wrote it."""
    with pytest.raises(InvalidQueryError) as caught:
        indexed.sql(query)
    assert "; it must be one SELECT over runs, tags, tasks, artifacts and parameters" in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert len(ids(indexed, where="model is not None")) == 4


def test_wrong_questions_get_one_sentence(runs, indexed):
    """What is wrong, and what to write."""
    with pytest.raises(InvalidConditionError):
        ids(indexed, where="auc > ")
    with pytest.raises(InvalidStateError, match="a run is never 'done'; write one of running, finished, failed"):
        ids(indexed, state="done")


def test_nothing_is_unpickled_to_be_indexed(new_run, indexed):
    """A value may need what is not installed here, or do harm."""
    written = new_run("1")
    written.start()

    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("it was loaded",)

    written.run_task("end", values={"bomb": Bomb(), "auc": 0.5})
    written.end()
    assert ids(indexed, where="auc == 0.5") == ["1"]
    assert ids(indexed, where="bomb is None") == ["1"]


def test_a_namespace_far_back_is_found(store, new_run, tmp_path):
    """In a store of many people, one's own last run may be a thousand runs ago."""
    for number in range(1, 41):
        written = new_run(f"{number:03}")
        written.start(system_tags=("user:ann",) if number in (3, 39) else ("user:bob",))
        written.end()
    client = Client(store, namespace="user:ann", index_folder=tmp_path / "indexes")
    assert [run.id for run in Flow("Train", client=client)] == ["039", "003"]
    assert ids(client) == ["039", "003"]
    assert ids(client, state="failed") == []


def test_a_store_that_is_far_away_is_read_many_runs_at_a_time(tmp_path):
    """One after the other, ten thousand runs in a bucket would take minutes."""
    store = Datastore.at(MemoryStorage(), create=True)
    for number in range(40):
        run_id = f"{number:02}"
        store.claim_run_id("Train", run_id, now=1.0)
        parameters = {"number": store.artifacts.save(number)}
        writer = store.journal("Train", run_id).writer("main")
        writer.append(RunStarted(time=1.0, flow="Train", run_id=run_id, parameters=parameters))
        writer.append(RunEnded(time=2.0, state="finished"))
    client = Client(store, index_folder=tmp_path / "indexes")
    assert ids(client, where="number >= 38", state="finished") == ["39", "38"]
