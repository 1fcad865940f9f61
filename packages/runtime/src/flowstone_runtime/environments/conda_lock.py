"""conda-lock.yml, version 1, for one platform: packages of conda's channels, and wheels beside them.

Written as JSON, which is YAML, so that equal locks are equal bytes and no YAML library is needed to read them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from flowstone_runtime.environments.request import Package


def write_conda_lock(
    platform: str,
    channels: Sequence[str],
    content_hash: str,
    conda: Iterable[Mapping[str, Any]],
    wheels: Iterable[Package],
) -> str:
    """The lock of what py-rattler and uv chose."""
    packages = [_of_conda(platform, each) for each in conda]
    packages += [_of_wheel(platform, each) for each in wheels]
    lock = {
        "version": 1,
        "metadata": {
            "content_hash": {platform: content_hash},
            "channels": [{"url": without_secret(channel), "used_env_vars": []} for channel in channels],
            "platforms": [platform],
            "sources": [],
        },
        "package": sorted(packages, key=lambda each: (each["manager"], each["name"])),
    }
    return json.dumps(lock, indent=1, sort_keys=True) + "\n"


def _of_conda(platform: str, each: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_common(platform, each["name"], each["version"], without_secret(each["url"])),
        "manager": "conda",
        "build": each["build"],
        "dependencies": dict(_dependency(text) for text in each["depends"]),
        "hash": {name: each[name] for name in ("md5", "sha256") if each[name]},
    }


def _of_wheel(platform: str, each: Package) -> dict[str, Any]:
    return {
        **_common(platform, each.name, each.version, each.url),
        "manager": "pip",
        "dependencies": {},
        "hash": {"sha256": each.sha256},
    }


def _common(platform: str, name: str, version: str, url: str) -> dict[str, Any]:
    fixed = {"category": "main", "optional": False}
    return {"name": name, "version": version, "url": url, "platform": platform, **fixed}


def _dependency(text: str) -> tuple[str, str]:
    name, _, version = text.partition(" ")
    return name, version


def read_conda_lock(lock: Mapping[str, Any], platform: str) -> tuple[Package, ...]:
    """Its packages for the platform.

    Raises:
        ValueError: it is no such lock, or a package has no SHA-256.
    """
    try:
        return tuple(_package(each) for each in lock["package"] if each["platform"] == platform)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"it is no conda-lock.yml of version 1 with SHA-256 of each package: {error!r}"
        ) from error


def _package(each: Mapping[str, Any]) -> Package:
    url = each["url"]
    file_name = unquote(urlsplit(url).path).rpartition("/")[2]
    return Package(each["name"], str(each["version"]), file_name, url, each["hash"]["sha256"])


def is_wheel(package: Package) -> bool:
    """Whether uv installs it, and not py-rattler."""
    return package.file_name.endswith(".whl")


def without_secret(url: str) -> str:
    """The URL without name, password and the token that anaconda.org has in paths."""
    parts = urlsplit(url)
    path = parts.path
    if path.startswith("/t/"):
        path = "/" + path.split("/", 3)[-1]
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path))
