"""Files that a run does not keep unless somebody names them: what looks like a secret, and what is large."""

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from flowstone_interfaces import FlowstoneError

LARGEST_FILE_BYTES = 10 * 2**20
"""A larger file of code is taken for data."""

_SECRETS = (
    *(".env", ".env.*", "*.env", ".netrc", ".pgpass", ".pypirc", ".npmrc", ".htpasswd", ".git-credentials"),
    *(
        "*.pem",
        "*.key",
        "*.p12",
        "*.pfx",
        "*.jks",
        "*.kdbx",
        "*.ppk",
        "id_rsa*",
        "id_dsa*",
        "id_ecdsa*",
        "id_ed25519*",
    ),
    *("credentials*", "secrets.*", "*.secret", "service-account*.json", "service_account*.json", "*.tfstate"),
)
_PUBLIC = ("*.pub", "*.pyi", ".env.example", ".env.sample", ".env.template")
"""Public keys, templates; and modules, which are code, whatever they are called."""


class RefusedCodeError(FlowstoneError, ValueError):
    """The code of a run would hold files that nobody wants in a store by accident; nothing has run."""

    def __init__(self, faults: tuple[tuple[str, str], ...]) -> None:
        super().__init__(faults)
        self.faults = faults
        """Path and reason of each file."""

    def __str__(self) -> str:
        listed = "; ".join(f"{path} {reason}" for path, reason in self.faults)
        path = self.faults[0][0]
        return (
            f"the code of the run would hold what it should not: {listed}. Leave a file out with '!{path}' in "
            f"[tool.flowstone] package of pyproject.toml, or keep it by naming it there in full: '/{path}'"
        )


def refuse_code(files: Mapping[str, Path], allowed: Collection[str]) -> None:
    """Raise if a file, by its path in the code, is no code, unless its path is among the allowed.

    Raises:
        RefusedCodeError: names every such file, and how to leave it out or in.
    """
    reasons = {path: _reason(file) for path, file in files.items() if path not in allowed}
    faults = tuple((path, reason) for path, reason in reasons.items() if reason)
    if faults:
        raise RefusedCodeError(faults)


def looks_secret(name: str) -> bool:
    """True for a file's name that people give to passwords and keys.

    >>> looks_secret(".env"), looks_secret("id_rsa.pub"), looks_secret("credentials.py")
    (True, False, False)
    """
    folded = name.lower()
    is_public = folded.endswith(".py") or any(fnmatchcase(folded, public) for public in _PUBLIC)
    return not is_public and any(fnmatchcase(folded, secret) for secret in _SECRETS)


def _reason(file: Path) -> str:
    if looks_secret(file.name):
        return "looks like a secret"
    size = file.stat().st_size
    return f"is large ({size / 2**20:.1f} MiB)" if size > LARGEST_FILE_BYTES else ""
