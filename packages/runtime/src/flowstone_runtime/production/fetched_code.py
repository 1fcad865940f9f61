"""The code of a deployment on the machine of a job: fetched by content, never what lies on its disk."""

import os
import sys
from pathlib import Path

from flowstone_client.run_code import RunCode
from flowstone_datastore import Datastore, RunStarted
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.worker import load_flow

MAIN_FILE = "main_file"
"""In the settings of a deployment: the path in the code of the file that starts the flow."""
MAIN_MODULE = "main_module"
"""Its module name where it is part of a package."""


def load_deployed_flow(datastore: Datastore, run: RunStarted, folder: Path) -> type[FlowSpec]:
    """Write the code below a folder, which becomes the working folder, and load the flow from there.

    Raises:
        UsageError: the deployment has no code, or its file does not start the flow.
        DamagedChunkError, MissingChunkError: the code is not in the store.
        OSError: it could not be written.
    """
    if run.code is None:
        raise UsageError(f"the deployment of {run.flow} has no code; create it again")
    code = RunCode(datastore, f"{run.flow}/{run.run_id}", run.code)
    code.extract(folder)
    os.chdir(folder)
    for place in reversed(code.import_folders):
        sys.path.insert(0, str(folder / place))
    return load_flow(folder / main_file(run), run.settings.get(MAIN_MODULE), run.flow)


def main_file(run: RunStarted) -> str:
    """The path in the code of the file that starts the flow."""
    return str(run.settings.get(MAIN_FILE, "" if run.code is None else run.code.flow_file))
