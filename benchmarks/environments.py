"""What environments and the code of a run cost. Needs a package index: it locks and fetches pandas and pyarrow.

    nox -s bench -- benchmarks/environments.py [--repeats 5]

Medians. "From the store" is a machine that has nothing of the environment, and a run that knows its lock. For
Metaflow, 10 to 28 s are published for that.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flowstone_datastore import Datastore
from flowstone_runtime.code.package import snapshot_code
from flowstone_runtime.environments.own_code import own_requirements
from flowstone_runtime.environments.platforms import this_platform
from flowstone_runtime.environments.preparation import Preparation
from flowstone_runtime.environments.request import EnvironmentRequest
from flowstone_runtime.environments.snapshot import snapshot_environment

MODULES = 700
MODULE_LINES = 180
"""Of 44 bytes each: 5.5 MB in all, as large as Metaflow's own source."""


def median_ms(repeats: int, act: Callable[[int], Any]) -> float:
    """How long `act` takes, given the number of the repeat."""
    taken = []
    for number in range(repeats):
        started = time.perf_counter()
        act(number)
        taken.append(time.perf_counter() - started)
    return 1000 * statistics.median(taken)


def measure_snapshot(repeats: int, folder: Path) -> None:
    """Print what it costs to record what is installed."""
    store = Datastore.open(folder / "store", create=True)
    root = folder / "project"
    count = len({path for entry in sys.path for path in Path(entry).glob("*.dist-info")})
    anew = median_ms(repeats, lambda _: snapshot_environment(store, "", root, sys.path))
    cache = str(folder / "installed")
    snapshot_environment(store, cache, root, sys.path)
    again = median_ms(repeats, lambda _: snapshot_environment(store, cache, root, sys.path))
    print(f"what is installed ({count} packages): unchanged {again:.2f} ms (goal 1), anew {anew:.0f} ms (goal 60)")


def measure_code(repeats: int, folder: Path) -> None:
    """Print what it costs to store the code of a run."""
    root = folder / "project"
    (root / "library").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    names = [f"module_{number}" for number in range(MODULES)]
    for name in names:
        lines = [f"{name}_{line:04} = '{'x' * 20}'" for line in range(MODULE_LINES)]
        (root / "library" / f"{name}.py").write_text("\n".join(lines), encoding="utf-8")
    (root / "library" / "__init__.py").touch()
    flow = root / "flow.py"
    flow.write_text("".join(f"from library import {name}\n" for name in names), encoding="utf-8")
    stores = [Datastore.open(folder / f"code-{number}", create=True) for number in range(repeats)]
    new = median_ms(repeats, lambda number: snapshot_code(stores[number], flow, root, {}))
    again = median_ms(repeats, lambda number: snapshot_code(stores[number], flow, root, {}))
    print(f"code of {MODULES} files: new {new:.0f} ms (goal 120), unchanged {again:.0f} ms (goal 50)")


def measure_pypi(repeats: int, folder: Path) -> None:
    """Print what it costs to lock, fetch and build an environment of pandas and pyarrow."""
    store = Datastore.open(folder / "packages", create=True)
    request = EnvironmentRequest(
        kind="pypi",
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        requirements=("pandas==2.2.*", "pyarrow"),
        own=own_requirements(store.url),
    )
    first = Preparation(folder / "first", store, dict(os.environ))
    started = time.perf_counter()
    first.lock(request, (this_platform(),))
    print(f"lock of pandas and pyarrow, first: {time.perf_counter() - started:.2f} s")
    locking = median_ms(repeats, lambda _: first.lock(request, (this_platform(),), is_anew=True))
    started = time.perf_counter()
    records, _ = first.prepare({"start": request})
    print(f"fetched, stored and built, first: {time.perf_counter() - started:.2f} s")

    def from_store(number: int) -> None:
        new = Preparation(folder / f"machine-{number}", store, {**os.environ, "UV_OFFLINE": "1"}, known=records)
        new.prepare({"start": request})

    cold = median_ms(repeats, from_store)

    def rebuild(_: int) -> None:
        shutil.rmtree(folder / "first" / "built")
        first.prepare({"start": request})

    built = median_ms(repeats, rebuild)
    warm = median_ms(repeats, lambda _: first.prepare({"start": request}))
    print(
        f"lock anew {locking:.0f} ms (goal 1,000); from the store {cold:.0f} ms (goal 2,000); "
        f"packages there, built anew {built:.0f} ms (goal 300); built before {warm:.1f} ms (goal 10)"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    for measure in (measure_snapshot, measure_code, measure_pypi):
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
            measure(repeats, Path(name))


if __name__ == "__main__":
    main()
