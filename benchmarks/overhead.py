"""What running a flow costs beyond the work in it, beside Metaflow, in one run.

    nox -s bench -- benchmarks/overhead.py [--repeats 5]

Every figure is the median of whole commands, each in a folder and a store of its own;
the two systems take turns, so that a busy moment of the machine meets both.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CACHE = Path(tempfile.gettempdir()) / "flowstone-bench-pycache"

FAN = """
from {package} import FlowSpec, Parameter, step


class Fan(FlowSpec):
    n = Parameter("n", default=100)

    @step
    def start(self):
        self.items = list(range(self.n))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.y = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(i.y for i in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Fan()
"""

EMPTY = """
from {package} import FlowSpec, step


class Empty(FlowSpec):
    @step
    def start(self):
        self.next(self.middle)

    @step
    def middle(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Empty()
"""


def run(package: str, source: str, *arguments: str) -> tuple[float, int]:
    """Wall seconds of the whole command, and the files that it left."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "flow.py"
        script.write_text(source.format(package=package), encoding="utf-8")
        environ = {**os.environ, "METAFLOW_USER": "bench", "METAFLOW_HOME": folder, "HOME": folder}
        # What a user's machine keeps between runs is kept: compiled modules, and what was found installed.
        environ["FLOWSTONE_CACHE_FOLDER"] = str(CACHE / "flowstone")
        environ = {**environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(CACHE)}
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, str(script), "run", *arguments],
            cwd=folder, env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        return seconds, sum(path.is_file() for path in Path(folder).rglob("*")) - 1


def beside(title: str, source: str, repeats: int, goal: float) -> None:
    """One line: both systems' medians, their ratio, the goal."""
    ours, theirs, files = [], [], (0, 0)
    for package in ("flowstone", "metaflow"):  # once for the caches
        run(package, EMPTY)
    for _ in range(repeats):
        seconds, our_files = run("flowstone", source)
        ours.append(seconds)
        seconds, their_files = run("metaflow", source)
        theirs.append(seconds)
        files = (our_files, their_files)
    one, other = statistics.median(ours), statistics.median(theirs)
    ratios = f"1/{other / one:.1f} | 1/{goal:g}"
    print(f"| {title} | {one:.3f} s | {other:.2f} s | {ratios} | {files[0]} / {files[1]} |")
    sys.stdout.flush()


def growth(counts: tuple[int, ...], repeats: int) -> None:
    """Wall time per task of ever wider foreachs on two workers."""
    for count in counts:
        times = [run("flowstone", FAN, "--n", str(count), "--max-workers", "2")[0] for _ in range(repeats)]
        print(f"| {count:,}-way foreach | {1000 * statistics.median(times) / count:.2f} ms a task |")
        sys.stdout.flush()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    print(f"{len(os.sched_getaffinity(0))} cores, Python {sys.version.split()[0]}, medians of {repeats}\n")
    print("| | flowstone | Metaflow | ratio | goal | files left |\n|---|---|---|---|---|---|")
    beside("empty 3-step flow", EMPTY, repeats, 4)
    beside("100-way foreach", FAN, repeats, 25)
    print("\n| two workers | flowstone |\n|---|---|")
    growth((100, 1_000, 5_000), repeats)


if __name__ == "__main__":
    main()
