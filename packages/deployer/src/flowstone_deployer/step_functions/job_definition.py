"""The job definition of all jobs that have the same image and role."""

import hashlib
import json

import attrs

from flowstone_deployer.step_functions.aws import client, refusals

_VCPUS, _MEMORY_MIB = "1", "4096"
"""What a job gets whose step says nothing."""


@attrs.frozen
class JobDefinition:
    """An image, and what its jobs may do."""

    image: str
    role: str | None = None
    """ARN of the role of jobs: it reads and writes the store."""

    @property
    def name(self) -> str:
        """Equal definitions have one name."""
        text = json.dumps([self.image, self.role, _VCPUS, _MEMORY_MIB])
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
                    "command": ["true"],
                    "resourceRequirements": [
                        {"type": "VCPU", "value": _VCPUS},
                        {"type": "MEMORY", "value": _MEMORY_MIB},
                    ],
                    **({"jobRoleArn": self.role} if self.role else {}),
                },
            )
