import inspect
import pickle
import pkgutil
from importlib import import_module

import pytest

import flowstone_interfaces
from flowstone_interfaces import FlowstoneError


def all_errors():
    found = set()
    for info in pkgutil.iter_modules(flowstone_interfaces.__path__):
        module = import_module(f"flowstone_interfaces.{info.name}")
        found |= {
            item
            for item in vars(module).values()
            if inspect.isclass(item) and issubclass(item, FlowstoneError) and item.__module__ == module.__name__
        }
    return sorted(found - {FlowstoneError}, key=lambda error: error.__name__)


def build(error):
    fields = [name for name in inspect.signature(error.__init__).parameters if name != "self"]
    return error(*[("<one>", "<two>") if name == "installed" else f"<{name}>" for name in fields])


def test_no_error_is_forgotten():
    """The tests below are empty if nothing is found."""
    assert [error.__name__ for error in all_errors()] == [
        "BrokenPluginError",
        "InvalidPathspecError",
        "PluginNotFoundError",
    ]


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
def test_an_error_survives_the_way_between_processes(error):
    """They are raised in tasks and shown by schedulers."""
    original = build(error)
    copy = pickle.loads(pickle.dumps(original))
    assert type(copy) is error
    assert str(copy) == str(original)
    assert vars(copy) == vars(original)


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
def test_an_error_is_the_builtin_that_it_is(error):
    """Who knows nothing of flowstone can handle it."""
    assert issubclass(error, LookupError | ValueError | ImportError)


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
def test_an_error_says_what_and_where_and_what_to_do(error):
    """In one sentence, with every value that it was given."""
    original = build(error)
    text = str(original)
    assert "\n" not in text
    assert "; " in text
    for value in vars(original).values():
        for shown in value if isinstance(value, tuple) else (value,):
            assert shown in text


def test_the_root_is_an_exception_with_a_message():
    """Whoever has nothing to add raises a subclass with a text."""
    error = FlowstoneError("the disk is full; free some space")
    assert str(error) == "the disk is full; free some space"
    assert error.is_transient is False
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
