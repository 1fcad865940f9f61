"""All runs of a flow."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from flowstone_client.client import Client
from flowstone_client.client_in_use import default_client
from flowstone_client.client_object import ClientObject
from flowstone_client.errors import NamespaceMismatchError, NotFoundError
from flowstone_client.queries import find_runs
from flowstone_client.run import Run
from flowstone_datastore import SPUN_TAG, RunState

_LOOKED_AT = 32
"""So many of the newest runs are looked at one by one before an index is made."""


class Flow(ClientObject, depth=1):
    """All runs of a flow, newest first: by run id, whose text begins with the time unless somebody chose another.

    `Flow("Train").latest_successful_run.data.model` loads what the newest good run
    left; `Flow("Train")["20260101-120000-k3f9"]` is one run. Runs that have not begun are
    left out, and those that tried one task of another (`spin`), which `runs("runtime:spin")` gives.

    In a client's namespace, only the runs that carry its tag.

    Raises:
        NotFoundError: the flow never ran in this store.
        NamespaceMismatchError: it has runs, but none of them is in the client's namespace.
        InvalidPathspecError: the name is not that of a flow.
    """

    def __init__(self, name: str, *, client: Client | None = None) -> None:
        self._parsed(name)
        self._client = client or default_client()
        self.id = self.pathspec = name
        known = tuple(self._client.datastore.flows())
        if name not in known:
            raise NotFoundError("flow", name, self._client.datastore.url, known)
        if self._client.namespace is not None and not self.is_in_namespace():
            raise NamespaceMismatchError(name, self._client.namespace)

    def is_in_namespace(self) -> bool:
        """True if any of its runs is in the client's namespace."""
        return next(iter(self), None) is not None

    def __iter__(self) -> Iterator[Run]:
        run_ids = list(self._client.datastore.run_ids(self.id))
        for run_id in run_ids[:_LOOKED_AT] if self._client.namespace else run_ids:
            run = self._run(run_id)
            if run.has_begun and SPUN_TAG not in run.system_tags and self._client.sees(run.tags):
                yield run
        if self._client.namespace and len(run_ids) > _LOOKED_AT:  # far back, the index finds them
            seen = set(run_ids[:_LOOKED_AT])
            yield from (run for run in self.runs() if run.id not in seen)

    def _run(self, run_id: str) -> Run:
        return Run._of(self._client, self.id, run_id)  # noqa: SLF001 - one family

    def runs(
        self,
        *tag: str,
        tags: Iterable[str] = (),
        state: RunState | str | None = None,
        where: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Run]:
        """The runs for which all of this holds, newest first; found by the index, which is brought up to date.

        They carry every `tag` and all of `tags`, are in `state`, and `where` holds: a condition on
        parameters and on the numbers, texts and truth values that they ended with, as in `"auc > 0.9 and
        model in ('tree', 'forest')"`. A run that has no such value is left out. At most `limit` of them.

        Raises:
            InvalidConditionError: `where` cannot be understood.
            InvalidStateError: a run is never in such a state.
        """
        wanted = [*tag, *tags, *([self._client.namespace] if self._client.namespace else ())]
        if not wanted and state is None and where is None:
            return islice(self, limit)
        found = find_runs(self._client.index, self.id, tags=wanted, state=state, where=where, limit=limit)
        return (self._run(run_id) for run_id in found)

    def __getitem__(self, run_id: str) -> Run:
        return Run(f"{self.id}/{run_id}", client=self._client)

    def __contains__(self, run_id: object) -> bool:
        return any(run_id == known for known in self._client.datastore.run_ids(self.id))

    @property
    def latest_run(self) -> Run | None:
        """The newest run, however it is; `None` if there is none."""
        return next(iter(self), None)

    @property
    def latest_successful_run(self) -> Run | None:
        """The newest run that finished; `None` if there is none."""
        return next((run for run in self if run.successful), None)

    @property
    def tags(self) -> frozenset[str]:
        """All tags that any of its runs carries."""
        return frozenset(tag for run in self for tag in run.tags)

    @property
    def user_tags(self) -> frozenset[str]:
        """The tags that people gave any of its runs."""
        return frozenset(tag for run in self for tag in run.user_tags)

    @property
    def system_tags(self) -> frozenset[str]:
        """The tags that flowstone gave any of its runs."""
        return frozenset(tag for run in self for tag in run.system_tags)

    @property
    def created_at(self) -> datetime | None:
        """When its first run began; `None` if none has."""
        return min((run.created_at for run in self), default=None)

    def _child_ids(self) -> Iterator[str]:
        return (run.id for run in self)

    def _repr_html_(self) -> str:
        from flowstone_client.display import html_of_flow

        return html_of_flow(self)

    def __repr__(self) -> str:
        return f"Flow({self.id!r})"
