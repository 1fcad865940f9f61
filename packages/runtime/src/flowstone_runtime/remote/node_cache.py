"""What a machine keeps for the tasks that will run there later, beside what the bootstrap unpacks."""

from pathlib import Path

import attrs

from flowstone_datastore import ChunkCache

_CHUNK_BYTES = 4 << 30


@attrs.frozen
class NodeCache:
    """The folder that the bootstrap found."""

    folder: Path

    @property
    def chunks(self) -> ChunkCache:
        """For chunks of the store."""
        return ChunkCache(str(self.folder / "chunks"), _CHUNK_BYTES)

    @property
    def environments(self) -> Path:
        """For environments that steps declare."""
        return self.folder / "environments"
