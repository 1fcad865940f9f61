"""How much of everything this machine has for tasks, and how much of it is taken."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import attrs

from flowstone_interfaces import Resources
from flowstone_runtime.thread_share import usable_cores

_MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""Of a container, where it has one (Linux, cgroup v2)."""
_GPU_DEVICE = re.compile(r"nvidia\d+\Z")


@attrs.frozen
class Capacity:
    """Cores, memory and GPUs: what there is, or what is taken."""

    cpus: float = 0
    memory_mib: float = 0
    gpus: float = 0

    def with_more(self, resources: Resources, times: int = 1) -> Self:
        """This and what `resources` says, `times` over."""
        return attrs.evolve(
            self,
            cpus=self.cpus + times * (resources.cpus or 0),
            memory_mib=self.memory_mib + times * (resources.memory_mib or 0),
            gpus=self.gpus + times * (resources.gpus or 0),
        )

    def fits_into(self, whole: "Capacity") -> bool:
        """Whether there is as much of everything in `whole`."""
        return self.cpus <= whole.cpus and self.memory_mib <= whole.memory_mib and self.gpus <= whole.gpus


def this_machine(environ: Mapping[str, str]) -> Capacity:
    """What tasks may use here: of a container, what it was given."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _memory_limit()
    return Capacity(usable_cores(), min(memory, limit or memory) >> 20, _gpus(environ))


def _memory_limit() -> int | None:
    try:
        text = _MEMORY_LIMIT.read_text().strip()
    except OSError:  # no such container, or another system
        return None
    return int(text) if text.isdecimal() else None


def _gpus(environ: Mapping[str, str]) -> int:
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([device for device in visible.split(",") if device.strip() not in ("", "-1")])
    try:
        return sum(1 for device in Path("/dev").iterdir() if _GPU_DEVICE.match(device.name))
    except OSError:
        return 0
