"""All runs of a flow."""

from collections.abc import Iterator

from flowstone_client.client import Client
from flowstone_client.default_client import default_client
from flowstone_client.errors import NamespaceMismatchError, NotFoundError, WrongDepthError
from flowstone_client.run import Run
from flowstone_interfaces import Pathspec


class Flow:
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
        if Pathspec.parse(name).depth != 1:
            raise WrongDepthError(name, f"a flow is one name, write {name.partition('/')[0]!r}")
        self._client = client or default_client()
        self.id = name
        known = tuple(self._client.datastore.flows())
        if name not in known:
            raise NotFoundError("flow", name, self._client.datastore.url, known)
        if self._client.namespace is not None and not self.is_in_namespace():
            raise NamespaceMismatchError(name, self._client.namespace)

    @property
    def pathspec(self) -> str:
        """The flow's name."""
        return self.id

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

    def __repr__(self) -> str:
        return f"Flow({self.id!r})"


def flows(client: Client | None = None) -> tuple[Flow, ...]:
    """Every flow of a store, by name."""
    client = client or default_client()
    return tuple(Flow(name, client=client) for name in client.datastore.flows())
