"""One kept connection to a server that speaks HTTP/1.1: a request out, a body straight into its place."""

import contextlib
import re
import socket
import ssl
import struct
from collections.abc import Mapping

from flowstone_datastore.s3.endpoint import Endpoint
from flowstone_interfaces.python_310 import Self

_HEAD_BYTES = 64 * 1024
_JOINED_BYTES = 64 * 1024  # a body up to this size goes out with its head, in one packet or few
_LONGEST_REFUSAL = 1024 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


class BrokenConnectionError(ConnectionError):
    """The server ended it, or sent what is no HTTP."""


class Connection:
    """A socket and the answer that is being read from it. For one thread at a time.

    `MSG_WAITALL` lets the system fill a whole buffer by one call. It works on blocking sockets only, so
    silence is bounded by the socket's own timeouts; those of TLS are Python's.
    """

    def __init__(self, endpoint: Endpoint, tls: ssl.SSLContext | None, timeout_seconds: float) -> None:
        plain = socket.create_connection((endpoint.host, endpoint.port), timeout_seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket: socket.socket = plain
        if tls is not None:
            try:
                self._socket = tls.wrap_socket(plain, server_hostname=endpoint.host)
            except BaseException:
                plain.close()
                raise
        self._flags = 0 if tls is not None else socket.MSG_WAITALL
        self._is_tls = tls is not None
        self._timeout_seconds = -1.0
        self._head = bytearray(_HEAD_BYTES)
        self._ahead = memoryview(b"")  # of the body: what came with the head
        self._is_endless = False
        self.left = 0
        """Bytes of the body that were not received yet."""
        self.is_reusable = True
        """False once the server said that it ends the connection, or something broke."""
        self.was_used = False
        """True if an earlier request was answered: it may have grown old, and break on the next one."""

    def request(
        self, head: bytes, body: memoryview | None, method: str, timeout_seconds: float
    ) -> tuple[int, dict[str, str]]:
        """Send a request; the status and the headers of its answer, names in lower case.

        Raises:
            OSError: the connection broke, or was silent for too long.
        """
        self._set_timeout(timeout_seconds)
        try:
            self._send(head, body)
        except (BrokenPipeError, ConnectionResetError):
            # A server that refuses may do so before it has read all: its answer is worth more than our error.
            self.is_reusable = False
            with contextlib.suppress(OSError):
                return self._answer(method)
            raise
        except BaseException:
            self.is_reusable = False
            raise
        return self._answer(method)

    def receive(self, view: memoryview, timeout_seconds: float) -> int:
        """Fill the view from the body, or as much of it as there is; how many bytes.

        Raises:
            OSError: the connection broke before a byte came, or was silent for too long.
        """
        wanted = min(len(view), self.left)
        if timeout_seconds <= 0:
            self.is_reusable = False
            raise TimeoutError("the deadline of the call has passed")
        if self._ahead:
            count = min(len(self._ahead), wanted)
            view[:count] = self._ahead[:count]
            self._ahead = self._ahead[count:]
        else:
            self._set_timeout(timeout_seconds)
            count = self._receive_into(view[:wanted], self._flags)
        self.left -= count
        return count

    def receive_all(self) -> bytes:
        """The rest of a small body, such as tells what is wrong."""
        if self._is_endless:
            return self._receive_to_the_end()
        body = bytearray(self.left)
        view = memoryview(body)
        while self.left:
            count = self.receive(view, self._timeout_seconds)
            view = view[count:]
        return bytes(body)

    def close(self) -> None:
        """End the connection."""
        self.is_reusable = False
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, head: bytes, body: memoryview | None) -> None:
        if body is None:
            self._socket.sendall(head)
        elif len(body) <= _JOINED_BYTES:
            self._socket.sendall(head + body)
        else:
            self._socket.sendall(head)
            self._socket.sendall(body)

    def _answer(self, method: str) -> tuple[int, dict[str, str]]:
        view = memoryview(self._head)
        end = filled = 0
        while not end:
            if filled == len(view):
                self.is_reusable = False
                raise BrokenConnectionError("the head of the answer does not end")
            filled += self._receive_into(view[filled:], 0)
            end = self._head.find(b"\r\n\r\n", 0, filled) + 4
            if end == 3:
                end = 0
            elif self._head.startswith(b"HTTP/1.1 100"):
                self._head[: filled - end] = self._head[end:filled]
                filled, end = filled - end, 0
        status, headers = _parsed(bytes(view[:end]))
        self.was_used = True
        has_body = method != "HEAD" and status not in {204, 304}
        has_length = headers.get("content-length", "").isdigit()
        self._is_endless = has_body and (not has_length or "transfer-encoding" in headers)
        if self._is_endless or headers.get("connection", "").lower() == "close":
            self.is_reusable = False
        if status == 0 or (self._is_endless and status < 300):
            self.is_reusable = False
            raise BrokenConnectionError("the answer is no HTTP, or does not say how long its body is")
        if self._is_endless:
            self._ahead, self.left = memoryview(bytes(view[end:filled])), 0
            return status, headers
        self.left = int(headers["content-length"]) if has_body else 0
        self._ahead = memoryview(bytes(view[end : min(filled, end + self.left)]))
        if filled > end + self.left:
            self.is_reusable = False
        return status, headers

    def _receive_to_the_end(self) -> bytes:
        """What came of a body in chunks or without a length: the sizes between its chunks do not matter here."""
        body = bytearray(self._ahead)
        piece = memoryview(bytearray(_HEAD_BYTES))
        with contextlib.suppress(OSError):
            while not body.endswith(b"0\r\n\r\n") and len(body) < _LONGEST_REFUSAL:
                body += piece[: self._receive_into(piece, 0)]
        return bytes(body)

    def _receive_into(self, view: memoryview, flags: int) -> int:
        try:
            count = self._socket.recv_into(view, 0, flags)
        except BlockingIOError as error:  # what the socket's own timeout is called by the system
            self.is_reusable = False
            raise TimeoutError(f"no byte for {self._timeout_seconds:.0f} s") from error
        except BaseException:
            self.is_reusable = False
            raise
        if count == 0 and len(view):
            self.is_reusable = False
            raise BrokenConnectionError("the server ended the connection")
        return count

    def _set_timeout(self, seconds: float) -> None:
        if 0 <= self._timeout_seconds - seconds < 0.1 * seconds:
            return  # about what is set, and two calls of the system less
        self._timeout_seconds = seconds
        if self._is_tls:
            self._socket.settimeout(seconds)
            return
        self._socket.settimeout(None)
        span = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, span)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, span)


def request_head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """The head of a request, as it is sent."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode()


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    match = _STATUS.match(head)
    if match is None:
        return 0, {}
    headers = {}
    for line in head.decode("latin-1").split("\r\n")[1:-2]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return int(match[1]), headers
