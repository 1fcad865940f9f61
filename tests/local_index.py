"""A folder of wheels in place of a package index, so that environments are made without any network."""

import base64
import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from importlib.metadata import distribution
from pathlib import Path

import attrs

OWN = ("attrs", "blake3", "click", "cloudpickle", "pyfastcdc", "typing-extensions", "zstandard")
"""What a task of ours needs; as it is installed here."""
OF_S3 = ("awscrt", "boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")
"""What it needs besides if the store is in S3."""


@attrs.frozen
class LocalIndex:
    """The folder, and the environment variables that make uv look there and nowhere else."""

    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        nothing = self.folder / "nothing"
        nothing.mkdir(parents=True, exist_ok=True)
        return {
            "UV_DEFAULT_INDEX": nothing.as_uri(),
            "UV_FIND_LINKS": str(self.folder / "wheels"),
            "UV_CACHE_DIR": str(self.folder / "uv"),
            "FLOWSTONE_CACHE_FOLDER": str(self.folder / "cache"),
        }

    def fill(self) -> None:
        """Three versions of a library, an application that cannot have the newest, and what flowstone needs."""
        for version in ("1.0", "1.1", "2.0"):
            self.add("tinylib", version, {"tinylib.py": f"version = {version!r}\n"})
        self.add("tinyapp", "0.5", {"tinyapp.py": "import tinylib\n"}, ["tinylib>=1,<2"])
        for name in OWN:
            self.pack(name)

    def add(self, name: str, version: str, files: Mapping[str, str], requires: Iterable[str] = ()) -> Path:
        """Build a wheel of pure Python."""
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        metadata += "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
        about = f"{name}-{version}.dist-info"
        wheel = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        texts = {**files, f"{about}/METADATA": metadata, f"{about}/WHEEL": wheel}
        content = {path: text.encode() for path, text in texts.items()}
        return self._write(f"{name}-{version}-py3-none-any.whl", about, content)

    def pack(self, name: str) -> Path:
        """Build the wheel again that was installed here."""
        found = distribution(name)
        content = {}
        for file in found.files or ():
            if ".." not in file.parts and file.suffix != ".pyc" and file.name not in {"RECORD", "INSTALLER"}:
                content[file.as_posix()] = Path(str(file.locate())).read_bytes()
        about = next(path.partition("/")[0] for path in content if path.endswith(".dist-info/METADATA"))
        lines = content[f"{about}/WHEEL"].decode().splitlines()
        tags = [line.removeprefix("Tag: ").split("-") for line in lines if line.startswith("Tag: ")]
        tag = "-".join(".".join(dict.fromkeys(parts)) for parts in zip(*tags, strict=True))
        return self._write(f"{about.removesuffix('.dist-info')}-{tag}.whl", about, content)

    def _write(self, name: str, about: str, content: Mapping[str, bytes]) -> Path:
        record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in content.items())
        wheel = self.folder / "wheels" / name
        wheel.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, data in {**content, f"{about}/RECORD": f"{record}{about}/RECORD,,\n".encode()}.items():
                archive.writestr(zipfile.ZipInfo(path), data)
        return wheel


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
