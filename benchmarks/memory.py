"""What saving and reading a large frame costs in memory: one gibibyte, sixteen readers at once.

    nox -s bench -- benchmarks/memory.py [--rows 3200000] [--readers 16]

The peak of a save is what the process needs beyond the value, as a multiple of the value. What readers use
together is the sum of their proportional set sizes (Linux), in which a page that several map is divided among
them, after each has read every byte. They are forks of one process that has imported pandas, as tasks are; what
they use when they read ten rows instead is told, too.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SAVE = """
import resource, sys
import numpy as np, pandas as pd, pyarrow
from flowstone_datastore import ArtifactTable, Datastore, TaskFinished
rows = int(sys.argv[2])
random = np.random.default_rng(4711)
frame = pd.DataFrame({f"c{n}": random.standard_normal(rows) for n in range(40)}, copy=False)
words = np.array([f"word {n}" for n in range(5000)], dtype=object)
frame["text"] = pd.array(words[random.integers(0, 5000, rows)], "str")
size = int(frame.memory_usage(deep=True).sum())
with open("/proc/self/status") as status:
    before = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
with open("/proc/self/clear_refs", "w") as clear:
    clear.write("5")  # the peak counts from here
store = Datastore.open(sys.argv[1], create=True)
table = ArtifactTable(entries={"frame": store.artifacts.save(frame), "rows": store.artifacts.save(frame[:10])})
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
store.journal("F", "1").writer("w").append(TaskFinished(time=1.0, step="a", task="0", artifacts=table))
print(size, (peak - before) * 1024)
"""

READ = """
import gc, os, sys, time
import numpy as np, pandas as pd, pyarrow
from flowstone_datastore import Datastore
def pss():
    with open("/proc/self/smaps_rollup") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
def read_every_byte(column):
    if column.dtype.kind == "f":
        return np.add.reduce(column.to_numpy())
    return sum(
        int(np.frombuffer(buffer, np.uint8).max())
        for chunk in column.array.__arrow_array__().chunks for buffer in chunk.buffers() if buffer
    )
store = Datastore.open(sys.argv[1])
(_, record), = store.journal("F", "1").records()
name = sys.argv[3]
gc.freeze()  # as the process does from which tasks are forked
pipes = []
for number in range(int(sys.argv[2])):
    told, tell = os.pipe()
    wait, go = os.pipe()
    if os.fork() == 0:
        began = time.perf_counter()
        frame = store.artifacts.load(record.artifacts.entries[name])
        seconds = time.perf_counter() - began
        [read_every_byte(frame[column]) for column in frame]
        os.write(tell, f"{seconds}".encode())
        os.read(wait, 1)
        os.write(tell, f"{pss()}".encode())
        os.read(wait, 1)
        os._exit(0)
    pipes.append((told, go))
seconds = max(float(os.read(told, 100)) for told, _ in pipes)
[os.write(go, b"1") for _, go in pipes]
print(sum(int(os.read(told, 100)) for told, _ in pipes) + pss(), seconds)
[os.write(go, b"1") for _, go in pipes]
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3_200_000)
    parser.add_argument("--readers", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "store")
        size, beyond = map(int, _output(SAVE, store, str(options.rows)).split())
        gib = size / 2**30
        print(f"frame of {gib:.2f} GiB: a save peaks at {1 + beyond / size:.3f} times the value (goal 1.15)")
        bare, _ = _read(store, "rows", options.readers)
        together, seconds = _read(store, "frame", options.readers)
        print(f"{options.readers} readers use {together / 2**20:.2f} GiB together (goal 1.3 for 1 GiB), ", end="")
        print(f"of which {bare / 2**20:.2f} GiB if they read ten rows; ", end="")
        print(f"the slowest load took {1000 * seconds:.0f} ms with {options.readers} on {os.cpu_count()} cores")


def _output(program: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True
    ).stdout


def _read(store: str, what: str, count: int) -> tuple[int, float]:
    """The sum of what so many forks and their parent use, in KiB, and the slowest load."""
    total, seconds = _output(READ, store, str(count), what).split()
    return int(total), float(seconds)


if __name__ == "__main__":
    main()
