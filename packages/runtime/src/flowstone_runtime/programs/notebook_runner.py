"""`NBRunner`: run a flow that is defined in the cells of a notebook.

NBRunner(Train).nbrun(alpha=0.2)
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowstone_client import Run, Task
from flowstone_runtime.programs.notebook_cells import cells
from flowstone_runtime.programs.notebook_source import flow_source
from flowstone_runtime.programs.runner import Runner


class NBRunner(Runner):
    """Writes the flow to a hidden file in the working folder, and runs that; `cleanup` deletes it.

    What the class uses of other cells is taken along: see `flow_source`.

    Args:
        flow: the class.
        show_output: show what the runs write.
        profile: the profile to take settings from.
        env: environment variables to add.
        base_dir: where to write the file; it decides which project the flow is of. By default the working folder.
        top_level: see `Runner`.

    Raises:
        UsageError: this is no notebook, or no cell defines the flow.
    """

    def __init__(
        self,
        flow: type,
        show_output: bool = True,
        profile: str | None = None,
        env: Mapping[str, str] | None = None,
        base_dir: str | os.PathLike[str] | None = None,
        **top_level: Any,
    ) -> None:
        source = flow_source(flow.__name__, cells())
        folder = Path(base_dir or Path.cwd())
        number, name = tempfile.mkstemp(prefix=f".{flow.__name__}-", suffix=".py", dir=folder)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(source)
        self._written = Path(name)
        super().__init__(name, show_output, profile, env, None, **top_level)

    def nbrun(self, **parameters: Any) -> Run:
        """Run the flow to its end, and clean up; the run."""
        try:
            return self.run(**parameters).run
        finally:
            self.cleanup()

    def nbresume(self, step: str | None = None, **parameters: Any) -> Run:
        """Resume an older run to its end, and clean up; the new run."""
        try:
            return self.resume(step, **parameters).run
        finally:
            self.cleanup()

    def nbspin(self, pathspec: str, **options: Any) -> Task:
        """Do one task of an older run again, to its end, and clean up; the new task."""
        try:
            return self.spin(pathspec, **options).task
        finally:
            self.cleanup()

    def cleanup(self) -> None:
        """Stop what still runs, and delete the file."""
        super().cleanup()
        self._written.unlink(missing_ok=True)
