"""Each client's way to do each piece of work: `python clients.py CASE CLIENT ENDPOINT FOLDER`, a process for each.

Prints the seconds of wall clock and of processors (children included) as JSON. Imports and the making of clients
do not count; connections do, but only the first time.
"""

import json
import mmap
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Work = Callable[[], object]
Maker = Callable[[str, Path], Work]
CLIENTS: dict[tuple[str, str], Maker] = {}
BUCKET = "bench"
REPEATS = 3
MOST_SECONDS = 15.0
TOUCHED_BYTES = 3 * 2**30
TOUCHED_BYTES_FOR_FRAMES = 12 * 2**30
COUNTS = {"large": (1, 2**30), "medium": (1000, 2**20), "small": (5000, 10 * 1024)}
COLUMNS = ["i2", "f1", "f4", "s1"]


def does(client: str, *cases: str) -> Callable[[Any], Any]:
    """Register what makes the work of a client for some cases; it is told the case first."""

    def register(maker: Any) -> Any:
        for case in cases:
            CLIENTS[case, client] = lambda endpoint, folder, case=case: maker(case, endpoint, folder)
        return maker

    return register


def keys_of(case: str) -> list[str]:
    """What a case moves."""
    size = case.split()[1]
    return [f"{size}/{number:05}" for number in range(COUNTS[size][0])]


DOWN = [f"get {size} {into}" for size in COUNTS for into in ("memory", "files")]
UP = [f"put {size}" for size in COUNTS]


@does("flowstone", *DOWN, *UP)
def flowstone(case: str, endpoint: str, folder: Path) -> Work:
    from flowstone_datastore.s3 import S3

    keys, out = keys_of(case), folder / "out"
    client = S3(out, s3root=f"s3://{BUCKET}?endpoint_url={endpoint}", in_memory="memory" in case)
    client.info(keys[0])  # what signs and resolves is imported when it is first needed
    if case.startswith("get"):
        return lambda: client.get_many(keys)
    return lambda: client.put_files([(f"up/{key}", folder / BUCKET / key) for key in keys])


@does("(bare sockets)", *DOWN)
def bare_sockets(case: str, endpoint: str, folder: Path) -> Work:
    """One buffer for each thread or one for all, no checks, no second try: what Python could do at best."""
    import socket
    import threading
    from concurrent.futures import ThreadPoolExecutor

    size = COUNTS[case.split()[1]][1]
    part = 16 * 1024 * 1024
    jobs = [(key, start, min(size, start + part)) for key in keys_of(case) for start in range(0, size, part)]
    whole = memoryview(bytearray(size)) if size > part and "memory" in case else None
    own = threading.local()

    def fetch(job: tuple[str, int, int]) -> object:
        key, start, stop = job
        if not hasattr(own, "socket"):
            own.socket = socket.create_connection(("127.0.0.1", int(endpoint.rpartition(":")[2])))
            own.view = memoryview(bytearray(min(part, size)))
        own.socket.sendall(
            f"GET /{BUCKET}/{key} HTTP/1.1\r\nHost: x\r\nRange: bytes={start}-{stop - 1}\r\n\r\n".encode()
        )
        head = own.socket.recv(4096)
        while b"\r\n\r\n" not in head:
            head += own.socket.recv(4096)
        ahead = head.partition(b"\r\n\r\n")[2]
        view = own.view[: stop - start] if whole is None else whole[start:stop]
        view[: len(ahead)] = ahead
        if len(view) > len(ahead):
            own.socket.recv_into(view[len(ahead) :], 0, socket.MSG_WAITALL)
        if "memory" in case:
            return None if whole is not None else bytes(view)
        with (folder / "out" / key.replace("/", "-")).open("r+b") as file:
            os.pwrite(file.fileno(), view, start)
        return None

    def all_of_them() -> object:
        if "files" in case:
            for key in keys_of(case):
                (folder / "out" / key.replace("/", "-")).touch()
        with ThreadPoolExecutor(4) as pool:
            return [*pool.map(fetch, jobs)]

    return all_of_them


@does("s5cmd", *[case for case in DOWN if "files" in case], *UP)
def s5cmd(case: str, endpoint: str, folder: Path) -> Work:
    size = case.split()[1]
    here, there = f"{folder / BUCKET}/{size}/", f"s3://{BUCKET}/{size}/*"
    words = [here, f"s3://{BUCKET}/up/"] if case.startswith("put") else [there, f"{folder}/out/"]
    program = Path(sys.executable).parent / "s5cmd"
    return lambda: subprocess.run(
        [program, "--endpoint-url", endpoint, "cp", *words], check=True, stdout=subprocess.DEVNULL
    )


@does("boto3", *DOWN, *UP)
@does("boto3 crt", "get large files", "put large")
def boto3(case: str, endpoint: str, folder: Path) -> Work:
    from concurrent.futures import ThreadPoolExecutor
    from io import BytesIO

    import boto3 as library
    from boto3.s3.transfer import TransferConfig

    client = library.client("s3", endpoint_url=endpoint)
    kind = "crt" if "crt" in sys.argv[2] else "classic"
    config = TransferConfig(preferred_transfer_client=kind)

    def one(key: str) -> object:
        if case.startswith("put"):
            return client.upload_file(str(folder / BUCKET / key), BUCKET, f"up/{key}", Config=config)
        if "files" in case:
            return client.download_file(BUCKET, key, str(folder / "out" / key.replace("/", "-")), Config=config)
        if "large" in case:
            return client.download_fileobj(BUCKET, key, BytesIO(), Config=config)
        return client.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def all_of_them() -> object:
        with ThreadPoolExecutor(8) as pool:
            return [*pool.map(one, keys_of(case))]

    return all_of_them


@does("Metaflow", *DOWN, *UP)
def metaflow(case: str, endpoint: str, folder: Path) -> Work:
    os.environ |= {"METAFLOW_S3_ENDPOINT_URL": endpoint, "METAFLOW_HOME": str(folder), "USERNAME": "bench"}
    from metaflow import S3

    client = S3(s3root=f"s3://{BUCKET}", tmproot=str(folder / "out"))
    if case.startswith("put"):
        return lambda: client.put_files([(f"up/{key}", str(folder / BUCKET / key)) for key in keys_of(case)])
    if "memory" in case:
        return lambda: [found.blob for found in client.get_many(keys_of(case))]
    return lambda: client.get_many(keys_of(case))


@does("obstore", *DOWN, *UP)
def obstore(case: str, endpoint: str, folder: Path) -> Work:
    from concurrent.futures import ThreadPoolExecutor

    from obstore import store

    place = store.S3Store(BUCKET, endpoint=endpoint, client_options={"allow_http": True})

    def one(key: str) -> object:
        if case.startswith("put"):
            return place.put(f"up/{key}", folder / BUCKET / key)
        if "large" in case:  # as its documentation says: ranges, several at once
            step = COUNTS["large"][1] // 8
            found = place.get_ranges(key, starts=[step * n for n in range(8)], lengths=[step] * 8)
            return found if "memory" in case else _write(folder / "out/x", found)
        found = place.get(key).bytes()
        return found if "memory" in case else _write(folder / "out" / key.replace("/", "-"), [found])

    def all_of_them() -> object:
        with ThreadPoolExecutor(8) as pool:
            return [*pool.map(one, keys_of(case))]

    return all_of_them


def _write(file: Path, parts: Any) -> None:
    with file.open("wb") as out:
        for part in parts:
            out.write(part)


@does("s3fs", *DOWN, *UP)
def s3fs(case: str, endpoint: str, folder: Path) -> Work:
    import s3fs as library

    files = library.S3FileSystem(endpoint_url=endpoint, skip_instance_cache=True)
    keys = keys_of(case)
    paths = [f"{BUCKET}/{key}" for key in keys]
    if case.startswith("put"):
        sources, targets = [str(folder / BUCKET / key) for key in keys], [f"{BUCKET}/up/{key}" for key in keys]
        return lambda: files.put(sources, targets)
    if "memory" in case:
        return lambda: files.cat(paths)
    return lambda: files.get(paths, [str(folder / "out" / key.replace("/", "-")) for key in keys])


@does("pyarrow", *[case for case in DOWN if "memory" in case])
def pyarrow(case: str, endpoint: str, folder: Path) -> Work:
    from concurrent.futures import ThreadPoolExecutor

    from pyarrow import fs

    files = fs.S3FileSystem(endpoint_override=endpoint.removeprefix("http://"), scheme="http", region="us-east-1")

    def one(key: str) -> object:
        with files.open_input_file(f"{BUCKET}/{key}") as file:
            if "large" not in case:
                return file.read()
            step = COUNTS["large"][1] // 8
            with ThreadPoolExecutor(8) as ranges:
                return [*ranges.map(lambda n: file.read_at(step, n * step), range(8))]

    def all_of_them() -> object:
        with ThreadPoolExecutor(8) as pool:
            return [*pool.map(one, keys_of(case))]

    return all_of_them


FRAMES = ["parquet to pandas", "columns to pandas", "arrow to pandas"]


@does("flowstone", *FRAMES)
def flowstone_frames(case: str, endpoint: str, folder: Path) -> Work:
    from flowstone_datastore.s3 import S3
    from flowstone_datastore.tables import read_frame

    S3(s3root=f"s3://{BUCKET}?endpoint_url={endpoint}").info("parquet/00.parquet")
    url = f"s3://{BUCKET}/{case.partition(' ')[0].replace('columns', 'parquet')}/?endpoint_url={endpoint}"
    return lambda: read_frame(url, COLUMNS if "columns" in case else None)


@does("pyarrow", *FRAMES)
def pyarrow_frames(case: str, endpoint: str, folder: Path) -> Work:
    import pyarrow.dataset as ds
    from pyarrow import fs

    files = fs.S3FileSystem(endpoint_override=endpoint.removeprefix("http://"), scheme="http", region="us-east-1")
    kind = "arrow" if "arrow" in case else "parquet"
    columns = COLUMNS if "columns" in case else None

    def read() -> object:
        dataset = ds.dataset(f"{BUCKET}/{kind}", filesystem=files, format=kind)
        return dataset.to_table(columns=columns).to_pandas(split_blocks=True)

    return read


@does("polars", "parquet to pandas", "columns to pandas")
def polars_frames(case: str, endpoint: str, folder: Path) -> Work:
    import polars as pl

    options = {"endpoint_url": endpoint, "region": "us-east-1", "allow_http": "true", "access_key_id": "a"}
    options["secret_access_key"] = "b"

    def read() -> object:
        frame = pl.scan_parquet(f"s3://{BUCKET}/parquet/*.parquet", storage_options=options)
        return (frame.select(COLUMNS) if "columns" in case else frame).collect().to_pandas()

    return read


@does("pandas + s3fs", "columns to pandas")
def pandas_frames(case: str, endpoint: str, folder: Path) -> Work:
    import pandas as pd

    options = {"client_kwargs": {"endpoint_url": endpoint}}
    names = sorted(path.name for path in (folder / BUCKET / "parquet").iterdir())
    return lambda: pd.concat(
        [
            pd.read_parquet(f"s3://{BUCKET}/parquet/{name}", columns=COLUMNS, storage_options=options)
            for name in names
        ]
    )


@does("Metaflow", *FRAMES)
def metaflow_frames(case: str, endpoint: str, folder: Path) -> Work:
    os.environ |= {"METAFLOW_S3_ENDPOINT_URL": endpoint, "METAFLOW_HOME": str(folder), "USERNAME": "bench"}
    import pyarrow as pa
    import pyarrow.parquet as pq
    from metaflow import S3

    kind = "arrow" if "arrow" in case else "parquet"
    client = S3(s3root=f"s3://{BUCKET}", tmproot=str(folder / "out"))
    columns = COLUMNS if "columns" in case else None

    def read() -> object:
        paths = [found.path for found in client.get_many(f"{kind}/{n:02}.{kind}" for n in range(16))]
        if kind == "parquet":
            tables = [pq.read_table(path, columns=columns) for path in paths]
        else:
            tables = [pa.ipc.open_file(pa.memory_map(path)).read_all() for path in paths]
        return pa.concat_tables(tables).to_pandas(split_blocks=True)

    return read


def main() -> None:
    """Do the work three times, or as often as a quarter of a minute allows; the medians."""
    case, client, endpoint, folder = sys.argv[1:]
    work = CLIENTS[case, client](endpoint, Path(folder))
    figures: list[tuple[float, float]] = []
    while not figures or (len(figures) < REPEATS and sum(each for each, _ in figures) < MOST_SECONDS):
        touch_free_memory(TOUCHED_BYTES_FOR_FRAMES if case in FRAMES else TOUCHED_BYTES)
        started, before = time.perf_counter(), _cpu()
        result = work()
        figures.append((time.perf_counter() - started, _cpu() - before))
        del result  # its memory is used again
    seconds, cpu = (statistics.median(column) for column in zip(*figures, strict=True))
    print(json.dumps({"seconds": seconds, "cpu": cpu}), flush=True)
    os._exit(0)  # some clients take long to say goodbye


def touch_free_memory(most: int) -> None:
    """Use as much memory as the work may need, and give it back.

    A virtual machine that reports free pages to its host gets them again one page fault of the host's at a time: a
    file of 1 GiB in pages that nobody has used for two seconds took 0.3 to 8 s, whoever wrote it.
    """
    available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    size = min(most, available // 2)
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        for at in range(0, size, mmap.PAGESIZE):
            memory[at] = 1


def _cpu() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
