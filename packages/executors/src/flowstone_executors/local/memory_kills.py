"""Did the kernel kill a process because memory ran out? Linux counts such kills."""

from pathlib import Path

_COUNTERS = Path("/proc/vmstat")
_KILLS = "oom_kill "


class MemoryKills:
    """Tells a task that was killed for its memory from one that somebody killed. For one thread."""

    def __init__(self, counters: Path = _COUNTERS) -> None:
        self._counters = counters
        self._seen = 0

    def start(self) -> None:
        """Count from here on."""
        self._seen = self._count()

    def take_one(self) -> bool:
        """Whether there was a kill that was not asked for yet."""
        if self._count() <= self._seen:
            return False
        self._seen += 1
        return True

    def _count(self) -> int:
        try:
            lines = self._counters.read_text().splitlines()
        except OSError:  # not Linux: then nobody can tell
            return 0
        return next((int(line.removeprefix(_KILLS)) for line in lines if line.startswith(_KILLS)), 0)
