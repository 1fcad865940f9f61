"""All runs of a flow."""

from collections.abc import Iterator
from datetime import datetime

from flowstone_client.client import Client
from flowstone_client.client_object import ClientObject
from flowstone_client.default_client import default_client
from flowstone_client.errors import NamespaceMismatchError, NotFoundError
from flowstone_client.run import Run


class Flow(ClientObject, depth=1):
    """All runs of a flow, newest first: by run id, whose text begins with the time unless somebody chose another.

    `Flow("Train").latest_successful_run.data.model` loads what the newest good run
    left; `Flow("Train")["20260101-120000-k3f9"]` is one run. Runs that have not begun are
    left out.

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
        everything = Client(self._client.datastore)
        for run_id in self._client.datastore.run_ids(self.id):
            run = Run(f"{self.id}/{run_id}", client=everything)
            if run.has_begun and self._client.sees(run.tags):
                yield run

    def runs(self, *tags: str) -> Iterator[Run]:
        """The runs that carry all of `tags`, newest first."""
        wanted = set(tags)
        return (run for run in self if wanted <= run.tags)

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

    def __repr__(self) -> str:
        return f"Flow({self.id!r})"
