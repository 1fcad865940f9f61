import pickle
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from flowstone_datastore import (
    Datastore,
    ObjectNotFoundError,
    StorageError,
    StorageFailedError,
    StoreFullError,
    StoreNotWritableError,
)
from flowstone_datastore.s3_appending import FULL_BYTES
from flowstone_datastore.s3_errors import (
    BucketNotFoundError,
    S3CredentialsMissingError,
    S3CredentialsRefusedError,
    S3PermissionError,
    S3RegionError,
    S3ThrottledError,
    S3UnreachableError,
)
from flowstone_datastore.s3_retries import RetryBudget
from flowstone_datastore.s3_settings import S3Settings
from flowstone_datastore.s3_storage import S3Storage

BUSY = (503, "SlowDown")


class Sometimes:
    """One of `faults` for a share of the requests, the same ones each time."""

    def __init__(self, share, *faults):
        self._random = random.Random(7)
        self._share = share
        self._faults = faults
        self._lock = threading.Lock()

    def __call__(self, method, target):
        with self._lock:
            return self._random.choice(self._faults) if self._random.random() < self._share else None


class Once:
    """A fault for the first request of a method."""

    def __init__(self, method, fault, part=""):
        self._left = 1
        self._method, self._fault, self._part = method, fault, part

    def __call__(self, method, target):
        if self._left and method == self._method and self._part in target:
            self._left -= 1
            return self._fault
        return None


@pytest.fixture
def storage(s3_proxied_url):
    return S3Storage(S3Settings.from_url(s3_proxied_url), range_bytes=200_000, part_bytes=5 * 1024 * 1024)


@pytest.mark.parametrize(
    "fault",
    [
        Sometimes(0.2, BUSY),
        Sometimes(0.2, "cut"),
        Sometimes(0.2, "reset", "lost"),
        Sometimes(0.3, ("slow", 0.05), (500, "InternalError"), "cut", "lost"),
    ],
    ids=["busy", "cut", "reset", "mixed"],
)
def test_values_survive_a_bad_service(s3_proxied_url, s3_proxy, fault):
    """What is stored is what is loaded, or an error is raised: here nothing is lost at all."""
    store = Datastore.at(S3Storage.from_url(s3_proxied_url), create=True)
    s3_proxy.fault = fault
    values = [random.Random(number).randbytes(30_000 + number) for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        artifacts = [*pool.map(store.artifacts.save, values)]
        assert [*pool.map(store.artifacts.load, artifacts)] == values
    assert s3_proxy.faults > 5


@pytest.mark.parametrize("fault", [Sometimes(0.2, "cut"), Sometimes(0.2, "lost"), Sometimes(0.1, BUSY, "reset")])
def test_large_objects_survive_a_bad_service(storage, s3_proxy, fault):
    """In pieces, each of which may fail."""
    data = random.Random(3).randbytes(11_000_000)
    s3_proxy.fault = fault
    assert storage.write_new("x", data)
    assert storage.read("x", 0, 5_000_000) == data[:5_000_000]
    s3_proxy.fault = lambda method, target: None
    assert storage.read("x") == data


def test_appends_survive_a_bad_service(storage, s3_proxy):
    """No line twice, none missing, whatever answer got lost."""
    s3_proxy.fault = Sometimes(0.25, "lost", "cut", "reset", (500, "InternalError"))
    whole = b""
    for number in range(60):
        line = b"line %d\n" % number * (1 + number * 50)
        assert storage.append("x", line) == len(whole)
        whole += line
    assert len(whole) > FULL_BYTES
    assert storage.read("x") == whole


def test_a_read_goes_on_where_the_connection_broke(s3_proxied_url, s3_proxy):
    """Fetching all of it again would make a bad network worse."""
    storage = S3Storage.from_url(s3_proxied_url)
    data = random.Random(4).randbytes(8_000_000)
    storage.write("x", data)
    s3_proxy.fault = Once("GET", "cut")
    assert storage.read("x") == data
    assert s3_proxy.count("GET") == 2


def test_an_object_that_changes_while_it_is_read_is_never_mixed(storage, s3_proxy):
    """Ranges of two versions would make a value that nobody wrote."""
    old, new = b"o" * 1_000_000, b"n" * 1_000_001
    storage.write("x", old)
    writer = S3Storage.from_url(storage.url)
    is_replaced = threading.Event()

    def replace_after_the_first_range(method, target):
        if method == "GET" and s3_proxy.count("GET") == 2 and not is_replaced.is_set():
            is_replaced.set()
            writer.write("x", new)

    s3_proxy.fault = replace_after_the_first_range
    assert storage.read("x") in (old, new)
    assert is_replaced.is_set()


def test_an_object_that_grows_while_it_is_read_is_read_again(storage, s3_proxy):
    """It was empty when its bytes were asked for, and is not when its size is: neither is an answer."""
    storage.write("x", b"not empty")
    s3_proxy.fault = Once("GET", (416, "InvalidRange"))
    assert storage.read("x") == b"not empty"


@pytest.mark.parametrize("size", [10, 6_000_000])
def test_who_creates_an_object_learns_it_though_the_answer_is_lost(storage, s3_proxy, size):
    """Who believes that another one owns its run id waits for nobody."""
    s3_proxy.fault = Once("PUT" if size == 10 else "POST", "lost", "" if size == 10 else "uploadId=")
    assert storage.write_new("x", b"1" * size)
    assert s3_proxy.faults == 1
    assert not storage.write_new("x", b"1" * size)


def test_two_writers_who_meet_try_again(storage, s3_proxy):
    """S3 answers 409 to whom it cannot tell yet who was first."""
    s3_proxy.fault = Once("PUT", (409, "ConditionalRequestConflict"))
    assert storage.write_new("x", b"1")
    assert s3_proxy.count("PUT") == 2


def test_a_failed_append_is_not_remembered(storage, s3_proxy):
    """The next one must not bring it back."""
    storage.append("x", b"one,")
    s3_proxy.fault = lambda method, target: (403, "AccessDenied")
    with pytest.raises(StoreNotWritableError):
        storage.append("x", b"two,")
    s3_proxy.fault = lambda method, target: None
    assert storage.append("x", b"three") == 4
    assert storage.read("x") == b"one,three"


@pytest.mark.parametrize("failing", [1, 2])
def test_an_append_over_several_parts_happens_or_not(storage, s3_proxy, failing):
    """Whichever of its requests fails, a reader sees what was there before."""
    storage.append("x", b"a" * 200_000)
    puts = []

    def fail(method, target):
        if method == "PUT":
            puts.append(target)
        return (403, "AccessDenied") if len(puts) == failing else None

    s3_proxy.fault = fail
    with pytest.raises(StoreNotWritableError):
        storage.append("x", b"b" * 100_000)
    s3_proxy.fault = lambda method, target: None
    assert S3Storage.from_url(storage.url).read("x") == b"a" * 200_000
    assert storage.append("x", b"c" * (FULL_BYTES - 200_000)) == 200_000
    assert S3Storage.from_url(storage.url).read("x") == b"a" * 200_000 + b"c" * (FULL_BYTES - 200_000)


def test_a_failed_upload_leaves_no_parts(storage, s3_proxy):
    """They are invisible, and cost money each month."""
    s3_proxy.fault = lambda method, target: (403, "AccessDenied") if "partNumber=2" in target else None
    with pytest.raises(StoreNotWritableError):
        storage.write("x", b"1" * 6_000_000)
    assert s3_proxy.count("DELETE", "uploadId=") == 1
    with pytest.raises(ObjectNotFoundError):
        storage.read("x")


def test_a_service_that_fails_everything_is_not_stormed(s3_proxied_url, s3_proxy):
    """A thousand tasks that ask ten times each keep a service down."""
    storage = S3Storage.from_url(s3_proxied_url)
    storage.write("x", b"1" * 1000)
    s3_proxy.requests.clear()
    s3_proxy.fault = lambda method, target: (500, "InternalError")
    with ThreadPoolExecutor(16) as pool:
        failed = [error for error in pool.map(lambda _: _error_of(storage.read), range(200)) if error]
    assert len(failed) == 200
    assert all(isinstance(error, S3ThrottledError) and error.is_transient for error in failed)
    assert len(s3_proxy.requests) <= 200 + 100


def test_a_budget_of_retries_is_used_up_and_earned_again():
    """What succeeds mostly may fail now and then for ever; what fails always, not."""
    pauses = []
    budget = RetryBudget(pauses.append)
    allowed = [budget.allows(1) for _ in range(150)]
    assert allowed.count(True) == 100
    budget.succeeded()
    budget.succeeded()
    assert budget.allows(1)
    assert not budget.allows(1)
    assert len(pauses) == 101
    assert max(pauses) <= 0.1
    assert len(set(pauses)) > 90


def _error_of(read, path="x"):
    try:
        read(path)
    except StorageError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("answer", "kind", "advice"),
    [
        ((404, "NoSuchBucket"), BucketNotFoundError, "create the bucket"),
        ((403, "AccessDenied"), S3PermissionError, "s3:GetObject"),
        ((403, "InvalidAccessKeyId"), S3CredentialsRefusedError, "renew"),
        ((403, "SignatureDoesNotMatch"), S3CredentialsRefusedError, "renew"),
        ((400, "ExpiredToken"), S3CredentialsRefusedError, "renew"),
        ((301, "PermanentRedirect"), S3RegionError, "?region="),
        ((400, "SomethingElse"), StorageFailedError, "SomethingElse"),
    ],
    ids=lambda item: item[1] if isinstance(item, tuple) else None,
)
def test_a_refusal_says_what_where_and_what_to_do(storage, s3_proxy, answer, kind, advice):
    """In one sentence that names bucket and key, without a secret."""
    # To a wrong region, botocore asks which is right, by HEAD.
    s3_proxy.fault = lambda method, target: answer if method == "GET" else None
    error = _error_of(storage.read, "runs/x")
    assert type(error) is kind or (kind is StorageFailedError and isinstance(error, kind))
    text = str(error)
    assert "s3://bucket-" in text
    assert "/a/store/runs/x" in text
    assert advice in text
    assert "secret" not in text
    assert "\n" not in text
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == text


def test_writing_without_permission_is_not_writable(storage, s3_proxy):
    """Callers know that error from folders, and may go on without writing."""
    s3_proxy.fault = lambda method, target: (403, "AccessDenied")
    for use in (storage.write, storage.write_new, storage.append):
        with pytest.raises(StoreNotWritableError, match="s3:PutObject"):
            use("x", b"")
    with pytest.raises(StoreNotWritableError):
        storage.delete("x")


def test_a_full_service_is_a_full_store(storage, s3_proxy):
    """Callers know that error from disks."""
    s3_proxy.fault = lambda method, target: (507, "XMinioStorageFull")
    with pytest.raises(StoreFullError, match="quota"):
        storage.write("x", b"1")


def test_an_absent_bucket_is_named(s3_proxied_url, s3_proxy):
    """A typo in the URL is the first thing that happens to people."""
    url = f"s3://no-such-bucket/a?endpoint_url={s3_proxy.url}"
    with pytest.raises(BucketNotFoundError, match=r"s3://no-such-bucket/a/flowstone\.json at http"):
        Datastore.open(url, create=True)


def test_an_absent_endpoint_is_named(s3_environment):
    """And found out soon, not after minutes."""
    pytest.importorskip("boto3")
    storage = S3Storage.from_url("s3://bucket/a?endpoint_url=http://127.0.0.1:9")
    start = time.monotonic()
    with pytest.raises(S3UnreachableError, match=r"http://127.0.0.1:9.*check the network") as error:
        storage.read("x")
    assert error.value.is_transient
    assert time.monotonic() - start < 60


def test_without_credentials_an_error_says_how_to_give_some(s3_proxy, s3_proxied_url, monkeypatch):
    """The second thing that happens to people."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(S3CredentialsMissingError, match="anonymous=true"):
        S3Storage.from_url(s3_proxied_url).read("x")
    assert s3_proxy.requests == []


def test_anonymous_requests_need_no_credentials(s3_proxy, s3_proxied_url, monkeypatch):
    """Public data is read by anybody."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises((ObjectNotFoundError, S3PermissionError)):
        S3Storage.from_url(f"{s3_proxied_url}&anonymous=true").read("x")
    assert s3_proxy.count("GET") == 1
