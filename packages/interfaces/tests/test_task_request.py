import pickle

import attrs
import pytest

from flowstone_interfaces import Resources, TaskRequest

REQUEST = TaskRequest("Train/1/fit/0", ("python", "work.py"), b"payload", {"LANG": "C"}, Resources(cpus=0.5))


def test_a_request_is_a_frozen_value():
    """A scheduler may keep it, and send it again for the next attempt."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        REQUEST.payload = b""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        REQUEST.resources.cpus = 2


def test_equal_requests_are_equal_keys():
    """Whatever their environment variables are, which no hash can cover."""
    twin = attrs.evolve(REQUEST, environ={"LANG": "C"})
    assert twin == REQUEST
    assert hash(twin) == hash(REQUEST)
    assert attrs.evolve(REQUEST, environ={}) != REQUEST


def test_a_request_has_its_environment_for_itself():
    """Whoever gave it may go on with the dictionary."""
    environ = {"LANG": "C"}
    request = TaskRequest("1", (), b"", environ)
    environ["LANG"] = "fi"
    assert request.environ == {"LANG": "C"}


def test_a_request_survives_the_way_between_processes():
    """An executor may hand it to a helper."""
    assert pickle.loads(pickle.dumps(REQUEST)) == REQUEST


def test_what_is_not_said_is_left_to_the_executor():
    """The smallest request is a program and its input."""
    request = TaskRequest("1", ("true",), b"")
    assert request.environ == {}
    assert request.resources == Resources(None, None, None, None, None)
    assert (request.timeout_seconds, request.code_address, request.environment_address, request.image) == (
        None,
    ) * 4
