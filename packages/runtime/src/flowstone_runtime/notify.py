"""Tell people how a run ended: exit hooks that write to Slack, to a service, or send mail.

    @exit_hook(on_error=[Slack("$SLACK_WEBHOOK")], on_success=[Webhook("https://example.org/runs")])

They are called wherever the run ends: here, or in production. A text that begins with `$` names an environment
variable of the process that calls the hook; `secrets` are fetched there before, as by `@secrets`. No record holds
an address: of hooks, a run keeps what they are called.
"""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs

from flowstone_interfaces import FlowstoneError, Reason
from flowstone_runtime.decorators.secrets import Secrets

if TYPE_CHECKING:
    from flowstone_client import Run
    from flowstone_datastore import TaskError

_PATIENCE_SECONDS = 10.0
_TRIES = 4
_FIRST_PAUSE_SECONDS = 0.5
_BUSY = 429
_SERVER_ERROR = 500
_MOST_NAMED = 10
"""So many failed tasks are named; of more, how many there are."""


class NotificationError(FlowstoneError, OSError):
    """Nobody was told: the service refused, or cannot be reached."""

    def __init__(self, kind: str, host: str, detail: str) -> None:
        super().__init__(kind, host, detail)
        self.kind = kind
        self.host = host
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"{self.kind} was not told how the run ended: {self.host or 'its address'}: {self.detail}; "
            "correct the address that the exit hook has"
        )


def news_of(run: "Run") -> dict[str, Any]:
    """What is told of a run, as plain data; times in seconds since 1970, UTC.

    Of its tasks, those that failed by themselves are named.
    """
    ended = run.finished_at
    # Those that were stopped because another one failed, or with the run, say nothing of why.
    failed = [task for task in run.failed_tasks if task.failure_reason != Reason.CANCELLED.value]
    named = [{"task": task.pathspec, "error": _in_words(task.exception)} for task in failed[:_MOST_NAMED]]
    return {
        "run": run.pathspec,
        "flow": run.pathspec.partition("/")[0],
        "state": run.state.value,
        "message": run.message,
        "user": run.user,
        "created_at": run.created_at.timestamp(),
        "finished_at": None if ended is None else ended.timestamp(),
        "failed": named,
        "failed_count": len(failed),
    }


def _in_words(error: "TaskError | None") -> str:
    return "" if error is None else ": ".join(part for part in (error.type, error.message) if part)


def sentence_of(news: Mapping[str, Any]) -> str:
    """The same for people: a line, and one for each task that failed."""
    lines = [f"{news['run']} {news['state']}{': ' if news['message'] else ''}{news['message']}"]
    lines += [f"{each['task']}: {each['error']}" for each in news["failed"]]
    if news["failed_count"] > len(news["failed"]):
        lines.append(f"and {news['failed_count'] - len(news['failed'])} more tasks")
    return "\n".join(lines)


@attrs.frozen(repr=False)
class _Teller:
    """An exit hook that tells somebody."""

    def __repr__(self) -> str:
        """The kind alone: a graph is stored and shown."""
        return f"{type(self).__name__}(...)"

    def __call__(self, run: "Run") -> None:
        """Tell how the run ended.

        Raises:
            NotificationError: nobody was told.
            SecretError: a secret cannot be had.
        """
        with Secrets(sources=self.secrets).variables():  # type: ignore[attr-defined]  # each kind has them
            self._tell(news_of(run))

    def _tell(self, news: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def _value(self, text: str) -> str:
        if not text.startswith("$"):
            return text
        if text[1:] not in os.environ:
            detail = f"the variable {text[1:]} is not set where the run ended"
            raise NotificationError(type(self).__name__, "", detail)
        return os.environ[text[1:]]


@attrs.frozen(repr=False)
class Webhook(_Teller):
    """Posts what `news_of` says as JSON to a URL."""

    url: str
    headers: Mapping[str, str] = attrs.field(factory=dict, kw_only=True, hash=False)
    secrets: Sequence[Any] = attrs.field(default=(), kw_only=True)

    def _tell(self, news: Mapping[str, Any]) -> None:
        self._post(news)

    def _post(self, content: Mapping[str, Any]) -> None:
        url = self._value(self.url)
        host = urlsplit(url).hostname or ""
        if urlsplit(url).scheme not in {"http", "https"} or not host:
            raise NotificationError(type(self).__name__, "", "it is no http or https URL")
        headers = {name: self._value(value) for name, value in self.headers.items()}
        request = urllib.request.Request(  # noqa: S310 - its scheme was looked at
            url, json.dumps(content).encode(), {"Content-Type": "application/json", **headers}
        )
        pause = _FIRST_PAUSE_SECONDS
        for left in range(_TRIES - 1, -1, -1):
            try:
                with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS):  # noqa: S310
                    return
            except urllib.error.HTTPError as error:
                if not left or (error.code != _BUSY and error.code < _SERVER_ERROR):
                    raise NotificationError(type(self).__name__, host, f"HTTP status {error.code}") from None
            except OSError as error:
                if not left:
                    why = getattr(error, "reason", error)
                    raise NotificationError(type(self).__name__, host, f"{why}") from None
            time.sleep(pause)
            pause *= 2


@attrs.frozen(repr=False)
class Slack(Webhook):
    """Posts `sentence_of` the news to an incoming webhook of Slack, or of what takes the same: `{"text": ...}`."""

    def _tell(self, news: Mapping[str, Any]) -> None:
        self._post({"text": sentence_of(news)})


@attrs.frozen(repr=False)
class Email(_Teller):
    """Sends `sentence_of` the news by SMTP.

    `server` is `host` or `host:port`; with a `user`, the connection is encrypted (STARTTLS) before the password is
    sent.
    """

    to: str | Sequence[str]
    server: str = attrs.field(default="localhost", kw_only=True)
    sender: str = attrs.field(default="flowstone@localhost", kw_only=True)
    user: str | None = attrs.field(default=None, kw_only=True)
    password: str = attrs.field(default="$SMTP_PASSWORD", kw_only=True)
    secrets: Sequence[Any] = attrs.field(default=(), kw_only=True)

    def _tell(self, news: Mapping[str, Any]) -> None:
        import smtplib
        import ssl

        server = self._value(self.server)
        host, _, port = server.partition(":")
        message = EmailMessage()
        message["Subject"] = f"{news['run']} {news['state']}"
        message["From"] = self._value(self.sender)
        receivers = [self.to] if isinstance(self.to, str) else self.to
        message["To"] = ", ".join([self._value(each) for each in receivers])
        message.set_content(sentence_of(news))
        try:
            with smtplib.SMTP(host, int(port or 0), timeout=_PATIENCE_SECONDS) as connection:
                if self.user is not None:
                    connection.starttls(context=ssl.create_default_context())
                    connection.login(self._value(self.user), self._value(self.password))
                connection.send_message(message)
        except (OSError, ValueError) as error:
            raise NotificationError(type(self).__name__, host, f"{type(error).__name__}: {error}") from None
