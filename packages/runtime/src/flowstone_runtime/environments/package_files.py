"""Files of packages on this machine, by the hashes that locks have: from the store, or from where they were."""

import hashlib
import mmap
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import attrs

from flowstone_datastore import ChunkRef, Datastore, StorageError
from flowstone_runtime.environments.download import open_url
from flowstone_runtime.environments.faults import PackageNotHadError
from flowstone_runtime.environments.request import Package
from flowstone_runtime.environments.whole_file import write_whole

_AT_ONCE = 6
_BLOCK = 1 << 20


@attrs.frozen
class PackageFiles:
    """A folder with a folder for each hash, so that a file has one path for ever; processes share it."""

    folder: Path
    datastore: Datastore
    environ: Mapping[str, str]

    def have_all(
        self, packages: Sequence[Package], stored: Mapping[str, ChunkRef]
    ) -> dict[str, tuple[Path, ChunkRef]]:
        """What `have` gives for each package, by its SHA-256; what is not here is fetched several at a time.

        Raises:
            PackageNotHadError: as `have`, for the first that cannot be had.
            StorageError: one could not be stored.
        """

        def have(package: Package) -> tuple[Path, ChunkRef]:
            return self.have(package, stored.get(package.sha256))

        missing = [each for each in packages if not (self.folder / each.sha256 / "chunk").is_file()]
        if len(missing) > 1:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(_AT_ONCE) as threads:  # none is left when the zygote is forked
                list(threads.map(have, missing))
        return {each.sha256: have(each) for each in packages}

    def have(self, package: Package, stored: ChunkRef | None) -> tuple[Path, ChunkRef]:
        """The file of the package, and its chunk in the store; from the store if it is `stored` there.

        What is fetched is verified against the hash before anybody sees it. A file that was cut short since
        is fetched again.

        Raises:
            PackageNotHadError: it cannot be had, or is not what was locked.
            StorageError: it could not be stored.
        """
        home = self.folder / package.sha256
        file, note = home / package.file_name, home / "chunk"
        known = _noted(file, note)
        if known is not None:
            os.utime(home)  # it is in use
        else:
            home.mkdir(parents=True, exist_ok=True)
            self._fetch(package, stored, file)
        chunk = self._put(file, None if known is None else known.address)
        if known is None:
            write_whole(note, f"{chunk.address} {chunk.size}")
        return file, chunk

    def _put(self, file: Path, address: str | None) -> ChunkRef:
        # Mapped: of a package that the store has, hardly a page is read.
        with (
            file.open("rb") as source,
            mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as pages,
            memoryview(pages) as data,
        ):
            return self.datastore.chunks.put((data,), address=address)

    def _fetch(self, package: Package, stored: ChunkRef | None, file: Path) -> None:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".new-") as folder:
            part = Path(folder) / "part"
            if stored is not None and self._from_store(package, stored, part):
                part.replace(file)
                return
            try:
                with open_url(package.url, self.environ) as source, part.open("wb") as out:
                    found = _copy(source, out)
            except (OSError, ValueError) as error:
                raise PackageNotHadError(package.file_name, package.url, str(error)) from error
            if found != package.sha256:
                detail = f"its SHA-256 is {found}, but {package.sha256} was locked: it is cut short, or another"
                raise PackageNotHadError(package.file_name, package.url, detail)
            part.replace(file)

    def _from_store(self, package: Package, stored: ChunkRef, part: Path) -> bool:
        """Whether the store has it, as it was locked; if it was collected there, it is to be fetched again."""
        with suppress(StorageError):
            data = self.datastore.chunks.get(stored.address, size=stored.size, artifact=package.file_name)
            part.write_bytes(data)
            return hashlib.sha256(data).hexdigest() == package.sha256
        return False


def _noted(file: Path, note: Path) -> ChunkRef | None:
    """The chunk of a file that is there in full."""
    try:
        address, size = note.read_text(encoding="ascii").split()
        return ChunkRef(address, int(size)) if file.stat().st_size == int(size) else None
    except (OSError, ValueError):  # none yet, or not ours
        return None


def _copy(source: BinaryIO, out: BinaryIO) -> str:
    """The SHA-256 of what was copied."""
    digest = hashlib.sha256()
    while block := source.read(_BLOCK):
        digest.update(block)
        out.write(block)
    return digest.hexdigest()
