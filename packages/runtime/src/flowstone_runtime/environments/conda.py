"""Environments of packages from conda's channels: py-rattler decides and links; wheels come beside them by uv."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from flowstone_runtime.configs.yaml_parsing import yaml_parser
from flowstone_runtime.environments.conda_lock import is_wheel, read_conda_lock, write_conda_lock
from flowstone_runtime.environments.faults import EnvironmentNotBuiltError, EnvironmentNotLockedError
from flowstone_runtime.environments.pylock import read_pylock
from flowstone_runtime.environments.pypi import install_wheels, locked_wheels
from flowstone_runtime.environments.rattler import RattlerError, ask_rattler
from flowstone_runtime.environments.request import Building, EnvironmentRequest, Lock, Package
from flowstone_runtime.errors import UsageError

_VIRTUAL = {
    "linux": (("__unix", "0", "0"), ("__linux", "5.10", "0"), ("__glibc", "2.28", "0")),
    "osx": (("__unix", "0", "0"), ("__osx", "11.0", "0")),
}
"""What packages may count on: not what this machine has, since what is locked here is to run elsewhere."""

_ARCHITECTURES = {"64": "x86_64", "aarch64": "aarch64", "arm64": "m1"}
_PLAIN_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*\Z")


class CondaEnvironment:
    """See `Environment`."""

    def lock(
        self, request: EnvironmentRequest, platforms: Iterable[str], environ: Mapping[str, str], cache: Path
    ) -> Lock:
        """Ask py-rattler for each platform by itself, then uv for the wheels that fit what it chose."""
        files, python = {}, ""
        for platform in platforms:
            pinned = _pinned(request, platform)
            chosen = self._chosen(request, platform, environ, cache) if pinned is None else pinned
            python = next((each["version"] for each in chosen if each["name"] == "python"), "")
            if not python:
                raise EnvironmentNotLockedError(request.conda, request.own, platform, "it has no Python")
            constraints = [
                f"{each['name']}=={each['version']}"
                for each in chosen
                if _needs_python(each) and _PLAIN_VERSION.match(each["version"])
            ]
            there = {each["name"] for each in chosen}
            wheels = [
                each
                for each in read_pylock(locked_wheels(request, platform, python, environ, constraints))
                if each.name not in there
            ]
            files[platform] = write_conda_lock(platform, request.channels, request.key, chosen, wheels)
        return Lock(request, python, files)

    def _chosen(
        self, request: EnvironmentRequest, platform: str, environ: Mapping[str, str], cache: Path
    ) -> list[dict[str, Any]]:
        system, _, machine = platform.partition("-")
        virtual = [*_VIRTUAL.get(system, ()), ("__archspec", "1", _ARCHITECTURES.get(machine, machine))]
        specs = [f"python {request.python}.*", *request.conda]
        try:
            found: list[dict[str, Any]] = ask_rattler(
                environ,
                verb="solve",
                specs=specs,
                channels=request.channels,
                platform=platform,
                virtual=virtual,
                cache=str(cache),
            )
        except RattlerError as error:
            raise EnvironmentNotLockedError(request.conda, request.own, platform, str(error)) from error
        return found

    def packages(self, lock: Lock, platform: str) -> tuple[Package, ...]:
        """Both kinds."""
        return read_conda_lock(json.loads(lock.files[platform]), platform)

    def build(self, work: Building, environ: Mapping[str, str], cache: Path) -> None:
        """Link the packages for where they will be, then install the wheels there."""
        linked = [str(work.files[each.sha256]) for each in work.packages if not is_wheel(each)]
        places = {"new": str(work.new), "final": str(work.final)}
        try:
            ask_rattler(environ, verb="link", files=linked, cache=str(cache), **places)
        except RattlerError as error:
            raise EnvironmentNotBuiltError(work.lock.request.asked, str(error)) from error
        wheels = tuple(each for each in work.packages if is_wheel(each))
        install_wheels(attrs.evolve(work, packages=wheels), environ)
        _name_final_place(work)


def _needs_python(each: Mapping[str, Any]) -> bool:
    return any(text.split(" ")[0] == "python" for text in each["depends"])


def _name_final_place(work: Building) -> None:
    """The first lines of the scripts that came with wheels name the folder that they were installed in."""
    old, new = str(work.new).encode(), str(work.final).encode()
    for script in (work.new / "bin").iterdir():
        if script.is_file() and not script.is_symlink():
            content = script.read_bytes()
            if content.startswith(b"#!") and old in content:
                script.unlink()  # it may be linked to what a cache holds
                script.write_bytes(content.replace(old, new))
                script.chmod(0o755)


def _pinned(request: EnvironmentRequest, platform: str) -> list[dict[str, Any]] | None:
    """What the user's own conda-lock.yml has of conda's packages, in the form of py-rattler's answer."""
    if not request.pinned or not request.pinned[0][0].endswith((".yml", ".yaml")):
        return None
    name, text = request.pinned[0]
    try:
        lock = yaml_parser(text)
        read_conda_lock(lock, platform)
        return [
            {
                **each,
                "build": each.get("build", ""),
                "depends": [f"{other} {version}".strip() for other, version in each["dependencies"].items()],
                "md5": each["hash"].get("md5", ""),
                "sha256": each["hash"]["sha256"],
            }
            for each in lock["package"]
            if each["platform"] == platform and each["manager"] == "conda"
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"the lock file {name} cannot be used: {error}") from error
