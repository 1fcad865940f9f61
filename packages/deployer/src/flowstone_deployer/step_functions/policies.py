"""What the role of a state machine and that of its jobs have to be allowed: nothing more."""

from collections.abc import Mapping
from typing import Any

from flowstone_deployer.step_functions.target import Target

_VERSION = "2012-10-17"


def policies(machine: str, target: Target) -> Mapping[str, Any]:
    """The policies by role, and who has to be trusted with the first; account and region are left open."""
    store = f"arn:aws:s3:::{target.bucket}/{target.prefix}"
    own = f"arn:aws:states:*:*:stateMachine:{machine}"
    queue = target.job_queue
    queue_arn = queue if queue.startswith("arn:") else f"arn:aws:batch:*:*:job-queue/{queue}"
    definition = target.job_definition.partition(":")[0]
    return {
        "role": _policy(
            _allow(["batch:SubmitJob"], queue_arn, f"arn:aws:batch:*:*:job-definition/{definition}*"),
            _allow(["batch:DescribeJobs", "batch:TerminateJob"], "*"),
            _allow(
                ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
                "arn:aws:events:*:*:rule/StepFunctionsGetEventsForBatchJobsRule",
            ),
            _allow(["s3:GetObject"], f"{store}runs/*/production/*"),
            _allow(["states:StartExecution"], own),
            _allow(
                ["states:DescribeExecution", "states:StopExecution"],
                f"arn:aws:states:*:*:execution:{machine}/*",
                f"arn:aws:states:*:*:execution:{machine}:*",
            ),
        ),
        "role is trusted by": ["states.amazonaws.com", "scheduler.amazonaws.com"],
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
