import datetime as dt
import ipaddress
import os
import random
import ssl
import threading
import time

import pytest

from flowstone_datastore import ObjectNotFoundError, StorageError, StoreNotWritableError
from flowstone_datastore.s3 import S3, S3ObjectDamagedError, S3ObjectReplacedError
from flowstone_datastore.s3 import http_bucket as http_bucket_module
from flowstone_datastore.s3.bucket import TransientError
from flowstone_datastore.s3.pace import Pace, Patience
from flowstone_datastore.s3.places import Reach, forget_places, place_of
from flowstone_datastore.s3_errors import (
    BucketNotFoundError,
    S3CredentialsMissingError,
    S3CredentialsRefusedError,
    S3FullError,
    S3PermissionError,
    S3ThrottledError,
    S3UnreachableError,
)

pytest.importorskip("boto3", reason="S3 needs boto3: the extra s3")

BUSY = (503, "SlowDown")
PART_BYTES = 300_000


def fine(method, target):
    return None


class Sometimes:
    """One of `faults` for a share of the requests, the same ones each time."""

    def __init__(self, share, *faults, method=""):
        self._random = random.Random(7)
        self._share = share
        self._faults = faults
        self._method = method
        self._lock = threading.Lock()

    def __call__(self, method, target):
        with self._lock:
            is_bad = self._random.random() < self._share and self._method in {"", method}
            return self._random.choice(self._faults) if is_bad else None


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


class Refusing:
    """A fault, and after it no permission."""

    def __init__(self, fault):
        self._fault = fault
        self._is_over = False

    def __call__(self, method, target):
        fault = (403, "AccessDenied") if self._is_over else self._fault(method, target)
        self._is_over = self._is_over or fault is not None
        return fault


@pytest.fixture
def s3(s3_proxied_url, tmp_path):
    """A client with small parts, that has put nothing yet."""
    with S3(tmp_path, s3root=s3_proxied_url, part_bytes=PART_BYTES, connections=8) as client:
        yield client


def files_below(folder):
    return [str(path) for path in folder.rglob("*") if path.is_file()]


def test_it_is_the_fast_lane_that_is_tested(s3_proxied_url):
    """boto3 would be slower and as right: nobody would notice."""
    bucket = place_of(s3_proxied_url, Reach()).bucket
    assert isinstance(bucket, http_bucket_module.HttpBucket)


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize(
    "fault",
    [
        Sometimes(0.3, BUSY),
        Sometimes(0.6, BUSY),
        Sometimes(0.2, "cut", "short"),
        Sometimes(0.2, "reset", "lost"),
        Sometimes(0.3, ("slow", 0.05), (500, "InternalError"), "cut", "lost", "reset", "short", BUSY),
    ],
    ids=["busy", "very busy", "cut", "reset", "mixed"],
)
def test_objects_survive_a_bad_service(s3, s3_proxy, fault, in_memory):
    """What is put is what is got, small and large, whatever fails as long as it passes."""
    values = {f"x{number}": random.Random(number).randbytes(3_000 * number) for number in range(20)}
    values["large"] = random.Random(3).randbytes(2_000_000)
    s3_proxy.fault = fault
    s3.put_many([pair for pair in values.items() if pair[0] != "large"])
    s3_proxy.fault = fine
    S3(s3root=s3._root).put("large", values["large"])
    s3_proxy.fault = fault
    got = s3.get_many(values, in_memory=in_memory)
    assert [each.blob for each in got] == [*values.values()]
    assert s3_proxy.faults > 5


@pytest.mark.parametrize("fault", [Sometimes(0.3, BUSY), Sometimes(0.2, "lost", "reset"), Sometimes(0.2, "cut")])
def test_uploads_in_parts_survive_a_bad_service(s3_proxied_url, s3_proxy, tmp_path, fault):
    """Each part is tried again by itself."""
    data = random.Random(3).randbytes(21_000_000)
    (tmp_path / "file").write_bytes(data)
    s3_proxy.fault = fault
    with S3(tmp_path, s3root=s3_proxied_url, part_bytes=5 * 1024 * 1024) as s3:
        s3.put("memory", data)
        s3.put_files([("file", tmp_path / "file")])
        s3_proxy.fault = fine
        assert [each.buffer == data for each in s3.get_many(["memory", "file"])] == [True, True]


def test_a_read_goes_on_where_it_broke(s3, s3_proxy):
    """Fetching all of it again would make a bad network worse."""
    data = random.Random(4).randbytes(200_000)
    s3.put("x", data)
    s3_proxy.requests.clear()
    received = []
    s3_proxy.fault = Once("GET", "cut")
    with S3(s3root=s3._root, in_memory=True, progress=received.append) as client:
        assert client.get("x").buffer == data
    assert sum(received) == len(data)
    assert s3_proxy.count("GET") == 2


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_flipped_byte_is_noticed_and_fetched_again(s3, s3_proxy, in_memory):
    """In one request and in many: a range has no sum of its own, the whole has."""
    for size in (1_000, 1_500_000):
        data = random.Random(5).randbytes(size)
        S3(s3root=s3._root).put("x", data)
        s3_proxy.fault = Once("GET", "flip")
        before = s3_proxy.faults
        assert s3.get("x", in_memory=in_memory).buffer == data
        assert s3_proxy.faults == before + 1


def test_bytes_that_are_always_wrong_are_an_error(s3, s3_proxy, tmp_path):
    """Never a wrong value, never a file of it."""
    S3(s3root=s3._root).put("x", random.Random(5).randbytes(1_500_000))
    s3_proxy.fault = lambda method, target: "flip" if method == "GET" else None
    with pytest.raises(S3ObjectDamagedError, match="x arrived with other bytes"):
        s3.get("x")
    with pytest.raises(S3ObjectDamagedError):
        s3.download("x", tmp_path / "x", can_resume=True)
    assert files_below(tmp_path) == []


def test_an_object_that_is_replaced_while_it_is_read_is_never_mixed(s3, s3_proxy, tmp_path):
    """Ranges of two contents would make one that nobody wrote. Large: the first answer must not bring it alone."""
    writer = S3(s3root=s3._root)
    writer.put("x", b"o" * 30_000_000)
    is_replaced = threading.Event()

    def replace_after_some_ranges(method, target):
        if method == "GET" and s3_proxy.count("GET") >= 2 and not is_replaced.is_set():
            is_replaced.set()
            writer.put("x", b"n" * 30_000_000)

    s3_proxy.fault = replace_after_some_ranges
    with pytest.raises(S3ObjectReplacedError, match="read it again"):
        s3.get("x")
    assert is_replaced.is_set()
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("fault", [("stall", 30.0), ("trickle", 30.0), ("slow", 3.0)], ids=lambda fault: fault[0])
def test_a_call_ends_at_its_deadline(s3, s3_proxy, tmp_path, fault):
    """Whoever says how long it may take, is told in time; nothing half is left."""
    S3(s3root=s3._root).put("x", b"1" * 1_000_000)
    s3_proxy.fault = lambda method, target: fault
    with S3(tmp_path, s3root=s3._root, deadline_seconds=0.6) as client:
        began = time.monotonic()
        with pytest.raises(S3UnreachableError):
            client.get("x")
        assert time.monotonic() - began < 10  # far from how long the service is silent; machines are busy at times
        assert files_below(tmp_path) == []


def test_a_service_that_stays_busy_is_an_error_in_time(s3, s3_proxy):
    """It is told as what it is, and may be tried again."""
    s3_proxy.fault = lambda method, target: BUSY
    client = S3(s3root=s3._root, patience_seconds=0.5)
    with pytest.raises(S3ThrottledError, match="try again later") as caught:
        client.get("x", in_memory=True)
    assert caught.value.is_transient


def test_an_interrupted_download_goes_on(s3, s3_proxy, tmp_path):
    """What came before a failure is not fetched again; the file has its name only when all is there."""
    data = random.Random(6).randbytes(3_000_000)
    S3(s3root=s3._root).put("x", data)
    s3_proxy.fault = Refusing(Once("GET", "short"))  # what was sent arrives, unlike before a reset
    with S3(s3root=s3._root, part_bytes=PART_BYTES, connections=1) as client:
        with pytest.raises(S3PermissionError):
            client.download("x", tmp_path / "x", can_resume=True)
        assert not (tmp_path / "x").exists()
    s3_proxy.fault = Once("GET", "cut")
    received = []
    with S3(s3root=s3._root, part_bytes=PART_BYTES, connections=2, progress=received.append) as client:
        client.download("x", tmp_path / "x", can_resume=True)
    assert (tmp_path / "x").read_bytes() == data
    assert 0 < sum(received) < len(data)
    assert files_below(tmp_path) == [str(tmp_path / "x")]


def test_a_resumed_download_of_another_content_begins_anew(s3, s3_proxy, tmp_path):
    """Half of yesterday's file and half of today's would be neither."""
    writer = S3(s3root=s3._root)
    for number in (1, 2):
        data = bytes([number]) * 3_000_000
        writer.put("x", data)
        if number == 1:
            s3_proxy.fault = Refusing(Once("GET", "cut"))
            with pytest.raises(S3PermissionError):
                s3.download("x", tmp_path / "x", can_resume=True)
            s3_proxy.fault = fine
    s3.download("x", tmp_path / "x", can_resume=True)
    assert (tmp_path / "x").read_bytes() == data


def test_one_that_fails_fails_the_call_and_leaves_nothing_partial(s3, s3_proxy, tmp_path):
    """Other transfers end first: nobody writes when the caller goes on."""
    keys = [f"x{number}" for number in range(20)]
    s3.put_many([(key, b"1" * 100_000) for key in keys])
    s3_proxy.fault = lambda method, target: (403, "AccessDenied") if target.endswith("x11") else None
    with pytest.raises(S3PermissionError, match="x11"):
        s3.get_many(keys)
    assert not [each for each in files_below(tmp_path) if each.endswith(".partial")]
    assert threading.active_count() < 40


@pytest.mark.parametrize(
    ("answer", "kind", "advice"),
    [
        ((403, "AccessDenied"), S3PermissionError, "s3:GetObject"),
        ((403, "ExpiredToken"), S3CredentialsRefusedError, "renew"),
        ((403, "SignatureDoesNotMatch"), S3CredentialsRefusedError, "clock"),
        ((404, "NoSuchBucket"), BucketNotFoundError, "create the bucket"),
        ((404, "NoSuchKey"), ObjectNotFoundError, "deleted"),
        ((507, "XMinioStorageFull"), S3FullError, "quota"),
    ],
)
def test_refusals_name_the_object_and_say_what_to_do(s3, s3_proxy, answer, kind, advice):
    """At once: nothing of this passes by waiting."""
    s3_proxy.fault = lambda method, target: answer
    with pytest.raises(kind, match="x") as caught:
        s3.get("x")
    assert advice in str(caught.value)
    assert "a-secret" not in str(caught.value)
    assert s3_proxy.count("GET") == 1


def test_writing_without_permission(s3, s3_proxy):
    """Said as what it is."""
    s3_proxy.fault = lambda method, target: (403, "AccessDenied")
    with pytest.raises(StoreNotWritableError, match="s3:PutObject"):
        s3.put("x", b"1")


def test_nobody_there(s3_environment, tmp_path):
    """A wrong endpoint: an error when patience ends."""
    client = S3(s3root="s3://bucket?endpoint_url=http://127.0.0.1:9", patience_seconds=0.3, in_memory=True)
    with pytest.raises(S3UnreachableError, match="check the network"):
        client.get("x")


def test_no_credentials(s3_environment, monkeypatch):
    """Before anything is sent, with what to do; public data need none."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(S3CredentialsMissingError, match="aws configure"):
        S3(s3root="s3://bucket?endpoint_url=http://127.0.0.1:9").get("x")


def test_public_data_need_no_credentials(s3, s3_proxy, monkeypatch):
    """Nothing is signed then."""
    s3.put("x", b"public")
    s3_proxy.requests.clear()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    bucket = place_of(s3._root + "&anonymous=true", Reach()).bucket
    assert bucket._signer.sign("GET", "/x", "", {"host": "h"}) == {"host": "h"}


def test_a_proxy_is_used_if_there_is_one(s3, s3_proxy, monkeypatch, tmp_path):
    """Where the fast lane cannot go, boto3 does: slower, and the same bytes."""
    data = random.Random(8).randbytes(7_000_000)
    s3.put("small", b"small")
    with monkeypatch.context() as patched:
        patched.setenv("HTTP_PROXY", s3_proxy.url)
        patched.setenv("NO_PROXY", "localhost")
        with S3(tmp_path, s3root=s3._root + "&region=us-east-2", part_bytes=5 * 1024 * 1024) as client:
            assert type(client._place("x").bucket).__name__ == "BotoBucket"
            client.put("x", data)
            client.put("y", b"1", overwrite=False, metadata={"a": "b"})
            client.put("y", b"2", overwrite=False)
            assert client.get("x", in_memory=True).buffer == data
            assert (client.get("y").text, client.info("y").metadata) == ("1", {"a": "b"})
            with pytest.raises(ObjectNotFoundError):
                client.get("no")
    assert s3_proxy.count("GET", "http://") > 0


@pytest.fixture
def certificate(tmp_path):
    """A certificate of 127.0.0.1 that nobody else trusts, with its key."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "flowstone tests")])
    now = dt.datetime.now(dt.timezone.utc)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(days=1))
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = made.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    file = tmp_path / "certificate.pem"
    file.write_bytes(
        made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return file


def test_tls_is_as_right_as_plain_text(s3, s3_proxy, certificate, monkeypatch, tmp_path):
    """The same bytes, the same faults; a server that cannot show who it is gets nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = s3_proxy._server
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    root = s3._root.replace("http://", "https://")
    with pytest.raises(S3UnreachableError, match="certificate"):
        S3(tmp_path, s3root=root, patience_seconds=0.2).get("x")
    forget_places()
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    values = {f"x{number}": random.Random(number).randbytes(50_000 * number) for number in range(10)}
    with S3(tmp_path, s3root=root, part_bytes=PART_BYTES) as client:
        client.put_many([(key, value) for key, value in values.items() if len(value) <= PART_BYTES])
        S3(s3root=root).put_many(values.items())
        s3_proxy.fault = Sometimes(0.3, "cut", "reset", BUSY)
        assert [each.blob for each in client.get_many(values)] == [*values.values()]
        s3_proxy.fault = lambda method, target: ("stall", 30.0)
        with pytest.raises(S3UnreachableError):
            S3(tmp_path, s3root=root, deadline_seconds=0.6).get("x9")
    assert s3_proxy.faults > 3


def test_metadata_go_with_an_object(s3):
    """As headers, so they are ASCII; what is none is refused, never sent as another header."""
    s3.put("x", b"1", content_type="text/plain", metadata={"owner": "me"})
    got = s3.get("x")
    assert (got.content_type, got.metadata) == ("text/plain", {"owner": "me"})
    assert s3.info("x").content_type == "text/plain"
    for wrong in ("ü", "a\r\nx-amz-acl: public-read"):
        with pytest.raises(StorageError, match="ASCII"):
            s3.put("x", b"1", metadata={"owner": wrong})


def test_a_forked_child_opens_connections_of_its_own(s3):
    """Tasks are forks: two processes on one connection would read each other's answers."""
    s3.put_many([(str(number), str(number) * 1000) for number in range(10)])
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            try:
                own = S3(s3root=s3._root, in_memory=True)
                right = all(own.get(str(n)).text == str(n) * 1000 for _ in range(5) for n in range(10))
                os._exit(0 if right else 1)
            except BaseException:
                os._exit(2)
        children.append(child)
    assert all(s3.get(str(n), in_memory=True).text == str(n) * 1000 for _ in range(5) for n in range(10))
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]


def refuse(is_busy):
    raise TransientError(S3ThrottledError(11, "busy", "x"), is_busy)


def test_the_pace_halves_when_it_is_asked_to_and_recovers():
    """A thousand tasks that ask as often as before keep a service down."""
    now, pauses = [0.0], []

    def sleep(seconds):
        pauses.append(seconds)
        now[0] += seconds

    pace = Pace(16, lambda: now[0], sleep, lambda low, high: high)
    left = [3]

    def attempt(timeout):
        if left[0]:
            left[0] -= 1
            refuse(is_busy=True)
        return "done"

    assert pace.run(attempt, Patience()) == "done"
    assert pauses == [0.1, 0.2, 0.4]
    assert pace.allowed < 16 / 2
    for _ in range(300):
        pace.run(attempt, Patience())
    assert pace.allowed == 16


def test_the_pace_gives_up_when_patience_ends_not_after_some_tries():
    """However fast failures come: a service that is away for a minute is waited for."""
    now, tries = [0.0], []

    def sleep(seconds):
        now[0] += seconds

    def attempt(timeout):
        tries.append(timeout)
        refuse(is_busy=False)

    pace = Pace(4, lambda: now[0], sleep, lambda low, high: high)
    with pytest.raises(S3ThrottledError):
        pace.run(attempt, Patience(without_progress_seconds=100))
    assert 50 < now[0] < 100
    assert all(0 < timeout <= 20 for timeout in tries)
