"""What importing costs, beside the two libraries that a command line cannot do without.

    nox -s bench -- benchmarks/imports.py

Medians of new interpreters, less the time of one that imports nothing.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPEATS = 15
CACHE = Path(tempfile.gettempdir()) / "flowstone-bench-pycache"
MODULES = [
    "flowstone",
    "flowstone_interfaces",
    "flowstone_graph",
    "flowstone_datastore",
    "flowstone_executors",
    "flowstone_client",
    "flowstone_runtime",
    "flowstone_deployer",
]


def seconds(code: str) -> float:
    """Wall seconds of one interpreter."""
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(CACHE)}
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=environ)
    return time.perf_counter() - started


def main() -> None:
    """Measure in turns and print."""
    codes = {"nothing": "pass", "attrs, click": "import attrs, click"}
    codes |= {module: f"import {module}" for module in MODULES}
    codes["from flowstone import FlowSpec, Parameter, step"] = "from flowstone import FlowSpec, Parameter, step"
    times: dict[str, list[float]] = {name: [] for name in codes}
    for code in codes.values():  # once for the caches
        seconds(code)
    for _ in range(REPEATS):
        for name, code in codes.items():
            times[name].append(seconds(code))
    nothing = statistics.median(times.pop("nothing"))
    cost = {name: statistics.median(taken) - nothing for name, taken in times.items()}
    reference = cost["attrs, click"]
    print("| import | ms | times `attrs, click` (goal: at most 2.5) |\n|---|---|---|")
    for name, taken in cost.items():
        print(f"| {name} | {1000 * taken:.1f} | {taken / reference:.2f} |")


if __name__ == "__main__":
    main()
