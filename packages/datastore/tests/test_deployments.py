"""Deployments are kept by content, and what they name is kept with them."""

import attrs
import pytest

from flowstone_datastore import (
    Code,
    DamagedDeploymentError,
    Datastore,
    DeploymentNotFoundError,
    Deployments,
    MemoryStorage,
    RunStarted,
)
from flowstone_datastore.collect import plan_collection
from flowstone_datastore.retention import KeepRules


@pytest.fixture
def store():
    return Datastore.at(MemoryStorage(), create=True)


def draft(store, source=b"class Train: ...\n" * 400, **more):
    code = Code("train.py", {"train.py": store.chunks.put((source,))})
    return RunStarted(time=1.0, flow="Train", run_id="unnamed", code=code, **more)


def test_a_deployment_is_versioned_by_all_but_its_time(store):
    """Who creates the same thing twice has one deployment; who changes anything has another."""
    deployments = Deployments(store.storage)
    first = draft(store, user="ada")
    version = deployments.write(first)
    assert deployments.write(attrs.evolve(first, time=2.0)) == version
    assert deployments.read("Train", version) == first
    other = deployments.write(draft(store, user="bob"))
    assert list(deployments.all()) == [("Train", each) for each in sorted((version, other))]
    assert deployments.versions("Train") == tuple(sorted((version, other)))
    deployments.delete("Train", other)
    assert deployments.versions("Train") == (version,)


def test_collection_keeps_what_a_deployment_names(store):
    """Else its next run would find no code."""
    deployments = Deployments(store.storage)
    version = deployments.write(draft(store))
    late = 1e12
    assert not plan_collection(store, KeepRules(keep_last=0), late).chunks
    deployments.delete("Train", version)
    assert plan_collection(store, KeepRules(keep_last=0), late).chunks


def test_what_is_not_there_or_damaged_says_so(store):
    """By name of flow and version."""
    deployments = Deployments(store.storage)
    with pytest.raises(DeploymentNotFoundError, match="has no deployment aaaa"):
        deployments.read("Train", "a" * 64)
    store.storage.write(f"deployments/Train/{'b' * 64}.jsonl", b"{}\n")
    with pytest.raises(DamagedDeploymentError, match="create it again"):
        deployments.read("Train", "b" * 64)
