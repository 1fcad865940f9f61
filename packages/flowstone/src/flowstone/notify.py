"""Exit hooks that tell people how a run ended: see `flowstone_runtime.notify`."""

from flowstone_runtime.notify import Email, NotificationError, Slack, Webhook

__all__ = ["Email", "NotificationError", "Slack", "Webhook"]
