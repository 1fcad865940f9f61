"""Equal declarations have equal keys, equal packages equal environments; locks come back as they were."""

import base64
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_runtime.decorators.pypi import Pypi, pypi, pypi_base
from flowstone_runtime.environments.download import open_url
from flowstone_runtime.environments.faults import NoInterpreterError
from flowstone_runtime.environments.interpreters import find_interpreter
from flowstone_runtime.environments.own_code import own_requirements
from flowstone_runtime.environments.pylock import read_pylock, write_pylock
from flowstone_runtime.environments.request import EnvironmentRequest, Lock, Package, environment_key
from flowstone_runtime.errors import UsageError

texts = st.text(max_size=12)
requests = st.builds(
    EnvironmentRequest,
    kind=texts,
    python=texts,
    requirements=st.lists(texts, max_size=4),
    own=st.lists(texts, max_size=3),
)
locks = st.builds(Lock, requests, texts, st.dictionaries(texts, texts, max_size=3))
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
packages = st.builds(
    lambda name, version, sha256: Package(
        name, version, f"{name}-{version}-any.whl", f"https://index/{name}-{version}-any.whl", sha256
    ),
    names,
    st.from_regex(r"[0-9]{1,2}\.[0-9]", fullmatch=True),
    hashes,
)


@given(locks)
def test_a_lock_comes_back_as_it_was(lock: Lock) -> None:
    """A resumed run reads what another run wrote."""
    assert Lock.from_text(lock.to_text()) == lock


@given(requests, st.randoms(use_true_random=False))
def test_the_order_of_a_declaration_does_not_count(request: EnvironmentRequest, dice: random.Random) -> None:
    """Two who write the same in another order share lock and environment."""
    shuffled = [*request.requirements]
    dice.shuffle(shuffled)
    other = EnvironmentRequest(kind=request.kind, python=request.python, requirements=shuffled, own=request.own)
    assert other.key == request.key


@given(requests, requests)
def test_equal_keys_mean_equal_declarations(one: EnvironmentRequest, other: EnvironmentRequest) -> None:
    """What was locked for one must not be taken for another."""
    assert (one.key == other.key) == (one == other)


@given(st.lists(packages, max_size=4, unique_by=lambda each: each.name), packages)
def test_an_environment_is_what_is_installed(chosen: list[Package], another: Package) -> None:
    """Steps that asked differently and got the same share a folder; one more package is another environment."""
    key = environment_key("linux-64", "3.11.7", tuple(chosen))
    assert environment_key("linux-64", "3.11.2", tuple(reversed(chosen))) == key
    assert environment_key("linux-64", "3.12.1", tuple(chosen)) != key
    assert environment_key("linux-64", "3.11.7", (*chosen, another)) != key


@given(st.lists(packages, max_size=4, unique_by=lambda each: each.sha256))
def test_what_is_installed_from_is_the_lock_with_files(chosen: list[Package]) -> None:
    """uv is to verify exactly what was locked."""
    files = {each.sha256: Path("/folder with 'quotes\"") / each.file_name for each in chosen}
    text = write_pylock(tuple(chosen), files)
    again = read_pylock(text.replace("path = ", "url = "))
    assert [(each.name, each.version, each.sha256) for each in again] == [
        (each.name, each.version, each.sha256) for each in chosen
    ]


def test_a_package_without_a_hash_is_refused() -> None:
    """What nobody can verify is not locked."""
    with pytest.raises(ValueError, match="tiny has no wheel"):
        read_pylock(
            '[[packages]]\nname = "tiny"\nversion = "1"\nwheels = [{ url = "https://x/tiny-1-any.whl" }]\n'
        )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"packages": ["six"]}, "no dictionary"),
        ({"packages": {"six": 1.1}}, "a text"),
        ({"packages": {"six": "1\nother"}}, "a text"),
        ({"packages": {"--index-url=x": "1"}}, "no name of a package"),
        ({"python": "3.9"}, "'3.10' or later"),
        ({"python": "latest"}, "'3.10' or later"),
    ],
)
def test_what_can_never_work_is_refused_where_it_is_written(options, said) -> None:
    """Before anything is asked of an index; and no option reaches uv as an option of its own."""
    for declared in (pypi, pypi_base):
        with pytest.raises(UsageError, match=said):
            declared.build(options)


def test_a_number_is_a_python() -> None:
    """`--with pypi:python=3.12` is read as a number."""
    assert Pypi(python=3.12).python == "3.12"


def test_a_python_that_is_not_here_is_named(tmp_path) -> None:
    """Also where something of its name is on the path and does not start, as pyenv's shims."""
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    with pytest.raises(NoInterpreterError, match=r"no Python 3\.99"):
        find_interpreter("3.99", {"PATH": str(tmp_path), "HOME": str(tmp_path)})


def test_a_store_in_s3_needs_its_client() -> None:
    """A step in its own environment reads and writes the store itself."""
    needed = own_requirements("/folder", "3.12")
    assert {each.partition(">")[0] for each in needed} >= {"attrs", "blake3", "cloudpickle", "click"}
    assert {each.partition(">")[0] for each in {*own_requirements("s3://bucket", "3.12")} - {*needed}} >= {"boto3"}


class Guarded(BaseHTTPRequestHandler):
    """An index that wants a name and a password."""

    def do_GET(self) -> None:
        expected = "Basic " + base64.b64encode(b"ada:p@ss").decode()
        self.send_response(200 if self.headers["Authorization"] == expected else 401)
        self.end_headers()
        self.wfile.write(b"wheel")

    def log_message(self, *words: object) -> None:
        pass


def test_an_index_with_a_password_gives_its_files(tmp_path) -> None:
    """A lock has no passwords: a package is fetched with that of its index, and no other place is told it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"127.0.0.1:{server.server_port}"
        url = f"http://{place}/files/x.whl"
        home = {"HOME": str(tmp_path)}
        for variable in ("UV_DEFAULT_INDEX", "UV_INDEX"):
            with open_url(url, {**home, variable: f"http://ada:p%40ss@{place}/simple"}) as body:
                assert body.read() == b"wheel"
        with pytest.raises(OSError, match="401"):
            open_url(url, {**home, "UV_INDEX": "mine=http://ada:p%40ss@elsewhere.example/simple"})
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ada password p@ss\n")
        with open_url(url, home) as body:
            assert body.read() == b"wheel"
        server.shutdown()


@pytest.mark.parametrize("url", ["ftp://x/y", "x.whl"])
def test_other_schemes_are_refused(url) -> None:
    """A lock of a stranger's must not make this machine speak just anything."""
    with pytest.raises(ValueError, match="neither"):
        open_url(url, {})
