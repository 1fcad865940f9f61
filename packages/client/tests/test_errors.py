import inspect
import pickle
import pkgutil
from importlib import import_module

import pytest

import flowstone_client
from flowstone_interfaces import FlowstoneError

VALUES = {"timeout_seconds": 1.5, "known": ("<other>", "<another>"), "steps": ("<step>",), "text": "Train/1/fit"}


def all_errors():
    found = set()
    for info in pkgutil.iter_modules(flowstone_client.__path__):
        module = import_module(f"flowstone_client.{info.name}")
        found |= {
            item
            for item in vars(module).values()
            if inspect.isclass(item) and issubclass(item, FlowstoneError) and item.__module__ == module.__name__
        }
    return sorted(found, key=lambda error: error.__name__)


def build(error):
    fields = [name for name in inspect.signature(error.__init__).parameters if name != "self"]
    return error(*[VALUES.get(name, f"<{name}>") for name in fields])


def test_every_error_is_public():
    """Whoever handles one imports it from the package."""
    assert all_errors()
    assert {error.__name__ for error in all_errors()} <= set(flowstone_client.__all__)


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
def test_an_error_survives_the_way_between_processes(error):
    """A step may look at another run, and fail."""
    original = build(error)
    copy = pickle.loads(pickle.dumps(original))
    assert type(copy) is error
    assert str(copy) == str(original)
    assert vars(copy) == vars(original)


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
def test_an_error_is_the_builtin_that_it_is(error):
    """Who knows nothing of flowstone can handle it."""
    assert issubclass(error, LookupError | ValueError | TimeoutError | ImportError)


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
def test_an_error_says_what_and_where_and_what_to_do(error):
    """In one sentence, with what it was given."""
    original = build(error)
    text = str(original)
    assert "\n" not in text
    assert "; " in text
    shown = [value for value in vars(original).values() if isinstance(value, str)]
    assert shown
    assert all(value in text for value in shown)
