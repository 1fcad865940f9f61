"""What a task finds around it: a client of the run's own store, and somebody who notes what data it moves."""

from collections.abc import Iterator
from contextlib import contextmanager

from flowstone_client import Client, use_client
from flowstone_datastore import Datastore, RunStarted, collecting_data_access
from flowstone_datastore.data_access import DataAccesses


@contextmanager
def task_surroundings(datastore: Datastore, run: RunStarted) -> Iterator[DataAccesses]:
    """While a task runs, `Flow(...)` and its kin look into the run's store, in the run's namespace."""
    before = use_client(Client(datastore, namespace=namespace_of(run)))
    try:
        with collecting_data_access(f"{run.flow}/{run.run_id}") as accesses:
            yield accesses
    finally:
        use_client(before)


def namespace_of(run: RunStarted) -> str | None:
    """The namespace in which its tasks look at other runs: its user's, one that was asked for, `None` for all."""
    return str(run.settings.get("namespace", f"user:{run.user}")) or None
