"""What a notebook shows of flows, runs, steps, tasks and artifacts: HTML, made without loading any value.

Everything that somebody may have written (names, tags, messages, values) is escaped.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any

from flowstone_client.boxes import Box, drawn_boxes
from flowstone_client.byte_size import human_bytes
from flowstone_client.run_journal import tasks_of
from flowstone_datastore import Artifact, RunState, RunSummary, TaskFinished, TaskState, plain_value

if TYPE_CHECKING:
    from flowstone_client.data_artifact import DataArtifact
    from flowstone_client.flow import Flow
    from flowstone_client.run import Run
    from flowstone_client.step import Step
    from flowstone_client.task import Task

_MOST_ROWS = 20
_LONGEST_VALUE = 80
_LONGEST_TYPE = 40
_COLOURS = {
    "finished": "#dcfce7",
    "running": "#dbeafe",
    "failed": "#fee2e2",
    "died": "#fee2e2",
    "cancelled": "#fef9c3",
    "not begun": "#f1f5f9",
}


def html_of_flow(flow: "Flow") -> str:
    """The newest runs."""
    rows = [
        (
            run.id,
            _badge(run.state.value),
            _when(run.created_at),
            _seconds(run),
            run.user,
            ", ".join(sorted(run.user_tags)),
        )
        for run in islice(flow, _MOST_ROWS)
    ]
    return _page(f"Flow {flow.id}", "", _table(("run", "state", "started", "took", "user", "tags"), rows))


def html_of_run(run: "Run") -> str:
    """Its graph with the state of each step, what it was given, what it left, what went wrong."""
    if not run.has_begun:
        return _page(f"Run {run.pathspec}", _badge("not begun"))
    summary = run.summary
    about = (
        f"{_badge(summary.state.value)} started {_when(run.created_at)} by {escape(run.user or 'nobody known')}, "
        f"{_seconds(run)} {_tags(run.tags)}"
    )
    parts = [f"<p>{escape(run.message)}</p>" if run.message else "", _graph(summary)]
    parts.append(_values("parameters", summary.started.parameters))
    end = run.end_task
    if end is not None:
        left = {artifact.id: end[artifact.id]._stored for artifact in end.artifacts}  # noqa: SLF001 - one family
        given = {**summary.started.parameters, **summary.started.constants}
        parts.append(_values("artifacts", {name: stored for name, stored in left.items() if name not in given}))
    parts += [_failure(task) for task in islice(run.failed_tasks, 5)]
    return _page(f"Run {run.pathspec}", about, *parts)


def html_of_step(step: "Step") -> str:
    """Its tasks."""
    rows = [
        (task.id, _badge(task.state.value), _when(task.created_at), _took(task.seconds), _error(task))
        for task in islice(step.tasks(), _MOST_ROWS)
    ]
    more = f"<p>and {len(step) - _MOST_ROWS} more</p>" if len(step) > _MOST_ROWS else ""
    table = _table(("task", "state", "started", "took", "exception"), rows)
    return _page(f"Step {step.pathspec}", f"{len(step)} {'task' if len(step) == 1 else 'tasks'}", table, more)


def html_of_task(task: "Task") -> str:
    """How it went, and what it set."""
    about = f"{_badge(task.state.value)} attempt {task.current_attempt}, took {_took(task.seconds)}"
    stored = {artifact.id: artifact._stored for artifact in task.artifacts}  # noqa: SLF001 - one family
    failure = _failure(task) if task.exception else ""
    return _page(f"Task {task.pathspec}", about, failure, _values("artifacts", stored))


def html_of_artifact(artifact: "DataArtifact") -> str:
    """What it is; its value only if that stands in the record."""
    stored = artifact._stored  # noqa: SLF001 - one family
    return _page(f"Artifact {artifact.pathspec}", "", _values("", {artifact.id: stored}))


def html_of_values(pathspec: str, kind: str, stored: Mapping[str, Artifact]) -> str:
    """Values by name: what `run.data` and `run.parameters` hold."""
    return _page(pathspec, "", _values(f"{kind}s", stored))


def _page(title: str, about: str, *parts: str) -> str:
    inner = "".join([f"<div><b>{escape(title)}</b></div>", f"<div>{about}</div>" if about else "", *parts])
    return f'<div style="font-family:sans-serif;font-size:13px">{inner}</div>'


def _badge(state: str) -> str:
    """A state on its colour; states are our own words."""
    colour = _COLOURS.get(state, "#f1f5f9")
    return _Html(
        f'<span style="background:{colour};color:#0f172a;border-radius:4px;padding:1px 6px">{escape(state)}</span>'
    )


class _Html(str):
    """A text that is HTML already."""

    __slots__ = ()


def _cell(value: Any) -> str:
    return value if isinstance(value, _Html) else escape(str(value))


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    cell = '<td style="text-align:left;white-space:nowrap">'
    lines = ["".join(f"{cell}{_cell(value)}</td>" for value in row) for row in rows]
    if not lines:
        return ""
    top = "".join(f'<th style="text-align:left">{escape(name)}</th>' for name in head)
    return f"<table><tr>{top}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _values(title: str, stored: Mapping[str, Artifact]) -> str:
    shown = [(name, artifact) for name, artifact in sorted(stored.items()) if not name.startswith("_")]
    rows = [
        (name, _type(artifact.type), human_bytes(artifact.size), _preview(artifact))
        for name, artifact in shown[:_MOST_ROWS]
    ]
    more = f"<p>and {len(shown) - _MOST_ROWS} more</p>" if len(shown) > _MOST_ROWS else ""
    return _table((title or "artifact", "type", "size", "value"), rows) + more


def _type(name: str) -> str:
    """The type's name; without its module, if that is long."""
    return name.removeprefix("builtins.") if len(name) <= _LONGEST_TYPE else name.rpartition(".")[2]


def _preview(artifact: Artifact) -> str:
    value = plain_value(artifact)
    text = "" if value is None else repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _failure(task: "Task") -> str:
    error = task.exception
    if error is None:
        return f"<p>{escape(task.pathspec)} failed</p>"
    text = error.traceback or f"{error.type}: {error.message}"
    return f"<p>{escape(task.pathspec)}</p><pre>{escape(text)}</pre>"


def _error(task: "Task") -> str:
    error = task.exception
    return "" if error is None else f"{error.type}: {error.message}"[:_LONGEST_VALUE]


def _graph(summary: RunSummary) -> str:
    """The flow's graph; each step with the states of its tasks, and how long they took together."""
    raw: Any = summary.started.graph.get("nodes", ())
    nodes = [node for node in raw if isinstance(node, dict) and isinstance(node.get("name"), str)]
    if not nodes:
        return ""
    edges = [(node["name"], str(target)) for node in nodes for target in node.get("targets", ())]
    picture = drawn_boxes([_step_box(summary, node["name"]) for node in nodes], edges)
    return f'<div style="overflow-x:auto">{picture}</div>'


def _step_box(summary: RunSummary, name: str) -> Box:
    tasks = list(tasks_of(summary, name).values())
    states = Counter(task.state for task in tasks)
    if not tasks:
        return Box(name, "not begun", name, _COLOURS["not begun"])
    seconds = sum(task.ended.seconds or 0.0 for task in tasks if task.ended is not None)
    taken_over = sum(isinstance(task.ended, TaskFinished) and task.ended.origin is not None for task in tasks)
    told = [f"{count} {state.value}" for state, count in states.items()]
    told += [f"{taken_over} taken over"] if taken_over else []
    worst = TaskState.FINISHED
    if states[TaskState.RUNNING]:
        worst = TaskState.RUNNING if summary.state is RunState.RUNNING else TaskState.FAILED
    if states[TaskState.FAILED]:
        worst = TaskState.FAILED
    above = f"{', '.join(told)}, {_took(seconds)}"
    return Box(name, above, name, _COLOURS[worst.value], f"{name}: {above}")


def _tags(tags: Iterable[str]) -> str:
    return " ".join(f"<code>{escape(tag)}</code>" for tag in sorted(tags))


def _when(time: datetime | None) -> str:
    return "never" if time is None else f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _seconds(run: "Run") -> str:
    ended = run.finished_at
    return "not over" if ended is None else _took((ended - run.created_at).total_seconds())


def _took(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
