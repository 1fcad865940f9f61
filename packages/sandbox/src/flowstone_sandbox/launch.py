"""Start a sandbox in the background, find the one that runs, stop it."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flowstone_sandbox import errors
from flowstone_sandbox.errors import SandboxNotRunningError, SandboxRunningError, SandboxStartError
from flowstone_sandbox.options import Folders, Running, SandboxOptions
from flowstone_sandbox.private_files import make_private_folder
from flowstone_sandbox.profile import check_profile, remove_profile

_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.02
_LOOKING_SECONDS = 0.5
"""Who only looks whether somebody holds the lock holds it meanwhile."""
_NOT_INHERITED = ("AWS_", "FLOWSTONE_", "MOTO_", "PYTHON")
_ENDED = "its process ended before it was ready"


def start(folders: Folders, options: SandboxOptions, environ: Mapping[str, str]) -> Running:
    """Start a sandbox, and wait until it can be used.

    Args:
        folders: Where it keeps what it needs.
        options: What it is like.
        environ: The environment to start it with; what concerns AWS, flowstone, moto or Python is left out.

    Raises:
        SandboxRunningError: there is one.
        PortTakenError: the port is somebody else's.
        WrongMotoError: moto is not the one that the sandbox knows.
        ForeignFileError: a folder or file that it needs is not the user's, or not its own.
        SandboxStartError: it ended before it was ready.
    """
    make_private_folder(folders.state)
    check_profile(folders.profile)
    with _locked(folders, _LOOKING_SECONDS) as lock:
        folders.running.unlink(missing_ok=True)  # of one that was killed
        shutil.rmtree(folders.temporary, ignore_errors=True)
        folders.temporary.mkdir(mode=0o700)
        told, tell = os.pipe()
        try:
            _spawn(folders, options, environ, lock, tell).wait()  # its child goes on
        finally:
            os.close(tell)
        with os.fdopen(told, encoding="utf-8") as stream:
            line = stream.readline()
        if not line:
            raise SandboxStartError(_ENDED, str(folders.log))
    message = json.loads(line)
    if "error" in message:
        name, *arguments = message["error"]
        raise getattr(errors, name, SandboxStartError)(*arguments)
    return Running.from_json(message["ready"])


def _spawn(
    folders: Folders, options: SandboxOptions, environ: Mapping[str, str], lock: int, tell: int
) -> "subprocess.Popen[bytes]":
    given = {
        "state": str(folders.state.absolute()),
        "profile": str(folders.profile.absolute()),
        "options": options.as_json(),
    }
    kept = {name: value for name, value in environ.items() if not name.startswith(_NOT_INHERITED)}
    descriptor = os.open(folders.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "flowstone_sandbox.daemon", json.dumps(given), str(tell)],
            env={**kept, "TMPDIR": str(folders.temporary.absolute()), "AWS_EC2_METADATA_DISABLED": "true"},
            cwd=folders.state,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(lock, tell),
        )


@contextlib.contextmanager
def _locked(folders: Folders, patience_seconds: float = 0.0) -> Iterator[int]:
    """Hold the lock of a folder; who inherits the descriptor goes on holding it.

    Raises:
        SandboxRunningError: somebody has it.
    """
    descriptor = os.open(folders.lock, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + patience_seconds
    try:
        while not _take(descriptor):
            if time.monotonic() >= deadline:
                running = _record(folders)
                raise SandboxRunningError(str(folders.state), running.url if running else "")
            time.sleep(_POLL_SECONDS)
        yield descriptor
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _record(folders: Folders) -> Running | None:
    try:
        value: dict[str, Any] = json.loads(folders.running.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Running.from_json(value)


def find_running(folders: Folders) -> Running:
    """The sandbox of these folders.

    Raises:
        SandboxNotRunningError: there is none, or none yet.
    """
    if not folders.lock.exists():
        raise SandboxNotRunningError(str(folders.state))
    try:
        with _locked(folders):
            pass
    except SandboxRunningError:
        if (running := _record(folders)) is not None:
            return running
    raise SandboxNotRunningError(str(folders.state))


def stop(folders: Folders) -> Running:
    """Stop it, with all of its jobs, and wait until it is gone; which one it was.

    Raises:
        SandboxNotRunningError: there is none.
    """
    try:
        running = find_running(folders)
    except SandboxNotRunningError:
        _tidy_up(folders)
        raise
    deadline = time.monotonic() + _STOP_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
        while _is_locked(folders):
            if time.monotonic() > deadline:
                os.kill(running.pid, signal.SIGKILL)
            time.sleep(_POLL_SECONDS)
    _tidy_up(folders)
    return running


def _tidy_up(folders: Folders) -> None:
    """Remove what a sandbox that was killed could not; of one that starts meanwhile, nothing."""
    if not folders.lock.exists():
        return
    with contextlib.suppress(SandboxRunningError), _locked(folders):
        shutil.rmtree(folders.temporary, ignore_errors=True)
        folders.running.unlink(missing_ok=True)
        remove_profile(folders.profile)


def _is_locked(folders: Folders) -> bool:
    try:
        with _locked(folders):
            return False
    except SandboxRunningError:
        return True


def default_folders(environ: Mapping[str, str]) -> Folders:
    """Where a user's sandbox is, by the conventions of desktops (XDG)."""
    home = Path(environ.get("HOME") or "~").expanduser()
    state = Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return Folders(state / "flowstone" / "sandbox", config / "flowstone" / "sandbox.toml")
