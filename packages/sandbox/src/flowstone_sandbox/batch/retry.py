"""Whether a job that failed is tried again: the rules of a retry strategy, as AWS Batch reads them."""

from collections.abc import Mapping
from typing import Any

import attrs

from flowstone_interfaces.python_310 import Self
from flowstone_sandbox.batch.errors import InvalidRequestError

MOST_ATTEMPTS = 10
MOST_RULES = 5
_CONDITIONS = ("onStatusReason", "onReason", "onExitCode")


@attrs.frozen
class Outcome:
    """How one attempt ended."""

    exit_code: int | None
    """`None` if the container was lost together with its host."""
    reason: str | None
    """What is said of the container."""
    status_reason: str
    """What is said of the task."""


@attrs.frozen
class RetryRule:
    """A condition, and what to do where it holds."""

    patterns: Mapping[str, str]
    """`onStatusReason`, `onReason`, `onExitCode`: each a text, with a star at its end any text that begins so."""
    is_retry: bool

    def holds(self, outcome: Outcome) -> bool:
        """True if all that the rule names is so."""
        said = {
            "onStatusReason": outcome.status_reason,
            "onReason": outcome.reason or "",
            "onExitCode": "" if outcome.exit_code is None else str(outcome.exit_code),
        }
        return all(_matches(pattern, said[name]) for name, pattern in self.patterns.items())


def _matches(pattern: str, text: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


@attrs.frozen
class RetryStrategy:
    """How often a job is tried, and after which failures."""

    attempts: int = 1
    rules: tuple[RetryRule, ...] = ()

    @classmethod
    def parse(cls, given: Mapping[str, Any] | None) -> Self:
        """Read `retryStrategy`.

        Raises:
            InvalidRequestError: a number or a rule is none that AWS takes.
        """
        if not given:
            return cls()
        attempts = given.get("attempts", 1)
        if not isinstance(attempts, int) or not 1 <= attempts <= MOST_ATTEMPTS:
            raise InvalidRequestError(
                f"retryStrategy.attempts must be between 1 and {MOST_ATTEMPTS}, not {attempts}"
            )
        rules = given.get("evaluateOnExit") or []
        if len(rules) > MOST_RULES:
            raise InvalidRequestError(f"evaluateOnExit has {len(rules)} rules; at most {MOST_RULES} are taken")
        return cls(attempts, tuple(_rule(rule) for rule in rules))

    def tries_again(self, attempt: int, outcome: Outcome) -> bool:
        """True if attempt `attempt`, counted from 1, is followed by another one.

        The first rule that holds decides; where none does, a failed job is tried again.
        """
        if attempt >= self.attempts:
            return False
        return next((rule.is_retry for rule in self.rules if rule.holds(outcome)), True)

    def as_json(self) -> dict[str, Any]:
        """As `DescribeJobs` tells it."""
        rules = [{**rule.patterns, "action": "retry" if rule.is_retry else "exit"} for rule in self.rules]
        return {"attempts": self.attempts, "evaluateOnExit": rules}


def _rule(given: Mapping[str, Any]) -> RetryRule:
    action = str(given.get("action", "")).lower()
    if action not in {"retry", "exit"}:
        raise InvalidRequestError(f"the action of a rule must be RETRY or EXIT, not {given.get('action')!r}")
    return RetryRule({name: str(given[name]) for name in _CONDITIONS if name in given}, action == "retry")
