"""The store that a command of the program works on."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowstone_datastore import Datastore


def opened_store(options: dict[str, str | None]) -> "Datastore":
    """The store that the program's options, the environment and the settings files name.

    Raises:
        NotAStoreError: there is none.
        StorageError: it could not be read.
    """
    from flowstone_client.settings import Settings
    from flowstone_datastore import Datastore

    settings = Settings.load(Path.cwd(), os.environ, options)
    return Datastore.open(settings.store, cache=settings.cache)
