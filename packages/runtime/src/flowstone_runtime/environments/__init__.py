"""With which Python and which packages a run was started, and how to have them again."""

from flowstone_runtime.environments.snapshot import snapshot_environment
from flowstone_runtime.environments.step_environment import StepEnvironment

__all__ = ["StepEnvironment", "snapshot_environment"]
