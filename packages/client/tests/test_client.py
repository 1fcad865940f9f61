import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowstone_client import Client, Flow, Run, default_client, flows
from flowstone_datastore import Datastore, NotAStoreError, UnsupportedFormatError


def test_two_clients_of_two_stores_work_side_by_side(tmp_path, new_run, client):
    """To compare what ran here with what ran there."""
    new_run().complete({"x": "here"})
    other = Datastore.open(tmp_path / "other", create=True)
    for path in ("claim.json", "journal/main.jsonl"):
        other.storage.write(f"runs/Score/2/{path}", client.datastore.storage.read(f"runs/Train/1/{path}"))
    there = Client(tmp_path / "other")
    assert [flow.id for flow in flows(client)] == ["Train"]
    assert [flow.id for flow in flows(there)] == ["Score"]
    assert Run("Train/1", client=client).data.x == Run("Score/2", client=there).data.x == "here"
    assert [flow.id for flow in flows(client)] == ["Train"]


def test_a_store_is_a_folder_a_url_or_an_open_one(store, new_run):
    """Whatever one has at hand."""
    new_run().complete()
    for place in (store.storage.root, Path(store.storage.root), store.url, store):
        assert Run("Train/1", client=Client(place)).successful


def test_nothing_is_opened_before_something_is_asked_for(tmp_path):
    """A client can be made before the first run; what is not there yet is looked for again."""
    client = Client(tmp_path / "later")
    assert repr(client) == f"Client({tmp_path / 'later'!r})"
    with pytest.raises(
        NotAStoreError, match=r"there is no flowstone\.json; run a flow that stores there, or look els"
    ):
        flows(client)
    assert not (tmp_path / "later").exists()
    Datastore.open(tmp_path / "later", create=True)
    assert flows(client) == ()
    assert repr(client) == f"Client('file://{tmp_path / 'later'}')"


def test_a_store_of_another_format_is_refused(tmp_path):
    """Not misread."""
    (tmp_path / "flowstone.json").write_text('{"format":2}')
    with pytest.raises(UnsupportedFormatError):
        flows(Client(tmp_path))


def test_the_default_client_takes_the_store_of_the_working_folder(tmp_path, new_run):
    """A notebook says nothing but `Flow("Train")`."""
    written = new_run()
    written.start(system_tags=("user:ann",))
    written.run_task("end", values={"x": 5})
    written.end()
    project = tmp_path / "project"
    (project / "notebooks").mkdir(parents=True)
    (project / "pyproject.toml").write_text('[tool.flowstone]\nstore = "../store"\n')
    code = "from flowstone_client import *; print(Flow('Train').latest_run.data.x, Run('Train/1').user_tags)"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSTONE_")}
    environ["FLOWSTONE_USER"] = "ann"
    argv = [sys.executable, "-W", "error", "-c", code]
    output = subprocess.check_output(argv, cwd=project / "notebooks", env=environ, text=True)
    assert output == "5 frozenset()\n"


def test_the_default_client_is_one_for_all():
    """It opens its store once."""
    assert default_client() is default_client()


def test_importing_loads_nothing_heavy():
    """Looking at a store must not cost seconds; nothing of these is even required."""
    heavy = "pandas pyarrow numpy boto3 networkx rich click asyncio difflib hypothesis pytest importlib.metadata"
    code = f"import sys, flowstone_client; print([name for name in {heavy.split()} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True) == "[]\n"


def test_looking_at_a_run_loads_nothing_heavy(new_run, store):
    """Nor does asking for a value that needs none of it."""
    new_run().complete({"x": 1})
    heavy = "pandas pyarrow numpy boto3 networkx rich click asyncio cloudpickle importlib.metadata"
    code = (
        "import sys; from flowstone_client import *;"
        f"run = Flow('Train', client=Client({store.url!r})).latest_run; assert run.data.x == 1; repr(run);"
        f"print([name for name in {heavy.split()} if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True) == "[]\n"


LOOK_AT_EVERYTHING = """
import sys
from flowstone_client import Client, flows

def refuse(event, args):
    # Whoever runs this may be root, whom no permission stops.
    if not str(args[0] if args else "").startswith(sys.argv[1] + "/"):  # the index is elsewhere
        return
    if event in {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.link", "os.truncate"}:
        raise AssertionError(event)
    if event == "open" and isinstance(args[2], int) and args[2] & 0o1103:  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
        raise AssertionError((event, args))

sys.addaudithook(refuse)
sys.dont_write_bytecode = True
client = Client(sys.argv[1], index_folder=sys.argv[2])
client.sql("SELECT * FROM runs")
for flow in flows(client):
    flow._repr_html_(), flow.tags, [*flow.runs(state="finished", where="x is None")]
    for run in (*flow, flow[flow.latest_run.id]):
        run._repr_html_(), run.parent, run.diff(run, loads=True), run["_parameters"].task.data
        repr(run), run.state, run.tags, run.code, run.created_at, run.finished_at, run.end_task
        assert all(hasattr(run.parameters, name) for name in run.parameters)
        for step in run:
            for task in step:
                repr(task), task.stdout, task.stderr, list(task.loglines("stdout")), task.state
                for artifact in task:
                    repr(artifact), artifact.data, artifact.lineage().to_svg(), artifact._repr_html_()
    assert flow.latest_successful_run.wait().data.x == "x" * 100_000
print("seen")
"""


def test_everything_can_be_looked_at_in_a_store_that_may_not_be_written(new_run, store):
    """Somebody else's store, a backup, a read-only mount: looking leaves no trace."""
    written = new_run("1")
    written.complete({"x": "x" * 100_000})
    running = new_run("2")
    running.start({"alpha": 1})
    running.start_task("start")
    running.print("start", "0", "stdout", b"hello\n")
    root = Path(store.storage.root)
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in root.rglob("*")}
    folders_first = sorted(before)
    for path in reversed(folders_first):
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        argv = [sys.executable, "-W", "error", "-c", LOOK_AT_EVERYTHING, str(root), f"{root}-indexes"]
        assert subprocess.check_output(argv, text=True) == "seen\n"
    finally:
        for path in folders_first:
            path.chmod(0o700 if path.is_dir() else 0o600)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in root.rglob("*")} == before


def test_a_flow_is_of_its_client(new_run, client):
    """Its runs come from the same store."""
    new_run().complete({"x": 1})
    assert Flow("Train", client=client)["1"].data.x == 1


def test_a_class_that_is_not_loaded_yet_is_found(new_run, store):
    """Names are loaded when they are asked for: a program that knows runs only must be told of flows, too."""
    new_run().complete({"x": 1})
    program = f"""
from flowstone_client import Client, Run, WrongDepthError
client = Client({store.url!r})
assert Run("Train/1", client=client).parent.pathspec == "Train"
try:
    Run("Train", client=client)
except WrongDepthError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "write Flow('Train')" in said.stdout
