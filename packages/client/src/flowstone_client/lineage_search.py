"""Find what made an artifact: from task to task, also into other runs and flows."""

from collections import deque
from typing import TYPE_CHECKING, Any

from flowstone_client.artifacts import ARTIFACT_SCHEME
from flowstone_client.lineage import Lineage, LineageNode, data_facts
from flowstone_client.run_journal import RunJournal
from flowstone_datastore import Artifact, RunSummary, TaskSummary, plain_value
from flowstone_interfaces import FlowstoneError, InvalidPathspecError, Pathspec

if TYPE_CHECKING:
    from flowstone_client.client import Client
    from flowstone_datastore import DataAccess

_Key = tuple[str, str]


class _Run:
    """A run that the search has come to, and its tables, each read once."""

    def __init__(self, journal: RunJournal, summary: RunSummary) -> None:
        self.journal = journal
        self.summary = summary
        self._tables: dict[_Key, dict[str, Artifact]] = {}

    def table(self, key: _Key) -> dict[str, Artifact]:
        """What a task left, by name."""
        if key not in self._tables:
            known = self.summary.tasks.get(key)
            ended = None if known is None else known.ended
            datastore = self.journal.datastore
            self._tables[key] = {} if ended is None else datastore.tables.flatten(ended.artifacts)
        return self._tables[key]

    def maker(self, key: _Key, name: str) -> _Key:
        """The task that made what another has under a name: up its parents, the first with the same content."""
        seen = {key}
        wanted = self.table(key)[name].address
        while True:
            known = self.summary.tasks.get(key)
            parents = known.started.parents if known is not None and known.started is not None else ()
            same = [parent for parent in parents if self._has(parent, name, wanted)]
            is_by_chance = len(same) < len(parents) and self._set_anew(known, name)
            if not same or is_by_chance:
                return key
            key = same[0]
            if key in seen:
                return key
            seen.add(key)

    def _has(self, key: _Key, name: str, address: str) -> bool:
        found = self.table(key).get(name)
        return found is not None and found.address == address

    def _set_anew(self, known: TaskSummary | None, name: str) -> bool:
        """True if a join shares content with one branch only by chance: it read nothing of that name."""
        reads = known.ended.reads.artifacts if known is not None and known.ended is not None else {}
        return not any(name in names for names in reads.values())


class _Search:
    def __init__(self, client: "Client") -> None:
        self._client = client
        self._runs: dict[str, _Run | None] = {}
        self._waiting: deque[tuple[_Run, _Key]] = deque()
        self.nodes: dict[str, LineageNode] = {}
        self.edges: dict[tuple[str, str], None] = {}

    def run(self, flow: str, run_id: str) -> _Run | None:
        """A run; `None` if it is gone or hidden."""
        name = f"{flow}/{run_id}"
        if name not in self._runs:
            try:
                journal = RunJournal(self._client, flow, run_id)
                self._runs[name] = _Run(journal, journal.summary())
            except FlowstoneError:  # deleted since, in another store, in another namespace
                self._runs[name] = None
        return self._runs[name]

    def artifact(self, run: _Run, key: _Key, name: str) -> str:
        """The node of an artifact or parameter as a task has it; what made it is looked at later."""
        started = run.summary.started
        given = started.parameters.get(name) or started.constants.get(name)
        if given is not None:
            return self.add(f"{run.journal.pathspec}/_parameters/0/{name}", "parameter", _value_facts(given))
        if name not in run.table(key):  # damaged, or deleted by the task itself
            return self.add(f"{run.journal.pathspec}/{key[0]}/{key[1]}/{name}", "artifact", {"is_missing": True})
        key = run.maker(key, name)
        task = f"{run.journal.pathspec}/{key[0]}/{key[1]}"
        node = self.add(f"{task}/{name}", "artifact", _value_facts(run.table(key)[name]))
        if task not in self.nodes:
            self.add(task, "task", _task_facts(run, key))
            self._waiting.append((run, key))
        self.edges[task, node] = None
        return node

    def follow(self) -> None:
        """Look at every task that has been found, until nothing new comes up."""
        while self._waiting:
            run, key = self._waiting.popleft()
            known = run.summary.tasks[key]
            if known.ended is None:
                continue
            task = f"{run.journal.pathspec}/{key[0]}/{key[1]}"
            for name in known.ended.reads.parameters:
                self.edges[self.artifact(run, key, name), task] = None
            for parent, names in known.ended.reads.artifacts.items():
                step, _, task_id = parent.partition("/")
                for name in names:
                    self.edges[self.artifact(run, (step, task_id), name), task] = None
            for access in known.ended.data:
                if access.mode == "read":
                    self.edges[self.data(access), task] = None

    def data(self, access: "DataAccess") -> str:
        """The node of something that was read besides artifacts; an artifact is followed into its run."""
        spec = _artifact_of(access.url)
        run = None if spec is None else self.run(spec.flow, spec.run or "")
        if spec is None or run is None or spec.step is None or spec.task is None or spec.artifact is None:
            return self.add(access.url, "data", data_facts(access))
        return self.artifact(run, (spec.step, spec.task), spec.artifact)

    def add(self, node_id: str, kind: str, facts: dict[str, Any]) -> str:
        """Take note of a node, once."""
        self.nodes.setdefault(node_id, LineageNode(node_id, kind, facts))
        return node_id


def lineage_of(journal: RunJournal, summary: RunSummary, key: tuple[str, str], name: str) -> Lineage:
    """The lineage of the artifact that a task (step and id) has under a name."""
    search = _Search(journal.client)
    found = search.artifact(_Run(journal, summary), key, name)
    search.follow()
    return Lineage(found, journal.datastore.url, search.nodes, tuple(search.edges))


def _artifact_of(url: str) -> Pathspec | None:
    if not url.startswith(ARTIFACT_SCHEME):
        return None
    try:
        spec = Pathspec.parse(url.removeprefix(ARTIFACT_SCHEME))
    except InvalidPathspecError:
        return None
    return spec if spec.depth == 5 else None


def _value_facts(artifact: Artifact) -> dict[str, Any]:
    facts: dict[str, Any] = {"address": artifact.address, "type": artifact.type, "size": artifact.size}
    value = plain_value(artifact)
    return facts if value is None else {**facts, "value": value}


def _task_facts(run: _Run, key: _Key) -> dict[str, Any]:
    started, known = run.summary.started, run.summary.tasks[key]
    nodes: Any = started.graph.get("nodes", ())
    node = next((node for node in nodes if isinstance(node, dict) and node.get("name") == key[0]), {})
    code = started.code
    locked = next((each.lock for each in started.environments if key[0] in each.steps), started.environment)
    facts = {
        "flow": started.flow,
        "run": started.run_id,
        "step": key[0],
        "attempt": known.attempt,
        "file": code.flow_file if code else node.get("file") or started.graph.get("file"),
        "line": node.get("line"),
        "code": code.files[code.flow_file].address if code and code.flow_file in code.files else None,
        "environment": locked.address if locked else None,
        "versions": dict(started.versions),
        "seconds": known.ended.seconds if known.ended else None,
        "ended": known.ended.time if known.ended else None,
        "origin": getattr(known.ended, "origin", None),
    }
    return {name: fact for name, fact in facts.items() if fact is not None}
