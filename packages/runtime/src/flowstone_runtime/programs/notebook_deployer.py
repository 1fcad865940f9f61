"""`NBDeployer`: deploy a flow that is defined in the cells of a notebook.

deployed = NBDeployer(Train).step_functions().create()
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowstone_runtime.programs.deployer import Deployer
from flowstone_runtime.programs.notebook_cells import cells
from flowstone_runtime.programs.notebook_source import flow_source


class NBDeployer(Deployer):
    """Writes the flow to a hidden file in the working folder, and deploys that; `cleanup` deletes it.

    The file is called by its content: the same cells are the same deployment. What the class uses of other cells
    is taken along: see `flow_source`.

    Args:
        flow: the class.
        profile: the profile to take settings from.
        env: environment variables to add.
        base_dir: where to write the file; it decides which project the flow is of. By default the working folder.
        top_level: see `Deployer`.

    Raises:
        UsageError: this is no notebook, or no cell defines the flow.
    """

    def __init__(
        self,
        flow: type,
        profile: str | None = None,
        env: Mapping[str, str] | None = None,
        base_dir: str | os.PathLike[str] | None = None,
        **top_level: Any,
    ) -> None:
        source = flow_source(flow.__name__, cells())
        mark = hashlib.sha256(source.encode()).hexdigest()[:8]
        self._written = Path(base_dir or Path.cwd()) / f".{flow.__name__}-{mark}.py"
        self._written.write_text(source, encoding="utf-8")
        super().__init__(self._written, profile, env, None, **top_level)

    def cleanup(self) -> None:
        """Delete the file; what is deployed stays, but only a new `NBDeployer` can do more with it."""
        self._written.unlink(missing_ok=True)
