"""Files as an archive that is the same whenever, wherever and by whomever it is made."""

import gzip
import io
import tarfile
from collections.abc import Collection, Mapping
from pathlib import Path

_MODE = 0o644
_PROGRAM_MODE = 0o755


def write_archive(file: Path, contents: Mapping[str, bytes], programs: Collection[str] = ()) -> None:
    """Write a `.tar.gz`: sorted paths, no owner, no times.

    `contents` maps relative paths to bytes; `programs` are the paths of those that can be executed.

    Raises:
        OSError: the file cannot be written.
    """
    file.write_bytes(packed_archive(contents, programs))


def packed_archive(contents: Mapping[str, bytes], programs: Collection[str] = ()) -> bytes:
    """What `write_archive` writes."""
    out = io.BytesIO()
    with (
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=out, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, data in sorted(contents.items()):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            member.mode = _PROGRAM_MODE if path in programs else _MODE
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()
