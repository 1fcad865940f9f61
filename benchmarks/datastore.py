"""What saving and loading values costs, beside Metaflow's local datastore, pickle and joblib, in one run.

    nox -s bench -- benchmarks/datastore.py [--repeats 3]

Each figure is a median; the systems take turns. Plain pickle is `pickle.dump` of protocol 5 to a file plus
the BLAKE3 hash of that file, which is what a store must do at least. All read and write one folder. Nothing is
deleted before the end: ext4 takes half a millisecond to create a file in the seconds after thousands were deleted.
"""

import argparse
import contextlib
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import joblib
import numpy as np
import pandas as pd
from blake3 import blake3

from flowstone_datastore import ArtifactTable, Datastore, TaskFinished

ROWS = 2_000_000
VERSIONS = 10
SMALL = 1000
RANDOM = np.random.default_rng(4711)
WORDS = np.array([f"word {number}" for number in range(5000)], dtype=object)


def make_frame(rows: int) -> pd.DataFrame:
    """Fifteen columns of the types that people have: 265 MB for two million rows."""
    columns: dict[str, Any] = {f"real {number}": RANDOM.standard_normal(rows) for number in range(7)}
    columns |= {f"count {number}": RANDOM.integers(0, 10 ** (number + 2), rows) for number in range(4)}
    columns["time"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(RANDOM.integers(0, 10**8, rows), unit="s")
    columns |= {f"text {number}": pd.array(WORDS[RANDOM.integers(0, 5000, rows)], "str") for number in range(3)}
    return pd.DataFrame(columns)


class System(Protocol):
    """Something that keeps a value in a folder."""

    def save(self, value: Any) -> Any:
        """Keep it; what `load` must be given."""

    def load(self, saved: Any) -> Any:
        """The value."""


class Flowstone(System):
    """Our store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "flowstone"
        self._store = Datastore.open(self._folder, create=True)

    def save(self, value: Any) -> Any:
        """See `System.save`."""
        return self._store.artifacts.save(value)

    def load(self, saved: Any) -> Any:
        """See `System.load`."""
        return Datastore.open(self._folder).artifacts.load(saved)


class Pickle(System):
    """A file, and the hash of it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "value.pickle"

    def save(self, value: Any) -> str:
        """See `System.save`."""
        with self._file.open("wb") as file:
            pickle.dump(value, file, 5)
        return blake3().update_mmap(self._file).hexdigest()

    def load(self, saved: Any) -> Any:
        """See `System.load`."""
        if blake3().update_mmap(self._file).hexdigest() != saved:
            raise ValueError("damaged")
        with self._file.open("rb") as file:
            return pickle.load(file)


class Joblib(System):
    """A file of joblib, uncompressed, mapped when loaded."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "value.joblib"

    def save(self, value: Any) -> None:
        """See `System.save`."""
        joblib.dump(value, self._file)

    def load(self, saved: Any) -> Any:
        """See `System.load`."""
        return joblib.load(self._file, mmap_mode="r")


class Metaflow(System):
    """Metaflow's datastore of one task, in a folder."""

    def __init__(self, folder: Path) -> None:
        from metaflow.datastore import FlowDataStore
        from metaflow.plugins.datastores.local_storage import LocalStorage

        self._flow = FlowDataStore("Bench", None, storage_impl=LocalStorage, ds_root=str(folder / "metaflow"))
        self._tasks = 0

    def save(self, value: Any) -> Any:
        """See `System.save`."""
        self._tasks += 1
        task = self._flow.get_task_datastore("1", "start", str(self._tasks), attempt=0, mode="w")
        task.init_task()
        task.save_artifacts([("value", value)])
        return task

    def load(self, saved: Any) -> Any:
        """See `System.load`."""
        return next(iter(saved.load_artifacts(["value"])))[1]


SYSTEMS: dict[str, Callable[[Path], Any]] = {
    "flowstone": Flowstone,
    "pickle + hash": Pickle,
    "joblib": Joblib,
    "metaflow": Metaflow,
}


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    """How long it takes, in seconds, and its result."""
    started = time.perf_counter()
    result = act()
    return time.perf_counter() - started, result


def compare(name: str, value: Any, changed: Any, repeats: int, folder: Path) -> None:
    """Print the medians of saving, loading, and saving a changed value."""
    seconds: dict[tuple[str, str], list[float]] = {}
    for repeat in range(repeats):
        for system, make in SYSTEMS.items():
            if system == "metaflow" and repeat >= 2:  # it takes a minute each
                continue
            place = Path(tempfile.mkdtemp(dir=folder))
            store = make(place)
            save, saved = timed(lambda store=store: store.save(value))
            load, _ = timed(lambda store=store, saved=saved: store.load(saved))
            again, _ = timed(lambda store=store: store.save(changed))
            for what, took in (("save", save), ("load", load), ("save changed", again)):
                seconds.setdefault((what, system), []).append(took)
    print(f"\n{name}")
    for what in ("save", "load", "save changed"):
        medians = {system: statistics.median(seconds[what, system]) for system in SYSTEMS}
        ours = medians["flowstone"]
        cells = [f"{system} {took * 1000:9.1f} ms ({took / ours:7.2f})" for system, took in medians.items()]
        print(f"  {what:12}  {'  '.join(cells)}")


def versions(frame: pd.DataFrame, folder: Path) -> None:
    """Print what ten versions of a frame take on disk, each with one row in a hundred changed."""
    store = Flowstone(folder)
    store.save(frame)
    one = size_of(folder)
    rows = len(frame) // 100
    for version in range(1, VERSIONS):
        start = version * len(frame) // VERSIONS
        new = make_frame(rows).set_axis(range(start, start + rows))
        frame = pd.concat([frame.iloc[:start], new, frame.iloc[start + rows :]])
        store.save(frame)
    print(f"\n{VERSIONS} versions of the frame, 1 % changed each: {size_of(folder) / one:.2f} times one version")


def small(repeats: int, folder: Path) -> None:
    """Print how long a thousand small values of one task take, recorded in its journal."""
    took = []
    for repeat in range(repeats):
        store = Datastore.open(folder / f"small {repeat}".replace(" ", "-"), create=True)
        values = {f"value_{number}": {"number": number, "text": f"value {number}"} for number in range(SMALL)}
        writer = store.journal("Bench", "1").writer("main")

        def save(store: Datastore = store, values: Any = values, writer: Any = writer) -> None:
            table = ArtifactTable().updated({name: store.artifacts.save(value) for name, value in values.items()})
            writer.append(TaskFinished(time=time.time(), step="start", task="1", artifacts=table))

        took.append(timed(save)[0])
    print(f"\n{SMALL} small values in one task: {statistics.median(took) * 1000:.1f} ms")


def size_of(folder: Path) -> int:
    """Bytes in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    frame = make_frame(ROWS)
    changed = frame.copy()
    changed["real 3"] = RANDOM.standard_normal(ROWS)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flowstone-bench-")))
        small(5, folder)
        size = frame.memory_usage(deep=True).sum() / 1e6
        compare(f"frame of {size:.0f} MB; changed: one column of 15", frame, changed, repeats, folder)
        (folder / "versions").mkdir()
        versions(frame, folder / "versions")
        array = RANDOM.standard_normal(100_000_000)
        other = array.copy()
        other[:1_000_000] = 0
        compare("array of 800 MB; changed: 1 % of it", array, other, repeats, folder)


if __name__ == "__main__":
    main()
