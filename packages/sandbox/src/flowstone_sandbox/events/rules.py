"""Rules and their targets.

What is wrong in moto: a rule that is switched off or has a schedule gets every event; targets that start
executions or jobs raise; nothing tells of executions.
"""

import copy
import functools
import logging
import threading
from collections.abc import Mapping
from typing import Any

from flowstone_sandbox.events.inputs import told
from flowstone_sandbox.events.status_changes import tell_of_executions
from flowstone_sandbox.options import ACCOUNT
from flowstone_sandbox.scheduler import Targets

_OWN_SERVICES = {"states", "batch"}
_log = logging.getLogger(__name__)


class Rules:
    """Has targets called; costs nothing while nobody has asked for rules."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._lock = threading.Lock()
        self._has_begun = False

    def begin(self) -> None:
        """Put right what is wrong; once is enough."""
        with self._lock:
            if self._has_begun:
                return
            self._has_begun = True
            self._call_own_targets()
            tell_of_executions(self._publish)

    def _call_own_targets(self) -> None:
        from moto.events.models import Rule

        original = Rule.send_to_targets

        @functools.wraps(original)
        def send_to_targets(rule: Any, event: dict[str, Any], *rest: Any, **more: Any) -> None:
            is_wanted = rule.event_pattern.get_pattern() and rule.event_pattern.matches_event(event)
            if rule.state != "ENABLED" or not is_wanted:
                return
            own = [target for target in rule.targets if target["Arn"].split(":")[2] in _OWN_SERVICES]
            if own:
                # whoever sends an event does not wait for what it does
                threading.Thread(target=self._call, args=(rule, own, event), name="event", daemon=True).start()
            if len(own) < len(rule.targets):
                others = copy.copy(rule)
                others.targets = [target for target in rule.targets if target not in own]
                original(others, event, *rest, **more)

        Rule.send_to_targets = send_to_targets

    def _call(self, rule: Any, targets: list[Mapping[str, Any]], event: Mapping[str, Any]) -> None:
        for target in targets:
            try:
                self._targets.send(target, told(target, event, rule.arn, rule.name), rule.region_name)
            except Exception as error:  # noqa: BLE001 -- whatever a target says, the others get the event
                _log.warning("rule %s: %s: %s", rule.name, type(error).__name__, error)
            else:
                _log.info("rule %s called %s", rule.name, target["Arn"])

    def _publish(self, event: dict[str, Any]) -> None:
        """An event of a service, on the default bus."""
        from moto.events.models import events_backends

        for rule in list(events_backends[ACCOUNT][event["region"]].event_buses["default"].rules.values()):
            rule.send_to_targets(event)
