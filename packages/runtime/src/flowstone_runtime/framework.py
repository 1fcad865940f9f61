"""Which code is flowstone's own: it is no part of a run's code, and no frame of it says anything to users."""

import os
import sys
from pathlib import Path

PACKAGES = frozenset(
    {
        "flowstone",
        "flowstone_client",
        "flowstone_datastore",
        "flowstone_deployer",
        "flowstone_executors",
        "flowstone_graph",
        "flowstone_interfaces",
        "flowstone_runtime",
        "flowstone_sandbox",
    }
)
"""Each by name: a user's `flowstone_helpers.py` is the user's."""


def is_framework(module: str) -> bool:
    """True for a module of flowstone's own packages, which may lie in a project as a checkout."""
    return module.partition(".")[0] in PACKAGES


def framework_folders() -> tuple[str, ...]:
    """Where the packages lie that this process has loaded, each with a separator at its end."""
    files = [getattr(sys.modules.get(name), "__file__", None) for name in sorted(PACKAGES)]
    return tuple(str(Path(file).parent) + os.sep for file in files if file)
