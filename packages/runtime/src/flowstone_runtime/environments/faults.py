"""What can go wrong with a declared environment."""

from flowstone_interfaces import FlowstoneError


class EnvironmentNotLockedError(FlowstoneError, RuntimeError):
    """No packages could be chosen: the requirements contradict each other, or no index answers."""

    def __init__(self, requirements: tuple[str, ...], own: tuple[str, ...], platform: str, detail: str) -> None:
        super().__init__(requirements, own, platform, detail)
        self.requirements = requirements
        self.own = own
        self.platform = platform
        self.detail = detail

    def __str__(self) -> str:
        asked = ", ".join(self.requirements) or "no packages"
        return (
            f"no environment with {asked} can be had on {self.platform} "
            f"(flowstone itself needs {', '.join(self.own)} there): {self.detail}; "
            "change the requirements, or try again where the index can be reached"
        )


class PackageNotHadError(FlowstoneError, RuntimeError):
    """A package that a lock names cannot be had, or is not what was locked."""

    def __init__(self, file_name: str, url: str, detail: str) -> None:
        super().__init__(file_name, url, detail)
        self.file_name = file_name
        self.url = url
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"{self.file_name} cannot be had from {self.url}: {self.detail}; "
            "try again where it can be reached, or lock the environment anew with: flowstone env lock --upgrade"
        )


class EnvironmentNotBuiltError(FlowstoneError, RuntimeError):
    """The packages are there, but could not be installed."""

    def __init__(self, requirements: tuple[str, ...], detail: str) -> None:
        super().__init__(requirements, detail)
        self.requirements = requirements
        self.detail = detail

    def __str__(self) -> str:
        asked = ", ".join(self.requirements) or "no packages"
        return f"the environment with {asked} cannot be built: {self.detail}; is there room in the cache folder?"


class NoInterpreterError(FlowstoneError, LookupError):
    """This machine has no such Python."""

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self.version = version

    def __str__(self) -> str:
        return f"there is no Python {self.version} on this machine; install it (uv python install {self.version})"
