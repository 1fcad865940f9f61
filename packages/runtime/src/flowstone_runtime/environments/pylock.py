"""pylock.toml (PEP 751) as uv writes it for one platform: wheels of each package that fit it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from flowstone_interfaces import toml
from flowstone_runtime.environments.request import Package


def read_pylock(text: str) -> tuple[Package, ...]:
    """The wheels of the lock.

    Raises:
        ValueError: a package has no wheel with a hash, or it is no pylock.toml.
    """
    try:
        return tuple(_package(raw) for raw in toml.loads(text).get("packages", ()))
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"it is no pylock.toml that uv wrote: {error!r}") from error


def _package(raw: Mapping[str, Any]) -> Package:
    # All that are listed fit the platform; several are of several places, the preferred one first.
    wheels = raw.get("wheels") or ([raw["archive"]] if "archive" in raw else [])
    wheel = next((each for each in wheels if "url" in each and "sha256" in each.get("hashes", {})), None)
    if wheel is None:
        raise ValueError(f"{raw['name']} has no wheel with a URL and a hash")
    url = wheel["url"]
    return Package(
        raw["name"], raw["version"], unquote(urlsplit(url).path).rpartition("/")[2], url, wheel["hashes"]["sha256"]
    )


def write_pylock(packages: tuple[Package, ...], files: Mapping[str, Path]) -> str:
    """The same with files in place of URLs, by their SHA-256: what uv installs from, and verifies."""
    lines = ['lock-version = "1.0"', 'created-by = "flowstone"']
    for package in packages:
        name, version, file_name, path, sha256 = map(
            json.dumps,
            (package.name, package.version, package.file_name, str(files[package.sha256]), package.sha256),
        )
        wheel = f"{{ name = {file_name}, path = {path}, hashes = {{ sha256 = {sha256} }} }}"
        lines += ["", "[[packages]]", f"name = {name}", f"version = {version}", f"wheels = [{wheel}]"]
    return "\n".join([*lines, ""])
