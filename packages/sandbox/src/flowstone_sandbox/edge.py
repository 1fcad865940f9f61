"""What every request passes: who asks, what shall go wrong, who answers (the sandbox, its Batch, or moto)."""

import io
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from flowstone_sandbox.access import Caller, caller_of, is_let_in
from flowstone_sandbox.batch import BatchService
from flowstone_sandbox.batch.errors import InvalidRequestError
from flowstone_sandbox.control import CONTROL_PATH, Control
from flowstone_sandbox.faults import Fault, Faults
from flowstone_sandbox.options import Credentials

_JSON = "application/json"
_READ_BYTES = 1 << 20
_log = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Edge:
    """The WSGI application that stands before moto's."""

    def __init__(
        self,
        moto: Application,
        credentials: Credentials,
        faults: Faults,
        batch: BatchService,
        control: Control,
        before: Mapping[str, Callable[[], None]],
    ) -> None:
        """`before`: by service, what has to be done before moto is asked."""
        self._moto = moto
        self._credentials = credentials
        self._faults = faults
        self._batch = batch
        self._control = control
        self._before = before

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        caller = caller_of(environ)
        if not is_let_in(caller, self._credentials):
            _log.warning("%s %s: refused, it names no access key of this sandbox", environ["REQUEST_METHOD"], path)
            return _refuse(environ, start_response, 403, "UnrecognizedClientException", _STRANGER)
        assert caller is not None
        if path.startswith(CONTROL_PATH):
            return self._answer_control(environ, start_response, path)
        action = action_of(environ)
        fault = self._faults.next_for(caller.service, environ["REQUEST_METHOD"], action, path)
        if fault is not None:
            _log.info("%s %s: %s by request", environ["REQUEST_METHOD"], path, fault)
            time.sleep(fault.delay_seconds)
            if fault.is_reset:
                raise ConnectionAbortedError
            if fault.status is not None:
                return _refuse(
                    environ, start_response, fault.status, fault.code, "asked for by a fault of the sandbox"
                )
        answer = self._answer(environ, start_response, caller, action)
        return answer if fault is None else _cut(answer, fault)

    def _answer(
        self, environ: Environ, start_response: StartResponse, caller: Caller, action: str
    ) -> Iterable[bytes]:
        if caller.service != "batch" or not self._batch.answers(action):
            self._before.get(caller.service, _nothing)()
            return self._moto(environ, start_response)
        try:
            answer = self._batch.answer(action, json.loads(_body(environ) or b"{}"), caller.region)
        except InvalidRequestError as error:
            return _refuse(environ, start_response, 400, "ClientException", str(error))
        return _send(start_response, 200, json.dumps(answer).encode(), _JSON)

    def _answer_control(self, environ: Environ, start_response: StartResponse, path: str) -> Iterable[bytes]:
        name = path.removeprefix(CONTROL_PATH)
        try:
            answer = self._control.answer(name, json.loads(_body(environ) or b"{}"))
        except (LookupError, ValueError, TypeError) as error:
            said = {"error": str(error)}
            return _send(start_response, 400, json.dumps(said).encode(), _JSON)
        return _send(start_response, 200, json.dumps(answer).encode(), _JSON)


_STRANGER = (
    "The security token included in the request is none of this sandbox: take those of `flowstone sandbox env`"
)


def _nothing() -> None:
    """All is ready."""


def action_of(environ: Environ) -> str:
    """What is asked for, as far as a header or, of Batch, the path says it."""
    target: str = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return target.rpartition(".")[2]
    path: str = environ.get("PATH_INFO", "")
    return path.removeprefix("/v1/") if path.startswith("/v1/") else ""


def _body(environ: Environ) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)  # who reads again finds it again, and does not wait for the client
    return body


def _refuse(
    environ: Environ, start_response: StartResponse, status: int, code: str, message: str
) -> Iterable[bytes]:
    """An error in the form that the service's clients read."""
    left = int(environ.get("CONTENT_LENGTH") or 0)
    while left > 0:  # a connection is of use again once the request was read
        left -= len(environ["wsgi.input"].read(min(left, _READ_BYTES)) or b" " * left)
    is_json = (
        "HTTP_X_AMZ_TARGET" in environ
        or "json" in environ.get("CONTENT_TYPE", "")
        or environ.get("PATH_INFO", "").startswith("/v1/")
    )
    if is_json:
        body = json.dumps({"__type": code, "message": message}).encode()
        return _send(start_response, status, body, _JSON, ("x-amzn-ErrorType", code))
    text = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    is_query = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    body = (f"<ErrorResponse>{text}</ErrorResponse>" if is_query else text).encode()
    return _send(start_response, status, body, "application/xml")


def _send(
    start_response: StartResponse, status: int, body: bytes, content_type: str, *headers: tuple[str, str]
) -> Iterable[bytes]:
    own = [
        ("Content-Length", str(len(body))),
        ("Content-Type", content_type),
        ("x-amzn-RequestId", str(uuid.uuid4())),
    ]
    start_response(f"{status} {'OK' if status == 200 else 'Refused'}", [*own, *headers])
    return [body]


def _cut(answer: Iterable[bytes], fault: Fault) -> Iterable[bytes]:
    if fault.cut_bytes is None:
        return answer
    return _begin_and_break(answer, fault.cut_bytes)


def _begin_and_break(answer: Iterable[bytes], size_bytes: int) -> Iterable[bytes]:
    body = b"".join(answer)
    yield body[:size_bytes]
    if len(body) > size_bytes:
        raise ConnectionAbortedError  # the length was announced: the connection cannot go on
