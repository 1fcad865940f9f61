import json
import pickle
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from flowstone_client import DataArtifact
from flowstone_datastore import Code, DataAccess, Reads

GRAPH = {"start": "start", "end": "end", "file": "train.py", "nodes": [{"name": "fit", "line": 12}]}


@pytest.fixture
def trained(new_run, store):
    """A run that loads a file, fits with one parameter, and passes the model on to its end."""
    written = new_run("1")
    chunk = store.chunks.put((b"class Train: ...\n",))
    written.start(
        {"alpha": 0.1, "unused": 2},
        graph=GRAPH,
        code=Code("train.py", {"train.py": chunk}),
        environment=store.chunks.put((b"{}",)),
        versions={"python": "3.11.2"},
    )
    rows, model = store.artifacts.save([1, 2]), store.artifacts.save({"weights": [0.5]})
    alpha = store.artifacts.save(0.1)
    source = DataAccess("read", "s3://bucket/flights.csv", "etag-1", 100)
    written.start_task("start")
    written.finish_task("start", values={"rows": [1, 2], "other": "x"}, data=(source,))
    written.start_task("fit", parents=(("start", "0"),))
    reads = Reads({"alpha": alpha.address}, {"start/0": {"rows": rows.address}})
    written.finish_task("fit", values={"rows": [1, 2], "other": "x", "model": {"weights": [0.5]}}, reads=reads)
    written.start_task("end", parents=(("fit", "0"),))
    written.finish_task("end", values={"rows": [1, 2], "model": {"weights": [0.5]}})
    written.end()
    assert model.address == DataArtifact("Train/1/end/0/model", client=written.read()._client).address
    return written


@pytest.fixture
def lineage(trained, client):
    return DataArtifact("Train/1/end/0/model", client=client).lineage()


def test_a_value_is_traced_back_to_all_that_it_came_from(lineage):
    """Where does this model come from? What was not read had no part in it."""
    assert lineage.artifact == "Train/1/fit/0/model"
    assert set(lineage.nodes) == {
        "Train/1/fit/0/model",
        "Train/1/fit/0",
        "Train/1/_parameters/0/alpha",
        "Train/1/start/0/rows",
        "Train/1/start/0",
        "s3://bucket/flights.csv",
    }
    assert set(lineage.edges) == {
        ("Train/1/fit/0", "Train/1/fit/0/model"),
        ("Train/1/_parameters/0/alpha", "Train/1/fit/0"),
        ("Train/1/start/0/rows", "Train/1/fit/0"),
        ("Train/1/start/0", "Train/1/start/0/rows"),
        ("s3://bucket/flights.csv", "Train/1/start/0"),
    }


def test_nodes_say_what_is_known_of_them(lineage):
    """Code with file and line, values, versions of data and of the environment."""
    fit = lineage.nodes["Train/1/fit/0"]
    assert (fit.kind, fit.facts["file"], fit.facts["line"]) == ("task", "train.py", 12)
    assert len(fit.facts["code"]) == len(fit.facts["environment"]) == 64
    assert fit.facts["versions"] == {"python": "3.11.2"}
    assert lineage.nodes["Train/1/_parameters/0/alpha"].facts["value"] == 0.1
    assert lineage.nodes["s3://bucket/flights.csv"].facts == {"version": "etag-1", "size": 100, "count": 1}
    assert repr(lineage) == "<the lineage of Train/1/fit/0/model: 2 artifact, 2 task, 1 parameter, 1 data>"
    assert [node.id for node in lineage.before("Train/1/start/0")] == ["s3://bucket/flights.csv"]


def test_it_goes_on_in_other_runs(trained, new_run, client):
    """A flow that read a model of another flow by its name."""
    written = new_run("7", flow="Predict")
    written.start()
    address = DataArtifact("Train/1/end/0/model", client=client).address
    access = DataAccess("read", "flowstone:Train/1/end/0/model", address)
    gone = DataAccess("read", "flowstone:Train/0/end/0/model", address)
    written.start_task("end")
    written.finish_task("end", values={"best": 1}, data=(access, gone))
    written.end()
    lineage = DataArtifact("Predict/7/end/0/best", client=client).lineage()
    assert ("Train/1/fit/0/model", "Predict/7/end/0") in lineage.edges
    assert "s3://bucket/flights.csv" in lineage.nodes
    assert lineage.nodes["flowstone:Train/0/end/0/model"].kind == "data"


def test_a_task_that_read_its_own_past_has_a_lineage(new_run, client):
    """A way back must not be walked for ever."""
    written = new_run()
    written.start()
    access = DataAccess("read", "flowstone:Train/1/end/0/x", "0" * 64)
    written.start_task("end")
    written.finish_task("end", values={"x": 1}, data=(access,))
    lineage = DataArtifact("Train/1/end/0/x", client=client).lineage()
    assert set(lineage.nodes) == {"Train/1/end/0/x", "Train/1/end/0"}
    assert lineage.to_svg()


def test_as_json_it_can_be_sent_anywhere(lineage):
    """Nodes with their facts, and edges."""
    copy = json.loads(json.dumps(lineage.to_json()))
    assert copy["artifact"] == "Train/1/fit/0/model"
    assert {node["id"] for node in copy["nodes"]} == set(lineage.nodes)
    assert ["Train/1/fit/0", "Train/1/fit/0/model"] in copy["edges"]


def test_as_openlineage_each_task_is_an_event(lineage, store):
    """For the catalogues that read it."""
    first, second = json.loads(json.dumps(lineage.to_openlineage()))
    assert (first["job"]["name"], second["job"]["name"]) == ("Train.start", "Train.fit")
    assert first["job"]["namespace"] == store.url
    assert first["eventType"] == "COMPLETE"
    assert first["eventTime"].startswith("2026-01-01T12:00:")
    (source,) = first["inputs"]
    assert (source["namespace"], source["name"]) == ("s3://bucket", "flights.csv")
    assert source["facets"]["version"]["datasetVersion"] == "etag-1"
    assert [item["name"] for item in second["outputs"]] == ["Train/1/fit/0/model"]
    assert {item["name"] for item in second["inputs"]} == {"Train/1/_parameters/0/alpha", "Train/1/start/0/rows"}
    assert second["job"]["facets"]["sourceCodeLocation"]["url"].endswith("#Train/1/train.py#L12")
    assert first["run"]["runId"] != second["run"]["runId"]


def test_as_a_picture_it_escapes_what_it_shows(new_run, client):
    """A value, or a URL, may hold anything."""
    written = new_run()
    written.start()
    written.start_task("end")
    access = DataAccess("read", "s3://bucket/<script>alert('&')</script>")
    written.finish_task("end", values={"x": "</text><script>"}, data=(access,))
    picture = DataArtifact("Train/1/end/0/x", client=client).lineage()._repr_svg_()
    assert "<script>" not in picture
    tree = ET.fromstring(picture)
    assert len(tree.findall("{http://www.w3.org/2000/svg}g")) == 3
    assert len(tree.findall("{http://www.w3.org/2000/svg}path")) == 2


def test_as_a_graph_of_networkx_it_can_be_searched(lineage):
    """With all that networkx can do."""
    networkx = pytest.importorskip("networkx")
    graph = lineage.to_networkx()
    assert networkx.is_directed_acyclic_graph(graph)
    assert networkx.ancestors(graph, lineage.artifact) == set(lineage.nodes) - {lineage.artifact}
    assert graph.nodes["Train/1/fit/0"]["line"] == 12


def test_without_networkx_one_sentence_says_what_to_install(trained, client, store):
    """Nobody needs it who does not ask for it."""
    code = (
        "import sys; sys.modules['networkx'] = None; from flowstone_client import *; import pickle\n"
        f"artifact = DataArtifact('Train/1/end/0/model', client=Client({store.url!r}))\n"
        "try:\n    artifact.lineage().to_networkx()\n"
        "except MissingPackageError as error:\n    print(pickle.loads(pickle.dumps(error)))\n"
    )
    said = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert said == "a graph of networkx needs networkx; install it with: pip install networkx\n"


def test_nothing_is_loaded(new_run, client):
    """A value may need what is not installed here."""

    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("it was loaded",)

    written = new_run()
    written.start()
    written.run_task("end", values={"bomb": Bomb()})
    assert DataArtifact("Train/1/end/0/bomb", client=client).lineage().to_json()
    assert pickle.dumps(DataArtifact("Train/1/end/0/bomb", client=client).lineage())
