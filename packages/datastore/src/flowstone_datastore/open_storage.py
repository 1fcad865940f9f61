"""A URL or a folder -> the storage that keeps its objects."""

import os
import re
from collections.abc import Callable

from flowstone_datastore.file_storage import FileStorage
from flowstone_datastore.memory_storage import MemoryStorage
from flowstone_datastore.storage import Storage

PLUGIN_GROUP = "flowstone.storage"
"""Entry points of this group map a URL scheme to a callable `from_url(url) -> Storage`."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://")
# Not looked up like the others: reading the entry points of an environment takes milliseconds.
_BUILT_IN: dict[str, Callable[[str], Storage]] = {
    "file": FileStorage.from_url,
    "memory": MemoryStorage.from_url,
}


def open_storage(location: str | os.PathLike[str]) -> Storage:
    """The storage behind a folder, or behind a URL such as `file:///data/store` or `s3://bucket/prefix`.

    Touches nothing yet: whether it can be read shows when it is.

    Raises:
        PluginNotFoundError: no installed package knows the URL's scheme.
        BrokenPluginError: the package that knows it cannot be imported.
    """
    text = os.fspath(location)
    match = _SCHEME.match(text)
    if match is None:
        return FileStorage(text)
    from_url = _BUILT_IN.get(match[1])
    if from_url is not None:
        return from_url(text)
    from flowstone_interfaces.plugins import load_plugin

    storage: Storage = load_plugin(PLUGIN_GROUP, match[1])(text)
    return storage
