"""A complete AWS-like cloud on 127.0.0.1, to try every cloud feature with no account."""

from flowstone_sandbox.options import Folders, Running, SandboxOptions

__all__ = ["Folders", "Running", "SandboxOptions"]
