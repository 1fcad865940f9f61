"""What keeps a step from running on another machine."""

from flowstone_interfaces import FlowstoneError


class StoreNotReachableError(FlowstoneError, ValueError):
    """A step is to run on another machine, and the store is one that only this machine has."""

    def __init__(self, step: str, executor: str, store: str) -> None:
        super().__init__(step, executor, store)
        self.step = step
        self.executor = executor
        self.store = store

    def __str__(self) -> str:
        return (
            f"step {self.step!r} runs with @{self.executor}, on another machine, but the store {self.store} is on "
            "this one; use a store that both reach: --store s3://bucket/folder, FLOWSTONE_STORE, or a profile"
        )


class PartMissingError(FlowstoneError, LookupError):
    """What builds environments far away is not installed here."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"tasks on other machines need {self.name}, which is not installed here; pip install it"
