"""All schedules: looked at twice a second, and whenever the clock is put forward."""

import collections
import functools
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import attrs

from flowstone_sandbox.options import ACCOUNT
from flowstone_sandbox.scheduler.clock import Clock
from flowstone_sandbox.scheduler.expression import At, Expression, InvalidExpressionError, parse_expression
from flowstone_sandbox.scheduler.targets import Targets

_LOOK_SECONDS = 0.5
_REMEMBERED = 1000
_log = logging.getLogger(__name__)


@attrs.define
class _Seen:
    """A schedule, since when it is looked at."""

    text: tuple[str, str]
    expression: Expression
    created: float
    looked_at: float


class Schedules:
    """Fires what is due; a look costs nothing while nobody has asked for schedules."""

    def __init__(self, clock: Clock, targets: Targets) -> None:
        self._clock = clock
        self._targets = targets
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}
        self._fired: collections.deque[dict[str, Any]] = collections.deque(maxlen=_REMEMBERED)
        self._used = threading.Event()

    def begin(self) -> None:
        """Have moto refuse what is no expression, and look from now on; once is enough."""
        if self._used.is_set():  # without the lock: what fires may ask for schedules itself
            return
        with self._lock:
            if self._used.is_set():
                return
            self._used.set()
            _refuse_what_says_no_time()
            threading.Thread(target=self._look_for_ever, name="schedules", daemon=True).start()

    def advance(self, seconds: float) -> list[dict[str, Any]]:
        """Put the clock forward, fire what became due, and tell what has fired of late."""
        with self._lock:
            self._look()  # what was made just now is made before
            self._clock.advance(seconds)
            self._look()
            return list(self._fired)

    def forget(self) -> None:
        """Know of nothing, and have the machine's time."""
        with self._lock:
            self._seen.clear()
            self._fired.clear()
            self._clock.reset()

    def _look_for_ever(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            with self._lock:
                self._look()

    def _look(self) -> None:
        if not self._used.is_set():
            return
        now = self._clock.now()
        for region, group, schedule in _all_schedules():
            seen = self._seen_of(schedule, now)
            due = list(seen.expression.times(seen.looked_at, now, seen.created))
            seen.looked_at = now
            for at in due:
                if schedule.state == "ENABLED" and _is_within(schedule, at):
                    self._fire(schedule, region, at)
            is_over = due and isinstance(seen.expression, At)
            if is_over and schedule.action_after_completion == "DELETE":
                group.schedules.pop(schedule.name, None)

    def _seen_of(self, schedule: Any, now: float) -> _Seen:
        text = (schedule.schedule_expression, schedule.schedule_expression_timezone)
        seen = self._seen.get(schedule.arn)
        if seen is None or seen.text != text:
            seen = self._seen[schedule.arn] = _Seen(text, parse_expression(*text), now, now)
        return seen

    def _fire(self, schedule: Any, region: str, at: float) -> None:
        told = {"name": schedule.name, "at": at, "error": None}
        try:
            self._targets.call(schedule.target, region, schedule.arn, at)
        except Exception as error:  # noqa: BLE001 -- whatever its target says, the others fire
            told["error"] = f"{type(error).__name__}: {error}"
        _log.info("schedule %s fired%s", schedule.name, f": {told['error']}" if told["error"] else "")
        self._fired.append(told)


def _all_schedules() -> Iterator[tuple[str, Any, Any]]:
    from moto.scheduler.models import scheduler_backends

    for region, backend in list(scheduler_backends[ACCOUNT].items()):
        for group in list(backend.schedule_groups.values()):
            for schedule in list(group.schedules.values()):
                yield region, group, schedule


def _is_within(schedule: Any, at: float) -> bool:
    begins, ends = schedule.start_date, schedule.end_date
    return (not begins or at >= float(begins)) and (not ends or at <= float(ends))


def _refuse_what_says_no_time() -> None:
    from moto.scheduler.exceptions import ValidationException
    from moto.scheduler.models import EventBridgeSchedulerBackend

    def checked(original: Any) -> Any:
        @functools.wraps(original)
        def check(self: Any, *arguments: Any, **named: Any) -> Any:
            try:
                parse_expression(named["schedule_expression"], named.get("schedule_expression_timezone") or "UTC")
            except InvalidExpressionError as error:
                raise ValidationException(f"Invalid Schedule Expression: {error}") from error
            return original(self, *arguments, **named)

        return check

    for name in ("create_schedule", "update_schedule"):
        setattr(EventBridgeSchedulerBackend, name, checked(getattr(EventBridgeSchedulerBackend, name)))
