"""Look back at many runs: list the newest, read one artifact, filter; beside Metaflow.

    python benchmarks/client.py [--runs 10000] [--metaflow-runs 100]

A run of ours is written record by record, as the scheduler writes it. Metaflow's are made by running its
flow, which takes a second each, so there are fewer of them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FLOW = """
from metaflow import FlowSpec, step

class Many(FlowSpec):
    @step
    def start(self):
        self.auc = 0.5
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Many()
"""

OURS = """
import sys, time
from itertools import islice
began = time.perf_counter()
from flowstone_client import Client, Flow
print("import", f"{(time.perf_counter() - began) * 1000:.0f} ms")
began = time.perf_counter()
client = Client(sys.argv[1], index_folder=sys.argv[2])
def newest():
    return [(run.pathspec, run.state) for run in islice(Flow("Many", client=client), 20)]
def listed():
    return [(run.pathspec, run.state) for run in Flow("Many", client=client).runs(state="finished", limit=20)]
def filtered():
    return [run.id for run in Flow("Many", client=client).runs(where="auc > 0.99", limit=20)]
def artifact():
    return Flow("Many", client=client).latest_successful_run.data.auc
def sql():
    return client.sql("SELECT count(*) AS n FROM runs WHERE flow = 'Many'", ())
for name in sys.argv[3].split(","):
    locals()[name]()
    print(name, f"{(time.perf_counter() - began) * 1000:.0f} ms")
    began = time.perf_counter()
"""

THEIRS = """
import time
began = time.perf_counter()
from itertools import islice
from metaflow import Flow, namespace
print("import", f"{(time.perf_counter() - began) * 1000:.0f} ms")
began = time.perf_counter()
namespace(None)
def newest():
    return [(run.pathspec, run.finished) for run in islice(Flow("Many"), 20)]
def artifact():
    return Flow("Many").latest_successful_run["start"].task.data.auc
for name in ["newest", "newest", "artifact", "artifact"]:
    newest() if name == "newest" else artifact()
    print(name, f"{(time.perf_counter() - began) * 1000:.0f} ms")
    began = time.perf_counter()
"""


def write_runs(place: Path, count: int) -> None:
    """As many runs of two tasks as asked for, a minute apart."""
    from flowstone_datastore import ArtifactTable, Datastore, RunEnded, RunStarted, TaskFinished, TaskStarted

    store = Datastore.open(place, create=True)
    now = time.time() - 60 * count
    for number in range(count):
        now += 60
        run_id = store.new_run_id("Many", now)
        writer = store.journal("Many", run_id).writer("scheduler")
        parameters = {"alpha": store.artifacts.save(number / count)}
        graph = {"start": "start", "end": "end"}
        tags = ("user:ann",)
        writer.append(
            RunStarted(time=now, flow="Many", run_id=run_id, parameters=parameters, graph=graph, system_tags=tags)
        )
        table = ArtifactTable(entries={"auc": store.artifacts.save(number * 7919 % count / count)})
        for step in ("start", "end"):
            writer.append(TaskStarted(time=now, step=step, task="0"))
            writer.append(TaskFinished(time=now + 1, step=step, task="0", artifacts=table, seconds=1.0))
        writer.append(RunEnded(time=now + 2, state="finished"))


def ours(folder: Path, count: int) -> None:
    """Ours, in new interpreters: the import counts as part of the first question."""
    place, index = folder / "store", folder / "indexes"
    began = time.perf_counter()
    write_runs(place, count)
    print(f"flowstone: {count} runs written in {time.perf_counter() - began:.1f} s")

    def ask(words: str) -> None:
        argv = [sys.executable, "-c", OURS, str(place), str(index), words]
        print(subprocess.run(argv, check=True, capture_output=True, text=True).stdout, end="")

    print("no index yet:")
    ask("newest,newest,artifact,artifact")
    print("the index is made:")
    ask("listed")
    print("a new interpreter, the index is there:")
    ask("listed,listed,listed,filtered,filtered,sql,newest,artifact")
    size = sum(file.stat().st_size for file in index.iterdir())
    print(f"the index has {size / 1e6:.1f} MB")


def theirs(folder: Path, count: int) -> None:
    """Metaflow's, in its local datastore."""
    flow = folder / "many.py"
    flow.write_text(FLOW, encoding="utf-8")
    environ = {**os.environ, "METAFLOW_USER": "ann", "METAFLOW_HOME": str(folder / "home")}
    began = time.perf_counter()
    for _ in range(count):
        subprocess.run(
            [sys.executable, str(flow), "run"], cwd=folder, env=environ, check=True, capture_output=True
        )
    print(f"Metaflow: {count} runs made in {time.perf_counter() - began:.1f} s")
    argv = [sys.executable, "-c", THEIRS]
    print(subprocess.run(argv, cwd=folder, env=environ, check=True, capture_output=True, text=True).stdout, end="")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--metaflow-runs", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours(Path(folder), options.runs)
    if options.metaflow_runs:
        with tempfile.TemporaryDirectory() as folder:
            theirs(Path(folder), options.metaflow_runs)


if __name__ == "__main__":
    main()
