"""A channel of conda packages in a folder: pythons that link to those of this machine, and small libraries."""

import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

_LINK = '{"noarch": {"type": "python"}, "package_metadata_version": 1}'


@attrs.frozen
class LocalChannel:
    """The folder, which is what `channels=` takes."""

    folder: Path

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def fill(self) -> None:
        """This Python, three versions of a library, an application that cannot have the newest."""
        version = "{}.{}.{}".format(*sys.version_info[:3])
        name = "python{}.{}".format(*sys.version_info[:2])
        home = Path(sys.base_prefix) / "bin"
        links = {f"bin/{name}": str(home / name), "bin/python": name, "bin/python3": name}
        files = {"pyvenv.cfg": f"home = {home}\nversion = {version}\n", f"lib/{name}/site-packages/README": ""}
        self.add("linux-64", "python", version, files, links=links)
        for tiny in ("1.0", "1.1", "2.0"):
            self.add(
                "noarch", "condalib", tiny, {"site-packages/condalib.py": f"version = {tiny!r}\n"}, ["python"]
            )
        files = {"site-packages/condaapp.py": "import condalib\n", "share/place": "/opt/placeholder/share\n"}
        self.add("noarch", "condaapp", "0.5", files, ["python", "condalib >=1,<2"])
        self.index()

    def add(
        self,
        platform: str,
        name: str,
        version: str,
        files: Mapping[str, str],
        depends: Sequence[str] = (),
        links: Mapping[str, str] | None = None,
    ) -> Path:
        """Build a package in the format that every conda reads, `.tar.bz2`."""
        is_noarch = platform == "noarch"
        about = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": list(depends)}
        about |= {"subdir": platform, **({"noarch": "python"} if is_noarch else {})}
        paths = [_path(file, text) for file, text in files.items()]
        paths += [{"_path": file, "path_type": "softlink", **_sum(b"")} for file in links or {}]
        members = {
            **files,
            "info/index.json": json.dumps(about),
            "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}),
            "info/files": "".join(f"{path['_path']}\n" for path in paths),
            **({"info/link.json": _LINK} if is_noarch else {}),
        }
        package = self.folder / platform / f"{name}-{version}-0.tar.bz2"
        package.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(package, "w:bz2") as archive:
            for member, text in members.items():
                info = tarfile.TarInfo(member)
                info.size = len(text.encode())
                archive.addfile(info, io.BytesIO(text.encode()))
            for member, target in (links or {}).items():
                info = tarfile.TarInfo(member)
                info.type, info.linkname = tarfile.SYMTYPE, target
                archive.addfile(info)
        return package

    def index(self) -> None:
        """Write what a channel says of its packages."""
        for platform in ("linux-64", "noarch"):
            folder = self.folder / platform
            folder.mkdir(parents=True, exist_ok=True)
            packages = {file.name: _record(file) for file in sorted(folder.glob("*.tar.bz2"))}
            data = {
                "info": {"subdir": platform},
                "packages": packages,
                "packages.conda": {},
                "repodata_version": 1,
            }
            (folder / "repodata.json").write_text(json.dumps(data), encoding="utf-8")


def _path(file: str, text: str) -> dict:
    found = {"_path": file, "path_type": "hardlink", **_sum(text.encode())}
    if "/opt/placeholder" in text:
        found |= {"prefix_placeholder": "/opt/placeholder", "file_mode": "text"}
    return found


def _sum(data: bytes) -> dict:
    return {"sha256": hashlib.sha256(data).hexdigest(), "size_in_bytes": len(data)}


def _record(file: Path) -> dict:
    with tarfile.open(file) as archive:
        member = archive.extractfile("info/index.json")
        assert member is not None
        about = json.load(member)
    data = file.read_bytes()
    sums = {"sha256": hashlib.sha256(data).hexdigest()}
    sums["md5"] = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return {**about, **sums, "size": len(data)}
