from importlib.metadata import entry_points
from pathlib import Path

import pytest

from flowstone_datastore import FileStorage, MemoryStorage, open_storage
from flowstone_interfaces import plugins
from flowstone_interfaces.plugins import PluginNotFoundError


@pytest.mark.parametrize("location", ["/data/store", "file:///data/store", Path("/data/store")])
def test_a_folder_and_its_url_are_files(location):
    """Both are what people write."""
    storage = open_storage(location)
    assert isinstance(storage, FileStorage)
    assert storage.root == "/data/store"


def test_memory_is_for_tests():
    """It needs nothing at all."""
    assert isinstance(open_storage("memory://"), MemoryStorage)


def test_an_unknown_scheme_says_what_is_installed():
    """Most likely an extra is missing."""
    with pytest.raises(PluginNotFoundError, match=r"'tape' in flowstone.storage; installed: .*file"):
        open_storage("tape://reel/1")


def test_other_schemes_come_from_plugins(monkeypatch):
    """S3 and what we never thought of."""
    memory = MemoryStorage()
    monkeypatch.setattr(plugins, "load_plugin", lambda group, name: lambda url: (group, name, url, memory)[3])
    assert open_storage("tape://reel/1") is memory


def test_our_own_are_plugins_too():
    """Who looks at the entry points sees the whole list."""
    offered = {point.name: point for point in entry_points(group="flowstone.storage")}
    assert isinstance(offered["file"].load()("file:///x"), FileStorage)
    assert isinstance(offered["memory"].load()("memory://"), MemoryStorage)
