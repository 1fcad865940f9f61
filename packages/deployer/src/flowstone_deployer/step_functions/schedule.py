"""`@schedule` as a schedule of EventBridge Scheduler."""

import re
from typing import Any, Final

from flowstone_deployer.step_functions.aws import client, code_of, refusals
from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.production import SchedulePlan

_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_NUMBER = re.compile(r"(?<![#/\d])[0-7](?!\d)")


class ScheduleNotPossibleError(FlowstoneError, ValueError):
    """A schedule that EventBridge has no way to say."""

    def __init__(self, cron: str, reason: str) -> None:
        super().__init__(cron, reason)
        self.cron = cron
        self.reason = reason

    def __str__(self) -> str:
        return f"EventBridge cannot keep the schedule {self.cron!r}: {self.reason}"


def expression_of(plan: SchedulePlan) -> str:
    """The schedule as EventBridge writes it.

    Five fields are read as Unix reads them, where Sunday is 0 or 7; six as EventBridge does.

    >>> expression_of(SchedulePlan("30 7 * * 1-5"))
    'cron(30 7 ? * MON-FRI *)'

    Raises:
        ScheduleNotPossibleError: it names days of the month and of the week.
    """
    fields = plan.cron.split()
    if len(fields) != 5:
        return f"cron({plan.cron})"
    minute, hour, day, month, weekday = fields
    if weekday in ("*", "?"):
        weekday = "?"
        day = "*" if day == "?" else day
    elif day in ("*", "?"):
        day = "?"
        weekday = _NUMBER.sub(lambda match: _DAYS[int(match[0])], weekday)
    else:
        reason = "it takes days of the month or days of the week, not both; leave one of them '*'"
        raise ScheduleNotPossibleError(plan.cron, reason)
    return f"cron({minute} {hour} {day} {month} {weekday} *)"


def keep_schedule(name: str, plan: SchedulePlan | None, machine: str, role: str | None) -> None:
    """Have the machine started as planned, and in no other way.

    Args:
        name: of the schedule, that of the machine.
        plan: when; `None` for never.
        machine: ARN of the state machine.
        role: ARN of what may start it.

    Raises:
        ScheduleNotPossibleError: EventBridge has no way to say when.
        AwsRefusedError: it refuses.
    """
    if plan is None:
        remove_schedule(name)
        return
    wanted: dict[str, Any] = {
        "Name": name,
        "ScheduleExpression": expression_of(plan),
        "ScheduleExpressionTimezone": plan.timezone or "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": machine, "RoleArn": role, "Input": "{}"},
        "State": "ENABLED",
    }
    scheduler = client("scheduler")
    with refusals(f"the schedule {name} cannot be made"):
        try:
            scheduler.update_schedule(**wanted)
        except scheduler.exceptions.ResourceNotFoundException:
            scheduler.create_schedule(**wanted)


def remove_schedule(name: str) -> None:
    """Forget a schedule; nothing happens if there is none.

    Raises:
        AwsRefusedError: EventBridge refuses.
    """
    with refusals(f"the schedule {name} cannot be removed"):
        try:
            client("scheduler").delete_schedule(Name=name)
        except Exception as error:
            if code_of(error) != "ResourceNotFoundException":
                raise


def described(name: str) -> str | None:
    """When the machine is started, for people; `None` for never.

    Raises:
        AwsRefusedError: EventBridge refuses to tell.
    """
    with refusals(f"the schedule {name} cannot be read"):
        try:
            found = client("scheduler").get_schedule(Name=name)
        except Exception as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            return None
    return f"{found['ScheduleExpression']} {found.get('ScheduleExpressionTimezone', 'UTC')}"
