"""What moving objects and loading frames costs, beside what people use instead, from one server on this machine.

    nox -s bench -- benchmarks/fastdata/run.py [--case "get large memory" ...] [--repeats 3] [--scale 1.0]

Loopback, plain HTTP, a server (`server.c`, which needs gcc) that shares the processors with its clients: what is
measured is how much work a client makes, not a network. The clients take turns; figures are medians. A client that
is not installed, or fails, is left out and named.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from clients import BUCKET, CLIENTS, COUNTS

HERE = Path(__file__).parent
ROWS = 16_000_000


def make_objects(folder: Path, scale: float) -> None:
    """Objects of each size, of bytes that do not compress."""
    block = os.urandom(2**24)
    for name, (count, size) in COUNTS.items():
        (folder / BUCKET / name).mkdir(parents=True)
        for number in range(max(1, int(count * scale))):
            with (folder / BUCKET / name / f"{number:05}").open("wb") as file:
                for start in range(0, size, len(block)):
                    file.write(block[: min(len(block), size - start)])


def make_tables(folder: Path, scale: float) -> None:
    """Sixteen files of sixteen columns, as Parquet and as Arrow, one batch each."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(4711)
    words = np.array([f"word {number}" for number in range(5000)])
    rows = int(ROWS * scale) // 16
    for kind in ("parquet", "arrow"):
        (folder / BUCKET / kind).mkdir(parents=True)
    for number in range(16):
        columns = {f"i{n}": random.integers(0, 10 ** (n + 2), rows) for n in range(6)}
        columns |= {f"f{n}": random.standard_normal(rows) for n in range(6)}
        columns |= {f"s{n}": pa.array(words[random.integers(0, 5000, rows)]) for n in range(4)}
        table = pa.table(columns)
        pq.write_table(table, folder / BUCKET / "parquet" / f"{number:02}.parquet", compression="snappy")
        with pa.ipc.new_file(folder / BUCKET / "arrow" / f"{number:02}.arrow", table.schema) as writer:
            writer.write_table(table)


def once(case: str, client: str, endpoint: str, folder: Path) -> dict[str, float] | str:
    """Seconds and processor seconds of one client; why not, if it failed."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    environ = {**os.environ, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "HOME": str(folder)}
    environ |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_DEFAULT_REGION": "us-east-1"}
    words = [sys.executable, str(HERE / "clients.py"), case, client, endpoint, str(folder)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, env=environ, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        return "it took more than 300 s"
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return dict(json.loads(lines[-1]))


def measure(case: str, endpoint: str, folder: Path, repeats: int) -> None:
    """Print a table of one case."""
    names = [name for known, name in CLIENTS if known == case]
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(repeats):
        for name in list(figures):
            found = once(case, name, endpoint, folder)
            if isinstance(found, str):
                print(f"({name} is left out: {found})")
                del figures[name]
            else:
                figures[name].append(found)
    medians = {
        name: [statistics.median([each[what] for each in some]) for what in ("seconds", "cpu")]
        for name, some in figures.items()
    }
    ours = medians.get("flowstone", [1.0, 1.0])
    print(f"\n| {case} | s | CPU s | times flowstone's | CPU |\n|---|---|---|---|---|")
    for name, (seconds, cpu) in sorted(medians.items(), key=lambda item: item[1][0]):
        print(f"| {name} | {seconds:.3f} | {cpu:.2f} | {seconds / ours[0]:.2f} | {cpu / ours[1]:.2f} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cases = list(dict.fromkeys(case for case, _ in CLIENTS))
    parser.add_argument("--case", action="append", choices=cases, help="all, if it is not given")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of small objects and of rows")
    options = parser.parse_args()
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        sys.exit("the server is written in C: install gcc")
    wanted = options.case or cases
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = folder / "server"
        subprocess.run([compiler, "-O2", "-pthread", HERE / "server.c", "-o", server], check=True)
        if any(case.startswith(("get", "put")) for case in wanted):
            make_objects(folder, 1.0)
        if any(case.endswith("pandas") for case in wanted):
            make_tables(folder, options.scale)
        with subprocess.Popen([server, folder], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                endpoint = f"http://127.0.0.1:{int(process.stdout.readline())}"
                for case in wanted:
                    measure(case, endpoint, folder, options.repeats)
            finally:
                process.kill()


if __name__ == "__main__":
    main()
