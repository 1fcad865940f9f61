"""A deployment's version says what it does, and nothing else."""

import pickle

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore import ChunkRef, Code, address_of
from flowstone_deployer import Deployment
from flowstone_graph import FlowGraph, Kind, Node

NODES = (Node("start", Kind.LINEAR, ("end",), file="/a/train.py", line=3), Node("end", Kind.LINEAR))
GRAPH = FlowGraph("Train", NODES, "start", "end", file="/a/train.py")


def code(text: bytes) -> Code:
    return Code("train.py", {"train.py": ChunkRef(address_of(text), len(text))})


DEPLOYMENT = Deployment(GRAPH, code(b"x = 1"))


@given(st.binary(), st.binary())
def test_equal_code_means_equal_version(one: bytes, other: bytes) -> None:
    """Nobody deploys anew what runs already, and nobody runs what was not deployed."""
    versions = {Deployment(GRAPH, code(text)).version for text in (one, other)}
    assert (len(versions) == 1) == (one == other)


@pytest.mark.parametrize(
    "change",
    [
        {"environment_address": address_of(b"other")},
        {"settings": {"schedule": "hourly"}},
        {"graph": FlowGraph("Train2", NODES, "start", "end")},
    ],
)
def test_everything_that_runs_counts(change) -> None:
    """An environment or a schedule changes what a deployment does."""
    assert attrs.evolve(DEPLOYMENT, **change).version != DEPLOYMENT.version


def test_where_it_was_made_does_not_count() -> None:
    """Two people with two checkouts deploy the same thing."""
    nodes = (attrs.evolve(NODES[0], file="/b/train.py", line=30), NODES[1])
    elsewhere = FlowGraph("Train", nodes, "start", "end", file="/b/train.py")
    assert attrs.evolve(DEPLOYMENT, graph=elsewhere).version == DEPLOYMENT.version


def test_a_deployment_is_a_value() -> None:
    """It travels between processes and cannot be changed."""
    assert pickle.loads(pickle.dumps(DEPLOYMENT)) == DEPLOYMENT
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        DEPLOYMENT.environment_address = "x"
