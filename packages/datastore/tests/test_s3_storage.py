import os
import pickle
import random
import subprocess
import sys
from multiprocessing import get_context

import pytest

from flowstone_datastore import Datastore, ObjectNotFoundError
from flowstone_datastore.s3_appending import FULL_BYTES
from flowstone_datastore.s3_errors import InvalidS3UrlError, ReservedObjectPathError
from flowstone_datastore.s3_settings import S3Settings
from flowstone_datastore.s3_storage import S3Storage
from flowstone_datastore.testing import StorageContract


class TestS3Storage(StorageContract):
    @pytest.fixture
    def storage(self, s3_url):
        return S3Storage.from_url(s3_url)


class TestS3StorageInPieces(StorageContract):
    @pytest.fixture
    def storage(self, s3_url):
        return S3Storage(S3Settings.from_url(s3_url), range_bytes=30_000, part_bytes=5 * 1024 * 1024)


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket",
        "s3://bucket/a/prefix",
        "s3://bucket/a?endpoint_url=http://127.0.0.1:9000",
        "s3://bucket/a%20b?region=eu-west-1&anonymous=true",
        "s3://bucket?endpoint_url=https://minio.example:9000&region=here&anonymous=true&addressing=virtual",
    ],
)
def test_a_url_opens_the_same_store(url):
    """Workers get their store as a URL."""
    assert S3Storage.from_url(url).url == url
    assert S3Settings.from_url(S3Settings.from_url(url).url) == S3Settings.from_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///prefix",
        "s3://b/x",
        "s3://bucket/a/../b",
        "s3://bucket/a//b",
        "s3://bucket/" + "x" * 200,
        "s3://bucket?endpoint_url=ftp://x",
        "s3://bucket?endpoint_url=",
        "s3://bucket?anonymous=maybe",
        "s3://bucket?addressing=here",
        "s3://bucket#fragment",
    ],
)
def test_a_url_that_names_no_store_is_refused(url):
    """Before anything is sent anywhere."""
    with pytest.raises(InvalidS3UrlError):
        S3Storage.from_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIAX:hunter2@bucket/a",
        "s3://bucket?aws_secret_access_key=hunter2",
        "s3://bucket?endpoint_url=http://AKIAX:hunter2@127.0.0.1:9000",
    ],
)
def test_a_url_holds_no_secret_and_the_error_repeats_none(url):
    """URLs end up in records, logs and process lists."""
    with pytest.raises(InvalidS3UrlError) as error:
        S3Storage.from_url(url)
    assert "hunter2" not in str(error.value) + repr(error.value)
    assert "'bucket'" in str(error.value)


def test_making_a_storage_imports_no_boto3():
    """It takes half a second; who never reads should not wait for it."""
    code = (
        "import sys; from flowstone_datastore.s3_storage import S3Storage; S3Storage.from_url('s3://bucket/a');"
        "print([name for name in ('boto3', 'botocore', 'urllib3') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True) == "[]\n"


def test_without_boto3_an_error_says_what_to_install():
    """Most do not need it, so most do not have it."""
    code = (
        "import sys; sys.modules['boto3'] = None\n"
        "from flowstone_datastore.s3_storage import S3Storage\n"
        "try: S3Storage.from_url('s3://bucket/a').read('x')\n"
        "except Exception as error: print(error)"
    )
    said = subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True)
    assert "flowstone-datastore[s3]" in said
    assert "bucket" in said


def test_stores_of_one_bucket_are_apart(s3_url):
    """A prefix is a root."""
    one, other = S3Storage.from_url(s3_url), S3Storage.from_url(s3_url.replace("/a/store", "/a/store-2"))
    one.write("x", b"1")
    assert [*other.list()] == []
    whole = S3Storage.from_url(s3_url.replace("/a/store", ""))
    assert [*whole.list()] == ["a/"]
    assert whole.read("a/store/x") == b"1"


def test_a_list_goes_on_after_a_thousand_names(s3_url):
    """S3 hands out a thousand at once, files and folders mixed."""
    storage = S3Storage.from_url(s3_url)
    expected = []
    for number in range(1050):
        name = f"{number:04d}"
        storage.write(f"f/{name}/x" if number % 3 else f"f/{name}", b"")
        expected.append(f"{name}/" if number % 3 else name)
    assert [*storage.list("f")] == expected


@pytest.mark.parametrize("only_new", [True, False])
def test_a_large_object_is_sent_in_parts(s3_proxied_url, s3_proxy, only_new):
    """One connection is slow, and one request may not be larger than 5 GiB."""
    data = random.Random(1).randbytes(12_000_000)
    pieces = [data[:1], memoryview(data)[1:7_000_000], bytearray(data[7_000_000:])]
    storage = S3Storage(S3Settings.from_url(s3_proxied_url), range_bytes=1_000_000, part_bytes=5 * 1024 * 1024)
    if only_new:
        assert storage.write_new("x", pieces)
        assert not storage.write_new("x", [b"other", data])
    else:
        storage.write("x", pieces)
    assert storage.read("x") == data
    assert storage.read("x", 999_999, 5_000_002) == data[999_999:6_000_001]
    assert s3_proxy.count("PUT", "partNumber=") == (6 if only_new else 3)
    assert s3_proxy.count("GET", "/x") == 12 + 6


def test_what_is_appended_grows_beyond_one_part(s3_url):
    """Logs may be large; sending all of them again for each line would be quadratic."""
    writer, reader = S3Storage.from_url(s3_url), S3Storage.from_url(s3_url)
    random_of = random.Random(2)
    whole = b""
    for size in [1, 100_000, 200_000, 10, FULL_BYTES, 3 * FULL_BYTES + 5, 0, 7]:
        data = random_of.randbytes(size)
        assert writer.append("logs/x", data) == len(whole)
        whole += data
        assert reader.read("logs/x") == whole
        assert reader.status("logs/x").size == len(whole)
    assert [*reader.list("logs")] == ["x"]
    for start in (0, FULL_BYTES - 1, FULL_BYTES, FULL_BYTES + 1, 3 * FULL_BYTES - 5, len(whole) - 1, len(whole)):
        for length in (1, 10, FULL_BYTES, 3 * FULL_BYTES, None):
            end = None if length is None else start + length
            assert reader.read("logs/x", start, length) == whole[start:end]
    assert reader.append("logs/x", b"another writer, later") == len(whole)
    reader.delete("logs/x")
    assert [*reader.list()] == []
    with pytest.raises(ObjectNotFoundError):
        reader.status("logs/x")


@pytest.mark.parametrize("first", [FULL_BYTES - 1, FULL_BYTES, FULL_BYTES + 1, 2 * FULL_BYTES])
@pytest.mark.parametrize("is_written", [True, False])
def test_appending_goes_on_from_any_size(s3_url, first, is_written):
    """Another process may have written the beginning, in whatever way."""
    data = random.Random(first).randbytes(first)
    one = S3Storage.from_url(s3_url)
    if is_written:
        one.write("x", data)
    else:
        assert one.append("x", data) == 0
    other = S3Storage.from_url(s3_url)
    assert other.append("x", b"more") == first
    assert other.append("x", b"!") == first + 4
    assert one.read("x") == data + b"more!"


def test_a_new_object_does_not_continue_an_old_one(s3_url):
    """Parts that follow a full one are read: none may be left over."""
    storage = S3Storage.from_url(s3_url)
    storage.append("x", b"a" * (FULL_BYTES + 100))
    storage.write("x", b"b" * FULL_BYTES)
    assert storage.read("x") == b"b" * FULL_BYTES
    storage.write("x", b"short")
    assert storage.append("x", b"er") == 5
    assert storage.read("x") == b"shorter"


def test_the_names_of_parts_are_reserved(s3_url):
    """They would not be listed."""
    with pytest.raises(ReservedObjectPathError, match="eight digits"):
        S3Storage.from_url(s3_url).write("a/x~00000001", b"")


def test_appending_costs_one_request(s3_proxied_url, s3_proxy):
    """Two records of a task, two requests: what a thousand tasks at once can afford."""
    storage = S3Storage.from_url(s3_proxied_url)
    storage.append("journal/task", b"started\n")
    storage.append("journal/task", b"finished\n")
    assert [method for method, _ in s3_proxy.requests] == ["PUT", "PUT"]
    assert storage.read("journal/task") == b"started\nfinished\n"


def test_following_what_grows_costs_one_request_each_time(s3_proxied_url, s3_proxy):
    """Somebody watches a run, and mostly there is nothing new."""
    storage = S3Storage.from_url(s3_proxied_url)
    storage.append("x", b"line\n")
    s3_proxy.requests.clear()
    assert storage.read("x", 5) == b""
    assert storage.read("x", 0) == b"line\n"
    assert s3_proxy.count("GET") == len(s3_proxy.requests) == 2


def test_an_equal_value_is_sent_once(s3_proxied_url, s3_proxy):
    """Deduplication saves the transfer, too."""
    store = Datastore.at(S3Storage.from_url(s3_proxied_url), create=True)
    value = os.urandom(100_000)
    artifact = store.artifacts.save(value)
    assert store.artifacts.save(value) == artifact
    assert s3_proxy.count("PUT", "chunks/") == 1
    assert store.artifacts.load(artifact) == value


def _read_in_child(url, queue):
    queue.put(S3Storage.from_url(url).read("x"))


def test_a_forked_process_has_a_client_of_its_own(s3_url):
    """Two processes on one connection would read each other's answers."""
    storage = S3Storage.from_url(s3_url)
    storage.write("x", b"from the parent")
    context = get_context("fork")
    queue = context.SimpleQueue()
    children = [context.Process(target=_read_in_child, args=(s3_url, queue)) for _ in range(4)]
    for child in children:
        child.start()
    assert [queue.get() for _ in children] == [b"from the parent"] * 4
    for child in children:
        child.join()
    assert storage.read("x") == b"from the parent"
    queue.close()


def test_one_process_has_one_client(s3_url):
    """Connections, credentials and the budget of retries are shared by all stores of a process."""
    one, other = S3Storage.from_url(s3_url), S3Storage.from_url(s3_url.replace("/a/store", "/b"))
    assert one._client is other._client


def test_a_url_error_travels_between_processes():
    """It may be raised in a task."""
    error = InvalidS3UrlError("bucket", "detail")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
