"""What a sandbox is to be like."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from flowstone_interfaces.python_310 import Self

REGION = "us-east-1"
ACCOUNT = "123456789012"
BUCKET = "flowstone"
QUEUE = "sandbox"
ROLE = "sandbox-jobs"


@attrs.frozen
class SandboxOptions:
    """How large the cloud is, and where its jobs find their programs."""

    port: int = 0
    """On 127.0.0.1; 0 for any that is free."""
    vcpus: float = 64
    memory_mib: int = 256 * 1024
    gpus: int = 8
    """These three are counted, not there: the machine is as large as it is."""
    slots: int = 8
    """How many jobs run beside each other at most."""
    stop_seconds: float = 30.0
    """How long a job that is terminated has between SIGTERM and SIGKILL."""
    images: Mapping[str, str] = attrs.field(factory=dict)
    """For names of images: the folder of programs, such as an environment's `bin`, that comes first on `PATH`."""
    path: str = "/usr/local/bin:/usr/bin:/bin"
    """Where jobs find programs, whatever their image."""

    def as_json(self) -> dict[str, Any]:
        """A JSON value with everything in it."""
        return attrs.asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The options that `as_json` was asked of."""
        return cls(**value)


@attrs.frozen
class Credentials:
    """What a client shows to be let in."""

    key: str
    secret: str


@attrs.frozen
class Running:
    """A sandbox that runs, as its clients need to know it."""

    port: int
    pid: int
    credentials: Credentials = attrs.field(repr=False)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> str:
        """A store for flowstone, in its bucket."""
        return f"s3://{BUCKET}/store?endpoint_url={self.url}&region={REGION}"

    @property
    def variables(self) -> dict[str, str]:
        """The environment that points AWS clients to it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.credentials.key,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def settings(self, profile: str) -> dict[str, str]:
        """The environment that points AWS clients and, by its profile, flowstone to it."""
        return {**self.variables, "FLOWSTONE_PROFILE": profile}

    def as_json(self) -> dict[str, Any]:
        """A JSON value with everything in it."""
        return attrs.asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What `as_json` was asked of."""
        return cls(value["port"], value["pid"], Credentials(**value["credentials"]))


@attrs.frozen
class Folders:
    """Where a sandbox keeps what it needs."""

    state: Path
    """For its user alone: what it is doing, its log, the jobs' files."""
    profile: Path
    """The settings file that points flowstone to it."""

    @property
    def lock(self) -> Path:
        """Held by the sandbox that runs."""
        return self.state / "lock"

    @property
    def running(self) -> Path:
        """What clients need to know, while it runs."""
        return self.state / "running.json"

    @property
    def log(self) -> Path:
        """What it says."""
        return self.state / "log"

    @property
    def temporary(self) -> Path:
        """Objects and jobs' files; emptied at each start."""
        return self.state / "temporary"
