"""A task on a machine that has a Python and nothing else: everything comes from the store, by content."""

from flowstone_runtime.remote.launch import Launch, LaunchRef, remote_command

__all__ = ["Launch", "LaunchRef", "remote_command"]
