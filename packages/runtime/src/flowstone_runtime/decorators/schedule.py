"""`@schedule`: when a production scheduler starts the flow."""

import re
from typing import ClassVar

import attrs

from flowstone_runtime.decorators.flow_decorator import FlowDecorator, declares
from flowstone_runtime.decorators.option_values import boolean

_FIELD = re.compile(r"[0-9A-Za-z*?/,#\-]+\Z")
_FIELDS = range(5, 8)


def _cron(value: object) -> str | None:
    if value is None:
        return None
    fields = value.split() if isinstance(value, str) else []
    if len(fields) not in _FIELDS or not all(map(_FIELD.match, fields)):
        raise ValueError(
            f"{value!r} is no cron expression; write five fields or six: minute, hour, day of the month, month, "
            "day of the week, year"
        )
    return " ".join(fields)


def _timezone(value: object) -> str | None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if value is None:
        return None
    try:
        ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{value!r} is no time zone; write its name, Europe/Helsinki") from None
    return str(value)


@attrs.frozen(kw_only=True)
class Schedule(FlowDecorator):
    """Start the flow again and again, once it is deployed; runs on this machine start when they are started.

    The first of `cron`, `weekly`, `hourly` that is given counts, else it is `daily`.
    """

    name: ClassVar[str] = "schedule"

    cron: str | None = attrs.field(default=None, converter=_cron)
    """Minute, hour, day of the month, month, day of the week and perhaps the year."""
    weekly: bool = attrs.field(default=False, converter=boolean)
    """Sundays at midnight."""
    daily: bool = attrs.field(default=True, converter=boolean)
    """At midnight."""
    hourly: bool = attrs.field(default=False, converter=boolean)
    """At each full hour."""
    timezone: str | None = attrs.field(default=None, converter=_timezone)
    """`None` for the deployer's own, mostly UTC."""

    @property
    def expression(self) -> str | None:
        """The schedule as a cron expression of six fields, or as it was given; `None` for never."""
        if self.cron:
            return self.cron
        if self.weekly:
            return "0 0 ? * SUN *"
        if self.hourly:
            return "0 * * * ? *"
        return "0 0 * * ? *" if self.daily else None


schedule = declares(Schedule)
