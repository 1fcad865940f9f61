"""Parsers for configs that list packages: requirements.txt, pyproject.toml, environment.yml.

Each gives `{"packages": {name: version}, "python": version or None}`, which `@pypi(**cfg.deps)` and
`@conda(**cfg.deps)` take. `==` is left out of versions: `requests==2.31` is `{"requests": "2.31"}`.
"""

import re
from collections.abc import Iterable
from typing import Any

from flowstone_runtime.errors import UsageError

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_REQUIREMENT = re.compile(
    rf"^(?P<name>{_NAME})\s*(?P<extras>\[[^\]]*\])?\s*(?:@\s*(?P<url>\S+)|\(?(?P<version>[^;@()\[\]]*)\)?)$"
)
_CLAUSE = re.compile(r"^\s*(===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+\s*$")
_CONDA = re.compile(rf"^(?P<name>(?:[\w-]+::)?{_NAME})\s*(?P<version>[=<>!~]?.*)$")


def requirements_txt_parser(content: str) -> dict[str, Any]:
    """Parse requirements.txt: one requirement a line, comments, `python==3.12` for the interpreter.

    Raises:
        UsageError: a line is no requirement, or has an option (`-r`, `-e`) or an environment marker.
    """
    lines = ((number, re.sub(r"(^|\s)#.*", "", line).strip()) for number, line in _numbered(content))
    return _collect((f"line {number}", line) for number, line in lines if line)


def pyproject_toml_parser(content: str) -> dict[str, Any]:
    """Parse the `[project]` table of pyproject.toml: `dependencies` and `requires-python`.

    Raises:
        UsageError: it is no TOML, or a dependency has an environment marker or is none.
    """
    from flowstone_interfaces import toml

    try:
        project = toml.loads(content).get("project", {})
    except toml.TOMLDecodeError as error:
        raise UsageError(f"pyproject.toml is no TOML: {error}; correct it") from error
    found = _collect(
        (f"dependency {number}", text) for number, text in enumerate(project.get("dependencies", ()), 1)
    )
    python = project.get("requires-python")
    return found if python is None else {**found, "python": _without_equals(python)}


def conda_environment_yml_parser(content: str) -> dict[str, Any]:
    """Parse the `dependencies` of a conda environment.yml; of its other keys, none is read.

    Raises:
        UsageError: a dependency is none, or packages are to come from pip.
    """
    packages: dict[str, str] = {}
    python = None
    for number, text in _conda_dependencies(content):
        match = _CONDA.match(text)
        if text.endswith(":") or match is None:
            raise UsageError(
                f"environment.yml, line {number}: {text!r} is no conda package; list packages of pip elsewhere, "
                "with @pypi"
            )
        version = _without_equals(match["version"].strip())
        if "=" in version and not re.match(r"[<>!~]", version):
            raise UsageError(f"environment.yml, line {number}: {text!r} names a build; give name and version only")
        if match["name"] == "python":
            python = version
        else:
            packages[match["name"]] = version
    return {"packages": packages, "python": python}


def _numbered(content: str) -> Iterable[tuple[int, str]]:
    return enumerate(content.splitlines(), 1)


def _collect(requirements: Iterable[tuple[str, str]]) -> dict[str, Any]:
    packages: dict[str, str] = {}
    python = None
    for place, text in requirements:
        key, version = _requirement(place, text)
        if key.lower() != "python":
            packages[key] = version
        elif python is not None:
            raise UsageError(f"{place}: a second version of Python, {text!r}; keep one")
        else:
            python = version
    return {"packages": packages, "python": python}


def _requirement(place: str, text: str) -> tuple[str, str]:
    if text.startswith("-"):
        raise UsageError(f"{place}: {text!r} is an option of pip; list packages and versions only")
    match = _REQUIREMENT.match(text)
    if match is None and ";" in text:
        raise UsageError(f"{place}: {text!r} has an environment marker, which is not supported; leave it out")
    version = (match["version"] or "").strip() if match else ""
    if match is None or not all(_CLAUSE.match(clause) for clause in version.split(",") if version):
        raise UsageError(f"{place}: {text!r} is no requirement; write name, name==version or name @ URL")
    key = match["name"] + re.sub(r"\s", "", match["extras"] or "")
    return (f"{key}@{match['url']}", "") if match["url"] else (key, _without_equals(version))


def _without_equals(version: str) -> str:
    return re.sub(r"^=+\s*", "", version.strip())


def _conda_dependencies(content: str) -> Iterable[tuple[int, str]]:
    """The items of the list `dependencies`, with their lines; YAML as conda writes it needs no more."""
    is_inside = False
    for number, line in _numbered(content):
        text = re.sub(r"(^|\s)#.*", "", line).rstrip()
        if not text.strip():
            continue
        item = re.match(r"\s*-\s+(.*)$", text)
        if item is None:
            is_inside = text == "dependencies:"
        elif is_inside:
            yield number, item[1].strip().strip("'\"")
