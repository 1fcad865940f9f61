"""What an account has before anybody can work in it: a bucket, a role, a compute environment, a queue."""

import json
from typing import Any

from flowstone_sandbox.options import ACCOUNT, BUCKET, QUEUE, REGION, ROLE, Running, SandboxOptions

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["ecs-tasks.amazonaws.com", "batch.amazonaws.com", "states.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ],
}


def furnish(running: Running, options: SandboxOptions) -> None:
    """Make them, by requests as any client's."""
    import boto3
    from moto.ec2.models import ec2_backends

    session = boto3.session.Session(running.credentials.key, running.credentials.secret, region_name=REGION)

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=running.url)

    client("s3").create_bucket(Bucket=BUCKET)
    iam, batch = client("iam"), client("batch")
    network = ec2_backends[ACCOUNT][REGION]  # not by requests: boto3 would read the largest of all descriptions
    role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
    profile = iam.create_instance_profile(InstanceProfileName=ROLE)["InstanceProfile"]["Arn"]
    iam.add_role_to_instance_profile(InstanceProfileName=ROLE, RoleName=ROLE)
    environment = batch.create_compute_environment(
        computeEnvironmentName=QUEUE,
        type="MANAGED",
        state="ENABLED",
        serviceRole=role,
        computeResources={
            "type": "EC2",
            "minvCpus": 0,
            "maxvCpus": int(options.vcpus),
            "instanceTypes": ["m5.large"],
            "subnets": [network.describe_subnets()[0].id],
            "securityGroupIds": [network.describe_security_groups()[0].id],
            "instanceRole": profile,
        },
    )["computeEnvironmentArn"]
    batch.create_job_queue(
        jobQueueName=QUEUE,
        priority=1,
        state="ENABLED",
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment}],
    )
