import inspect
import pickle
import pkgutil
from importlib import import_module

import pytest

import flowstone_datastore
from flowstone_interfaces import FlowstoneError

LIBRARIES_OF_EXTRAS = {"awscrt", "boto3", "botocore", "pandas", "pyarrow"}


def all_errors():
    found = set()
    for info in pkgutil.walk_packages(flowstone_datastore.__path__, "flowstone_datastore."):
        if info.name == "flowstone_datastore.testing":
            continue
        try:
            module = import_module(info.name)
        except ImportError as error:
            if error.name not in LIBRARIES_OF_EXTRAS:
                raise
            continue
        found |= {
            item
            for item in vars(module).values()
            if inspect.isclass(item) and issubclass(item, FlowstoneError) and item.__module__ == module.__name__
        }
    return sorted(found, key=lambda error: error.__name__)


def build(error):
    fields = inspect.signature(error.__init__).parameters
    arguments = [7 if name in {"errno", "offset"} else f"<{name}>" for name in fields if name != "self"]
    return error(*arguments) if "args" not in fields else error()


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
    builtins = (LookupError, ValueError, TypeError, OSError, RuntimeError, ImportError)
    assert issubclass(error, builtins) or error is flowstone_datastore.StorageError


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
def test_an_error_says_what_and_where_and_what_to_do(error):
    """In one sentence, with every value that it was given."""
    if error is flowstone_datastore.StorageError:
        return
    text = str(build(error))
    assert "\n" not in text
    assert "<" in text
