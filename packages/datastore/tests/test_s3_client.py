import asyncio
import io
import pickle
import random
from pathlib import Path

import pytest

from flowstone_datastore import ObjectNotFoundError, collecting_data_access
from flowstone_datastore.s3 import (
    S3,
    AsyncS3,
    S3GetObject,
    S3InvalidRangeError,
    S3InvalidUseError,
    S3ObjectReplacedError,
    S3PutObject,
)

PART_BYTES = 5 * 1024 * 1024


def some_bytes(size, seed=1):
    return random.Random(seed).randbytes(size)


@pytest.fixture(params=["s3", "file", "memory"])
def root(request, tmp_path):
    """An empty folder of each kind of place."""
    if request.param == "s3":
        return request.getfixturevalue("s3_url").replace("/a/store", "/a folder/ünï")
    return f"file://{tmp_path}/a folder" if request.param == "file" else f"memory://{tmp_path.name}/a folder"


@pytest.fixture
def s3(root, tmp_path):
    with S3(tmp_path, s3root=root, part_bytes=PART_BYTES) as client:
        yield client


def test_what_is_put_is_what_is_got(s3):
    """Text, bytes, nothing at all, and an open file."""
    url = s3.put("a/hello.txt", "hello ü")
    assert url.endswith("/a/hello.txt")
    got = s3.get("a/hello.txt")
    assert (got.text, got.blob, Path(got.path).read_bytes()) == ("hello ü", "hello ü".encode(), "hello ü".encode())
    assert (got.exists, got.downloaded, got.key, got.url, got.size) == (True, True, "a/hello.txt", url, 8)
    assert got.last_modified > 1_700_000_000
    s3.put_many([("empty", b""), ("file", io.BytesIO(b"123"))])
    assert [each.blob for each in s3.get_many(["file", "empty"])] == [b"123", b""]
    assert s3.get("empty", in_memory=True).buffer.nbytes == 0
    assert s3.get("empty").buffer.nbytes == 0


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("size", [PART_BYTES - 1, PART_BYTES, PART_BYTES * 3 + 17])
def test_large_objects_come_in_parts(s3, in_memory, size):
    """However large, whichever way: the same bytes, as a buffer and as a file."""
    data = some_bytes(size)
    s3.put("large", data)
    got = s3.get("large", in_memory=in_memory)
    assert got.buffer == data
    assert Path(got.path).read_bytes() == data


def test_files_go_and_come(s3, tmp_path):
    """By path, of any size."""
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"small")
    large.write_bytes(some_bytes(PART_BYTES * 2 + 5))
    done = s3.put_files([("x/small", small), S3PutObject("x/large", path=large)])
    assert [key for key, _ in done] == ["x/small", "x/large"]
    assert s3.download("x/large", tmp_path / "new" / "file").read_bytes() == large.read_bytes()
    assert [each.blob for each in s3.get_recursive(["x"])] == [large.read_bytes(), b"small"]


def test_ranges(s3):
    """As S3 counts them: from the start, from the end, over the end, and none that is not there."""
    s3.put("x", b"0123456789")
    asked = [S3GetObject("x", 2, 3), S3GetObject("x", -4), S3GetObject("x", 0, -4), S3GetObject("x", 8, 100)]
    got = s3.get_many([*asked, S3GetObject("x", 1)])
    assert [each.blob for each in got] == [b"234", b"6789", b"6789", b"89", b"123456789"]
    assert got[0].range_info == (10, 2, 3)
    assert got[1].size == 4
    with pytest.raises(S3InvalidRangeError, match="info"):
        s3.get(S3GetObject("x", 10, 1))
    data = some_bytes(PART_BYTES * 3)
    s3.put("large", data)
    assert (
        s3.get(S3GetObject("large", 100, PART_BYTES * 2), in_memory=True).buffer
        == data[100 : 100 + PART_BYTES * 2]
    )
    for wrong in (S3GetObject("x", -2, 1), S3GetObject("x", 2, -1), S3GetObject("x", 2, 0)):
        with pytest.raises(S3InvalidUseError):
            s3.get(wrong)


def test_what_is_not_there(s3):
    """An error that names it, or an object that says so; whoever asks for several gets the others."""
    with pytest.raises(ObjectNotFoundError, match="no/such"):
        s3.get("no/such")
    with pytest.raises(ObjectNotFoundError, match="no/such"):
        s3.info("no/such")
    s3.put("yes", "1")
    got = s3.get_many(["no/such", "yes"], return_missing=True)
    assert [(each.exists, each.blob, each.path is None, each.size) for each in got] == [
        (False, None, True, None),
        (True, b"1", False, 1),
    ]
    assert [each.exists for each in s3.info_many(["yes", "no/such"], return_missing=True)] == [True, False]


def test_what_stays_is_not_written(s3):
    """`overwrite=False` leaves what is there, small or in parts."""
    for size in (3, PART_BYTES + 1):
        s3.put("x", b"a" * size)
        s3.put("x", b"b" * size, overwrite=False)
        assert s3.get("x").blob == b"a" * size
        s3.put("x", b"c" * size)
        assert s3.get("x").blob == b"c" * size
    s3.put("new", b"1", overwrite=False)
    assert s3.get("new").blob == b"1"


def test_listings(s3, root):
    """Folders by their whole name only, as users of Metaflow know it."""
    s3.put_many([(key, key) for key in ("a/b/1", "a/b/2", "a/3", "ab/4", "5")])
    assert [(each.key, each.exists) for each in s3.list_paths()] == [("5", True), ("a/", False), ("ab/", False)]
    assert [each.key for each in s3.list_paths(["a"])] == ["a/3", "a/b/"]
    assert [each.key for each in s3.list_recursive(["a"])] == ["a/3", "a/b/1", "a/b/2"]
    assert [each.key for each in s3.list_recursive()] == ["5", "a/3", "a/b/1", "a/b/2", "ab/4"]
    assert [each.text for each in s3.get_all()] == ["5", "a/3", "a/b/1", "a/b/2", "ab/4"]
    assert [each.size for each in s3.list_recursive(["ab"])] == [4]
    assert s3.list_paths(["no"]) == []


def test_deleting(s3):
    """One or many; what is not there does not matter."""
    s3.put_many([(str(number), "x") for number in range(5)])
    s3.delete("0")
    s3.delete_many(["1", "2", "no"])
    assert [each.key for each in s3.list_recursive()] == ["3", "4"]


def test_open_files(s3):
    """Read as it comes, from anywhere; written when it is closed, and never if the block fails."""
    data = some_bytes(PART_BYTES * 2 + 100)
    with s3.create("stream") as file:
        for at in range(0, len(data), 1_000_000):
            assert file.write(data[at : at + 1_000_000]) == len(data[at : at + 1_000_000])
        assert not s3.info("stream", return_missing=True).exists
    with s3.open("stream") as file:
        assert file.read(10) == data[:10]
        file.seek(-10, io.SEEK_END)
        assert file.read() == data[-10:]
        file.seek(5_000_000)
        assert io.BufferedReader(file, 1 << 20).read(1000) == data[5_000_000:5_001_000]
    with pytest.raises(TypeError), s3.create("failed") as file:
        file.writelines([data, None])
    with s3.create("small") as file:
        file.write(b"small")
    assert s3.get("small").text == "small"
    assert not s3.info("failed", return_missing=True).exists


def test_an_open_file_is_one_content(s3):
    """A reader that is half through never goes on in another version."""
    s3.put("x", b"a" * 1000)
    file = s3.open("x")
    s3.put("x", b"b" * 1000)
    with pytest.raises(S3ObjectReplacedError):
        file.read(10)
    file.close()


def test_what_a_task_moves_is_noted(s3, root):
    """Lineage: url, content, bytes."""
    with collecting_data_access() as accesses:
        s3.put("x", b"123")
        s3.get("x")
        with s3.open("x") as file:
            file.read()
        with s3.create("y") as file:
            file.write(b"12345")
    found = {(each.mode, each.url.rpartition("/")[2], each.size) for each in accesses.all()}
    assert found == {("written", "x", 3), ("read", "x", 3), ("written", "y", 5)}
    written, read = accesses.all()[:2]
    assert written.version == read.version != ""


def test_a_run_has_a_folder(root, tmp_path):
    """`S3(run=self)`: what a run puts is beside what others put."""
    with collecting_data_access("Train/7"), S3(tmp_path, s3root=root, run=object()) as s3:
        s3.put("x", "1")
    with S3(tmp_path, s3root=root) as all_runs:
        assert all_runs.get("Train/7/x").text == "1"
    with pytest.raises(S3InvalidUseError, match="self"):
        S3(s3root=root, run=object())
    assert S3(tmp_path, s3root=root, run="Train/7").get("x", in_memory=True).text == "1"


def test_awaited(root, tmp_path):
    """In a notebook's or a server's loop."""

    async def main():
        async with AsyncS3(tmp_path, s3root=root, in_memory=True) as s3:
            await asyncio.gather(*[s3.put(str(number), f"text {number}") for number in range(5)])
            return [each.text for each in await s3.get_many(["4", "0"])]

    assert asyncio.run(main()) == ["text 4", "text 0"]


def test_fetched_files_go_with_the_client(root, tmp_path):
    """Nobody cleans up after a notebook."""
    with S3(tmp_path / ".", s3root=root) as s3:
        s3.put("x", "1")
        path = Path(s3.get("x").path)
        assert path.exists()
        kept = s3.get("x", in_memory=True)
    assert not path.exists()
    assert [each for each in tmp_path.iterdir() if each.name.startswith("flowstone.s3")] == []
    assert kept.blob == b"1"


def test_progress_is_told(root, tmp_path):
    """Every byte once, whichever way."""
    counts = []
    with S3(tmp_path, s3root=root, part_bytes=PART_BYTES, progress=counts.append) as s3:
        s3.put("x", b"1" * (PART_BYTES + 5))
        assert sum(counts) == PART_BYTES + 5
        s3.get("x")
    assert sum(counts) == 2 * (PART_BYTES + 5)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: S3(prefix="x"),
        lambda: S3(bucket="b", s3root="s3://b"),
        lambda: S3(run="Train/7"),
        lambda: S3(client_params={"verify": False}),
        lambda: S3().get("key"),
        lambda: S3().get_all(),
        lambda: S3().get("ftp://host/key"),
        lambda: S3().get("file://host/key"),
        lambda: S3().put("memory://x/y", 3),
        lambda: S3().put_many([S3PutObject("memory://x/y")]),
        lambda: S3().put_files([S3PutObject("memory://x/y", b"1")]),
        lambda: S3(s3root="file:///tmp").put("../x", b""),
    ],
)
def test_what_cannot_mean_anything_is_refused(wrong):
    """Before a byte moves, with what to do."""
    with pytest.raises(S3InvalidUseError) as caught:
        wrong()
    assert "; " in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_sending_many_files_takes_the_memory_of_a_few(tmp_path):
    """A thousand files of a megabyte must not be a gigabyte."""
    import tracemalloc

    for number in range(50):
        (tmp_path / f"{number}").write_bytes(bytes(500_000))
    s3 = S3(s3root=(tmp_path / "bucket").as_uri(), connections=2)
    tracemalloc.start()
    try:
        s3.put_files([(f"{number}", tmp_path / f"{number}") for number in range(50)])
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
