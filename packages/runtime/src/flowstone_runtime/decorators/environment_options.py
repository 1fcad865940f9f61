"""The options of decorators that declare packages: names, versions, Python, lock files, channels."""

import re
from typing import Any
from urllib.parse import urlsplit

OLDEST_PYTHON = 10
"""The oldest 3.x that flowstone itself runs on."""

_PYPI_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\[[A-Za-z0-9._, -]*\])?\Z")
_CONDA_NAME = re.compile(r"([A-Za-z0-9_./-]+::)?[A-Za-z0-9_][A-Za-z0-9._-]*\Z")
_PYTHON = re.compile(r"3\.(\d+)(\.\d+)?\Z")
_PYPI_LOCK = re.compile(r"(uv\.lock|pylock(\.[^.]+)?\.toml)\Z")
_CONDA_LOCK = re.compile(r".*conda-lock\.ya?ml\Z")


def pypi_packages(value: Any) -> dict[str, str]:
    """Names to versions, of a package index."""
    return _packages(value, _PYPI_NAME)


def conda_packages(value: Any) -> dict[str, str]:
    """Names, or `channel::name`, to versions, of conda."""
    return _packages(value, _CONDA_NAME)


def _packages(value: Any, name_form: re.Pattern[str]) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no dictionary of package names to versions")
    for name, version in value.items():
        if not isinstance(name, str) or not name_form.match(name):
            raise ValueError(f"{name!r} is no name of a package")
        is_text = isinstance(version, str | int) and not isinstance(version, bool)
        if not is_text or set("\n\r;#") & {*str(version)}:
            raise ValueError(f"the version of {name} is {version!r}; write a text such as '2.2.*' or '>=2,<3'")
    return {name: str(version) for name, version in value.items()}


def python_version(value: Any) -> str:
    """A version of Python; a number, as `--with pypi:python=3.12` gives it, is one, too."""
    text = "" if value is None else str(value)
    found = _PYTHON.match(text)
    if text and (found is None or int(found.group(1)) < OLDEST_PYTHON):
        raise ValueError(f"{value!r} is no Python that flowstone runs on; write '3.{OLDEST_PYTHON}' or later")
    return text


def pypi_lock(value: Any) -> str:
    """The path of a lock file of uv's or of pip's."""
    return _lock(value, _PYPI_LOCK, "pylock.toml or a uv.lock")


def conda_lock(value: Any) -> str:
    """The path of a lock file of conda-lock's."""
    return _lock(value, _CONDA_LOCK, "conda-lock.yml")


def _lock(value: Any, name_form: re.Pattern[str], known: str) -> str:
    if value and not name_form.match(str(value).rpartition("/")[2]):
        raise ValueError(f"{value!r} is no lock file that is known; write the path of a {known}")
    return str(value or "")


def channels(value: Any) -> tuple[str, ...]:
    """Names or URLs of channels, in order."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) and each for each in value):
        raise TypeError(f"{value!r} is no list of names or URLs of channels")
    for each in value:
        parts = urlsplit(each)
        if "@" in parts.netloc or parts.path.startswith("/t/"):
            raise ValueError("a channel's URL must not have a password or token in it: put that into .netrc")
    return tuple(value)
