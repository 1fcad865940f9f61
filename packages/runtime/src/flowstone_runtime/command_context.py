"""What every command of a flow file is given."""

import attrs

from flowstone_client.settings import Settings
from flowstone_runtime.flowspec import FlowSpec


@attrs.frozen
class CommandContext:
    """The flow, the settings, and how to talk."""

    flow: type[FlowSpec]
    settings: Settings
    is_quiet: bool
    is_terminal: bool
    """True if a person watches standard output: a terminal, and not one of a CI system."""
