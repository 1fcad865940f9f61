import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore.s3.checksums import Algorithm, Checksum, algorithms, stated_checksum
from flowstone_datastore.s3.signing import FrozenCredentials, Signer, quoted_key

NAMES = st.from_regex(r"x-amz-meta-[a-z0-9]{1,8}|range|if-match", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20).map(str.strip)


class Fixed:
    """Credentials that do not change."""

    def __init__(self, token):
        self._frozen = FrozenCredentials("AKIATEST", "a secret/+", token)

    def get_frozen_credentials(self):
        return self._frozen


@given(
    st.sampled_from(["GET", "PUT", "HEAD"]),
    st.text(min_size=1, max_size=30).filter(lambda key: key.encode("utf-8", "ignore").decode() == key),
    st.dictionaries(NAMES, VALUES.filter(bool), max_size=3),
    st.sampled_from([None, "a-token=="]),
    st.sampled_from(["", "partNumber=3&uploadId=ab.c_-~"]),
)
def test_requests_are_signed_as_botocore_signs_them(method, key, headers, token, query):
    """A signature is right or the request is refused: botocore's is the definition."""
    auth = pytest.importorskip("botocore.auth")
    request_class = pytest.importorskip("botocore.awsrequest").AWSRequest
    path = "/bucket/" + quoted_key(key)
    said = {"host": "127.0.0.1:9000", **headers}
    ours = Signer(Fixed(token), "eu-west-1").sign(method, path, query, said)
    url = f"http://127.0.0.1:9000{path}" + (f"?{query}" if query else "")
    request = request_class(method, url, headers={k: v for k, v in said.items() if k != "host"})
    request.context["timestamp"] = ours["x-amz-date"]
    request.headers["X-Amz-Date"] = ours["x-amz-date"]
    request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
    if token:
        request.headers["X-Amz-Security-Token"] = token
    theirs = auth.S3SigV4Auth(Fixed(token).get_frozen_credentials(), "s3", "eu-west-1")
    text = theirs.string_to_sign(request, theirs.canonical_request(request))
    assert ours["authorization"].endswith(f"Signature={theirs.signature(text, request)}")


def test_who_has_no_credentials_signs_nothing():
    """Public data."""
    assert Signer(None, "").sign("GET", "/x", "", {"host": "h"}) == {"host": "h"}


def slow_crc(bits, polynomial):
    """By its definition, bit by bit."""

    def update(data, value):
        value ^= (1 << bits) - 1
        for byte in bytes(data):
            value ^= byte
            for _ in range(8):
                value = value >> 1 ^ (polynomial if value & 1 else 0)
        return value ^ ((1 << bits) - 1)

    return update


ALL = [
    Algorithm(name, bits, polynomial, slow_crc(bits, polynomial))
    for name, bits, polynomial in [
        ("crc32", 32, 0xEDB88320),
        ("crc32c", 32, 0x82F63B78),
        ("crc64nvme", 64, 0x9A6C9329AC4BC9B5),
    ]
]


@pytest.mark.parametrize("algorithm", ALL, ids=[each.name for each in ALL])
@given(st.lists(st.binary(max_size=30), max_size=5))
def test_sums_of_parts_make_the_sum_of_the_whole(algorithm, parts):
    """Parts arrive in any order, in any thread, and are still checked as one object."""
    sums = [(algorithm.update(part, 0), len(part)) for part in parts]
    assert algorithm.combined(sums) == algorithm.update(b"".join(parts), 0)


def test_the_sums_are_those_of_the_standards():
    """The check values of the catalogue of CRCs, for `123456789`."""
    known = {"crc32": 0xCBF43926, "crc32c": 0xE3069283, "crc64nvme": 0xAE8B14860A799888}
    for algorithm in (*ALL, *algorithms()):
        assert algorithm.update(b"123456789", 0) == known[algorithm.name]


def test_what_an_answer_states_is_believed_of_the_whole_only():
    """The sum of the sums of parts says nothing of bytes that are read in one go."""
    data = random.Random(1).randbytes(100)
    algorithm = algorithms()[-1]
    text = algorithm.text(algorithm.update(data, 0))
    assert stated_checksum({algorithm.header: text}) == Checksum(algorithm, text)
    assert stated_checksum({algorithm.header: text + "-3"}) is None
    assert stated_checksum({algorithm.header: text, "x-amz-checksum-type": "COMPOSITE"}) is None
    assert stated_checksum({"x-amz-checksum-sha1": "x"}) is None
    assert Checksum(algorithm, text).matches([(algorithm.update(data, 0), 100)])
    assert not Checksum(algorithm, text).matches([(algorithm.update(data[::-1], 0), 100)])
