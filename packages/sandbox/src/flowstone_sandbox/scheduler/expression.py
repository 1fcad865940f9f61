"""When a schedule fires: `rate(...)`, `at(...)` and `cron(...)` as EventBridge Scheduler reads them."""

import calendar
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"rate\(([1-9]\d*) (minute|hour|day)s?\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_CRON = re.compile(r"cron\(([^()]+)\)")
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_MINUTE = 60


class InvalidExpressionError(ValueError):
    """An expression that says no time."""


class Expression(Protocol):
    """Times, one after another."""

    def times(self, after: float, until: float, created: float) -> Iterator[float]:
        """Those later than `after` and not later than `until`, of a schedule made at `created`."""


@attrs.frozen
class Rate:
    """Every so many seconds, the first time one interval after it was made."""

    seconds: int

    def times(self, after: float, until: float, created: float) -> Iterator[float]:
        """Those later than `after` and not later than `until`."""
        number = max(1, int((after - created) // self.seconds) + 1)
        while (at := created + number * self.seconds) <= until:
            yield at
            number += 1


@attrs.frozen
class At:
    """Once."""

    at: float

    def times(self, after: float, until: float, created: float) -> Iterator[float]:
        """The one time, if it is later than `after` and not later than `until`."""
        if after < self.at <= until:
            yield self.at


@attrs.frozen
class Cron:
    """Minutes of a calendar."""

    minutes: frozenset[int]
    hours: frozenset[int]
    day_of_month: str
    months: frozenset[int]
    day_of_week: str
    years: frozenset[int]
    zone: ZoneInfo

    def times(self, after: float, until: float, created: float) -> Iterator[float]:
        """Those later than `after` and not later than `until`; of an hour that comes twice, the first."""
        minute = (int(after) // _MINUTE + 1) * _MINUTE
        while minute <= until:
            local = dt.datetime.fromtimestamp(minute, self.zone)
            if not local.fold and self._holds(local):
                yield minute
            minute += _MINUTE

    def _holds(self, at: dt.datetime) -> bool:
        return (
            at.minute in self.minutes
            and at.hour in self.hours
            and at.month in self.months
            and at.year in self.years
            and (_is_day_of_week(self.day_of_week, at) if self.day_of_month == "?" else self._is_day(at))
        )

    def _is_day(self, at: dt.datetime) -> bool:
        last = calendar.monthrange(at.year, at.month)[1]
        if self.day_of_month in {"L", "LW"}:
            wanted = last
        elif self.day_of_month.endswith("W"):
            wanted = int(self.day_of_month[:-1])
        else:
            return at.day in _numbers(self.day_of_month, 1, 31)
        if self.day_of_month.endswith("W"):
            wanted = _nearest_weekday(at.year, at.month, min(wanted, last), last)
        return at.day == wanted


def _nearest_weekday(year: int, month: int, day: int, last: int) -> int:
    """The working day nearest to a day, in the same month."""
    weekday = calendar.weekday(year, month, day)
    if weekday == calendar.SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == calendar.SUNDAY:
        return day + 1 if day < last else day - 2
    return day


def _is_day_of_week(field: str, at: dt.datetime) -> bool:
    today = at.isoweekday() % 7 + 1
    if "#" in field:
        day, _, number = field.partition("#")
        return today == _number(day, _DAYS) and (at.day - 1) // 7 + 1 == int(number)
    if field.endswith("L"):
        last = calendar.monthrange(at.year, at.month)[1]
        return today == _number(field[:-1] or "7", _DAYS) and at.day + 7 > last
    return today in _numbers(field, 1, 7, _DAYS)


def _numbers(field: str, low: int, high: int, names: Mapping[str, int] | None = None) -> frozenset[int]:
    """What a field of a cron expression stands for: `*`, `5`, `1-5`, `0/15`, `MON,FRI`."""
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        if span in {"*", "?"}:
            first, last = low, high
        else:
            begin, dash, end = span.partition("-")
            first = _number(begin, names)
            last = _number(end, names) if dash else high if slash else first
        if not (low <= first <= high and low <= last <= high) or (slash and int(step) < 1):
            raise InvalidExpressionError(f"{part!r} is not between {low} and {high}")
        found.update(range(first, last + 1, int(step) if slash else 1))
    return frozenset(found)


def _number(text: str, names: Mapping[str, int] | None) -> int:
    return (names or {}).get(text.upper()) or int(text)


def parse_expression(text: str, zone_name: str) -> Expression:
    """Read an expression, in a time zone.

    Raises:
        InvalidExpressionError: it is none, or the zone is none.
    """
    try:
        zone = ZoneInfo(zone_name or "UTC")
        if (rate := _RATE.fullmatch(text)) is not None:
            return Rate(int(rate[1]) * _UNITS[rate[2]])
        if (at := _AT.fullmatch(text)) is not None:
            return At(dt.datetime.fromisoformat(at[1]).replace(tzinfo=zone).timestamp())
        if (cron := _CRON.fullmatch(text)) is not None:
            return _cron(cron[1].split(), zone)
    except ZoneInfoNotFoundError as error:
        raise InvalidExpressionError(f"there is no time zone {zone_name!r}") from error
    except ValueError as error:
        raise InvalidExpressionError(f"{text!r} says no time: {error}") from error
    raise InvalidExpressionError(f"{text!r} is none of rate(), at() and cron()")


def _cron(fields: list[str], zone: ZoneInfo) -> Cron:
    if len(fields) != 6:
        raise InvalidExpressionError(f"cron() has 6 fields, not {len(fields)}")
    minute, hour, day_of_month, month, day_of_week, year = fields
    if (day_of_month == "?") == (day_of_week == "?"):
        raise InvalidExpressionError("exactly one of the day of the month and the day of the week must be ?")
    found = Cron(
        _numbers(minute, 0, 59),
        _numbers(hour, 0, 23),
        day_of_month,
        _numbers(month, 1, 12, _MONTHS),
        day_of_week,
        _numbers(year, 1970, 2199),
        zone,
    )
    today = dt.datetime(2026, 1, 1, tzinfo=zone)  # any: what is said of days is read then
    if day_of_month == "?":
        _is_day_of_week(day_of_week, today)
    else:
        found._is_day(today)  # noqa: SLF001
    return found
