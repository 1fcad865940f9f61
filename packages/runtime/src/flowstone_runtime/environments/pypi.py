"""Environments of packages from an index: uv decides, and uv installs, from files that are here."""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from flowstone_runtime.environments.faults import EnvironmentNotBuiltError, EnvironmentNotLockedError
from flowstone_runtime.environments.interpreters import find_interpreter
from flowstone_runtime.environments.platforms import UV_PLATFORMS
from flowstone_runtime.environments.pylock import read_pylock, write_pylock
from flowstone_runtime.environments.request import EnvironmentRequest, Lock, Package
from flowstone_runtime.environments.user_lock import Pins, pins_of
from flowstone_runtime.environments.uv_program import run_uv
from flowstone_runtime.errors import UsageError

_KEPT = frozenset({"UV_CACHE_DIR", "UV_LINK_MODE", "UV_PYTHON_INSTALL_DIR"})
"""What uv is told of this machine when it installs."""


class PypiEnvironment:
    """See `Environment`."""

    def lock(self, request: EnvironmentRequest, platforms: Iterable[str], environ: Mapping[str, str]) -> Lock:
        """Ask uv, for each platform by itself: wheels only, with their hashes."""
        python = find_interpreter(request.python, environ)
        files = {}
        pins = _pins(request, environ)
        with tempfile.TemporaryDirectory(prefix="flowstone-lock-") as folder:
            asked = Path(folder) / "requirements.in"
            asked.write_text(
                "\n".join([*request.requirements, *pins.requirements, *request.own, ""]), encoding="utf-8"
            )
            for platform in platforms:
                out = Path(folder) / f"pylock.{platform}.toml"
                words = ["pip", "compile", asked.name, "--quiet", "--no-header", "--no-annotate"]
                words += ["--format", "pylock.toml", "--output-file", out.name]
                words += [
                    "--only-binary",
                    ":all:",
                    "--python",
                    str(python.path),
                    "--python-version",
                    python.version,
                ]
                words += ["--python-platform", UV_PLATFORMS.get(platform, platform)]
                failure = run_uv(words, Path(folder), environ)
                if failure and run_uv([*words, "--offline"], Path(folder), environ):
                    raise EnvironmentNotLockedError(request.requirements, request.own, platform, failure)
                files[platform] = out.read_text(encoding="utf-8")
                _check_pins(request, pins, platform, read_pylock(files[platform]))
        return Lock(request, python.version, files)

    def packages(self, lock: Lock, platform: str) -> tuple[Package, ...]:
        """The wheels."""
        return read_pylock(lock.files[platform])

    def build(
        self,
        lock: Lock,
        packages: tuple[Package, ...],
        files: Mapping[str, Path],
        prefix: Path,
        environ: Mapping[str, str],
    ) -> None:
        """A virtual environment that can be moved; uv verifies each wheel against its hash."""
        minor = ".".join(lock.python.split(".")[:2])
        python = find_interpreter(minor, environ)
        listed = prefix.parent / "pylock.toml"
        listed.write_text(write_pylock(packages, files), encoding="utf-8")
        # Whatever is configured of indexes must not matter: the files are here.
        own = {name: text for name, text in environ.items() if name in _KEPT or not name.startswith("UV_")}
        offline = {**own, "UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never", "UV_NO_CONFIG": "1"}
        make = ["venv", "--quiet", "--no-project", "--relocatable", "--python", str(python.path), str(prefix)]
        install = ["pip", "install", "--quiet", "--no-deps", "--no-build", "-r", listed.name]
        install += ["--python", str(prefix / "bin" / "python")]
        for words in (make, install):
            failure = run_uv(words, prefix.parent, offline)
            if failure:
                raise EnvironmentNotBuiltError(lock.request.requirements, failure)


def _pins(request: EnvironmentRequest, environ: Mapping[str, str]) -> Pins:
    if not request.pinned:
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
