"""The client that `Flow(...)`, `Run(...)`, ... use when they are given none, and what people set about it.

It looks into the store of the working folder, in the namespace of whoever asks: `user:<name>`.
"""

from pathlib import Path

from flowstone_client.client import Client
from flowstone_client.settings import DEFAULT_STORE


class _DefaultClient:
    """The one piece of module state: what a notebook has set for all that follows."""

    client: Client | None = None


def default_client() -> Client:
    """The client that `Flow(...)`, `Run(...)`, ... use when they are given none."""
    if _DefaultClient.client is None:
        client = Client()
        client.namespace = _own_namespace(client)
        _DefaultClient.client = client
    return _DefaultClient.client


def use_client(client: Client | None) -> Client | None:
    """Make a client the default one, and return the one before; `None` is the one of the working folder."""
    before, _DefaultClient.client = _DefaultClient.client, client
    return before


def namespace(tag: str | None) -> str | None:
    """From now on, see only runs with this tag: `user:<name>`, `production:<token>`, or any; `None` for all runs.

    Returns the namespace. `Client(store, namespace=...)` has one of its own, and leaves this one alone.
    """
    known = default_client()
    use_client(_beside(known, tag))
    return tag


def get_namespace() -> str | None:
    """The namespace of what is asked without a client; `None` if that sees all runs."""
    return default_client().namespace


def default_namespace() -> str:
    """Back to the own runs, `user:<name>`; returns this namespace."""
    own = _own_namespace(default_client())
    namespace(own)
    return own


def metadata(place: str) -> str:
    """From now on, look into the store in this folder or behind this URL, which is returned.

    `local@` before it is ignored.

    Raises:
        NotAStoreError: there is none.
    """
    client = Client(place.removeprefix("local@"), namespace=get_namespace())
    url = client.datastore.url
    use_client(client)
    return url


def inspect_spin(place: str = ".") -> str:
    """From now on, look into the store of a project's folder, as after `spin` there; returns the store's URL.

    What was tried lies in the same store as the runs: `Flow("Train").runs("runtime:spin")`. `place` may also be
    the store itself, as for `metadata`.

    Raises:
        NotAStoreError: there is none.
    """
    folder = Path(place) / DEFAULT_STORE
    return metadata(str(folder) if folder.is_dir() else place)


def get_metadata() -> str:
    """The URL of the store that is asked without a client."""
    return default_client().datastore.url


def default_metadata() -> str:
    """Back to the store of the working folder; returns its URL."""
    tag = get_namespace()
    use_client(None)
    namespace(tag)
    return get_metadata()


def _own_namespace(client: Client) -> str:
    return f"user:{client.settings.user}"


def _beside(client: Client, tag: str | None) -> Client:
    """A client of the same store in another namespace: whoever holds the old one sees what it saw."""
    other = Client(client._store, namespace=tag, index_folder=client._index_folder)  # noqa: SLF001 - one family
    for opened in ("datastore", "settings", "index"):
        if opened in vars(client):
            vars(other)[opened] = vars(client)[opened]
    return other
