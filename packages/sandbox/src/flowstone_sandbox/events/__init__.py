"""EventBridge whose rules act, and Step Functions that tells it of its executions. moto keeps the rules."""

from flowstone_sandbox.events.rules import Rules

__all__ = ["Rules"]
