"""Everything in a store: its flows."""

from collections.abc import Iterator

from flowstone_client.client import Client
from flowstone_client.client_in_use import default_client
from flowstone_client.errors import NamespaceMismatchError
from flowstone_client.flow import Flow


class AllFlows:
    """The flows of a store by name, those that the client's namespace hides left out.

    Also known as `Metaflow`.
    """

    def __init__(self, *, client: Client | None = None) -> None:
        self._client = client or default_client()

    @property
    def flows(self) -> list[Flow]:
        """All of them, by name."""
        return [*self]

    def __iter__(self) -> Iterator[Flow]:
        for name in self._client.datastore.flows():
            try:
                yield Flow(name, client=self._client)
            except NamespaceMismatchError:
                continue

    def __getitem__(self, name: str) -> Flow:
        return Flow(name, client=self._client)

    def __contains__(self, name: object) -> bool:
        return any(flow.id == name for flow in self)

    def _ipython_key_completions_(self) -> list[str]:
        return [*self._client.datastore.flows()]

    def __repr__(self) -> str:
        return f"AllFlows({', '.join(repr(flow.id) for flow in self)})"


def flows(client: Client | None = None) -> tuple[Flow, ...]:
    """Every flow of a store, by name, those that the client's namespace hides left out."""
    return tuple(AllFlows(client=client))
