"""A bare Python becomes a worker: it fetches, verifies and unpacks what the launch document names, and starts it.

It needs the standard library only. What was unpacked once stays in a folder of the machine, by content, for all
tasks that run there; several may unpack the same thing at once.
"""

import contextlib
import hashlib
import io
import json
import os
import shutil
import stat
import sys
import sysconfig
import tarfile
import tempfile
from typing import Any

from flowstone_executors.node.credentials import NoCredentialsError
from flowstone_executors.node.s3 import S3Error, S3Place

FORMAT = 1
_START = (
    "import sys;p=sys.path;p[:]=[e for e in p if e];b=sys.argv.pop(1);"
    # before what is installed: the worker must find the versions that it was started with
    "i=next((i for i,e in enumerate(p) if e.endswith('-packages')),len(p));p.insert(i,b);"
    "from importlib import import_module;sys.exit(import_module(sys.argv.pop(1)).main(sys.argv[1:]))"
)


class BootstrapError(Exception):
    """This machine cannot become a worker; the message says why, and what to do."""


def main() -> int:
    """Become the worker; return only to say that it cannot be."""
    try:
        command = prepare(os.environ["FLOWSTONE_LAUNCH"], os.environ["FLOWSTONE_ENTRY"])
    except (BootstrapError, S3Error, NoCredentialsError) as error:
        sys.stderr.write(f"flowstone cannot start here: {error}\n")
        return 78  # EX_CONFIG: another try would end the same
    return os.execv(command[0], command)  # noqa: S606 - no shell; it does not return


def prepare(launch_url: str, entry: str) -> list[str]:
    """Have everything in this machine's cache; the command to go on with.

    Raises:
        BootstrapError: this is another Python or platform, or what was fetched is not what it should be.
        S3Error, NoCredentialsError: the store cannot be read.
    """
    store, _, name = launch_url.partition("#")
    place = S3Place(store)
    cache = cache_folder()
    file = os.path.join(cache, name.rpartition("/")[2])  # noqa: PTH118 - every import costs bytes of a command
    data = _known_launch(file, name)
    if data is None:
        data = _fetched(place, name, name.rpartition("/")[2].partition(".")[0])
        _write(file, data)
    launch = json.loads(data)
    check_machine(launch)
    bundle, code = (have_archive(place, cache, launch[kind]) for kind in ("bundle", "code"))
    return [sys.executable, "-c", _START, bundle, entry, file, code]


def check_machine(launch: dict[str, Any]) -> None:
    """Refuse another Python, another platform, and a Python that cannot unpack archives safely.

    Raises:
        BootstrapError: it is one.
    """
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if launch["format"] != FORMAT:
        raise BootstrapError(
            f"the launch document has format {launch['format']}, not {FORMAT}; start the run anew"
        )
    if (python, sysconfig.get_platform()) != (launch["python"], launch["platform"]):
        raise BootstrapError(
            f"this image has Python {python} on {sysconfig.get_platform()}, but the run was started with Python "
            f"{launch['python']} on {launch['platform']}; name an image that has the same, such as "
            f"python:{launch['python']}, or start the run with this one"
        )
    if not hasattr(tarfile, "data_filter"):  # of 3.10.12, 3.11.4, and all of 3.12 on
        raise BootstrapError(
            f"this image has Python {sys.version.split()[0]}, which cannot unpack archives safely; "
            f"name an image with a later patch of it, such as python:{launch['python']}"
        )


def cache_folder() -> str:
    """A folder of this machine that is this user's alone; a new one if the usual one is somebody else's."""
    folder = os.environ.get("FLOWSTONE_NODE_CACHE") or f"/var/tmp/flowstone-node-{os.getuid()}"  # noqa: S108 - looked at below
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
        status = os.lstat(folder)
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022:
            return folder
    except OSError:  # a read-only image
        pass
    return tempfile.mkdtemp(prefix="flowstone-node-")


def have_archive(place: Any, cache: str, archive: dict[str, Any]) -> str:
    """The folder in which the archive is unpacked; `place` has it, and `get`s it if it is not there yet.

    Raises:
        BootstrapError: it is not in the store, or damaged.
        S3Error: it cannot be read.
    """
    folder = os.path.join(cache, archive["sha256"])  # noqa: PTH118
    if os.path.isdir(folder):  # noqa: PTH112
        return folder
    data = _fetched(place, archive["name"], archive["sha256"])
    new = tempfile.mkdtemp(dir=cache, prefix=".new-")
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as packed:
        packed.extractall(new, filter="data")
    try:
        os.rename(new, folder)  # noqa: PTH104
    except OSError:  # another process was faster
        shutil.rmtree(new, ignore_errors=True)
    return folder


def _known_launch(file: str, name: str) -> bytes | None:
    with contextlib.suppress(OSError), open(file, "rb") as opened:  # noqa: PTH123
        data = opened.read()
        if hashlib.sha256(data).hexdigest() in name:
            return data
    return None


def _fetched(place: Any, name: str, sha256: str) -> bytes:
    data: bytes | None = place.get(name)
    if data is None:
        raise BootstrapError(f"there is no {name} in {place.url}; was it deleted? start the run anew")
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BootstrapError(f"{name} in {place.url} is damaged: its SHA-256 is another; delete it, start anew")
    return data


def _write(file: str, data: bytes) -> None:
    descriptor, new = tempfile.mkstemp(dir=os.path.dirname(file), prefix=".new-")  # noqa: PTH120
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)
    os.replace(new, file)  # noqa: PTH105
