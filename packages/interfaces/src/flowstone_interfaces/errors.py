"""The root of every error that a user of flowstone can cause.

Each package derives its own errors from it, beside the builtin that they are:
`class BlobNotFoundError(FlowstoneError, LookupError)`. An error's arguments are
its fields, positional, so that it survives pickling between processes.
"""


class FlowstoneError(Exception):
    """What is wrong, where, and what to do: one sentence each, no traceback needed.

    The command line prints `str(error)` and nothing else. Attributes beyond the
    message are for programs that handle the error.
    """

    is_transient: bool = False
    """True if trying again, unchanged, may succeed (a throttled request, a reclaimed machine)."""
