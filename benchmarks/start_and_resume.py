"""How long until the user's first line runs, until a run that was nearly done is done, and for a wide foreach.

    nox -s bench -- benchmarks/start_and_resume.py [--repeats 5] [--width 10000]

The start is measured from the command to the first statement of the first step, beside `python -c` with the same
imports, and beside Metaflow. The run that is resumed has a thousand tasks, of which all but the last had finished.
The wide foreach belongs to a flow whose module holds 70 MB; the memory is the scheduler's largest resident set.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

IMPORTS = "import numpy, pandas"

START = """
import time
{imports}
from {package} import FlowSpec, step


class Start(FlowSpec):
    @step
    def start(self):
        with open("first_line", "w") as file:
            file.write(str(time.time()))
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Start()
"""

WIDE = """
from flowstone import FlowSpec, Parameter, step

BALLAST = [bytes([number % 251]) * 7_000 for number in range({ballast})]


class Wide(FlowSpec):
    width = Parameter("width", default=1000)
    fails = Parameter("fails", default=False)

    @step
    def start(self):
        self.items = range(self.width)
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
        if self.fails:
            raise RuntimeError("as asked")


if __name__ == "__main__":
    Wide()
"""


def command(folder: Path, *arguments: str) -> tuple[float, int]:
    """Wall seconds and the largest resident set (KiB) of one command on the flow in a folder."""
    environ = {**os.environ, "METAFLOW_USER": "bench", "METAFLOW_HOME": str(folder), "HOME": str(folder)}
    began = time.perf_counter()
    with (folder / "output").open("wb") as output:
        argv = [sys.executable, str(folder / "flow.py"), *arguments]
        process = subprocess.Popen(argv, cwd=folder, env=environ, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != ("--fails" in arguments and "true" in arguments):
        sys.exit((folder / "output").read_text())
    return time.perf_counter() - began, usage.ru_maxrss


def start_to_first_line(package: str) -> float:
    """Seconds from the command to the step's first statement."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "flow.py").write_text(START.format(imports=IMPORTS, package=package), encoding="utf-8")
        began = time.time()
        command(folder, "run")
        return float((folder / "first_line").read_text()) - began


def bare_imports() -> float:
    """Seconds of an interpreter that only imports."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.perf_counter() - began


def measure_start(repeats: int) -> None:
    """Print how long users wait for their first line."""
    times: dict[str, list[float]] = {"bare": [], "flowstone": [], "metaflow": []}
    for _ in range(repeats + 1):
        times["bare"].append(bare_imports())
        for package in ("flowstone", "metaflow"):
            times[package].append(start_to_first_line(package))
    bare, ours, theirs = (statistics.median(seconds[1:]) for seconds in times.values())
    print(
        f"first line of the first step of a flow with `{IMPORTS}`: {ours:.3f} s, Metaflow {theirs:.3f} s;", end=" "
    )
    print(f"the imports alone {bare:.3f} s (goal: at most 1.3 times that and 0.15 s, {1.3 * bare + 0.15:.3f} s)")


def measure_resume(repeats: int) -> None:
    """Print how long a resumed run takes that has one task left."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "flow.py").write_text(WIDE.format(ballast=1), encoding="utf-8")
        command(folder, "run", "--width", "997", "--fails", "true")
        origin = next((folder / ".flowstone" / "runs" / "Wide").iterdir()).name
        seconds = [
            command(folder, "resume", "--origin-run-id", origin, "--fails", "false")[0] for _ in range(repeats)
        ]
    print(f"resume of 1,000 tasks with the last one left: {statistics.median(seconds):.2f} s (goal 1.5)")


def measure_width(width: int) -> None:
    """Print what each of very many tasks costs, and the scheduler's memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "flow.py").write_text(WIDE.format(ballast=10_000), encoding="utf-8")
        seconds, kib = command(folder, "run", "--width", str(width), "--max-workers", "2")
    print(
        f"{width:,}-way foreach, two workers, a module of 70 MB: {1000 * seconds / width:.2f} ms a task (goal 5),",
        end=" ",
    )
    print(f"{kib / 1024:.0f} MiB for the scheduler (goal 300, of which the module is 70)")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--width", type=int, default=10_000)
    options = parser.parse_args()
    measure_start(options.repeats)
    measure_resume(options.repeats)
    measure_width(options.width)


if __name__ == "__main__":
    main()
