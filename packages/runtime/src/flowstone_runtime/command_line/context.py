"""What every command of a flow file is given."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from flowstone_client.settings import Settings
from flowstone_runtime.flowspec import FlowSpec

DECLARED = "declared"
ENVIRONMENTS = (DECLARED, "none", "pypi", "conda")
"""What `--environment` takes; `pypi` and `conda`, which users of Metaflow write, stand for `declared`."""


@attrs.frozen
class CommandContext:
    """The flow, the settings, and how to talk."""

    flow: type[FlowSpec]
    settings: Settings
    is_quiet: bool
    is_terminal: bool
    """True if a person watches standard output: a terminal, and not one of a CI system."""
    flow_options: Mapping[str, Any] = attrs.field(factory=dict)
    """Options of the flow's decorators, such as `branch`."""
    environment: str = DECLARED
    """`declared`: steps run in the environments that they declare; `none`: in that of whoever starts the run."""
    announce: Callable[[str], None] | None = None
    """Told the pathspec of a run as soon as the run exists; `None` if nobody asked."""
