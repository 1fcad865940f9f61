"""What was run in this notebook."""

import sys
from collections.abc import Sequence

from flowstone_runtime.errors import UsageError


def cells() -> Sequence[str]:
    """The cells, as Python.

    Raises:
        UsageError: this is no notebook.
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None:
        raise UsageError(
            "NBRunner and NBDeployer are for cells of a notebook; use Runner or Deployer for a flow's file"
        )
    found: Sequence[str] = shell.history_manager.input_hist_parsed
    return found
