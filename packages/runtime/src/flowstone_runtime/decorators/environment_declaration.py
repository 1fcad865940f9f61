"""What all decorators that declare an environment are: known without loading any of them."""


class EnvironmentDeclaration:
    """A decorator, of a step or a flow, that declares packages."""

    __slots__ = ()

    lock: str
    """A lock file of the user's, relative to the flow's file; empty if there is none."""
