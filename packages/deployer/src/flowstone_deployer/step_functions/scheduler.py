"""Flows on AWS Step Functions: created, started, watched, stopped."""

import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from flowstone_deployer.step_functions.aws import client, code_of, refusals
from flowstone_deployer.step_functions.compile import compile_machine, to_bytes
from flowstone_deployer.step_functions.definitions import definitions
from flowstone_deployer.step_functions.ending_rule import keep_ending_rule, remove_ending_rule
from flowstone_deployer.step_functions.explain import differences, explained
from flowstone_deployer.step_functions.limits import check_input
from flowstone_deployer.step_functions.machine_name import machine_name
from flowstone_deployer.step_functions.policies import policies
from flowstone_deployer.step_functions.schedule import described, keep_schedule, remove_schedule
from flowstone_deployer.step_functions.target import Target
from flowstone_deployer.step_functions.trigger_rule import (
    check_awaited,
    keep_trigger_rule,
    remove_trigger_rule,
)
from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.execution_name import run_id_of
from flowstone_interfaces.production import FlowPlan
from flowstone_interfaces.production_scheduler import DeployedFlow, Execution, SchedulerOption

_TAG = "flowstone:"
_STATES = {"RUNNING": "running", "SUCCEEDED": "finished", "ABORTED": "cancelled"}
"""All others have failed."""


class MissingOptionError(FlowstoneError, ValueError):
    """Something that Step Functions has to be told was not given."""

    def __init__(self, option: SchedulerOption) -> None:
        super().__init__(option)
        self.option = option

    def __str__(self) -> str:
        return f"Step Functions has to know it: give --{self.option.name}, or set {self.option.variable}"


class NotDeployedError(FlowstoneError, LookupError):
    """There is no state machine of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"{self.name} is not deployed to Step Functions; create it first: step-functions create"


class ForeignMachineError(FlowstoneError, ValueError):
    """There is a state machine of this name that no flow made."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"the state machine {self.name} was not made by flowstone; deploy under another --name"


class StepFunctions:
    """A `ProductionScheduler`: each flow is a state machine, each task a job of AWS Batch."""

    title: ClassVar[str] = "AWS Step Functions"
    options: ClassVar[tuple[SchedulerOption, ...]] = (
        SchedulerOption("queue", "Job queue of AWS Batch.", "FLOWSTONE_BATCH_QUEUE", "batch.queue"),
        SchedulerOption("image", "Image of jobs, with a Python.", "FLOWSTONE_BATCH_IMAGE", "batch.image"),
        SchedulerOption("role", "ARN of the role of the state machine.", "FLOWSTONE_STEP_FUNCTIONS_ROLE"),
        SchedulerOption("job-role", "ARN of the role of jobs.", "FLOWSTONE_BATCH_IAM_ROLE", "batch.iam_role"),
        SchedulerOption("max-workers", "Items of one foreach at once; 0 for as many as can.", is_number=True),
        SchedulerOption("workflow-timeout", "Seconds after which a run fails.", is_number=True),
    )

    def __init__(self, given: Mapping[str, str | int | None], store: str) -> None:
        self._given = given
        self._store = store

    def compile(self, plan: FlowPlan) -> bytes:
        """The definition of the state machine, see `ProductionScheduler`."""
        check_awaited(plan)
        return to_bytes(compile_machine(plan, self._target(plan)))

    def explain(self, plan: FlowPlan) -> str:
        """What becomes of each step, see `ProductionScheduler`."""
        return explained(plan)

    def differences(self, plan: FlowPlan) -> tuple[str, ...]:
        """See `ProductionScheduler.differences`."""
        return differences(plan)

    def permissions(self, plan: FlowPlan) -> Mapping[str, Any]:
        """The policies of both roles, see `ProductionScheduler`."""
        return policies(machine_name(plan.name), plan, self._target(plan))

    def deployed(self, name: str) -> DeployedFlow | None:
        """What there is under this name, see `ProductionScheduler`.

        Raises:
            ForeignMachineError: that was not made by flowstone.
            AwsRefusedError: AWS refuses to tell.
        """
        tags = self._tags(name)
        if tags is None:
            return None
        if f"{_TAG}deployment" not in tags:
            raise ForeignMachineError(machine_name(name))
        return DeployedFlow(
            tags[f"{_TAG}name"],
            tags[f"{_TAG}flow"],
            tags[f"{_TAG}deployment"],
            tags[f"{_TAG}token"],
            described(machine_name(name)),
        )

    def create(self, plan: FlowPlan, token: str) -> None:
        """Make or replace the state machine, its schedule and its rules, see `ProductionScheduler`.

        Raises:
            MissingOptionError: queue or role was not given.
            AwsRefusedError: AWS refuses something.
        """
        definition, role, target = self.compile(plan).decode(), self._option("role"), self._target(plan)
        for kind in definitions(plan, target):
            kind.register()
        name = machine_name(plan.name)
        states = client("stepfunctions")
        about = {
            f"{_TAG}name": plan.name,
            f"{_TAG}flow": str(plan.graph["name"]),
            f"{_TAG}deployment": plan.deployment,
            f"{_TAG}token": token,
        }
        tags = [{"key": key, "value": value} for key, value in about.items()]
        arn = _arn_of(name)
        with refusals(f"the state machine {name} cannot be made"):
            if self._tags(plan.name) is None:
                states.create_state_machine(name=name, definition=definition, roleArn=role, tags=tags)
            else:
                states.update_state_machine(stateMachineArn=arn, definition=definition, roleArn=role)
                states.tag_resource(resourceArn=arn, tags=tags)
        keep_ending_rule(name, plan, target, arn, role)
        keep_trigger_rule(plan, arn, role)
        keep_schedule(name, plan.schedule, arn, role)

    def trigger(self, name: str, run_id: str, text: str, *, is_new: bool = True) -> str:
        """Start an execution, see `ProductionScheduler`.

        Raises:
            NotDeployedError: there is no such state machine.
            LimitExceededError: the input is too large.
            AwsRefusedError: AWS refuses it.
        """
        check_input(f"the run {run_id}", text)
        execution = run_id if is_new else f"{run_id}-r{int(time.time())}"
        with refusals(f"{name} cannot be triggered"), _found(name):
            started = client("stepfunctions").start_execution(
                stateMachineArn=_arn_of(machine_name(name)),
                name=execution,
                input=text,
            )
        return str(started["executionArn"])

    def executions(self, name: str) -> Iterator[Execution]:
        """The executions, newest first, see `ProductionScheduler`.

        Raises:
            NotDeployedError: there is no such state machine.
            AwsRefusedError: AWS refuses to tell.
        """
        pages = client("stepfunctions").get_paginator("list_executions")
        with refusals(f"the runs of {name} cannot be listed"), _found(name):
            for page in pages.paginate(stateMachineArn=_arn_of(machine_name(name))):
                yield from map(_execution, page["executions"])

    def terminate(self, name: str, run_id: str, why: str) -> bool:
        """Stop an execution, see `ProductionScheduler`.

        Raises:
            NotDeployedError: there is no such state machine.
            AwsRefusedError: AWS refuses to stop it.
        """
        running = (each for each in self.executions(name) if each.run_id == run_id and each.state == "running")
        found = next(running, None)
        if found is None:
            return False
        with refusals(f"{run_id} cannot be stopped"):
            client("stepfunctions").stop_execution(executionArn=found.id, error="Terminated", cause=why)
        return True

    def delete(self, name: str) -> None:
        """Remove the state machine, its schedule and its rules, see `ProductionScheduler`.

        Raises:
            NotDeployedError: there is no such state machine.
            AwsRefusedError: AWS refuses it.
        """
        if self.deployed(name) is None:
            raise NotDeployedError(name)
        remove_schedule(machine_name(name))
        remove_trigger_rule(name)
        remove_ending_rule(machine_name(name))
        with refusals(f"{name} cannot be deleted"):
            client("stepfunctions").delete_state_machine(stateMachineArn=_arn_of(machine_name(name)))

    def _target(self, plan: FlowPlan) -> Target:
        seconds = self._given.get("workflow-timeout")
        role = self._given.get("job-role")
        return Target.of_store(
            plan.store,
            self._option("queue"),
            str(self._given.get("image") or f"python:{sys.version_info.major}.{sys.version_info.minor}"),
            str(role) if role else None,
            int(self._given.get("max-workers") or 0),
            None if seconds is None else int(seconds),
        )

    def _option(self, name: str) -> str:
        value = self._given.get(name)
        if not value:
            raise MissingOptionError(next(option for option in self.options if option.name == name))
        return str(value)

    def _tags(self, name: str) -> dict[str, str] | None:
        arn = _arn_of(machine_name(name))
        states = client("stepfunctions")
        with refusals(f"{name} cannot be looked up"):
            try:
                states.describe_state_machine(stateMachineArn=arn)
            except states.exceptions.StateMachineDoesNotExist:
                return None
            found = states.list_tags_for_resource(resourceArn=arn)["tags"]
        return {tag["key"]: tag["value"] for tag in found}


def _arn_of(name: str) -> str:
    """The ARN of a state machine of this account and region."""
    with refusals("the account is not known"):
        own = client("sts").get_caller_identity()["Arn"].split(":")
    partition, account = own[1], own[4]
    region = client("stepfunctions").meta.region_name
    return f"arn:{partition}:states:{region}:{account}:stateMachine:{name}"


class _found:  # noqa: N801 - a context manager that reads as a word
    """Turns the answer that there is no such state machine into our own."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: object, _trace: object) -> None:
        if isinstance(error, Exception) and code_of(error) == "StateMachineDoesNotExist":
            raise NotDeployedError(self._name) from error


def _execution(found: Mapping[str, Any]) -> Execution:
    started: datetime = found["startDate"]
    stopped: datetime | None = found.get("stopDate")
    return Execution(
        id=found["executionArn"],
        run_id=run_id_of(found["name"], started.timestamp()),
        state=_STATES.get(found["status"], "failed"),
        started=started.timestamp(),
        stopped=None if stopped is None else stopped.timestamp(),
    )
