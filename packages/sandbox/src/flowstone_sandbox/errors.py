"""What can go wrong with a sandbox."""

from flowstone_interfaces import FlowstoneError


class SandboxRunningError(FlowstoneError, RuntimeError):
    """There is one already."""

    def __init__(self, folder: str, url: str) -> None:
        super().__init__(folder, url)
        self.folder = folder
        self.url = url

    def __str__(self) -> str:
        where = f" at {self.url}" if self.url else ", and is just starting"
        return f"a sandbox of {self.folder} runs already{where}; use it, or stop it with: flowstone sandbox stop"


class SandboxNotRunningError(FlowstoneError, LookupError):
    """There is none."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"no sandbox runs in {self.folder}; start one with: flowstone sandbox start"


class SandboxStartError(FlowstoneError, ChildProcessError):
    """It did not come up."""

    def __init__(self, reason: str, log: str) -> None:
        super().__init__(reason, log)
        self.reason = reason
        self.log = log

    def __str__(self) -> str:
        return f"the sandbox did not start: {self.reason}; its log is {self.log}"


class PortTakenError(FlowstoneError, RuntimeError):
    """The port that was asked for is somebody else's."""

    def __init__(self, port: int, reason: str) -> None:
        super().__init__(port, reason)
        self.port = port
        self.reason = reason

    def __str__(self) -> str:
        return f"port {self.port} of 127.0.0.1 cannot be had: {self.reason}; choose another with --port, or none"


class ForeignFileError(FlowstoneError, PermissionError):
    """A file or folder that the sandbox needs is not its own."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path} {self.reason}; move it away, or set another place"


class WrongMotoError(FlowstoneError, ImportError):
    """The sandbox stands on another version of moto than the one that it knows."""

    def __init__(self, found: str, wanted: str) -> None:
        super().__init__(found, wanted)
        self.found = found
        self.wanted = wanted

    def __str__(self) -> str:
        return (
            f"moto {self.found} is installed, but the sandbox knows the insides of moto {self.wanted} only; "
            f"install it: pip install 'moto[server]=={self.wanted}'"
        )


class SandboxRequestError(FlowstoneError, RuntimeError):
    """The sandbox does not do what was asked of it."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"the sandbox refuses {self.path}: {self.reason}"
