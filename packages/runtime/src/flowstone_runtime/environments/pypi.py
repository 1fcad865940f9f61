"""Environments of packages from an index: uv decides, and uv installs, from files that are here."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from flowstone_runtime.environments.faults import EnvironmentNotBuiltError, EnvironmentNotLockedError
from flowstone_runtime.environments.interpreters import find_interpreter
from flowstone_runtime.environments.platforms import UV_PLATFORMS
from flowstone_runtime.environments.pylock import read_pylock, write_pylock
from flowstone_runtime.environments.request import Building, EnvironmentRequest, Lock, Package
from flowstone_runtime.environments.user_lock import Pins, pins_of
from flowstone_runtime.environments.uv_program import run_uv
from flowstone_runtime.errors import UsageError

_KEPT = frozenset({"UV_CACHE_DIR", "UV_LINK_MODE", "UV_PYTHON_INSTALL_DIR"})
"""What uv is told of this machine when it installs."""


class PypiEnvironment:
    """See `Environment`."""

    def lock(
        self, request: EnvironmentRequest, platforms: Iterable[str], environ: Mapping[str, str], cache: Path
    ) -> Lock:
        """Ask uv, for each platform by itself: wheels only, with their hashes."""
        python = find_interpreter(request.python, environ).version
        files = {platform: locked_wheels(request, platform, python, environ) for platform in platforms}
        return Lock(request, python, files)

    def packages(self, lock: Lock, platform: str) -> tuple[Package, ...]:
        """The wheels."""
        return read_pylock(lock.files[platform])

    def build(self, work: Building, environ: Mapping[str, str], cache: Path) -> None:
        """A virtual environment that can be moved."""
        python = find_interpreter(".".join(work.lock.python.split(".")[:2]), environ)
        words = ["venv", "--quiet", "--no-project", "--relocatable", "--python", str(python.path), str(work.new)]
        _run_offline(words, work, environ)
        install_wheels(work, environ)


def locked_wheels(
    request: EnvironmentRequest,
    platform: str,
    python: str,
    environ: Mapping[str, str],
    constraints: Sequence[str] = (),
) -> str:
    """The pylock.toml of what the request asks of an index, for a platform and a full version of Python.

    `constraints` are requirements that hold for packages that something else needs.

    Raises:
        EnvironmentNotLockedError: there is no choice that fits, or no index answers.
        UsageError: the lock file that the request names cannot be used.
    """
    pins = _pins(request, environ)
    with tempfile.TemporaryDirectory(prefix="flowstone-lock-") as folder:
        place = Path(folder)
        lines = [*request.requirements, *pins.requirements, *request.own, ""]
        (place / "requirements.in").write_text("\n".join(lines), encoding="utf-8")
        (place / "constraints.in").write_text("\n".join([*constraints, ""]), encoding="utf-8")
        words = ["pip", "compile", "requirements.in", "--constraint", "constraints.in", "--quiet"]
        words += ["--no-header", "--no-annotate", "--format", "pylock.toml", "--output-file", "pylock.toml"]
        words += ["--only-binary", ":all:", "--python-version", python]
        words += ["--python-platform", UV_PLATFORMS.get(platform, platform)]
        here = {**environ, "UV_PYTHON_DOWNLOADS": "never"}
        failure = run_uv(words, place, here)
        if failure and run_uv([*words, "--offline"], place, here):  # what uv's cache has needs no index
            raise EnvironmentNotLockedError(request.requirements, request.own, platform, failure)
        text = (place / "pylock.toml").read_text(encoding="utf-8")
    _check_pins(request, pins, platform, read_pylock(text))
    return text


def install_wheels(work: Building, environ: Mapping[str, str]) -> None:
    """Install the packages, which are wheels, for `bin/python` of the new environment; each is verified.

    Raises:
        EnvironmentNotBuiltError: it could not be done.
    """
    listed = work.new.parent / "pylock.toml"
    listed.write_text(write_pylock(work.packages, work.files), encoding="utf-8")
    words = ["pip", "install", "--quiet", "--no-deps", "--no-build", "--break-system-packages"]
    _run_offline([*words, "-r", listed.name, "--python", str(work.new / "bin" / "python")], work, environ)


def _run_offline(words: Sequence[str], work: Building, environ: Mapping[str, str]) -> None:
    # Whatever is configured of indexes must not matter: the files are here.
    own = {name: text for name, text in environ.items() if name in _KEPT or not name.startswith("UV_")}
    offline = {**own, "UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never", "UV_NO_CONFIG": "1"}
    failure = run_uv(words, work.new.parent, offline)
    if failure:
        raise EnvironmentNotBuiltError(work.lock.request.asked, failure)


def _pins(request: EnvironmentRequest, environ: Mapping[str, str]) -> Pins:
    if not request.pinned or request.pinned[0][0].endswith((".yml", ".yaml")):
        return Pins((), {})
    try:
        return pins_of(request.pinned, environ)
    except ValueError as error:
        name = request.pinned[0][0]
        raise UsageError(f"the lock file {name} cannot be used: {error}") from error


def _check_pins(request: EnvironmentRequest, pins: Pins, platform: str, packages: Iterable[Package]) -> None:
    """Refuse a file that the user's lock does not have, though its name and its version are the same."""
    for package in packages:
        allowed = pins.hashes.get(package.name)
        if allowed and package.sha256 not in allowed:
            what = f"{package.file_name} of {package.url} is not among the files of it in {request.pinned[0][0]}"
            raise EnvironmentNotLockedError(request.requirements, request.own, platform, what)
