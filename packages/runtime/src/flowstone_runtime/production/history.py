"""The deployments that were made under one name: which there are, and what differs between two of them."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from flowstone_client.run_code import CodeDifference, RunCode
from flowstone_datastore import Datastore, Deployments, RunStarted
from flowstone_interfaces import FlowstoneError
from flowstone_runtime.production.beginning import DEPLOYMENT, PLAN

_FEWEST_DIGITS = 4


class UnknownVersionError(FlowstoneError, LookupError):
    """No deployment of this name has a version that begins so, or several have."""

    def __init__(self, version: str, name: str, found: int) -> None:
        super().__init__(version, name, found)
        self.version = version
        self.name = name
        self.found = found

    def __str__(self) -> str:
        how_many = "several versions" if self.found else "no version"
        return f"{how_many} of {self.name} that were deployed begin with {self.version!r}; list shows all"


@attrs.frozen
class KeptDeployment:
    """A deployment, and its version."""

    version: str
    record: RunStarted


@attrs.frozen
class DeploymentDifference:
    """What differs between two deployments."""

    code: CodeDifference
    parameters: tuple[str, ...]
    """Names of parameters and constants with another value."""
    steps: tuple[str, ...]
    """Steps that are run in another way: resources, retries, limits, variables."""
    is_schedule: bool
    """True if they are started at other times."""

    def __str__(self) -> str:
        lines = [str(self.code)] if self.code else []
        lines += [f"another value: {', '.join(self.parameters)}"] if self.parameters else []
        lines += [f"run in another way: {', '.join(self.steps)}"] if self.steps else []
        lines += ["another schedule"] if self.is_schedule else []
        return "\n".join(lines) or "no difference that a run would see"


def history(datastore: Datastore, flow: str, name: str) -> list[KeptDeployment]:
    """All that was deployed under the name, the newest first.

    Raises:
        DamagedDeploymentError: one cannot be read.
    """
    found = [
        each for each in _all(datastore, flow) if each.record.settings.get(DEPLOYMENT, {}).get("name") == name
    ]
    return sorted(found, key=lambda each: each.record.time, reverse=True)


def kept_deployment(datastore: Datastore, flow: str, name: str, version: str) -> KeptDeployment:
    """The deployment whose version begins so.

    Raises:
        UnknownVersionError: there is none, or there are several.
    """
    wanted = version if len(version) >= _FEWEST_DIGITS else "?"
    found = [each for each in history(datastore, flow, name) if each.version.startswith(wanted)]
    if len(found) != 1:
        raise UnknownVersionError(version, name, len(found))
    return found[0]


def difference(datastore: Datastore, one: KeptDeployment, other: KeptDeployment) -> DeploymentDifference:
    """What `other` has differently."""
    code, new_code = (
        RunCode(datastore, f"deployment {each.version[:12]}", each.record.code) for each in (one, other)
    )
    return DeploymentDifference(
        code.diff(new_code),
        (
            *_differing(one.record.parameters, other.record.parameters),
            *_differing(one.record.constants, other.record.constants),
        ),
        tuple(_differing(_plan(one)["steps"], _plan(other)["steps"])),
        _plan(one)["schedule"] != _plan(other)["schedule"],
    )


def _all(datastore: Datastore, flow: str) -> Iterator[KeptDeployment]:
    deployments = Deployments(datastore.storage)
    return (KeptDeployment(version, deployments.read(flow, version)) for version in deployments.versions(flow))


def _plan(deployment: KeptDeployment) -> Mapping[str, Any]:
    plan: Mapping[str, Any] = deployment.record.settings[PLAN]
    return plan


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name)]
