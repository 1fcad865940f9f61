"""What a bare machine is told before it can run tasks of a run: where everything is, and which Python it needs.

The document is stored by content, the same for every task and every run of the same code. It names no run, no
task and no secret.
"""

import hashlib
import json
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import attrs

from flowstone_datastore import ObjectNotFoundError
from flowstone_datastore.storage import Storage
from flowstone_interfaces.python_310 import Self
from flowstone_runtime.remote.archive import Archive

FORMAT = 1
LAUNCH_VARIABLE = "FLOWSTONE_LAUNCH"
_PROGRAM = (
    "flowstone_executors.node.credentials",
    "flowstone_executors.node.s3",
    "flowstone_runtime.remote.bootstrap",
)


@attrs.frozen
class Launch:
    """The launch document."""

    store: str
    """URL of the store."""
    bundle: Archive
    """Our packages and what they need."""
    code: Archive
    """The code of the run."""
    main_file: str
    """The path in the code of the file that was started."""
    main_module: str | None = None
    """Its module name where it is part of a package, else `None`."""
    import_folders: tuple[str, ...] = ()
    """Folders of the code from which modules are imported, beside that of the flow's file."""
    tools: Archive | None = None
    """What builds the environments that steps declare; `None` if no step has one."""
    python: str = f"{sys.version_info.major}.{sys.version_info.minor}"
    platform: str = sysconfig.get_platform()

    def to_json(self) -> bytes:
        """The document; equal values, equal bytes."""
        raw = {
            "format": FORMAT,
            "store": self.store,
            "python": self.python,
            "platform": self.platform,
            "bundle": self.bundle.to_json(),
            "code": self.code.to_json(),
            "tools": self.tools and self.tools.to_json(),
            "main_file": self.main_file,
            "main_module": self.main_module,
            "import_folders": self.import_folders,
        }
        return json.dumps(raw, separators=(",", ":"), sort_keys=True).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The inverse of `to_json`."""
        raw: Mapping[str, Any] = json.loads(data)
        return cls(
            store=raw["store"],
            bundle=Archive.from_json(raw["bundle"]),
            code=Archive.from_json(raw["code"]),
            main_file=raw["main_file"],
            main_module=raw["main_module"],
            import_folders=tuple(raw["import_folders"]),
            tools=raw["tools"] and Archive.from_json(raw["tools"]),
            python=raw["python"],
            platform=raw["platform"],
        )


@attrs.frozen
class LaunchRef:
    """Where a launch document is."""

    store: str
    sha256: str

    @property
    def name(self) -> str:
        """Its path in the store."""
        return f"remote/launches/{self.sha256}.json"

    @property
    def url(self) -> str:
        """`<URL of the store>#<path>`: what the machine is told."""
        return f"{self.store}#{self.name}"


def put_launch(storage: Storage, launch: Launch) -> LaunchRef:
    """Store the document unless it is there.

    Raises:
        StorageError: it could not be written.
    """
    data = launch.to_json()
    ref = LaunchRef(launch.store, hashlib.sha256(data).hexdigest())
    try:
        is_there = storage.status(ref.name).size == len(data)
    except ObjectNotFoundError:
        is_there = False
    if not is_there:
        storage.write(ref.name, data)
    return ref


def remote_command(
    launch: LaunchRef, *, python: str = "python3", entry: str = "flowstone_runtime.remote.worker"
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The command and the environment variables by which a bare machine becomes our worker.

    `python` is what a Python is called there, `entry` the module whose `main` is called with the launch
    document's file and the folder of the code. Which task it is to do, the entry finds out by itself. The command
    has some 4 KB and is the same for every launch.
    """
    from flowstone_executors.node import program_argv

    return program_argv(*_PROGRAM, python=python), {
        LAUNCH_VARIABLE: launch.url,
        "FLOWSTONE_ENTRY": entry,
    }


def flow_folder(launch: Launch) -> str:
    """The folder of the code that has the file that was started."""
    return PurePosixPath(launch.main_file).parent.as_posix()
