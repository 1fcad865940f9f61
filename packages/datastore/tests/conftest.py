"""An S3 server, and a proxy before it that fails as networks and busy services do."""

import http.client
import itertools
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

_BUCKET_NUMBERS = itertools.count()
_ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>{}</Message></Error>'


class FaultProxy:
    """Passes requests on to a server, unless `fault(method, target)` says what goes wrong.

    `"reset"`: nothing is passed on, the connection breaks. `"lost"`: it breaks after the request was done.
    `"cut"`: it breaks in the middle of the body. `"short"`: as that, in good order.
    `"flip"`: one byte is another one. `("stall", seconds)`: it is silent in the middle of the body.
    `("trickle", seconds)`: the rest of the body comes byte by byte. `("slow", seconds)`: the answer comes later.
    `(status, code)`: that is the answer, and nothing is passed on. Bytes: as that, the body of a 200.
    `None`: all goes well.
    """

    def __init__(self, upstream_port):
        self.fault = lambda method, target: None
        self.requests = []
        self.faults = 0
        self._is_closed = False
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                proxy.handle(self, upstream_port)

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = handle_any

            def log_message(self, *arguments):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self):
        self._is_closed = True
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def count(self, method, part=""):
        return len([1 for found, target in self.requests if found == method and part in target])

    def handle(self, handler, upstream_port):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.requests.append((handler.command, handler.path))
        fault = self.fault(handler.command, handler.path)
        self.faults += fault is not None
        if fault == "reset":
            self._break(handler)
            return
        if isinstance(fault, bytes):
            self._answer(handler, 200, [("Content-Length", str(len(fault)))], fault)
            return
        if isinstance(fault, tuple) and fault[0] == "slow":
            time.sleep(fault[1])
        elif isinstance(fault, tuple):
            status, code = fault
            text = b"" if handler.command == "HEAD" else _ERROR.format(code, f"a message of {code}").encode()
            self._answer(handler, status, [("Content-Length", str(len(text)))], text)
            return
        upstream = http.client.HTTPConnection("127.0.0.1", upstream_port)
        try:
            upstream.request(handler.command, handler.path, body, dict(handler.headers))
            answer = upstream.getresponse()
            headers, content = answer.getheaders(), answer.read()
        finally:
            upstream.close()
        if fault == "lost":
            self._break(handler)
            return
        kept = [pair for pair in headers if pair[0].lower() not in {"connection", "date", "server"}]
        if fault == "cut" and content:
            self._answer(handler, answer.status, kept, content[: len(content) // 2])
            self._break(handler)
            return
        if fault in {"flip", "short"} or (fault and fault[0] in {"stall", "trickle"}):
            self._spoil(handler, fault, answer.status, kept, content)
            return
        self._answer(handler, answer.status, kept, content)

    def _spoil(self, handler, fault, status, headers, content):
        half = len(content) // 2
        if fault == "flip" and content:
            content = content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :]
            self._answer(handler, status, headers, content)
            return
        self._answer(handler, status, headers, content[:half])
        handler.wfile.flush()
        handler.close_connection = True
        until = time.monotonic() + (fault[1] if isinstance(fault, tuple) else 0)
        at = half
        while time.monotonic() < until and not self._is_closed:
            time.sleep(0.02)
            if fault[0] == "trickle" and at < len(content):
                handler.wfile.write(content[at : at + 1])
                handler.wfile.flush()
                at += 1

    def _answer(self, handler, status, headers, content):
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    def _break(self, handler):
        handler.wfile.flush()
        handler.close_connection = True
        # No orderly end: whoever reads gets what was sent, then a reset.
        time.sleep(0.005)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()


@pytest.fixture(scope="session")
def s3_port():
    """The port of an S3 server."""
    pytest.importorskip("boto3", reason="the S3 storage needs boto3: the extra s3")
    pytest.importorskip("moto", reason="its tests need an S3 server: moto[server]")
    script = Path(__file__).with_name("s3_server.py")
    process = subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        line = process.stdout.readline()
        assert line, "the S3 server did not start"
        yield int(line)
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


@pytest.fixture
def s3_environment(monkeypatch, tmp_path):
    """Credentials that mean nothing, and none of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-that-nobody-may-see")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    yield
    from flowstone_datastore import s3_client

    for client in s3_client._clients.values():
        client.close()
    s3_client._clients.clear()
    from flowstone_datastore.s3.places import forget_places

    forget_places()


@pytest.fixture
def s3_proxy(s3_port, s3_environment):
    """A `FaultProxy` before the server."""
    proxy = FaultProxy(s3_port)
    yield proxy
    proxy.close()


def _new_bucket(port):
    bucket = f"bucket-{os.getpid()}-{next(_BUCKET_NUMBERS)}"
    connection = http.client.HTTPConnection("127.0.0.1", port)
    authorization = "AWS4-HMAC-SHA256 Credential=AKIATESTTESTTEST/20260101/us-east-1/s3/aws4_request, "
    connection.request("PUT", f"/{bucket}", headers={"Authorization": authorization + "Signature=0"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()
    connection.close()
    return bucket


@pytest.fixture
def s3_url(s3_port, s3_environment):
    """The URL of an empty store."""
    return f"s3://{_new_bucket(s3_port)}/a/store?endpoint_url=http://127.0.0.1:{s3_port}"


@pytest.fixture
def s3_proxied_url(s3_port, s3_proxy):
    """The URL of an empty store behind `s3_proxy`."""
    return f"s3://{_new_bucket(s3_port)}/a/store?endpoint_url={s3_proxy.url}"
