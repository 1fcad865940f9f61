"""With which Python and which packages a run was started, and how to have them again."""

from flowstone_runtime.environments.snapshot import snapshot_environment

__all__ = ["snapshot_environment"]
