"""How much of everything this machine has for tasks, and how much of it is taken."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from flowstone_interfaces import Resources
from flowstone_interfaces.python_310 import Self
from flowstone_runtime.tasks.thread_share import usable_cores

_MEMORY_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Of a container, where it has one (Linux: cgroup v2, v1)."""
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
    return Capacity(usable_cores(), min([memory, *_memory_limits()]) >> 20, _gpus(environ))


def _memory_limits() -> Iterator[int]:
    for file in _MEMORY_LIMITS:
        try:
            text = file.read_text().strip()
        except OSError:  # no such container, or another system
            continue
        if text.isdecimal():  # else it says that there is no limit
            yield int(text)


def _gpus(environ: Mapping[str, str]) -> int:
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([device for device in visible.split(",") if device.strip() not in ("", "-1")])
    try:
        return sum(1 for device in Path("/dev").iterdir() if _GPU_DEVICE.match(device.name))
    except OSError:
        return 0
