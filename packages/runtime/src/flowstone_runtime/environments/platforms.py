"""The platforms that environments are locked for, by the names that conda gave them."""

import platform
import sys

UV_PLATFORMS = {
    "linux-64": "x86_64-manylinux_2_28",
    "linux-aarch64": "aarch64-manylinux_2_28",
    "osx-64": "x86_64-apple-darwin",
    "osx-arm64": "aarch64-apple-darwin",
}
"""What uv calls each. The glibc is not this machine's: what is locked here is to run elsewhere."""

_MACHINES = {"x86_64": "64", "amd64": "64", "aarch64": "aarch64", "arm64": "arm64"}


def this_platform() -> str:
    """The platform of this interpreter."""
    machine = _MACHINES.get(platform.machine().lower(), platform.machine().lower())
    if sys.platform == "darwin":
        return f"osx-{machine}"
    return f"linux-{'aarch64' if machine == 'arm64' else machine}"
