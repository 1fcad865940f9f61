"""Files as an archive that is the same whenever, wherever and by whomever it is made."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

_MODE = 0o644


def write_archive(file: Path, contents: Mapping[str, bytes]) -> None:
    """Write a `.tar.gz`: sorted paths, no owner, no times.

    `contents` maps relative paths to bytes.

    Raises:
        OSError: the file cannot be written.
    """
    with (
        file.open("wb") as out,
        gzip.GzipFile("", "wb", fileobj=out, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, data in sorted(contents.items()):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            member.mode = _MODE
            archive.addfile(member, io.BytesIO(data))
