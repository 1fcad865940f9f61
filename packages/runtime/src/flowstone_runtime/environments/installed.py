"""What is installed for this interpreter: its Python, and every distribution with where it came from."""

import json
import platform
import re
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import Distribution as Metadata
from importlib.metadata import distributions
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from flowstone_client import Distribution

FORMAT = 1


def describe_environment(folders: Iterable[str]) -> dict[str, Any]:
    """The environment as JSON: `format`, `python`, `distributions` sorted by name.

    Of several distributions of one name, that of the first folder counts, as for imports. Says nothing of this
    machine's names: equal environments are equal text.
    """
    found: dict[str, Distribution] = {}
    for metadata in distributions(path=list(folders)):
        name = metadata.metadata["Name"]
        if name:  # a folder that an interrupted installation left has none
            found.setdefault(_normalised(name), _distribution(_normalised(name), metadata))
    return {
        "format": FORMAT,
        "python": {
            "version": platform.python_version(),
            "implementation": sys.implementation.name,
            "platform": sysconfig.get_platform(),
            "libc": " ".join(platform.libc_ver()).strip(),
        },
        "distributions": [found[name].to_json() for name in sorted(found)],
    }


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _distribution(name: str, metadata: Metadata) -> Distribution:
    version = metadata.version or ""
    text = metadata.read_text("direct_url.json")
    if text is None:
        installer = (metadata.read_text("INSTALLER") or "").strip()
        return Distribution(name, version, "conda" if installer == "conda" else "index")
    try:
        origin = json.loads(text)
        return _from_origin(name, version, origin, _without_password(origin["url"]))
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ):  # not what PEP 610 says: an installer's own invention
        return Distribution(name, version, "folder")


def _from_origin(name: str, version: str, origin: dict[str, Any], url: str) -> Distribution:
    if "dir_info" in origin:
        kind = "editable" if origin["dir_info"].get("editable") else "folder"
        return Distribution(name, version, kind, url)
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        return Distribution(name, version, "vcs", f"{vcs['vcs']}+{url}", vcs["commit_id"])
    hashes = origin.get("archive_info", {}).get("hashes") or {}
    revision = next((f"{algorithm}:{value}" for algorithm, value in sorted(hashes.items())), "")
    return Distribution(name, version, "archive", url, revision)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
