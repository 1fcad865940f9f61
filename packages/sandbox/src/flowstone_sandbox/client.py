"""Asks a running sandbox for what AWS has no request for."""

import http.client
import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from flowstone_sandbox.errors import SandboxRequestError
from flowstone_sandbox.faults import Fault
from flowstone_sandbox.options import REGION, Running

_PATIENCE_SECONDS = 60.0


class SandboxClient:
    """A sandbox, from outside. Each call is a request over HTTP."""

    def __init__(self, running: Running) -> None:
        self.running = running

    def boto3(self, service: str, **more: Any) -> Any:
        """A boto3 client of a service of this sandbox; `more` as `boto3.client` takes it."""
        import boto3

        credentials = self.running.credentials
        session = boto3.session.Session(credentials.key, credentials.secret, region_name=REGION)
        return session.client(service, endpoint_url=self.running.url, **more)

    def status(self) -> dict[str, Any]:
        """How many jobs stand where, how many faults have happened."""
        return self.ask("status", {})

    def set_faults(
        self,
        *requests: Fault,
        missing_images: Sequence[str] = (),
        log_delay_seconds: float = 0.0,
    ) -> None:
        """Have things go wrong; instead of what went wrong before, so without arguments all is well again.

        Args:
            requests: Which requests fail, and how.
            missing_images: Images that cannot be pulled.
            log_delay_seconds: How late jobs' output comes to CloudWatch Logs.

        Raises:
            SandboxRequestError: a fault makes no sense.
        """
        given = [attrs.asdict(fault) for fault in requests]
        self.ask(
            "faults",
            {"requests": given, "missing_images": list(missing_images), "log_delay_seconds": log_delay_seconds},
        )

    def interrupt(self, job_id: str) -> int:
        """Take the machine away under a job, or under all running children of an array; how many ran.

        Raises:
            SandboxRequestError: there is no such job.
        """
        interrupted: int = self.ask("interrupt", {"job": job_id})["interrupted"]
        return interrupted

    def advance_clock(self, seconds: float = 0.0) -> list[dict[str, Any]]:
        """Put the clock of schedules forward; those that fired of late: `name`, `at`, `error`.

        The time of jobs, logs and objects stays that of the machine.

        Raises:
            SandboxRequestError: it would go back.
        """
        fired: list[dict[str, Any]] = self.ask("clock", {"advance_seconds": seconds})["fired"]
        return fired

    def reset(self) -> None:
        """End all jobs and forget everything; the sandbox is as it was just after its start."""
        self.ask("reset", {})

    def ask(self, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Post a request to the sandbox itself.

        Raises:
            SandboxRequestError: it is refused, or nobody answers.
        """
        path = f"/_sandbox/{name}"
        connection = http.client.HTTPConnection("127.0.0.1", self.running.port, timeout=_PATIENCE_SECONDS)
        signed = (
            f"AWS4-HMAC-SHA256 Credential={self.running.credentials.key}/20260101/{REGION}/sandbox/aws4_request"
        )
        headers = {"Authorization": signed, "Content-Type": "application/json"}
        try:
            connection.request("POST", path, json.dumps(request), headers)
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise SandboxRequestError(path, f"{self.running.url} does not answer: {error}") from error
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise SandboxRequestError(path, str(answer.get("error") or answer.get("message")))
        return answer
