"""Run what ran before: its code, its environment, its parameters; and compare what comes out."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TextIO

import attrs

from flowstone_client import Client, DataArtifact, Run, Task
from flowstone_interfaces import FlowstoneError
from flowstone_runtime.environments.recreate import recreate_environment
from flowstone_runtime.errors import UsageError
from flowstone_runtime.past_runs.value_equality import are_equal

Likeness = Literal["identical", "equal", "different"]


class NotReproducibleError(FlowstoneError, RuntimeError):
    """A run cannot be run again."""

    def __init__(self, pathspec: str, reason: str) -> None:
        super().__init__(pathspec, reason)
        self.pathspec = pathspec
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.pathspec} cannot be reproduced: {self.reason}"


@attrs.frozen
class ArtifactLikeness:
    """One artifact of the old run, and what became of it."""

    name: str
    """`step/task/name`."""
    likeness: Likeness
    """`identical`: the same address. `equal`: other bytes, but the values say that they are equal."""
    detail: str = ""
    """Why it is different, where that is not its value."""


@attrs.frozen
class Reproduction:
    """A run, the same run once more, and how alike they are."""

    origin: str
    run: str
    states: tuple[str, str]
    artifacts: tuple[ArtifactLikeness, ...]
    differences: tuple[str, ...]
    """In words: what of the environment is not as it was."""

    @property
    def is_faithful(self) -> bool:
        """True if both ended alike and each artifact is identical or equal."""
        return self.states[0] == self.states[1] and all(each.likeness != "different" for each in self.artifacts)

    def to_json(self) -> dict[str, Any]:
        """The reproduction as JSON."""
        return {**attrs.asdict(self), "is_faithful": self.is_faithful}


def reproduce(
    client: Client, pathspec: str, folder: Path, environ: Mapping[str, str], output: TextIO
) -> Reproduction:
    """Build code and environment of the run in the folder, run it there into the same store, and compare.

    Every task runs again. The new run names the old one as its origin. What it writes goes to `output`, which is
    a real file. Variables of `environ` that say something of flowstone's or of Python's search path are left out.

    Raises:
        NotReproducibleError: the run goes on, or has no record of its code; or it could not be started again.
        NoEnvironmentError: it has no record of its environment.
        EnvironmentNotRecreatedError: its Python or its packages cannot be had.
        UsageError: the folder holds something.
        NotFoundError: there is no such run.
    """
    run = Run(pathspec, client=client)
    store = client.datastore.url
    if not run.finished:
        raise NotReproducibleError(run.pathspec, "it is still running; wait for its end")
    if not run.code:
        raise NotReproducibleError(run.pathspec, "its code was not recorded")
    _take_folder(folder)
    code = folder / "code"
    _extract(run, code)
    clean = {name: value for name, value in environ.items() if not _misleads(name)}
    made = recreate_environment(run.environment, folder / "environment", clean)
    id_file = folder / "run-id"
    paths = [str(code / each) for each in run.code.import_folders]
    done = subprocess.run(
        [made.interpreter, code / run.code.script_name, *_words(run, store, id_file)],
        cwd=code,
        env={**clean, "PYTHONPATH": os.pathsep.join(paths)},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        check=False,
    )
    run_id = id_file.read_text(encoding="utf-8") if id_file.is_file() else ""
    if not run_id:
        reason = f"its command line ended with exit code {done.returncode} before the run began; see its output"
        raise NotReproducibleError(run.pathspec, reason)
    again = Run(f"{run.flow_name}/{run_id}", client=client)
    states = (run.state.value, again.state.value)
    return Reproduction(run.pathspec, again.pathspec, states, tuple(_compare(run, again)), made.differences)


def _take_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder} cannot be used: {error.strerror}; name another folder") from error
    if not is_empty:
        raise UsageError(f"{folder} is not empty; name a folder that is, or a new one")


def _extract(run: Run, folder: Path) -> None:
    """The code, and the mark of a project: so that the new run keeps the same code under the same paths."""
    run.code.extract(folder)
    project = folder / "pyproject.toml"
    if not project.exists():
        patterns = json.dumps([f"/{path}" for path in run.code], ensure_ascii=False)
        project.write_text(f"[tool.flowstone]\npackage = {patterns}\n", encoding="utf-8")


def _misleads(variable: str) -> bool:
    """True for what would give the run other parameters, configs or modules than it had."""
    prefixes = ("FLOWSTONE_RUN_", "FLOWSTONE_FLOW_", "FLOWSTONE_PACKAGE", "FLOWSTONE_STORE", "FLOWSTONE_PROFILE")
    return variable.startswith(prefixes) or variable in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}


def _words(run: Run, store: str, id_file: Path) -> list[str]:
    """Resume from the very first step: parameters and configs are the old run's, and nothing is taken over."""
    started = run.summary.started
    settings: Mapping[str, Any] = started.settings
    first = started.graph.get("start")
    if not isinstance(first, str):
        raise NotReproducibleError(run.pathspec, "its record does not name the first step")
    words = ["--store", store, *_branch(settings.get("current", {}))]
    if "environment" in settings:
        words += ["--environment", settings["environment"]]
    words += ["resume", first, "--origin-run-id", run.id, "--run-id-file", str(id_file)]
    for added in settings.get("with", ()):
        words += ["--with", added]
    if "namespace" in settings:
        words += ["--namespace", settings["namespace"]]
    return words


def _branch(current: Mapping[str, Any]) -> list[str]:
    """The options of `@project` that gave the run its branch."""
    kind, _, name = str(current.get("branch_name", "")).partition(".")
    words = ["--production"] if kind == "prod" else []
    return [*words, "--branch", name] if name and kind in {"prod", "test"} else words


def _compare(run: Run, again: Run) -> Iterator[ArtifactLikeness]:
    for step in run.steps():
        for task in step.tasks():
            counterpart = _counterpart(again, task)
            for artifact in task.artifacts:
                yield _likeness(f"{step.id}/{task.id}/{artifact.id}", artifact, counterpart)


def _counterpart(again: Run, task: Task) -> Task | None:
    step = task.step_name
    return again[step][task.id] if step in again and task.id in again[step] else None


def _likeness(name: str, artifact: DataArtifact, counterpart: Task | None) -> ArtifactLikeness:
    if counterpart is None:
        return ArtifactLikeness(name, "different", "its task did not run again")
    if artifact.id not in counterpart:
        return ArtifactLikeness(name, "different", "it was not set again")
    other = counterpart[artifact.id]
    if artifact.address == other.address:
        return ArtifactLikeness(name, "identical")
    try:
        is_equal = are_equal(artifact.data, other.data)
    except Exception as error:  # noqa: BLE001 - loading and comparing run code of the values' own
        detail = f"it cannot be compared here: {type(error).__name__}: {error}"
        return ArtifactLikeness(name, "different", detail)
    return ArtifactLikeness(name, "equal" if is_equal else "different")
