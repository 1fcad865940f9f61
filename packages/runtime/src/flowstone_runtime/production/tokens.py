"""Production tokens: who may replace a deployment is who knows its token.

They guard against accidents, not against attacks: whoever may look at the scheduler can read them. Those that were
used on this machine are remembered in the user's configuration folder.
"""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

import attrs

from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.production_scheduler import DeployedFlow

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_RANDOM_LENGTH = 6


class NotAuthorizedError(FlowstoneError, ValueError):
    """A deployment that is somebody else's."""

    def __init__(self, name: str, flow: str) -> None:
        super().__init__(name, flow)
        self.name = name
        self.flow = flow

    def __str__(self) -> str:
        return (
            f"{self.name} is deployed already (flow {self.flow}), by somebody whose token is not known here; ask "
            "for it and give it once with --authorize TOKEN, or deploy under another --name"
        )


@attrs.frozen
class Tokens:
    """The tokens that this user knows."""

    file: Path

    @classmethod
    def of_user(cls, environ: Mapping[str, str]) -> "Tokens":
        """Those in the configuration folder."""
        home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".config")
        return cls(Path(home) / "flowstone" / "production-tokens.json")

    def known(self) -> dict[str, str]:
        """Key, see `key_of`, to token."""
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(key): str(token) for key, token in found.items()} if isinstance(found, dict) else {}

    def remember(self, key: str, token: str) -> None:
        """Keep a token.

        Raises:
            OSError: the file cannot be written.
        """
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps({**self.known(), key: token}, indent=2) + "\n", encoding="utf-8")


def key_of(scheduler: str, store: str, name: str) -> str:
    """What a token is remembered under."""
    return f"{scheduler} {name} {store}"


def check_token(deployed: DeployedFlow | None, flow: str, known: str | None, given: str | None) -> str | None:
    """The token of what is deployed, if one of the two is it; `None` if nothing is deployed.

    Raises:
        NotAuthorizedError: neither is.
    """
    if deployed is None:
        return None
    if deployed.token not in (known, given) or deployed.flow != flow:
        raise NotAuthorizedError(deployed.name, deployed.flow)
    return deployed.token


def new_token(name: str) -> str:
    """A token for a deployment, to be told to whoever else works on it."""
    return f"{name.lower()}-{''.join(secrets.choice(_LETTERS) for _ in range(_RANDOM_LENGTH))}"
