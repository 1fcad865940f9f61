"""What the role of a state machine and that of its jobs have to be allowed: nothing more."""

from collections.abc import Mapping
from typing import Any

from flowstone_deployer.step_functions.definitions import definitions, queues
from flowstone_deployer.step_functions.target import Target
from flowstone_interfaces.production import FlowPlan

_VERSION = "2012-10-17"
_BATCH = "arn:aws:batch:*:*"


def policies(machine: str, plan: FlowPlan, target: Target) -> Mapping[str, Any]:
    """The policies by role, and who has to be trusted with the first; account and region are left open."""
    store = f"arn:aws:s3:::{target.bucket}/{target.prefix}"
    own = f"arn:aws:states:*:*:stateMachine:{machine}"
    submitted = [
        *(name if name.startswith("arn:") else f"{_BATCH}:job-queue/{name}" for name in queues(plan, target)),
        *(f"{_BATCH}:job-definition/{kind.name}:*" for kind in definitions(plan, target)),
    ]
    return {
        "role": _policy(
            _allow(["batch:SubmitJob"], *submitted),
            _allow(["batch:DescribeJobs", "batch:TerminateJob"], "*"),
            _allow(
                ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
                "arn:aws:events:*:*:rule/StepFunctionsGetEventsForBatchJobsRule",
            ),
            _allow(["s3:GetObject"], f"{store}runs/*/production/*"),
            # a Map writes its results in parts, and reads what it has written
            _allow(
                ["s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"],
                f"{store}runs/*/production/*.results/*",
            ),
            _allow(["states:StartExecution"], own),
            _allow(
                ["states:DescribeExecution", "states:StopExecution"],
                f"arn:aws:states:*:*:execution:{machine}/*",
                f"arn:aws:states:*:*:execution:{machine}:*",
            ),
        ),
        "role is trusted by": ["states.amazonaws.com", "scheduler.amazonaws.com", "events.amazonaws.com"],
        "job-role": _policy(
            _allow(["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], f"{store}*"),
            {
                **_allow(["s3:ListBucket"], f"arn:aws:s3:::{target.bucket}"),
                "Condition": {"StringLike": {"s3:prefix": f"{target.prefix}*"}},
            },
        ),
        "job-role is trusted by": ["ecs-tasks.amazonaws.com"],
    }


def _policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": _VERSION, "Statement": list(statements)}


def _allow(actions: list[str], *resources: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}
