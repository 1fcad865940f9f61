"""The job definition of all jobs that have the same image, command and role."""

import hashlib
import json

import attrs

from flowstone_deployer.step_functions.aws import client, refusals

_VCPUS, _MEMORY_MIB = "1", "4096"
"""What a job gets whose step says nothing."""


@attrs.frozen
class JobDefinition:
    """An image, what its jobs start, and what they may do."""

    image: str
    command: tuple[str, ...]
    """It is long: here, it does not count for the size of a machine, nor of what a job is given."""
    role: str | None = None
    """ARN of the role of jobs: it reads and writes the store."""

    @property
    def name(self) -> str:
        """Equal definitions have one name."""
        text = json.dumps([self.image, self.command, self.role, _VCPUS, _MEMORY_MIB])
        return f"flowstone-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def register(self) -> None:
        """Have Batch know it, unless it does.

        Raises:
            AwsRefusedError: Batch refuses it.
        """
        batch = client("batch")
        with refusals(f"the job definition {self.name} cannot be registered"):
            known = batch.describe_job_definitions(jobDefinitionName=self.name, status="ACTIVE")
            if known["jobDefinitions"]:
                return
            batch.register_job_definition(
                jobDefinitionName=self.name,
                type="container",
                containerProperties={
                    "image": self.image,
                    "command": list(self.command),
                    "resourceRequirements": [
                        {"type": "VCPU", "value": _VCPUS},
                        {"type": "MEMORY", "value": _MEMORY_MIB},
                    ],
                    **({"jobRoleArn": self.role} if self.role else {}),
                },
            )
