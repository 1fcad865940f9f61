import json

import pytest

from flowstone_client import Distribution, NoEnvironmentError

DOCUMENT = {
    "format": 1,
    "python": {"version": "3.12.1", "implementation": "cpython"},
    "distributions": [{"name": "six", "version": "1.16.0", "kind": "index", "later": "field"}],
}


def test_the_environment_of_a_run_is_known_by_name(new_run, store):
    """Which version was it?"""
    written = new_run("1")
    written.start(environment=store.chunks.put((json.dumps(DOCUMENT).encode(),)))
    environment = written.read().environment
    assert environment["six"] == Distribution("six", "1.16.0")
    assert (list(environment), len(environment), environment.python["version"]) == (["six"], 1, "3.12.1")
    assert environment.to_json() == DOCUMENT
    assert len(environment.address) == 64
    assert repr(environment) == "<the environment of Train/1: Python 3.12.1, 1 distributions>"


def test_a_run_without_one_says_so(new_run):
    """Of other writers, or older than the record."""
    written = new_run("1")
    written.start()
    environment = written.read().environment
    assert environment.address == ""
    assert repr(environment) == "<the environment of Train/1: not recorded>"
    with pytest.raises(NoEnvironmentError, match="Train/1 has no record of its environment"):
        len(environment)
