"""How much of a machine there is, and what of it jobs hold."""

from collections.abc import Sequence

import attrs

from flowstone_interfaces.python_310 import Self


@attrs.frozen
class Need:
    """What a job asks for."""

    vcpus: float
    memory_mib: int
    gpus: int = 0


@attrs.frozen
class Capacity:
    """What is free. A value: taking and giving back make another one."""

    vcpus: float
    memory_mib: int
    gpus: tuple[int, ...]
    """The numbers of the free ones."""
    slots: int
    """How many processes may run beside each other, whatever they ask for."""

    @classmethod
    def of(cls, vcpus: float, memory_mib: int, gpus: int, slots: int) -> Self:
        """Everything free."""
        return cls(vcpus, memory_mib, tuple(range(gpus)), slots)

    def holds(self, need: Need) -> bool:
        """True if this much is there."""
        return (
            need.vcpus <= self.vcpus
            and need.memory_mib <= self.memory_mib
            and need.gpus <= len(self.gpus)
            and self.slots > 0
        )

    def less(self, need: Need) -> tuple[Self, tuple[int, ...]]:
        """What is left when a job takes what it needs, and which GPUs it gets: those with the lowest numbers."""
        taken, left = self.gpus[: need.gpus], self.gpus[need.gpus :]
        rest = attrs.evolve(
            self,
            vcpus=self.vcpus - need.vcpus,
            memory_mib=self.memory_mib - need.memory_mib,
            gpus=left,
            slots=self.slots - 1,
        )
        return rest, taken

    def more(self, need: Need, gpus: Sequence[int]) -> Self:
        """What is free once a job gives back what it had."""
        return attrs.evolve(
            self,
            vcpus=self.vcpus + need.vcpus,
            memory_mib=self.memory_mib + need.memory_mib,
            gpus=tuple(sorted((*self.gpus, *gpus))),
            slots=self.slots + 1,
        )
